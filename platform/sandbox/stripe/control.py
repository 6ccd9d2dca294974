"""The control desk of tests: faults, acting as the buyer, resending, and the delivery history."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe import (
    accounts,
    buyer,
    dispute_orders,
    events,
    mail,
    misstating,
    payouts,
    session_buyer,
    timers,
)
from sandbox.stripe.courier import Courier
from sandbox.stripe.errors import ApiError, BadParameter, CardDeclined, RefusedByState
from sandbox.stripe.faults import FaultPlan
from sandbox.stripe.gateway import error_answer, read_body
from sandbox.stripe.server import Sandbox
from sandbox.stripe.test_cards import PAYMENT_METHODS
from sandbox.stripe.wire import Json, public
from sandbox.stripe.work import Work

Handler = Callable[[Request], Awaitable[Json]]

_MAX_HISTORY = 1_000


class _Money(BaseModel):
    amount: int = Field(ge=1)
    currency: str = Field(pattern="^[a-z]{3}$")


class ControlDesk:
    """The `/_sandbox` routes; they ask for the API key as the API does."""

    def __init__(self, sandbox: Sandbox, courier: Courier) -> None:
        self._sandbox = sandbox
        self._courier = courier

    def routes(self) -> list[Route]:
        """Give the desk's routes."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/_sandbox/faults", self._show_faults),
            ("POST", "/_sandbox/faults", self._set_faults),
            ("DELETE", "/_sandbox/faults", self._clear_faults),
            ("POST", "/_sandbox/intents/{id}/approve", self._approve),
            ("POST", "/_sandbox/intents/{id}/refuse", self._refuse),
            ("POST", "/_sandbox/intents/{id}/dispute", self._dispute),
            ("POST", "/_sandbox/disputes/{id}/decide", self._decide),
            ("POST", "/_sandbox/sessions/{id}/approve", self._approve_session),
            ("POST", "/_sandbox/sessions/{id}/refuse", self._refuse_session),
            ("POST", "/_sandbox/events/flush", self._flush),
            ("POST", "/_sandbox/events/{id}/resend", self._resend),
            ("GET", "/_sandbox/deliveries", self._deliveries),
            ("POST", "/_sandbox/statement", self._misstate),
            ("POST", "/_sandbox/payouts", self._pay_out),
            ("POST", "/_sandbox/fees", self._charge_fee),
            ("POST", "/_sandbox/topups", self._top_up),
            ("POST", "/_sandbox/accounts/{id}/onboard", self._onboard),
        )
        return [Route(path, self._guarded(act), methods=[verb]) for verb, path, act in table]

    def _guarded(self, act: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            try:
                self._sandbox.authenticate(request.headers.get("authorization", ""))
                body = await act(request)
            except ApiError as error:
                answer = error_answer(error)
                return Response(answer.body, answer.status_code, media_type="application/json")
            self._sandbox.mail_waits.set()
            return JSONResponse(body)

        return serve

    async def _show_faults(self, request: Request) -> Json:
        return self._sandbox.faults.plan.model_dump()

    async def _set_faults(self, request: Request) -> Json:
        try:
            plan = FaultPlan.model_validate(await _json(request))
        except ValidationError as error:
            raise BadParameter(str(error)) from error
        self._sandbox.faults.merge(plan)
        return self._sandbox.faults.plan.model_dump()

    async def _clear_faults(self, request: Request) -> Json:
        """Ends the faults, and what they held up: held events go out, pending things end."""
        self._sandbox.faults.clear()
        work = self._sandbox.work()
        with work.store.transaction():
            released = mail.release_held(work.store, now=work.now)
            timers.end_all(work)
        return {"released": released}

    async def _approve(self, request: Request) -> Json:
        choice = await _choice(request)
        return self._acted(
            lambda work: buyer.approve(work, intent_id=request.path_params["id"], **choice)
        )

    async def _refuse(self, request: Request) -> Json:
        method_type = (await _choice(request))["method_type"]
        return self._acted(
            lambda work: buyer.refuse(
                work, intent_id=request.path_params["id"], method_type=method_type
            )
        )

    async def _approve_session(self, request: Request) -> Json:
        choice = await _choice(request)
        return self._acted(
            lambda work: session_buyer.approve(work, session_id=request.path_params["id"], **choice)
        )

    async def _refuse_session(self, request: Request) -> Json:
        method_type = (await _choice(request))["method_type"]
        return self._acted(
            lambda work: session_buyer.refuse(
                work, session_id=request.path_params["id"], method_type=method_type
            )
        )

    def _acted(self, act: Callable[[Work], Json]) -> Json:
        """Act as the buyer, in one transaction."""
        work = self._sandbox.work()
        declined: CardDeclined | None = None
        body: Json = {}
        with work.store.transaction():
            try:
                body = act(work)
            except CardDeclined as error:
                # The failed attempt is a fact: it is committed before the refusal is told.
                declined = error
        self._sandbox.mail_waits.set()
        if declined is not None:
            raise declined
        return public(body)

    async def _dispute(self, request: Request) -> Json:
        """The buyer's bank takes the money back, or asks."""
        wish = dispute_orders.read_opening(await _json(request))
        work = self._sandbox.work()
        with work.store.transaction():
            return dispute_orders.open_as(work, wish, intent_id=request.path_params["id"])

    async def _decide(self, request: Request) -> Json:
        """The bank decides, or makes a dispute of an inquiry."""
        wish = dispute_orders.read_decision(await _json(request))
        work = self._sandbox.work()
        with work.store.transaction():
            return dispute_orders.decide_as(work, wish, dispute_id=request.path_params["id"])

    async def _flush(self, request: Request) -> Json:
        """Delivers what was held back, one after the other, the newest first."""
        held = mail.held(self._sandbox.store)
        return {"delivered": [await self._courier.deliver(delivery) for delivery in held]}

    async def _resend(self, request: Request) -> Json:
        if self._sandbox.config.webhook_url is None:
            raise RefusedByState("This account has no webhook endpoint.")
        work = self._sandbox.work()
        with work.store.transaction():
            return events.resend(work, event_id=request.path_params["id"])

    async def _deliveries(self, request: Request) -> Json:
        query = request.query_params
        attempts = mail.history(
            self._sandbox.store,
            after=_whole_number(query.get("after", "0")),
            limit=_MAX_HISTORY,
            event_id=query.get("event_id"),
        )
        return {
            "attempts": attempts,
            "has_more": len(attempts) == _MAX_HISTORY,
            "states": mail.states(self._sandbox.store),
        }

    async def _misstate(self, request: Request) -> Json:
        """Makes the statement say something wrong of one entry."""
        try:
            wrong = misstating.Misstatement.model_validate(await _json(request))
        except ValidationError as error:
            raise BadParameter(str(error)) from error
        work = self._sandbox.work()
        with work.store.transaction():
            return misstating.misstate(work, wrong)

    async def _pay_out(self, request: Request) -> Json:
        """Pays to the platform's bank, as the provider does by itself every day."""
        work, wish = self._sandbox.work(), await _money(request)
        with work.store.transaction():
            return payouts.pay_out(work, amount_minor=wish.amount, currency=wish.currency)

    async def _charge_fee(self, request: Request) -> Json:
        """Charges the account for something that is no payment."""
        work, wish = self._sandbox.work(), await _money(request)
        with work.store.transaction():
            return payouts.charge_fee(work, amount_minor=wish.amount, currency=wish.currency)

    async def _top_up(self, request: Request) -> Json:
        """Puts money of the platform's bank account into the balance, available at once."""
        work, wish = self._sandbox.work(), await _money(request)
        with work.store.transaction():
            return payouts.top_up(work, amount_minor=wish.amount, currency=wish.currency)

    async def _onboard(self, request: Request) -> Json:
        """Acts as an account's holder; `complete` false: something is missing."""
        complete = bool((await _json(request)).get("complete", True))
        work, account_id = self._sandbox.work(), request.path_params["id"]
        with work.store.transaction():
            return public(accounts.onboard(work, account_id=account_id, complete=complete))


async def _money(request: Request) -> _Money:
    try:
        return _Money.model_validate(await _json(request))
    except ValidationError as error:
        raise BadParameter(str(error)) from error


async def _choice(request: Request) -> dict[str, Any]:
    """What the buyer picks: a type, and a test card by the name that Stripe gives it."""
    told = await _json(request)
    method_type, card = told.get("payment_method_type"), told.get("card")
    if card is not None and card not in PAYMENT_METHODS:
        raise BadParameter("No such test card.", param="card")
    return {
        "method_type": None if method_type is None else str(method_type),
        "card": None if card is None else PAYMENT_METHODS[card],
    }


async def _json(request: Request) -> dict[str, Any]:
    body = await read_body(request)
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise BadParameter("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise BadParameter("The body is not a JSON object.")
    return value


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise BadParameter("Invalid integer", param="after")
    return int(text)
