"""The row of a dispute, its case: found or opened once, locked, and written after each step."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from billing.payment_methods.disputes import DisputeReport, DisputeState
from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from orders.disputes.progress import Known
from orders.records import Order
from tenants.liability import Liability, liability_at

ASK_AGAIN_SECONDS: Final = 3_600.0
"""How long after the last look a dispute that is not over is looked at again."""


@dataclass(frozen=True, slots=True)
class Case:
    """A dispute as we know it. Amounts in minor units of `currency`.

    `claimed_minor` is what may not be refunded of the order meanwhile, `taken_minor` what was taken
    out of the balance that the payment had topped up.
    """

    id: UUID
    tenant_id: UUID
    payment_id: UUID
    order_id: UUID | None
    provider: str
    provider_ref: str
    currency: str
    amount_minor: int
    fee_minor: int
    fee_back_minor: int
    reason: str
    state: DisputeState
    liability: Liability
    goods: str
    claimed_minor: int
    taken_minor: int
    opened_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    withdrawn_at: datetime | None
    reinstated_at: datetime | None
    settled_at: datetime | None

    @property
    def known(self) -> Known:
        """What has been done about it."""
        return Known(
            state=self.state,
            is_stopped=self.stopped_at is not None,
            is_withdrawn=self.withdrawn_at is not None,
            is_reinstated=self.reinstated_at is not None,
            is_settled=self.settled_at is not None,
        )

    @property
    def fee_lost_minor(self) -> int:
        """What of the channel's fee does not come back."""
        return self.fee_minor - self.fee_back_minor


COLUMNS: Final = """id, tenant_id, payment_id, order_id, provider, provider_ref, currency,
       amount_minor, fee_minor, fee_back_minor, reason, state, liability, goods, claimed_minor,
       taken_minor, opened_at, due_at, stopped_at, withdrawn_at, reinstated_at, settled_at"""

_KNOWN = f"""
select {COLUMNS} from disputes where provider = $1 and provider_ref = $2 for no key update
"""
_OPEN = f"""
insert into disputes (tenant_id, id, payment_id, order_id, provider, provider_ref, currency,
                      amount_minor, reason, state, liability, opened_at, due_at, next_poll_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
        platform_now() + make_interval(secs => $14))
returning {COLUMNS}
"""


async def opened(report: DisputeReport, payment: Payment, order: Order | None) -> tuple[Case, bool]:
    """The case of a dispute, locked, and whether it is a new one.

    The order, or a top-up's payment, is locked: two reports come one after the other. Who bears it
    was settled by the contract when the order was made.
    """
    row = await db.fetch_row(_KNOWN, report.provider, report.provider_ref)
    if row is not None:
        return Case(**row), False
    sold_at = order.created_at if order is not None else await _paid_at(payment)
    row = await db.fetch_row(
        _OPEN,
        payment.tenant_id,
        new_id(),
        payment.id,
        payment.order_id,
        report.provider,
        report.provider_ref,
        report.currency,
        report.amount_minor,
        report.reason,
        report.state,
        await liability_at(payment.tenant_id, sold_at),
        report.opened_at,
        report.due_at,
        ASK_AGAIN_SECONDS,
    )
    assert row is not None
    return Case(**row), True


async def _paid_at(payment: Payment) -> datetime:
    made_at: datetime = await db.fetch_value(
        "select created_at from payments where id = $1", payment.id
    )
    return made_at


_WRITE = """
update disputes
set state = $2, amount_minor = $3, fee_minor = $4, fee_back_minor = $5, claimed_minor = $6,
    taken_minor = $7, due_at = $8,
    stopped_at = case when $9 then coalesce(stopped_at, platform_now()) end,
    withdrawn_at = case when $10 then coalesce(withdrawn_at, platform_now()) end,
    reinstated_at = case when $11 then coalesce(reinstated_at, platform_now()) end,
    settled_at = case when $12 then coalesce(settled_at, platform_now()) end,
    next_poll_at = case when not $13 then platform_now() + make_interval(secs => $14) end
where id = $1
"""


async def write(case: Case, now: Known) -> None:
    """Write a locked case as it is after its steps; it is looked at until the channel has said all
    that there is to say."""
    assert now.state is not None
    is_over = now.is_settled and (now.state != "WON" or now.is_reinstated or not now.is_withdrawn)
    await db.execute(
        _WRITE,
        case.id,
        now.state,
        case.amount_minor,
        case.fee_minor,
        case.fee_back_minor,
        case.claimed_minor,
        case.taken_minor,
        case.due_at,
        now.is_stopped,
        now.is_withdrawn,
        now.is_reinstated,
        now.is_settled,
        is_over,
        ASK_AGAIN_SECONDS,
    )
