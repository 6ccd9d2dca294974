"""The way of an API request: key, faults, parameters, idempotency, one transaction, answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.stripe import idempotency
from sandbox.stripe.clock import now_seconds
from sandbox.stripe.config import API_VERSION
from sandbox.stripe.errors import (
    ApiError,
    BadParameter,
    CardDeclined,
    Forbidden,
    KeyInUse,
    ProviderDown,
    RateLimited,
)
from sandbox.stripe.forms import Pairs, nest, read_pairs
from sandbox.stripe.idempotency import Answer
from sandbox.stripe.ids import new_id
from sandbox.stripe.listing import rendered
from sandbox.stripe.operation import Operation
from sandbox.stripe.parameters import TextList, read_fields
from sandbox.stripe.server import Sandbox
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

_MAX_BODY_BYTES = 1_048_576
_MAX_KEY_LETTERS = 255

Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(sandbox: Sandbox, operation: Operation) -> Endpoint:
    """Give the operation's HTTP endpoint."""

    async def serve(request: Request) -> Response:
        work = sandbox.work(
            request_id=new_id("req_", length=14),
            idempotency_key=_idempotency_key(request),
            api_version=request.headers.get("stripe-version", API_VERSION),
        )
        try:
            answer = await _answer(sandbox, operation, request, work)
        except ApiError as error:
            answer = error_answer(error)
        return _response(work, answer)

    return serve


def error_answer(error: ApiError) -> Answer:
    """Give the answer that an error makes."""
    return Answer(status_code=error.status_code, body=orjson.dumps(error.body()))


async def read_body(request: Request) -> bytes:
    """Read the body, or raise BadParameter when it is over 1 MiB."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > _MAX_BODY_BYTES:
            raise BadParameter("Invalid request: the body is too large.")
    return bytes(chunks)


async def _answer(sandbox: Sandbox, operation: Operation, request: Request, work: Work) -> Answer:
    sandbox.authenticate(request.headers.get("authorization", ""))
    _check_account(sandbox, request)
    path = request.url.path
    if sandbox.faults.rate_limits(path=path):
        raise RateLimited("Too many requests hit the API too quickly.", code="rate_limit")
    broken = sandbox.faults.server_error(path=path)
    if broken is not None and not broken.after_work:
        raise ProviderDown(status_code=broken.status_code)
    body = await read_body(request)
    query = request.url.query.encode()
    pairs = read_pairs(body if operation.method == "POST" else query)
    with _key_held(sandbox, work):
        await asyncio.sleep(sandbox.faults.slow_seconds(path=path))
        answer = _perform_once(operation, request, replace(work, now=now_seconds()), pairs)
    sandbox.mail_waits.set()
    if broken is not None:
        raise ProviderDown(status_code=broken.status_code)
    return answer


@contextmanager
def _key_held(sandbox: Sandbox, work: Work) -> Iterator[None]:
    key = work.idempotency_key
    if key is None:
        yield
        return
    if not 0 < len(key) <= _MAX_KEY_LETTERS:
        raise BadParameter(f"An idempotency key has 1 to {_MAX_KEY_LETTERS} characters.")
    if key in sandbox.keys_in_use:
        raise KeyInUse(
            f"There is currently another in-progress request using this Stripe-Idempotent key "
            f"({key}). Please try again later.",
            code="idempotency_key_in_use",
        )
    sandbox.keys_in_use.add(key)
    try:
        yield
    finally:
        sandbox.keys_in_use.discard(key)


def _perform_once(operation: Operation, request: Request, work: Work, pairs: Pairs) -> Answer:
    if work.idempotency_key is None:
        return _perform(operation, request, work, pairs)
    mark = idempotency.fingerprint(method=request.method, path=request.url.path, pairs=pairs)
    first = idempotency.recall(work, fingerprint=mark)
    return first or _perform(operation, request, work, pairs, mark=mark)


def _perform(
    operation: Operation, request: Request, work: Work, pairs: Pairs, *, mark: str | None = None
) -> Answer:
    """The work and the memory of its answer are one transaction: a crash keeps both or none."""
    try:
        with work.store.transaction():
            answer = _run(operation, request, work, pairs)
            _remember(work, answer, mark=mark)
    except ApiError as error:
        answer = error_answer(error)
        if error.endpoint_started:
            with work.store.transaction():
                _remember(work, answer, mark=mark)
    return answer


def _run(operation: Operation, request: Request, work: Work, pairs: Pairs) -> Answer:
    fields = {**operation.fields, "expand": TextList()}
    params: dict[str, Any] = read_fields(
        fields=fields, required=operation.required, raw=nest(pairs)
    )
    try:
        body = operation.perform(work, params, request.path_params.get("id", ""))
    except CardDeclined as declined:
        # Caught inside the transaction: the failed attempt is a fact, and stays.
        return error_answer(declined)
    return _ok(rendered(work, body, expand=params.get("expand", [])))


def _remember(work: Work, answer: Answer, *, mark: str | None) -> None:
    if mark is not None:
        idempotency.remember(work, answer, fingerprint=mark)


def _ok(body: Json) -> Answer:
    return Answer(status_code=200, body=orjson.dumps(body))


def _idempotency_key(request: Request) -> str | None:
    return request.headers.get("idempotency-key") if request.method == "POST" else None


def _check_account(sandbox: Sandbox, request: Request) -> None:
    account = request.headers.get("stripe-account")
    if account is not None and account != sandbox.config.account_id:
        raise Forbidden(
            f"The provided key does not have access to account '{account}' (or that account does "
            "not exist).",
            code="account_invalid",
        )


def _response(work: Work, answer: Answer) -> Response:
    headers = {
        "request-id": work.request_id or "",
        "stripe-version": work.api_version,
    }
    if work.idempotency_key is not None:
        headers["idempotency-key"] = work.idempotency_key
        headers["original-request"] = answer.replay_of or work.request_id or ""
    if answer.replay_of is not None:
        headers["idempotent-replayed"] = "true"
    return Response(
        answer.body,
        status_code=answer.status_code,
        media_type="application/json",
        headers=headers,
    )
