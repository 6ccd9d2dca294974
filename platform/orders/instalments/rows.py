"""A plan's rows, read and locked. Whoever changes one has locked its order first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from billing import payments
from billing.payments import Payment
from kernel import db
from orders.instalments.arithmetic import Release

OPEN_PARTS: Final = ("DUE", "LATE")
OWED_PARTS: Final = (*OPEN_PARTS, "DISPUTED")
"""A part that a bank has taken back is owed while it decides, and cannot be paid meanwhile."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An order's plan. Amounts in minor units; `buyer_fee_minor` is owed beside the order's own
    total, and the shop's fee is taken from what it earns."""

    tenant_id: UUID
    order_id: UUID
    customer_id: UUID
    currency: str
    total_minor: int
    buyer_fee_minor: int
    shop_fee_bp: int
    parts: int
    interval_days: int
    grace_days: int
    release: Release
    state: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a plan; of its amount so much need not be paid any more."""

    part: int
    amount_minor: int
    waived_minor: int
    state: str
    due_at: datetime | None
    paid_at: datetime | None

    @property
    def left_minor(self) -> int:
        """What the part comes to."""
        return self.amount_minor - self.waived_minor

    @property
    def is_open(self) -> bool:
        """True while it is to be paid."""
        return self.state in OPEN_PARTS


PLAN_COLUMNS: Final = """tenant_id, order_id, customer_id, currency, total_minor, buyer_fee_minor,
       shop_fee_bp, parts, interval_days, grace_days, release, state"""
PART_COLUMNS: Final = "part, amount_minor, waived_minor, state, due_at, paid_at"


async def locked_plan(order_id: UUID) -> Plan | None:
    """The plan of a locked order, locked; None where it has none."""
    row = await db.fetch_row(
        f"select {PLAN_COLUMNS} from instalment_plans where order_id = $1 for update", order_id
    )
    return Plan(**row) if row is not None else None


async def parts_of(order_id: UUID) -> list[Part]:
    """The parts of a plan, in their order."""
    rows = await db.fetch(
        f"select {PART_COLUMNS} from instalments where order_id = $1 order by part", order_id
    )
    return [Part(**row) for row in rows]


def owed_minor(parts: Sequence[Part]) -> int:
    """What is still to be paid, in minor units."""
    return sum(part.left_minor for part in parts if part.state in OWED_PARTS)


async def order_of(payment: Payment) -> UUID | None:
    """The order that a payment is for, also where it pays a part of its plan."""
    if payment.purpose != "INSTALMENT":
        return payment.order_id
    found: UUID | None = await db.fetch_value(
        "select order_id from instalment_payments where payment_id = $1", payment.id
    )
    return found


async def part_of(payment_id: UUID) -> int | None:
    """Which part a payment is for; None for all that was open when it began."""
    found: int | None = await db.fetch_value(
        "select part from instalment_payments where payment_id = $1", payment_id
    )
    return found


async def payments_of(order_id: UUID) -> list[Payment]:
    """The payments of a locked order's parts, the newest first, locked."""
    rows = await db.fetch(
        f"""select {payments.PAYMENT_COLUMNS} from payments
            where id in (select payment_id from instalment_payments where order_id = $1)
            order by created_at desc, id desc for no key update""",
        order_id,
    )
    return [Payment(**row) for row in rows]


async def newest_payments(order_id: UUID, at_most: int) -> list[Payment]:
    """The newest payments of an order's parts, for looking at."""
    rows = await db.fetch(
        f"""select {payments.PAYMENT_COLUMNS} from payments
            where id in (select payment_id from instalment_payments where order_id = $1)
            order by created_at desc, id desc limit $2""",
        order_id,
        at_most,
    )
    return [Payment(**row) for row in rows]


DISPUTED: Final = """
exists (select from disputes open_case
        join instalment_payments link on link.payment_id = open_case.payment_id
        where link.order_id = {order_id} and open_case.stopped_at is not null
          and open_case.settled_at is null)
"""
"""Whether a bank decides about a part of an order's plan; a condition of a statement."""


async def is_disputed(order_id: UUID) -> bool:
    """Whether a bank decides about a part: until then nothing is handed over or given back."""
    found: bool = await db.fetch_value(f"select {DISPUTED.format(order_id='$1')}", order_id)
    return found


async def end(plan: Plan, state: str, *, bad_debt_minor: int = 0) -> None:
    """Write a plan's end."""
    await db.execute(
        """update instalment_plans set state = $2, ended_at = platform_now(), bad_debt_minor = $3
           where order_id = $1""",
        plan.order_id,
        state,
        bad_debt_minor,
    )
