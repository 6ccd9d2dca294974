"""A second confirmation, before money goes out."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from identity import step_up
from identity.step_up import Holder, Means, Purpose
from kernel.ids import parse_id, public_id
from schema.context import Context, Info
from schema.problems import Problem, Refusals


@strawberry.enum(description="What a proof is good for: one act of this kind.")
class StepUpPurpose(Enum):
    """PAYOUT_BATCH sends a batch, fetches its file, or says what became of it."""

    PAYOUT_METHOD = Purpose.PAYOUT_METHOD.value
    PAYOUT_REQUEST = Purpose.PAYOUT_REQUEST.value
    PAYOUT_REVIEW = Purpose.PAYOUT_REVIEW.value
    PAYOUT_BATCH = Purpose.PAYOUT_BATCH.value


@strawberry.enum(description="What the caller shows.")
class StepUpMeans(Enum):
    """The login's password, or where there is none a code that the platform's mailer has sent."""

    PASSWORD = Means.PASSWORD.value
    CODE = Means.CODE.value


@strawberry.input
class StepUpStartInput:
    """What is going to be done."""

    purpose: StepUpPurpose


@strawberry.input
class StepUpConfirmInput:
    """One of the two, as the challenge asks."""

    challenge_id: strawberry.ID
    password: str | None = None
    code: str | None = None


@strawberry.type
class StepUpStarted:
    """What has to be shown, and until when."""

    challenge_id: strawberry.ID
    means: StepUpMeans
    expires_at: datetime


@strawberry.type
class StepUpConfirmed:
    """`proof` goes into the act as `stepUpProof`: once, with the same token, in five minutes."""

    proof: str
    expires_at: datetime


StepUpStartPayload = Annotated[StepUpStarted | Problem, strawberry.union("StepUpStartPayload")]
StepUpConfirmPayload = Annotated[
    StepUpConfirmed | Problem, strawberry.union("StepUpConfirmPayload")
]


def holder_of(context: Context) -> Holder:
    """Who confirms, and with which token."""
    return Holder.of(context.caller, context.token)


@strawberry.type
class StepUpMutation:
    """Saying once more that it is you."""

    @strawberry.mutation(
        description="Begin to confirm who is calling, before money goes out.",
        extensions=[Refusals()],
    )
    async def step_up_start(self, info: Info, input: StepUpStartInput) -> StepUpStartPayload:
        """Ask for the password, or have a code sent."""
        challenge = await step_up.start_step_up(
            holder_of(info.context), Purpose(input.purpose.value)
        )
        return StepUpStarted(
            challenge_id=strawberry.ID(public_id("chl", challenge.id)),
            means=StepUpMeans(challenge.means.value),
            expires_at=challenge.expires_at,
        )

    @strawberry.mutation(
        description="Show the password or the code, and get a proof for one act.",
        extensions=[Refusals()],
    )
    async def step_up_confirm(self, info: Info, input: StepUpConfirmInput) -> StepUpConfirmPayload:
        """Exchange what is shown for a proof."""
        proof = await step_up.confirm_step_up(
            holder_of(info.context),
            parse_id("chl", input.challenge_id, field="challengeId"),
            answer=step_up.require_answer(input.password, input.code),
        )
        return StepUpConfirmed(proof=proof.text, expires_at=proof.expires_at)
