"""The control desk of tests: faults, acting as the buyer, resending, and the delivery history."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.stripe import buyer, events, mail, timers
from sandbox.stripe.courier import Courier
from sandbox.stripe.errors import ApiError, BadParameter, CardDeclined, RefusedByState
from sandbox.stripe.faults import FaultPlan
from sandbox.stripe.gateway import error_answer, read_body
from sandbox.stripe.server import Sandbox
from sandbox.stripe.wire import Json, public

Handler = Callable[[Request], Awaitable[Json]]

_MAX_HISTORY = 1_000


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
            ("POST", "/_sandbox/events/flush", self._flush),
            ("POST", "/_sandbox/events/{id}/resend", self._resend),
            ("GET", "/_sandbox/deliveries", self._deliveries),
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
        method_type = await _method_type(request)
        work = self._sandbox.work()
        declined: CardDeclined | None = None
        intent: Json = {}
        with work.store.transaction():
            try:
                intent = buyer.approve(
                    work, intent_id=request.path_params["id"], method_type=method_type
                )
            except CardDeclined as error:
                # The failed attempt is a fact: it is committed before the refusal is told.
                declined = error
        self._sandbox.mail_waits.set()
        if declined is not None:
            raise declined
        return public(intent)

    async def _refuse(self, request: Request) -> Json:
        method_type = await _method_type(request)
        work = self._sandbox.work()
        with work.store.transaction():
            intent = buyer.refuse(
                work, intent_id=request.path_params["id"], method_type=method_type
            )
        return public(intent)

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


async def _method_type(request: Request) -> str | None:
    chosen = (await _json(request)).get("payment_method_type")
    return None if chosen is None else str(chosen)


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
