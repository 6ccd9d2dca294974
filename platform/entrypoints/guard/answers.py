"""The guard's own answers, and the headers on everybody's."""

from collections.abc import Mapping

import orjson
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from kernel.log import current_request_id

_EVERY_ANSWER = {
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with that a browser sends `Origin: null` with its own site's forms.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = "frame-ancestors 'none'"


class RequestRefused(Exception):
    """The request will not be handed on; carries the answer."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def overloaded(*, retry_after_seconds: int) -> RequestRefused:
    """This function will build the answer to a request for which there is no place."""
    return RequestRefused(
        503,
        "OVERLOADED",
        "The service is busy. Try again in a moment.",
        headers={"retry-after": str(retry_after_seconds)},
    )


def too_slow(*, retry_after_seconds: int) -> RequestRefused:
    """This function will build the answer to a request that ran out of time."""
    return RequestRefused(
        503,
        "DEADLINE_EXCEEDED",
        "The request took too long. Try again in a moment.",
        headers={"retry-after": str(retry_after_seconds)},
    )


def internal_error() -> RequestRefused:
    """This function will build the answer to a request that met a bug of ours."""
    return RequestRefused(500, "INTERNAL", "Internal error")


async def send_refusal(scope: Scope, send: Send, refused: RequestRefused) -> None:
    """This function will answer with the refusal as a GraphQL error document."""
    extensions = {"code": refused.code, "requestId": current_request_id()}
    body = orjson.dumps({"errors": [{"message": refused.message, "extensions": extensions}]})
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "content-security-policy": _API_POLICY,
        **refused.headers,
    }
    if refused.status == 413 and scope.get("http_version", "1.1").startswith("1"):
        # Otherwise the server reads the rest, however long, to find the next request behind it.
        headers["connection"] = "close"
    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw_headers})
    sent = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": sent, "more_body": False})


def add_security_headers(start: Message, *, api: bool) -> None:
    """This function will add the headers that an answer does not set itself.

    `no-store` is the default because an answer may hold a key; what may be cached says so.
    """
    headers = MutableHeaders(raw=start.setdefault("headers", []))
    for name, value in _EVERY_ANSWER.items():
        headers.setdefault(name, value)
    headers.setdefault("content-security-policy", _API_POLICY if api else _PAGE_POLICY)
    headers["x-request-id"] = current_request_id()
