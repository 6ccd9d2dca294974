"""Bodies: read with a bound, and for GraphQL checked to be what the specification means."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope

from entrypoints.guard.answers import RequestRefused
from entrypoints.guard.fields import HeaderFields

GRAPHQL_BODY = "kameng.graphql_body"
"""The key in an ASGI scope under which the parsed body of a GraphQL request stands."""

CLIENT_HEADER = "x-kameng-client"

# Strings first, so that a bracket in a text does not count. Possessive: a hostile body cannot
# make the expression try again, and the optional end takes a string that nobody closed.
_JSON_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+["\\]?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_BRACKETS_TO_ONE_KIND = bytes.maketrans(b"[]", b"{}")


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


def may_have_body(headers: HeaderFields) -> bool:
    """Say whether a request announces a body at all."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def read_body(receive: Receive, *, headers: HeaderFields, max_bytes: int) -> bytes:
    """Read a request's whole body, at most `max_bytes` of it.

    Raises `RequestRefused` (413) as soon as the announced or the counted length passes the bound,
    and `ClientLeft` when the connection ends first.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and (len(announced) > 15 or int(announced) > max_bytes):
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def replay(body: bytes, receive: Receive) -> Receive:
    """Give a `receive` that hands out a body which has been read already."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return pending.pop() if pending else await receive()

    return receive_again


def require_graphql_request(scope: Scope, headers: HeaderFields) -> None:
    """Raise `RequestRefused` unless method and headers are those of our API.

    A page on another site can send a form, but neither JSON nor a header of its own without
    asking first; that is what keeps a visitor's cookies from being used by others.
    """
    if scope["method"] != "POST":
        message = "Send GraphQL requests with POST."
        raise RequestRefused(405, "METHOD_NOT_ALLOWED", message, headers={"allow": "POST"})
    if not _is_json(headers.getlist("content-type")):
        raise _unsupported("Send GraphQL requests as application/json in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _unsupported("Send the body without a content encoding.")
    bearer = headers.get("authorization", "")[:7].lower() == "bearer "
    if not bearer and not headers.get(CLIENT_HEADER, "").strip():
        raise RequestRefused(
            400, "CLIENT_HEADER_REQUIRED", "Name the client in the header X-Kameng-Client."
        )


def canonical_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Write the content type of a checked request in its one usual way.

    Media types do not know upper and lower case, but code that compares them may.
    """
    return [
        (name, b"application/json" if name == b"content-type" else value)
        for name, value in scope["headers"]
    ]


def parse_graphql_body(body: bytes, *, max_depth: int) -> dict[str, Any]:
    """Parse a GraphQL request, or raise `RequestRefused` (400)."""
    parsed = parse_json(body, max_depth=max_depth)
    if isinstance(parsed, list):
        raise _bad("BATCHING_NOT_SUPPORTED", "Send one operation per request.")
    if not isinstance(parsed, dict):
        raise _bad("BAD_REQUEST", "The body must be a JSON object.")
    require_graphql_parameters(parsed)
    return parsed


def parse_json(body: bytes, *, max_depth: int) -> object:
    """Parse UTF-8 JSON, or raise `RequestRefused` (400).

    What is refused beside broken JSON: more than `max_depth` levels, lone surrogates, numbers
    beyond a double, and U+0000 in any text, which no PostgreSQL text can hold.
    """
    if _is_deeper_than(max_depth, body):
        raise _bad("JSON_TOO_DEEP", f"The JSON nests more than {max_depth} levels deep.")
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad("MALFORMED_JSON", "The body is not valid JSON in UTF-8.") from None
    # The escape may be an escaped backslash before "u0000"; only then is it worth a walk.
    if rb"\u0000" in body and _has_nul(parsed):
        raise _bad("MALFORMED_JSON", "A text holds the character U+0000.")
    return parsed


def require_graphql_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise `RequestRefused` (400) unless each parameter has its type."""
    query = parameters.get("query")
    if query is None and names_document(parameters):
        pass  # the document's hash stands for its text
    elif not isinstance(query, str) or not query.strip():
        raise _bad("BAD_REQUEST", "`query` must be a text with a GraphQL document.")
    operation_name = parameters.get("operationName")
    if not isinstance(operation_name, str | None):
        raise _bad("BAD_REQUEST", "`operationName` must be a text or null.")
    for name in ("variables", "extensions"):
        if not isinstance(parameters.get(name), dict | None):
            raise _bad("BAD_REQUEST", f"`{name}` must be an object or null.")


def names_document(parameters: Mapping[str, Any]) -> bool:
    """Say whether a request names its document by a hash."""
    extensions = parameters.get("extensions")
    persisted = isinstance(extensions, dict) and isinstance(extensions.get("persistedQuery"), dict)
    return persisted or isinstance(parameters.get("documentId"), str)


def _is_deeper_than(max_depth: int, body: bytes) -> bool:
    """Peel the innermost pairs off, once for each level that is allowed; is anything left?

    All in C: the time is that of a few passes over the body. Unbalanced brackets are left over as
    well, and would be refused by the parser anyway.
    """
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return False
    without_strings = _JSON_STRING.sub(b"", body)
    brackets = without_strings.translate(_BRACKETS_TO_ONE_KIND, _ALL_BUT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"")
    return bool(brackets)


def _has_nul(value: object) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


def _is_json(content_types: list[str]) -> bool:
    if len(content_types) != 1:
        return False
    media_type, *parameters = (part.strip().lower() for part in content_types[0].split(";"))
    charsets = ("charset=utf-8", 'charset="utf-8"')
    return media_type == "application/json" and all(p in charsets for p in parameters if p)


def _bad(code: str, message: str) -> RequestRefused:
    return RequestRefused(400, code, message)


def _unsupported(message: str) -> RequestRefused:
    return RequestRefused(415, "UNSUPPORTED_MEDIA_TYPE", message)


def _too_large(max_bytes: int) -> RequestRefused:
    return RequestRefused(413, "BODY_TOO_LARGE", f"The body is larger than {max_bytes} bytes.")
