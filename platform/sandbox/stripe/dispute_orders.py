"""What a test may have a buyer's bank do: dispute a payment, and decide."""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.stripe import disputes
from sandbox.stripe.errors import BadParameter, RefusedByState
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Opening(_Order):
    """A dispute of a payment; all of it unless told. `due_by` is in seconds since the epoch."""

    amount: int | None = Field(default=None, ge=1)
    reason: str = "fraudulent"
    inquiry: bool = False
    due_by: int | None = None


class Decision(_Order):
    """How the bank ends a dispute; `escalated` makes one of an inquiry."""

    outcome: Literal["won", "lost", "escalated"]
    fee_back: bool = True


Kind = TypeVar("Kind", bound=_Order)


def read_opening(body: dict[str, Any]) -> Opening:
    """Read what is to be disputed. Raises BadParameter."""
    return _read(Opening, body)


def read_decision(body: dict[str, Any]) -> Decision:
    """Read what is to be decided. Raises BadParameter."""
    return _read(Decision, body)


def open_as(work: Work, wish: Opening, *, intent_id: str) -> Json:
    """Dispute the intent's charge. Raises RefusedByState for one that nothing was paid with."""
    charge_id = work.intent(intent_id)["latest_charge"]
    if charge_id is None:
        raise RefusedByState("This PaymentIntent has no charge to dispute.")
    dispute = disputes.open_dispute(
        work,
        work.charge(charge_id),
        amount_minor=wish.amount,
        reason=wish.reason,
        inquiry=wish.inquiry,
        due_by=wish.due_by,
    )
    return public(dispute)


def decide_as(work: Work, wish: Decision, *, dispute_id: str) -> Json:
    """End the dispute, or escalate it. Raises RefusedByState."""
    if wish.outcome == "escalated":
        return public(disputes.escalate(work, dispute_id=dispute_id))
    won = wish.outcome == "won"
    return public(disputes.decide(work, dispute_id=dispute_id, won=won, fee_back=wish.fee_back))


def _read(kind: type[Kind], body: dict[str, Any]) -> Kind:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise BadParameter(str(error)) from error
