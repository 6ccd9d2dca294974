"""The page of a Checkout Session, where a buyer pays by one of its methods."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe import session_buyer, sessions
from sandbox.stripe.currencies import written
from sandbox.stripe.errors import ApiError, CardDeclined, NoSuchObject
from sandbox.stripe.forms import read_pairs
from sandbox.stripe.gateway import read_body
from sandbox.stripe.pages import HEADERS, TEMPLATES, missing
from sandbox.stripe.payment_methods import CARD, cards_taken
from sandbox.stripe.server import Sandbox
from sandbox.stripe.test_cards import by_last4
from sandbox.stripe.wire import Json


class SessionPages:
    """What buyers see of sessions. The unguessable id is the invitation; no API key is asked."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """Give the pages' routes."""
        return [
            Route("/pay/{id}", self._show, methods=["GET"]),
            Route("/pay/{id}", self._decide, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        try:
            session = sessions.get(self._sandbox.work(), request.path_params["id"])
        except NoSuchObject:
            return missing()
        return _page(session)

    async def _decide(self, request: Request) -> Response:
        session_id = request.path_params["id"]
        try:
            form = dict(read_pairs(await read_body(request)))
            session = sessions.get(self._sandbox.work(), session_id)
            declined = session["status"] == "open" and self._declined(session_id, form)
        except NoSuchObject:
            return missing()
        except ApiError as error:
            return HTMLResponse(error.message, error.status_code, headers=HEADERS)
        self._sandbox.mail_waits.set()
        session = sessions.get(self._sandbox.work(), session_id)
        if session["status"] == "complete":
            back = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id)
            return RedirectResponse(back, status_code=303, headers=HEADERS)
        return _page(session, declined=bool(declined))

    def _declined(self, session_id: str, form: dict[str, str]) -> bool:
        """Act on the buyer's decision; True when no money was moved."""
        work = self._sandbox.work()
        method_type = form.get("payment_method_type")
        with work.store.transaction():
            if form.get("decision") != "approve":
                session_buyer.refuse(work, session_id=session_id, method_type=method_type)
                return True
            card = by_last4(form["card"]) if form.get("card") else None
            with suppress(CardDeclined):
                session_buyer.approve(
                    work, session_id=session_id, method_type=method_type, card=card
                )
                return False
        return True


def _page(session: Json, *, declined: bool = False) -> Response:
    types = session["payment_method_types"]
    html = TEMPLATES.get_template("pay.html").render(
        session=session,
        amount=written(amount_minor=session["amount_total"], currency=session["currency"]),
        method_types=types,
        cards=cards_taken(session) if CARD in types else [],
        declined=declined,
    )
    return HTMLResponse(html, headers=HEADERS)
