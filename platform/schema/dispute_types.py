"""How disputes are shown: what they are about, how they stand, and what can be proved."""

from datetime import datetime
from enum import Enum

import strawberry

from kernel.ids import public_id
from orders.disputes.evidence import Evidence
from orders.disputes.listing import DisputeView
from schema.connections import PageInfo
from schema.money import Money, amount


@strawberry.enum
class DisputeState(Enum):
    """How far a dispute is. INQUIRY: the bank asks, and has taken nothing. CLOSED: it came to
    nothing."""

    INQUIRY = "INQUIRY"
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"
    CLOSED = "CLOSED"


@strawberry.enum
class ChargebackLiability(Enum):
    """Who bears a lost dispute of good goods, by the contract of the time of the sale."""

    SHOP = "SHOP"
    PLATFORM = "PLATFORM"


@strawberry.enum
class DisputedGoods(Enum):
    """Whether the goods were good. BAD: the supplier is at fault, and bears it."""

    GOOD = "GOOD"
    BAD = "BAD"


@strawberry.enum
class DisputeAnswerState(Enum):
    """How far our answer is. DUE: it is being handed in. REFUSED: the bank takes none any more."""

    DUE = "DUE"
    SENT = "SENT"
    REFUSED = "REFUSED"


@strawberry.type
class DisputeLine:
    """What was sold, and the hashes that were promised before it was paid."""

    name: str
    quantity: int
    returned_quantity: int
    delivery_mode: str
    commitments: list[str] = strawberry.field(metadata={"assumed_size": 1})


@strawberry.type
class DisputeFact:
    """Something that happened, and when."""

    at: datetime
    what: str
    details: str


@strawberry.type
class DisputeReveal:
    """A key that left the platform: who opened it, when and from where."""

    at: datetime
    serial: str
    commitment: str
    actor: str
    channel: str
    ip: str | None
    user_agent: str


@strawberry.type(description="What can be proved about a disputed sale, out of our own records.")
class DisputeEvidence:
    """The bundle; no secret of a key, no contact, no cost."""

    paid: Money
    refunded: Money
    customer_since: datetime | None
    lines: list[DisputeLine] = strawberry.field(metadata={"assumed_size": 5})
    log: list[DisputeFact] = strawberry.field(metadata={"assumed_size": 10})
    reveals: list[DisputeReveal] = strawberry.field(metadata={"assumed_size": 10})


@strawberry.type(description="A payment that the buyer's bank has taken back, or asks about.")
class Dispute:
    """`orderNo` is null where a balance was topped up. Until `dueAt` the bank hears evidence. `fee`
    is what the channel takes for it. `evidence` stands in `dispute` alone."""

    id: strawberry.ID
    order_no: str | None
    state: DisputeState
    reason: str
    amount: Money
    fee: Money
    liability: ChargebackLiability
    goods: DisputedGoods
    opened_at: datetime
    due_at: datetime | None
    is_over: bool
    answer: DisputeAnswerState | None
    evidence: DisputeEvidence | None


@strawberry.type
class DisputeEdge:
    """A dispute and the cursor that continues after it."""

    cursor: str
    node: Dispute


@strawberry.type
class DisputeConnection:
    """A page of disputes, the newest first."""

    edges: list[DisputeEdge]
    page_info: PageInfo


@strawberry.type
class DisputeChanged:
    """The dispute as it is now."""

    dispute: Dispute


@strawberry.type
class ChargebackLiabilityChanged:
    """Who bears disputes of orders that are made from now on."""

    tenant_id: strawberry.ID
    liability: ChargebackLiability


def dispute_type(view: DisputeView, evidence: Evidence | None = None) -> Dispute:
    """Show a dispute; with its evidence where that was read."""
    return Dispute(
        id=strawberry.ID(public_id("dsp", view.id)),
        order_no=view.order_no,
        state=DisputeState(view.state),
        reason=view.reason,
        amount=amount(view.amount_minor, view.currency),
        fee=amount(view.fee_minor, view.currency),
        liability=ChargebackLiability(view.liability),
        goods=DisputedGoods(view.goods),
        opened_at=view.opened_at,
        due_at=view.due_at,
        is_over=view.is_over,
        answer=None if view.answer_state is None else DisputeAnswerState(view.answer_state),
        evidence=None if evidence is None else _evidence(evidence),
    )


def _evidence(found: Evidence) -> DisputeEvidence:
    return DisputeEvidence(
        paid=amount(found.paid_minor, found.currency),
        refunded=amount(found.refunded_minor, found.currency),
        customer_since=found.customer_since,
        lines=[
            DisputeLine(
                name=line.name,
                quantity=line.quantity,
                returned_quantity=line.returned_quantity,
                delivery_mode=line.delivery_mode,
                commitments=list(line.commitments),
            )
            for line in found.lines
        ],
        log=[DisputeFact(at=fact.at, what=fact.what, details=fact.details) for fact in found.log],
        reveals=[
            DisputeReveal(
                at=seen.at,
                serial=seen.serial,
                commitment=seen.commitment_hex,
                actor=seen.actor,
                channel=seen.channel,
                ip=seen.ip,
                user_agent=seen.user_agent,
            )
            for seen in found.reveals
        ],
    )
