"""The key pool: hold, sell, release and take back exact keys. Always inside a caller's transaction.

Two statements decide every hold. The first skips rows that other buyers have locked, so that a
crowd does not queue up; but two buyers may each skip what the other then gives back. So whoever
comes out short gives back what it got and asks once more, waiting. Only then is the pool empty.

Nobody waits in a circle: listings come in the order of their ids; of each listing only one waits
for keys at a time; and held keys are locked by `held_until` and id, by sale and sweep, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from supply.pool_heads import LOWERED
from supply.stock_news import announce_stock


class OutOfStock(Refusal):
    """Fewer keys are free than the order asks for; nothing is held."""

    code = "OUT_OF_STOCK"


class HoldLost(Exception):
    """The keys are no longer held for this line; the caller holds again or refunds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one order line asks of the pool."""

    line_id: UUID
    supplier_listing_id: UUID
    quantity: int
    min_remaining_days: int
    """A key that expires earlier than this many days from now is not sold."""


# A key whose hold has run out is as free as one that was never held; such keys are looked at only
# when the clean ones do not suffice. The planner follows the partial index because only that has
# `position`.
# A key that ends before the hold does could not be delivered at its last moment.
_IN_TIME = """(expires_at is null
     or expires_at > greatest(platform_now() + make_interval(days => $5), $4::timestamptz))"""
_HOLD_FREE = f"""
with picked as (
    select id from keys
    where supplier_listing_id = $1 and status = 'AVAILABLE' and {_IN_TIME}
    order by position limit $2 for update skip locked
)
update keys set status = 'HELD', held_by_line_id = $3, held_until = $4
from picked where keys.id = picked.id
returning keys.id
"""
_HOLD_FREE_OR_RUN_OUT = f"""
with available as (
    select id, position from keys
    where supplier_listing_id = $1 and status = 'AVAILABLE' and {_IN_TIME}
    order by position limit $2 for update {{if_locked}}
), run_out as (
    select id, position from keys
    where supplier_listing_id = $1 and status = 'HELD' and held_until <= platform_now()
      and {_IN_TIME}
    order by held_until, id limit $2 for update {{if_locked}}
), picked as (
    select id from (select * from available union all select * from run_out) as free
    order by position limit $2
)
update keys set status = 'HELD', held_by_line_id = $3, held_until = $4
from picked where keys.id = picked.id
returning keys.id
"""
_HOLD_WAITING = _HOLD_FREE_OR_RUN_OUT.format(if_locked="")
_HOLD_SKIPPING = _HOLD_FREE_OR_RUN_OUT.format(if_locked="skip locked")

WAITING_TRIES = 4


async def hold(wanted: Wanted, *, until: datetime, patient: bool = True) -> list[UUID]:
    """Hold exactly `quantity` keys of one listing until `until`, or raise `OutOfStock`.

    Who has locked keys of this listing already must not be `patient`: keys that somebody else
    has locked are then gone, because waiting for them could be waiting in a circle.
    """
    arguments = (
        wanted.supplier_listing_id,
        wanted.quantity,
        wanted.line_id,
        until,
        wanted.min_remaining_days,
    )
    held = await _hold_or_give_back(_HOLD_FREE, arguments)
    if held is None and await free_count(wanted, at_most=wanted.quantity) >= wanted.quantity:
        if patient:
            held = await _hold_in_turn(wanted, arguments)
        else:
            held = await _hold_or_give_back(_HOLD_SKIPPING, arguments)
    if held is not None:
        await announce_stock([wanted.supplier_listing_id])
        return held
    available = await free_count(wanted, at_most=wanted.quantity)
    raise OutOfStock(
        f"Only {available} left." if available else "Sold out.",
        field="quantity",
        details={"available": available},
    )


async def _hold_in_turn(wanted: Wanted, arguments: tuple[object, ...]) -> list[UUID] | None:
    """Wait for keys that others have locked. The listing's row is the place in the queue: two who
    wait at once see different moments, and would lock the same keys in different orders."""
    await db.execute(
        "select from supplier_listings where id = $1 for no key update", wanted.supplier_listing_id
    )
    for _ in range(WAITING_TRIES):
        # A row that changed while we waited drops out of the LIMIT, so one try may fall short
        # although others are free; each try sees what has been committed since.
        held = await _hold_or_give_back(_HOLD_WAITING, arguments)
        if held is not None:
            return held
        if await free_count(wanted, at_most=wanted.quantity) < wanted.quantity:
            break
    return None


class _Short(Exception):
    """Fewer rows than asked for; the savepoint gives them back."""


async def _hold_or_give_back(statement: str, arguments: tuple[object, ...]) -> list[UUID] | None:
    if arguments[1] == 1:  # one key or none: there is nothing to give back
        row = await db.fetch_row(statement, *arguments)
        return [row["id"]] if row is not None else None
    try:
        async with db.savepoint():
            rows = await db.fetch(statement, *arguments)
            if len(rows) != arguments[1]:
                raise _Short
            return [row["id"] for row in rows]
    except _Short:
        return None


async def free_count(wanted: Wanted, *, at_most: int) -> int:
    """How many keys of the listing could be held now, counted up to `at_most`."""
    count: int = await db.fetch_value(
        "select free_keys($1, $2, $3)",
        wanted.supplier_listing_id,
        wanted.min_remaining_days,
        at_most,
    )
    return count


async def is_held(*, line_id: UUID, key_ids: Sequence[UUID]) -> bool:
    """Whether all these keys are still this line's; those that are stay locked (R48).

    A hold that has run out but that nobody has taken over is still ours.
    """
    rows = await db.fetch(
        """select id from keys
           where id = any ($1) and status = 'HELD' and held_by_line_id = $2
             and (expires_at is null or expires_at > platform_now())
           order by supplier_listing_id, held_until, id for update""",
        list(key_ids),
        line_id,
    )
    return len(rows) == len(key_ids)


async def prolong(*, line_ids: Sequence[UUID], key_ids: Sequence[UUID], until: datetime) -> int:
    """Let these lines hold their keys longer; returns how many they hold. No hold gets shorter."""
    rows = await db.fetch(
        """with held as (
               select id from keys
               where id = any ($1) and status = 'HELD' and held_by_line_id = any ($2)
                 and (expires_at is null or expires_at > $3)
               order by supplier_listing_id, held_until, id for update
           )
           update keys set held_until = greatest(held_until, $3)
           from held where keys.id = held.id returning keys.id""",
        list(key_ids),
        list(line_ids),
        until,
    )
    return len(rows)


async def release(*, line_ids: Sequence[UUID], key_ids: Sequence[UUID]) -> int:
    """Free the keys that these lines still hold; returns how many."""
    freed = await db.fetch(
        f"""with held as (
                select id from keys
                where id = any ($1) and status = 'HELD' and held_by_line_id = any ($2)
                order by supplier_listing_id, held_until, id for update
            ), freed as (
                update keys set status = 'AVAILABLE', held_by_line_id = null, held_until = null,
                       position = {TAIL_POSITION}
                from held where keys.id = held.id
                returning supplier_listing_id, keys.position
            ), {LOWERED.format(freed="freed")}
            select supplier_listing_id from freed""",
        list(key_ids),
        list(line_ids),
    )
    await announce_stock(row["supplier_listing_id"] for row in freed)
    return len(freed)


async def take_back(*, line_id: UUID, key_ids: Sequence[UUID]) -> None:
    """Return sold keys that nobody has seen to the pool; `HoldLost` if one is not SOLD."""
    returned = await db.fetch(
        f"""with freed as (
                update keys set status = 'AVAILABLE', held_by_line_id = null,
                       position = {TAIL_POSITION}
                where id = any ($1) and status = 'SOLD' and held_by_line_id = $2
                returning supplier_listing_id, position
            ), {LOWERED.format(freed="freed")}
            select supplier_listing_id from freed""",
        list(key_ids),
        line_id,
    )
    if len(returned) != len(key_ids):
        raise HoldLost
    await announce_stock(row["supplier_listing_id"] for row in returned)


async def mark_revealed(key_ids: Sequence[UUID]) -> None:
    """Note that a person has seen these keys: they never go back to the pool."""
    await db.execute(
        "update keys set status = 'REVEALED' where id = any ($1) and status = 'SOLD'",
        list(key_ids),
    )


async def void(*, line_id: UUID, key_ids: Sequence[UUID]) -> None:
    """End keys that a buyer has seen and that are no good; `HoldLost` if one is not the line's."""
    ended = await db.execute(
        """update keys set status = 'VOIDED'
           where id = any ($1) and status = 'REVEALED' and held_by_line_id = $2""",
        list(key_ids),
        line_id,
    )
    if ended != len(key_ids):
        raise HoldLost


# A freed key goes to the tail of its expiry class: the head of the index stays clean.
TAIL_POSITION = "(position >> 40 << 40) | nextval('key_positions')"
