"""The desk of who decides about payouts, and sends them."""

from datetime import datetime
from typing import Annotated

import strawberry

from billing.payouts import bank_files, batches, ending, reviews, rows, stops
from billing.payouts.ending import ResultLine
from billing.payouts.parties import PARTY_IDS, Party, find_party
from billing.payouts.states import MethodKind
from billing.payouts.states import PayoutState as State
from kernel import db
from kernel.errors import NotFound
from kernel.ids import parse_id
from schema.context import Info
from schema.payout_inputs import (
    PayoutBatchCreateInput,
    PayoutBatchRef,
    PayoutBatchResultInput,
    PayoutHoldInput,
    PayoutResumeInput,
    PayoutReviewInput,
    PayoutStopInput,
)
from schema.payout_types import (
    PayoutBatch,
    PayoutBatchConnection,
    PayoutReview,
    PayoutReviewConnection,
    PayoutState,
    batch_connection,
    batch_type,
    review_connection,
    review_type,
)
from schema.payouts import actor_of
from schema.problems import Problem, Refusals
from schema.step_ups import holder_of


@strawberry.type
class PayoutsReviewed:
    """The payouts as they are now."""

    reviews: list[PayoutReview] = strawberry.field(metadata={"assumed_size": 20})


@strawberry.type
class PayoutStopChanged:
    """Whether the party, or everybody, is stopped by operators now."""

    stopped: bool


@strawberry.type
class PayoutBatchChanged:
    """The batch as it is now."""

    batch: PayoutBatch


@strawberry.type
class PayoutBatchFile:
    """Where the bank's file is fetched: once, and soon."""

    url: str
    sha256: str
    expires_at: datetime


PayoutReviewPayload = Annotated[PayoutsReviewed | Problem, strawberry.union("PayoutReviewPayload")]
PayoutStopPayload = Annotated[PayoutStopChanged | Problem, strawberry.union("PayoutStopPayload")]
PayoutBatchPayload = Annotated[PayoutBatchChanged | Problem, strawberry.union("PayoutBatchPayload")]
PayoutBatchFilePayload = Annotated[
    PayoutBatchFile | Problem, strawberry.union("PayoutBatchFilePayload")
]


@strawberry.type
class PayoutDeskQuery:
    """Everybody's payouts."""

    @strawberry.field(description="The payouts of all parties, or those in one state.")
    async def payout_reviews(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        payout_state: PayoutState | None = None,
    ) -> PayoutReviewConnection:
        """Read a page of payouts, the newest first."""
        state = None if payout_state is None else State(payout_state.value)
        return review_connection(await rows.all_payouts(state=state, first=first, after=after))

    @strawberry.field(description="The batches in which payouts go out, the newest first.")
    async def payout_batches(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> PayoutBatchConnection:
        """Read a page of batches."""
        return batch_connection(await batches.batches_page(first=first, after=after))


@strawberry.type
class PayoutDeskMutation:
    """Deciding about payouts, and sending them."""

    @strawberry.mutation(
        description="Decide about payouts; above a limit two people approve.",
        extensions=[Refusals()],
    )
    async def payout_review(self, info: Info, input: PayoutReviewInput) -> PayoutReviewPayload:
        """Approve, reject, release or retry."""
        decided = await reviews.review_payouts(
            [parse_id("pyt", one, field="payoutIds") for one in input.payout_ids[:101]],
            reviews.Decision(input.decision.value),
            note=input.note,
            actor=actor_of(info.context),
            holder=holder_of(info.context),
            proof=input.step_up_proof,
        )
        return PayoutsReviewed(reviews=[review_type(payout) for payout in decided])

    @strawberry.mutation(
        description="Keep a payout from going out for now.", extensions=[Refusals()]
    )
    async def payout_hold(self, info: Info, input: PayoutHoldInput) -> PayoutReviewPayload:
        """Hold a payout."""
        held = await reviews.hold_payout(
            parse_id("pyt", input.payout_id, field="payoutId"),
            reason=input.reason,
            actor=actor_of(info.context),
        )
        return PayoutsReviewed(reviews=[review_type(held)])

    @strawberry.mutation(
        description="Pay a party, or without one anybody, nothing for now.",
        extensions=[Refusals()],
    )
    async def payout_stop(self, info: Info, input: PayoutStopInput) -> PayoutStopPayload:
        """Stop payouts."""
        party = await _party_in(input.party_id)
        async with db.transaction(db.core_scope()):
            await stops.stop_payouts(party, source=stops.OPERATORS, reason=input.reason)
        return PayoutStopChanged(stopped=True)

    @strawberry.mutation(description="End what `payoutStop` has begun.", extensions=[Refusals()])
    async def payout_resume(self, info: Info, input: PayoutResumeInput) -> PayoutStopPayload:
        """Let payouts go on."""
        party = await _party_in(input.party_id)
        async with db.transaction(db.core_scope()):
            await stops.resume_payouts(party, source=stops.OPERATORS)
        return PayoutStopChanged(stopped=False)

    @strawberry.mutation(
        description="Put what is approved into the open batch of a currency and way.",
        extensions=[Refusals()],
    )
    async def payout_batch_create(
        self, info: Info, input: PayoutBatchCreateInput
    ) -> PayoutBatchPayload:
        """Fill a batch."""
        batch = await batches.create_batch(
            currency=batches.require_currency(input.currency),
            method_kind=MethodKind(input.method.value),
            actor=actor_of(info.context),
        )
        return PayoutBatchChanged(batch=batch_type(batch))

    @strawberry.mutation(description="Send a batch, once.", extensions=[Refusals()])
    async def payout_batch_send(self, info: Info, input: PayoutBatchRef) -> PayoutBatchPayload:
        """Let a batch's payouts go out."""
        batch = await batches.send_batch(
            parse_id("pyb", input.batch_id, field="batchId"),
            actor=actor_of(info.context),
            holder=holder_of(info.context),
            proof=input.step_up_proof,
        )
        return PayoutBatchChanged(batch=batch_type(batch))

    @strawberry.mutation(
        description="Ask for the address of a sent batch's file for the bank.",
        extensions=[Refusals()],
    )
    async def payout_batch_file(self, info: Info, input: PayoutBatchRef) -> PayoutBatchFilePayload:
        """Sign an address for one download."""
        context = info.context
        address = await bank_files.ask_file(
            parse_id("pyb", input.batch_id, field="batchId"),
            actor=actor_of(context),
            holder=holder_of(context),
            proof=input.step_up_proof,
        )
        return PayoutBatchFile(
            url=f"{context.origin}/payout-files/{address.token}",
            sha256=address.sha256,
            expires_at=address.expires_at,
        )

    @strawberry.mutation(
        description="Write down what the bank says of a batch.", extensions=[Refusals()]
    )
    async def payout_batch_result(
        self, info: Info, input: PayoutBatchResultInput
    ) -> PayoutReviewPayload:
        """Note which payouts have arrived and which came back."""
        lines = [
            ResultLine(
                parse_id("pyt", line.payout_id, field="lines"),
                State(line.outcome.value),
                line.note,
            )
            for line in input.lines[: ending.LINES_AT_MOST + 1]
        ]
        ended = await ending.record_results(
            parse_id("pyb", input.batch_id, field="batchId"),
            lines,
            actor=actor_of(info.context),
            holder=holder_of(info.context),
            proof=input.step_up_proof,
        )
        return PayoutsReviewed(reviews=[review_type(payout) for payout in ended])


async def _party_in(party_id: strawberry.ID | None) -> Party | None:
    """A party by its outside id, whose kind says what it is; None for everybody."""
    if party_id is None:
        return None
    for kind, prefix in PARTY_IDS.items():
        if party_id.startswith(f"{prefix}_"):
            return await find_party(kind, parse_id(prefix, party_id, field="partyId"))
    raise NotFound("There is no such party.", field="partyId")
