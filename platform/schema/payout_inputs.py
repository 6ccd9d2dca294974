"""What operators say about payouts."""

from enum import Enum

import strawberry

from billing.payouts import reviews
from billing.payouts.states import PayoutState as State
from schema.payout_types import PayoutMethodKind


@strawberry.enum(description="What is decided about payouts.")
class PayoutDecision(Enum):
    """APPROVE and REJECT what is checked; RELEASE what is held, to be checked anew; RETRY what has
    failed or come back, if its money is still there, by as many people as approve it."""

    APPROVE = reviews.Decision.APPROVE.value
    REJECT = reviews.Decision.REJECT.value
    RELEASE = reviews.Decision.RELEASE.value
    RETRY = reviews.Decision.RETRY.value


@strawberry.enum(description="What a bank says of a payout.")
class PayoutOutcome(Enum):
    """FAILED: it never arrived. RETURNED: it came back."""

    PAID = State.PAID.value
    FAILED = State.FAILED.value
    RETURNED = State.RETURNED.value


@strawberry.input
class PayoutReviewInput:
    """Up to 100 payouts, decided together or not at all. The proof is for PAYOUT_REVIEW."""

    payout_ids: list[strawberry.ID]
    decision: PayoutDecision
    note: str
    step_up_proof: str


@strawberry.input
class PayoutHoldInput:
    """A payout that was not sent, and why it waits."""

    payout_id: strawberry.ID
    reason: str


@strawberry.input
class PayoutStopInput:
    """Who is paid nothing from now on; without a party, nobody is."""

    reason: str
    party_id: strawberry.ID | None = None


@strawberry.input
class PayoutResumeInput:
    """Who is paid again; without a party, everybody who was not stopped alone."""

    party_id: strawberry.ID | None = None


@strawberry.input
class PayoutBatchCreateInput:
    """What is approved in a currency, and goes out this way."""

    currency: str
    method: PayoutMethodKind


@strawberry.input
class PayoutBatchRef:
    """A batch. The proof is for PAYOUT_BATCH."""

    batch_id: strawberry.ID
    step_up_proof: str


@strawberry.input
class PayoutResultInput:
    """What the bank says of one payout."""

    payout_id: strawberry.ID
    outcome: PayoutOutcome
    note: str


@strawberry.input
class PayoutBatchResultInput:
    """What the bank says of a batch, up to 100 lines at once. The proof is for PAYOUT_BATCH."""

    batch_id: strawberry.ID
    lines: list[PayoutResultInput]
    step_up_proof: str
