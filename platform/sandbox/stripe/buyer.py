"""What the buyer does on the payment page: approve or refuse."""

from sandbox.stripe import attempts, payment_methods
from sandbox.stripe.errors import UnexpectedState
from sandbox.stripe.intents import CONFIRMABLE
from sandbox.stripe.test_cards import DECLINED, TestCard
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


def approve(
    work: Work, *, intent_id: str, method_type: str | None = None, card: TestCard | None = None
) -> Json:
    """Pay as the buyer: authenticate what waits, or pick a method and pay.

    `method_type` is the buyer's choice where the shop has not made it, `card` the card that is
    entered; the usual one unless told.
    Raises UnexpectedState when the intent waits for nobody, CardDeclined when the bank refuses.
    """
    intent, method = _chosen(
        work, intent_id=intent_id, method_type=method_type, verb="approve", card=card
    )
    return attempts.complete(work, intent, method=method)


def refuse(work: Work, *, intent_id: str, method_type: str | None = None) -> Json:
    """Refuse as the buyer: the attempt fails, the intent may be tried again.

    Raises UnexpectedState when the intent waits for nobody.
    """
    intent, method = _chosen(
        work, intent_id=intent_id, method_type=method_type, verb="refuse", card=DECLINED
    )
    return attempts.refuse(work, intent, method=method)


def _chosen(
    work: Work,
    *,
    intent_id: str,
    method_type: str | None,
    verb: str,
    card: TestCard | None,
) -> tuple[Json, Json]:
    intent = work.intent(intent_id)
    if intent["status"] not in CONFIRMABLE:
        raise UnexpectedState(intent=intent, verb=verb, allowed=CONFIRMABLE)
    if intent["payment_method"] is not None:
        method = work.store.get(kind="payment_method", object_id=intent["payment_method"])
        return intent, method
    allowed: list[str] = intent["payment_method_types"]
    picked = method_type if method_type is not None and method_type in allowed else allowed[0]
    method = payment_methods.for_buyer(work, method_type=picked, intent=intent, card=card)
    intent["payment_method"] = method["id"]
    return intent, method
