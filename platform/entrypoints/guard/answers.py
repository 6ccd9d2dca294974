"""The guard's own answers, and the headers on everybody's."""

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.types import Message, Scope, Send

from kernel.log import current_request_id

_API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY: Final = "frame-ancestors 'none'"
_EVERY_ANSWER: Final = (
    (b"x-content-type-options", b"nosniff"),
    # Not `no-referrer`: with that a browser sends `Origin: null` with its own site's forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_FOR_API: Final = (*_EVERY_ANSWER, (b"content-security-policy", _API_POLICY.encode()))
_FOR_PAGES: Final = (*_EVERY_ANSWER, (b"content-security-policy", _PAGE_POLICY.encode()))
_REQUEST_ID: Final = b"x-request-id"


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
    """Build the answer to a request for which there is no place."""
    return RequestRefused(
        503,
        "OVERLOADED",
        "The service is busy. Try again in a moment.",
        headers={"retry-after": str(retry_after_seconds)},
    )


def too_slow(*, retry_after_seconds: int) -> RequestRefused:
    """Build the answer to a request that ran out of time."""
    return RequestRefused(
        503,
        "DEADLINE_EXCEEDED",
        "The request took too long. Try again in a moment.",
        headers={"retry-after": str(retry_after_seconds)},
    )


def internal_error() -> RequestRefused:
    """Build the answer to a request that met a bug of ours."""
    return RequestRefused(500, "INTERNAL", "Internal error")


async def send_refusal(scope: Scope, send: Send, refused: RequestRefused) -> None:
    """Answer with the refusal as a GraphQL error document."""
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
    """Add the headers that an answer does not set itself.

    `no-store` is the default because an answer may hold a key; what may be cached says so.
    """
    headers: list[tuple[bytes, bytes]] = list(start.get("headers", ()))
    own = {name.lower() for name, _ in headers}
    headers += [pair for pair in (_FOR_API if api else _FOR_PAGES) if pair[0] not in own]
    headers = [pair for pair in headers if pair[0].lower() != _REQUEST_ID]
    headers.append((_REQUEST_ID, current_request_id().encode()))
    start["headers"] = headers
