"""What the buyer does on a session's page: pays, is declined, and what becomes of it later."""

from sandbox.stripe import attempts, intents, payment_methods, sessions
from sandbox.stripe.errors import RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.test_cards import DECLINED, TestCard
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


def approve(
    work: Work, *, session_id: str, method_type: str | None = None, card: TestCard | None = None
) -> Json:
    """Pay on the page, by the first method unless told.

    Raises RefusedByState when the session is not open, CardDeclined when the bank refuses.
    """
    session, intent, method = _attempted(work, session_id, method_type, card)
    intent = attempts.complete(work, intent, method=method)
    return _completed(work, session, intent)


def refuse(work: Work, *, session_id: str, method_type: str | None = None) -> Json:
    """Fail to pay on the page; the session stays open for another try."""
    session, intent, method = _attempted(work, session_id, method_type, DECLINED)
    attempts.refuse(work, intent, method=method)
    return session


def end_processing(work: Work, *, intent_id: str, succeeded: bool) -> None:
    """Say what became of a session whose payment took its time; other intents have none."""
    session_id = work.intent(intent_id).get("_session")
    if session_id is None:
        return
    session = sessions.get(work, session_id)
    if succeeded:
        session["payment_status"] = "paid"
        work.store.save(session)
    outcome = "succeeded" if succeeded else "failed"
    emit(work, f"checkout.session.async_payment_{outcome}", session)


def _attempted(
    work: Work, session_id: str, method_type: str | None, card: TestCard | None
) -> tuple[Json, Json, Json]:
    session = sessions.get(work, session_id)
    if session["status"] != "open":
        raise RefusedByState(f"This Checkout Session is {session['status']}.")
    allowed: list[str] = session["payment_method_types"]
    picked = method_type if method_type in allowed else allowed[0]
    intent = _intent(work, session)
    method = payment_methods.for_buyer(work, method_type=picked, intent=intent, card=card)
    intent["payment_method"] = method["id"]
    work.store.save(intent)
    return session, intent, method


def _intent(work: Work, session: Json) -> Json:
    """The session's one intent, made with the first attempt to pay.

    https://docs.stripe.com/changelog#2022-08-01 (no intent before the session is confirmed)
    """
    if session["payment_intent"] is not None:
        return work.intent(session["payment_intent"])
    intent = intents.create(
        work,
        {
            "amount": session["amount_total"],
            "currency": session["currency"],
            "customer": session["customer"],
            "allowed_payment_method_types": session["payment_method_types"],
            "payment_method_options": session["payment_method_options"],
            **session["_intent_data"],
        },
    )
    intent["_session"] = session["id"]
    session["payment_intent"] = intent["id"]
    work.store.save(session)
    return work.store.save(intent)


def _completed(work: Work, session: Json, intent: Json) -> Json:
    session |= {
        "status": "complete",
        "payment_status": "paid" if intent["status"] == "succeeded" else "unpaid",
        "url": None,
    }
    work.store.save(session)
    emit(work, "checkout.session.completed", session)
    return session
