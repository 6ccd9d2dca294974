"""A batch of keys failed an inspection: every past buyer of it gets the money back (E15).

An operator begins it; the worker does it, in pieces that go on where the last one ended. Each line
is a transaction of its own and is paid back once for a batch: its refund's row is unique. The
supplier is at fault, and pays a penalty on top where the operator says that its contract has one.
While a bank decides about a buyer's payment nothing is given back; the batch ends after that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import credit
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.log import get_logger
from kernel.money import BASIS_POINTS
from orders import news, records
from orders.clawback import Claim
from orders.disputed import OPEN_OF_ORDER
from orders.earnings import drawing, rows
from orders.earnings.noting import lock_earnings
from orders.records import Line, Order
from orders.refund_writing import write_refund

log = get_logger(__name__)
AGAIN_AFTER: Final = timedelta(hours=1)
_REASON = "give the money of a failed batch back to all of its buyers"


class AlreadyCompensated(Refusal):
    """The batch's buyers are being paid back, or have been, on other terms."""

    code = "IDEMPOTENCY_CONFLICT"


@dataclass(frozen=True, slots=True)
class Compensation:
    """How far the buyers of a batch have been paid back; amounts in minor units."""

    batch_id: UUID
    since: datetime
    penalty_bp: int
    started_at: datetime
    ended_at: datetime | None
    refunds: int
    refunded_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Bought:
    """A line with so many keys of the batch in its buyer's hands."""

    tenant_id: UUID
    order_id: UUID
    line_id: UUID
    pieces: int


async def compensate_batch(
    *, batch_id: UUID, since: datetime, penalty_bp: int, actor: str
) -> Compensation:
    """Begin to pay back whoever was delivered keys of a batch since then; asking again begins
    nothing new.

    Raises `NotFound`, `Invalid`, and `AlreadyCompensated` for other terms than the first.
    """
    if not 0 <= penalty_bp <= BASIS_POINTS:
        raise Invalid(f"A penalty is 0 to {BASIS_POINTS} basis points.", field="penaltyBp")
    async with db.transaction(db.core_scope()):
        if not await db.fetch_value(
            "select exists (select from key_batches where id = $1)", batch_id
        ):
            raise NotFound("There is no such batch.", field="batchId")
        if await db.fetch_value("select $1::timestamptz > platform_now()", since):
            raise Invalid("This begins in the future.", field="since")
        await db.execute(
            """insert into batch_compensations (batch_id, since, penalty_bp, started_by)
               values ($1, $2, $3, $4) on conflict do nothing""",
            batch_id,
            since,
            penalty_bp,
            actor,
        )
    found = await compensation_of(batch_id)
    assert found is not None
    if (found.since, found.penalty_bp) != (since, penalty_bp):
        raise AlreadyCompensated("The buyers of this batch are paid back on other terms.")
    return found


async def compensation_of(batch_id: UUID) -> Compensation | None:
    """How far the buyers of a batch have been paid back; None where nobody began."""
    found = await db.read(
        db.core_scope(),
        """select begun.batch_id, begun.since, begun.penalty_bp, begun.started_at, begun.ended_at,
                  count(refund.id) as refunds,
                  coalesce(sum(refund.amount_minor), 0)::bigint as refunded_minor,
                  (select listing.currency::text from key_batches batch
                   join supplier_listings listing on listing.id = batch.supplier_listing_id
                   where batch.id = begun.batch_id) as currency
           from batch_compensations begun left join refunds refund
               on refund.batch_id = begun.batch_id
           where begun.batch_id = $1 group by begun.batch_id""",
        batch_id,
    )
    return Compensation(**found[0]) if found else None


async def compensate_next(at_once: int) -> int:
    """Pay back the next lines of the oldest batch that is due; returns how many lines were looked
    at. A line that cannot be paid back is logged and passed over. Where one waits for a bank, the
    batch is gone through once more an hour later."""
    begun = await db.read(
        db.every_tenant(reason=_REASON),
        """select batch_id, since, penalty_bp, after_line_id from batch_compensations
           where ended_at is null and next_at <= platform_now() order by started_at limit 1""",
    )
    if not begun:
        return 0
    batch_id, since, penalty_bp, after = begun[0].values()
    bought = await _bought(batch_id, since, after, at_once)
    for one in bought:
        try:
            await _pay_back(one, batch_id, penalty_bp)
        except Exception as error:  # one bad row must not stop the others
            log.error("batch_line_not_refunded", line=str(one.line_id), exc_info=error)
    crash_point("compensation.paid")
    is_last = len(bought) < at_once
    waits = is_last and await _waits_for_a_bank(batch_id, since)
    async with db.transaction(db.core_scope()):
        await db.execute(
            """update batch_compensations set after_line_id = $3,
                      ended_at = case when $4 and not $5 then platform_now() end,
                      next_at = case when $5 then platform_now() + $6::interval else next_at end
               where batch_id = $1 and after_line_id = $2 and ended_at is null""",
            batch_id,
            after,
            UUID(int=0) if waits else bought[-1].line_id if bought else after,
            is_last,
            waits,
            AGAIN_AFTER,
        )
    return len(bought)


async def _waits_for_a_bank(batch_id: UUID, since: datetime) -> bool:
    """Whether a bank is deciding about an order of which somebody may have to be paid back."""
    rows = await db.read(
        db.every_tenant(reason=_REASON),
        f"""select exists (
                select from sealed_keys sealed
                join delivered_keys handed on handed.key_id = sealed.id
                     and handed.returned_at is null
                where sealed.batch_id = $1 and handed.delivered_at >= $2
                  and {OPEN_OF_ORDER.format(order_id="handed.order_id")}
                  and not exists (select from refunds
                                  where batch_id = $1 and line_id = handed.line_id))""",
        batch_id,
        since,
    )
    waits: bool = rows[0][0]
    return waits


async def _bought(batch_id: UUID, since: datetime, after: UUID, at_once: int) -> list[Bought]:
    found = await db.read(
        db.every_tenant(reason=_REASON),
        """select handed.tenant_id, handed.order_id, handed.line_id, count(*)::int as pieces
           from sealed_keys sealed
           join delivered_keys handed on handed.key_id = sealed.id and handed.returned_at is null
           where sealed.batch_id = $1 and handed.delivered_at >= $2 and handed.line_id > $3
           group by handed.tenant_id, handed.order_id, handed.line_id
           order by handed.line_id limit $4""",
        batch_id,
        since,
        after,
        at_once,
    )
    return [Bought(**row) for row in found]


async def _pay_back(bought: Bought, batch_id: UUID, penalty_bp: int) -> None:
    async with db.transaction(db.core_scope(bought.tenant_id)):
        order = await records.locked_order(bought.order_id)
        (line,) = [one for one in await records.lines_of(order.id) if one.id == bought.line_id]
        amount_minor = pieces_minor(line, bought.pieces)
        if not amount_minor or await _is_paid_back(batch_id, line):
            return
        refund_id = new_id()
        await write_refund(refund_id, order, line, amount_minor, "INSPECTION", batch_id=batch_id)
        penalty_minor = amount_minor * penalty_bp // BASIS_POINTS
        if penalty_minor:
            await _take_penalty(refund_id, order, line, penalty_minor, batch_id)
    await news.order_changed(order.tenant_id, order.id)


def pieces_minor(line: Line, pieces: int) -> int:
    """What was paid for so many pieces, as far as it was not refunded; for all in the buyer's
    hands, what is left."""
    left_minor = line.paid_minor - line.refunded_minor
    if pieces >= line.quantity - line.returned_quantity:
        return left_minor
    return min(line.paid_minor * pieces // line.quantity, left_minor)


async def _is_paid_back(batch_id: UUID, line: Line) -> bool:
    found: bool = await db.fetch_value(
        "select exists (select from refunds where batch_id = $1 and line_id = $2)",
        batch_id,
        line.id,
    )
    return found


async def _take_penalty(
    refund_id: UUID, order: Order, line: Line, amount_minor: int, batch_id: UUID
) -> None:
    """From the deposit of the batch's supplier first, whoever else has supplied the line. Goods of
    the platform's own have nobody to pay it."""
    earned = await lock_earnings(order.id, [line.id])
    supplier_id: UUID = await db.fetch_value(
        """select listing.supplier_id from key_batches batch
           join supplier_listings listing on listing.id = batch.supplier_listing_id
           where batch.id = $1""",
        batch_id,
    )
    if supplier_id not in [row.party_id for row in earned if row.party_kind == "SUPPLIER"]:
        return
    claim = Claim(supplier_id, "SUPPLY", amount_minor, deposit_first=True)
    sources = drawing.drawn_on([claim], [], order.currency)
    balances = await ledger.lock_balances(sources)
    held = dict(zip(sources, balances, strict=True))
    drawn = drawing.draw_all([claim], currency=order.currency, held=held)
    penalty = accounts.revenue("PENALTY", order.currency)
    await ledger.post(
        [*ledger.merged(drawn.entries), credit(penalty, amount_minor)],
        kind="E15_PENALTY",
        idempotency_key=f"penalty:{refund_id}",
        tenant_id=order.tenant_id,
    )
    await rows.write_ahead(drawn.ahead)
