"""GET of a document by its name: the parameters stand in the URL, so that a cache can hold it."""

from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Scope

from entrypoints.guard.answers import RequestRefused
from entrypoints.guard.bodies import names_document, parse_json, require_graphql_parameters

_MAX_BYTES: Final = 8_192
_TEXTS: Final = ("documentId", "operationName")
_OBJECTS: Final = ("variables", "extensions")


def names_document_in_url(scope: Scope) -> bool:
    """Say whether a request is a GET that may name a document.

    Any other GET is refused as it always was: no text of a document is taken from a URL.
    """
    query: bytes = scope.get("query_string", b"")
    return scope["method"] == "GET" and (b"documentId=" in query or b"extensions=" in query)


def parse_graphql_query_string(scope: Scope, *, max_depth: int) -> dict[str, Any]:
    """Read the parameters in a URL, or raise `RequestRefused` (400, 405, 414).

    A parameter that GraphQL does not have is refused: it would only split a cache.
    """
    raw: bytes = scope["query_string"]
    if len(raw) > _MAX_BYTES:
        message = f"The query string is longer than {_MAX_BYTES} bytes."
        raise RequestRefused(414, "URI_TOO_LONG", message)
    parameters = _parameters(raw, max_depth=max_depth)
    if not names_document(parameters):
        message = "Send GraphQL requests with POST."
        raise RequestRefused(405, "METHOD_NOT_ALLOWED", message, headers={"allow": "POST"})
    require_graphql_parameters(parameters)
    return parameters


def _parameters(raw: bytes, *, max_depth: int) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=len(_TEXTS) + len(_OBJECTS),
        )
    except ValueError:
        raise _bad("The query string is not in order.") from None
    parameters: dict[str, Any] = {}
    for name, value in pairs:
        if name in parameters or name not in (*_TEXTS, *_OBJECTS):
            raise _bad(f"A URL may hold each of {', '.join((*_TEXTS, *_OBJECTS))} once.")
        if "\0" in value:
            raise _bad("A text holds the character U+0000.")
        is_object = name in _OBJECTS
        parameters[name] = parse_json(value.encode(), max_depth=max_depth) if is_object else value
    return parameters


def _bad(message: str) -> RequestRefused:
    return RequestRefused(400, "BAD_REQUEST", message)
