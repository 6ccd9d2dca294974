"""Writing an order with its keys: in one statement where nobody has to wait.

The statement claims the idempotency key, asks who may order, locks the wallet that pays, takes
the keys and writes order, lines, shares and, for a wallet, payment and deliveries. What it wants
of others' rows it takes in one order: claim, wallet, keys. Keys that are locked are skipped and
never waited for, so nobody can wait in a circle.

Where keys are short it writes nothing. The transaction is given up, with whatever keys it has
locked, and made again in turn: holding the way of `supply/pool.py`, which may wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from billing import payment_parts
from kernel import db
from kernel.ids import new_id
from kernel.settings import settings
from kernel.statements import Statement
from orders import admission, idempotency, parts
from orders.drafts import Draft
from supply import holding, pool, stock_news


class Short(Exception):
    """The keys at hand do not suffice; the transaction ends, and the order is made in turn."""


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """One key of an order that was just written; `delivered_id` where it is the buyer's already."""

    line_id: UUID
    key_id: UUID
    serial: str
    commitment: bytes
    delivered_id: UUID | None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the database added to a draft."""

    draft: Draft
    now: datetime
    expires_at: datetime
    keys: tuple[PlacedKey, ...]


_ENTER = (
    parts.MOMENT,
    idempotency.CLAIM,
    admission.ADMISSION,
    payment_parts.LOCK_WALLET.format(only_if="exists (select from admission)"),
    # Counting the wallet's rows makes sure that its lock comes before any key's.
    """admitted as materialized (
        select 1 from admission where refusal is null and (select count(*) from wallet) >= 0
    )""",
)
_PAY = (payment_parts.OPEN, parts.HAND_OVER)
_GIVEN = (parts.MOMENT, "ready as (select 1)", parts.GIVEN_KEYS)
_ANSWER = """
select said.is_first, said.refusal, moment.now, held.*, (select count(*) from news) as announced
from moment left join admission said on true left join held on true
"""
_GIVEN_ANSWER = """
select moment.now, taken.n, keys.id as key_id, keys.serial, keys.commitment, keys.position
from moment, taken join keys on keys.id = taken.id
"""

_TAKE = (holding.PICK, holding.HOLD, stock_news.ANNOUNCE)
_PLACE = Statement.of(*_ENTER, *_TAKE, parts.WRITE_ORDER, then=_ANSWER)
_PLACE_AND_PAY = Statement.of(*_ENTER, *_TAKE, parts.WRITE_ORDER, *_PAY, then=_ANSWER)
_ENTER_ALONE = Statement.of(
    *_ENTER,
    then="""select said.is_first, said.refusal, moment.now, (select count(*) from admitted)
            from moment left join admission said on true""",
)
_WRITE = Statement.of(*_GIVEN, parts.WRITE_ORDER, then=_GIVEN_ANSWER)
_WRITE_AND_PAY = Statement.of(*_GIVEN, parts.WRITE_ORDER, *_PAY, then=_GIVEN_ANSWER)


async def place_at_once(draft: Draft) -> Placed | None:
    """Write the order with the next free keys. None when the request was answered before.

    Raises `TenantRestricted`, `Forbidden`, `Invalid`, and `Short` when free keys are not at hand.
    """
    pick = holding.Pick.of([line.wanted for line in draft.lines])
    statement = _PLACE if draft.payment is None else _PLACE_AND_PAY
    values = parts.with_values(_values(draft), pick.values())
    rows = await db.fetch(statement.sql, *statement.values(values))
    if not _admitted(rows[0]):
        return None
    if rows[0]["n"] is None:
        raise Short
    placed = _placed(draft, rows, values)
    pick.learn([row["position"] for row in sorted(rows, key=_number)])
    return placed


async def place_in_turn(draft: Draft) -> Placed | None:
    """Write the order with keys that may have to be waited for. None when it was answered before.

    Raises what `place_at_once` does, and `OutOfStock` instead of `Short`.
    """
    values = _values(draft)
    said = await db.fetch_row(_ENTER_ALONE.sql, *_ENTER_ALONE.values(values))
    assert said is not None
    if not _admitted(said):
        return None
    keys = await _hold_in_lock_order(draft, until=said["now"] + values["hold_for"])
    statement = _WRITE if draft.payment is None else _WRITE_AND_PAY
    values = parts.with_values(values, holding.sale_values(keys))
    return _placed(draft, await db.fetch(statement.sql, *statement.values(values)), values)


async def _hold_in_lock_order(draft: Draft, *, until: datetime) -> list[tuple[UUID, UUID]]:
    """Every line's (key, line) pairs. Listings come in the order of their ids, so that two orders
    cannot cross."""
    held: dict[UUID, list[UUID]] = {}
    for line in sorted(draft.lines, key=lambda line: line.quoted.offer.id):
        held[line.id] = await pool.hold(line.wanted, until=until)
    return [(key_id, line.id) for line in draft.lines for key_id in held[line.id]]


def _values(draft: Draft) -> dict[str, Any]:
    wallet = draft.debited_account
    payment = payment_parts.opened(draft.payment) if draft.payment is not None else {}
    return parts.with_values(
        draft.values(),
        idempotency.claiming(draft.request, kind="ORDER", result_id=draft.id),
        payment,
        {
            "debited_account": wallet.id if wallet is not None else None,
            "hold_for": timedelta(seconds=settings().payment_hold_seconds),
            "delivered_ids": [new_id() for _ in range(draft.pieces)],
        },
    )


def _admitted(said: Any) -> bool:
    """True for the first such request; False for a repeated one; raises why it is refused."""
    if said["refusal"] is not None:
        raise admission.refusal_of(said["refusal"])
    return bool(said["is_first"])


def _number(row: Any) -> int:
    number: int = row["n"]
    return number


def _placed(draft: Draft, rows: Sequence[Any], values: dict[str, Any]) -> Placed:
    lines = [line.id for line in draft.lines for _ in range(line.quoted.quantity)]
    delivered = values["delivered_ids"] if draft.payment is not None else [None] * draft.pieces
    keys = tuple(
        PlacedKey(line_id, row["key_id"], row["serial"], row["commitment"], delivered_id)
        for line_id, delivered_id, row in zip(
            lines, delivered, sorted(rows, key=_number), strict=True
        )
    )
    now: datetime = rows[0]["now"]
    return Placed(draft, now, now + values["hold_for"], keys)
