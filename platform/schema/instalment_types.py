"""Instalment plans as GraphQL types."""

from datetime import datetime
from enum import Enum

import strawberry

from orders.instalments.offering import PlanOffer
from orders.instalments.queries import PlanView
from orders.instalments.terms import Terms
from schema.money import Money, amount


@strawberry.enum
class InstalmentRelease(Enum):
    """When the goods are handed over: piece by piece as they are paid for, with the last part, or
    with the first."""

    BY_SHARE = "BY_SHARE"
    AT_END = "AT_END"
    AT_START = "AT_START"


@strawberry.enum
class InstalmentFeePayer(Enum):
    """Who bears a plan's fee."""

    SHOP = "SHOP"
    BUYER = "BUYER"


@strawberry.enum
class InstalmentState(Enum):
    """DISPUTED: the buyer's bank has taken the part back, and decides. WAIVED: it need not be paid
    any more."""

    DUE = "DUE"
    LATE = "LATE"
    PAID = "PAID"
    DISPUTED = "DISPUTED"
    WAIVED = "WAIVED"


@strawberry.enum
class InstalmentPlanState(Enum):
    """ENDED: by the shop. DEFAULTED: nobody went on paying, and the grace is over."""

    OPEN = "OPEN"
    PAID = "PAID"
    ENDED = "ENDED"
    DEFAULTED = "DEFAULTED"


@strawberry.type
class InstalmentOffer:
    """A plan as it would be. The amounts, of which the first is paid at once, add up to the order
    and the fee."""

    parts: int
    amounts: list[Money] = strawberry.field(metadata={"assumed_size": 6})
    fee: Money
    interval_days: int


@strawberry.type
class Instalment:
    """One part of a plan, and what it comes to."""

    part: int
    amount: Money
    state: InstalmentState
    due_at: datetime | None
    paid_at: datetime | None


@strawberry.type
class InstalmentPlan:
    """The plan that pays an order. `nextAmount` is what `instalmentPay` asks for next; null while
    nothing can be paid."""

    state: InstalmentPlanState
    release: InstalmentRelease
    fee: Money
    owed: Money
    next_amount: Money | None
    parts: list[Instalment] = strawberry.field(metadata={"assumed_size": 6})


@strawberry.type
class OrderInstalments:
    """How an order may be paid in parts, while it waits to be paid, and how it is."""

    offers: list[InstalmentOffer] = strawberry.field(metadata={"assumed_size": 11})
    plan: InstalmentPlan | None


@strawberry.type
class InstalmentTerms:
    """What was agreed on with a shop. `isOffered` is the shop's own word."""

    is_offered: bool
    most_parts: int
    first_bp: int
    interval_days: int
    grace_days: int
    fee_bp: int
    fee_by: InstalmentFeePayer
    least_amount: Money
    most_open: int
    release: InstalmentRelease


def offer_type(offer: PlanOffer, currency: str) -> InstalmentOffer:
    """Put a plan that could be into the schema's words."""
    return InstalmentOffer(
        parts=offer.parts,
        amounts=[amount(minor, currency) for minor in offer.amounts],
        fee=amount(offer.buyer_fee_minor, currency),
        interval_days=offer.interval_days,
    )


def plan_type(view: PlanView) -> InstalmentPlan:
    """Put a plan into the schema's words."""
    plan, currency = view.plan, view.plan.currency
    payable = [part for part in view.parts if part.is_open]
    can_pay = plan.state == "OPEN" and payable and not view.is_disputed
    return InstalmentPlan(
        state=InstalmentPlanState(plan.state),
        release=InstalmentRelease(plan.release),
        fee=amount(plan.buyer_fee_minor, currency),
        owed=amount(view.owed_minor, currency),
        next_amount=amount(payable[0].left_minor, currency) if can_pay else None,
        parts=[
            Instalment(
                part=part.part,
                amount=amount(part.left_minor, currency),
                state=InstalmentState(part.state),
                due_at=part.due_at,
                paid_at=part.paid_at,
            )
            for part in view.parts
        ],
    )


def terms_type(terms: Terms, currency: str) -> InstalmentTerms:
    """Put a shop's terms into the schema's words."""
    return InstalmentTerms(
        is_offered=terms.is_offered,
        most_parts=terms.most_parts,
        first_bp=terms.first_bp,
        interval_days=terms.interval_days,
        grace_days=terms.grace_days,
        fee_bp=terms.fee_bp,
        fee_by=InstalmentFeePayer(terms.fee_by),
        least_amount=amount(terms.least_minor, currency),
        most_open=terms.most_open,
        release=InstalmentRelease(terms.release),
    )
