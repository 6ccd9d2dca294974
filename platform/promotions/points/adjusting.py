"""Points that a shop's people give or take by hand, with their reason, at the shop's expense."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from billing import accounts, ledger, payout_gate
from billing.ledger import Entry, credit, debit
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from promotions.points import refusals
from promotions.points.arithmetic import MOST_POINTS
from promotions.points.expiring import given_to_shop, shops_money
from promotions.points.purses import Purse, purse_of
from tenants.directory import Shop

LONGEST_REASON: Final = 200


class AdjustmentConflict(Refusal):
    """The idempotency key was used for another request."""

    code = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """So many points more (or, below zero, less) for a customer, and why."""

    shop: Shop
    customer_id: UUID
    points: int
    reason: str
    actor: str
    idempotency_key: str

    @property
    def posting_key(self) -> str:
        """The ledger's own idempotency key: a second posting of it is impossible."""
        return f"points-adjusted:{self.shop.id}:{self.idempotency_key}"


async def adjust_points(wish: Adjustment) -> Purse:
    """Give or take points, once for an idempotency key; returns what the customer has then.

    Raises `Invalid`, `NotFound` for nobody's customer, `InsufficientBalance` when the shop has not
    earned as much, `InDebt` and `PayoutsStopped` where it may not use it, `PointsNotApplicable`
    when the customer has fewer, `AdjustmentConflict`.
    """
    _require_sensible(wish)
    scope = db.core_scope(wish.shop.id, path=wish.shop.path)
    try:
        async with db.transaction(scope):
            if not await _is_done(wish):
                await _adjust(wish)
    except asyncpg.UniqueViolationError:  # the same request, at the same moment
        async with db.transaction(scope, read_only=True):
            await _is_done(wish)
    purse = await purse_of(wish.shop, wish.customer_id)
    assert purse is not None
    return purse


def _require_sensible(wish: Adjustment) -> None:
    if not 1 <= abs(wish.points) <= MOST_POINTS:
        raise Invalid(f"1 to {MOST_POINTS} points at once.", field="points")
    if not (1 <= len(wish.reason) <= LONGEST_REASON and wish.reason.isprintable()):
        raise Invalid(f"A reason has 1 to {LONGEST_REASON} printable characters.", field="reason")
    if not 1 <= len(wish.idempotency_key) <= 128:
        raise Invalid(
            "An idempotency key has 1 to 128 characters, best a random UUID.",
            field="idempotencyKey",
        )
    if not wish.shop.has_points:
        raise refusals.no_program()


async def _is_done(wish: Adjustment) -> bool:
    """Whether the request was answered before; raises when it asked for something else."""
    row = await db.fetch_row(
        """select sum(points)::bigint as points, min(reason) as reason,
                  (array_agg(customer_id))[1] as customer_id
           from points_moves where tenant_id = $1 and request_key = $2""",
        wish.shop.id,
        wish.idempotency_key,
    )
    assert row is not None
    if row["points"] is None:
        return False
    if tuple(row) != (wish.points, wish.reason, wish.customer_id):
        raise AdjustmentConflict(
            "This idempotency key was used for another request.", field="idempotencyKey"
        )
    return True


async def _adjust(wish: Adjustment) -> None:
    program = await db.fetch_row(
        """select program.point_minor, program.lasts_days
           from points_programs program
           join customers on customers.tenant_id = program.tenant_id and customers.id = $2
           where program.tenant_id = $1""",
        wish.shop.id,
        wish.customer_id,
    )
    if program is None:
        raise NotFound("There is no such customer.", field="customerId")
    worth_minor = wish.points * program["point_minor"]
    if wish.points > 0:
        await _grant(wish, worth_minor, program["lasts_days"])
    else:
        await _take(wish)
    await ledger.post(
        [
            *await _shops_part(wish, worth_minor),
            credit(accounts.points(wish.shop.id, wish.shop.currency), worth_minor),
        ],
        kind="POINTS_ADJUSTED",
        idempotency_key=wish.posting_key,
        tenant_id=wish.shop.id,
    )


async def _shops_part(wish: Adjustment, worth_minor: int) -> list[Entry]:
    """What the shop pays for points, or (below zero) gets for those that it takes."""
    if worth_minor > 0:
        return [debit(_money(wish), worth_minor)]
    is_root = len(wish.shop.path) == 1
    return await given_to_shop(wish.shop.id, wish.shop.currency, -worth_minor, is_root=is_root)


def _money(wish: Adjustment) -> ledger.Account:
    is_root = len(wish.shop.path) == 1
    return shops_money(wish.shop.id, wish.shop.currency, is_root=is_root)


async def _grant(wish: Adjustment, worth_minor: int, lasts_days: int) -> None:
    if len(wish.shop.path) > 1:
        await ledger.require(_money(wish), worth_minor, field="points")
        await payout_gate.require_free_to_give("TENANT", wish.shop.id)
    await db.execute(
        """with lot as (
               insert into points_lots (tenant_id, id, customer_id, origin, points, left_points,
                                        expires_at, created_at)
               select $1, $2, $3, 'GRANTED', $4::bigint, $4::bigint,
                      platform_now() + make_interval(days => $5::int), platform_now()
               returning *
           )
           insert into points_moves (tenant_id, customer_id, lot_id, kind, points, actor, reason,
                                     request_key, moved_at)
           select tenant_id, customer_id, id, 'GRANTED', points, $6, $7, $8, created_at from lot""",
        wish.shop.id,
        new_id(),
        wish.customer_id,
        wish.points,
        lasts_days,
        wish.actor,
        wish.reason,
        wish.idempotency_key,
    )


async def _take(wish: Adjustment) -> None:
    drawn: int = await db.fetch_value(
        """select draw_points($1, $2, $3, 'TAKEN', null, null, $4, $5, $6, platform_now())""",
        wish.shop.id,
        wish.customer_id,
        -wish.points,
        wish.actor,
        wish.reason,
        wish.idempotency_key,
    )
    if drawn < -wish.points:
        raise refusals.too_many(drawn)
