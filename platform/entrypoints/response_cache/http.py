"""The cache in front of the GraphQL view: a guest's question about the catalogue, asked again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entrypoints.guard.bodies import GRAPHQL_BODY, read_body, replay
from entrypoints.response_cache.cache import CacheKey, ResponseCache
from schema.context import ANONYMOUS, prefers_english
from schema.public_reads import is_public_read
from tenants.directory import Shop

MAX_QUESTION_BYTES: Final = 16 * 1024
_JSON: Final = "application/json"
_ERRORS: Final = b'"errors"'


class CachedView:
    """An ASGI application: answers what has been asked before, and asks the view for the rest."""

    def __init__(self, view: ASGIApp, cache: ResponseCache) -> None:
        self._view = view
        self._cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """This function will answer one request."""
        if not _may_be_public(scope):
            await self._view(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = await read_body(receive, headers=headers, max_bytes=MAX_QUESTION_BYTES)
        shop: Shop = scope["kameng.shop"]
        key = CacheKey(shop.id, shop.version, audience(shop, headers), body)
        entry = self._cache.kept(key)
        if entry is None and _is_public(scope.get(GRAPHQL_BODY)):
            said = _Said()

            async def ask() -> bytes | None:
                await self._view(scope, replay(body, receive), said.note)
                return said.public_body

            entry = await self._cache.answer(key, shop, ask)
            if entry is None and said.messages:
                await said.repeat(send)
                return
        if entry is None:
            await self._view(scope, replay(body, receive), send)
            return
        await _answer(entry.body, send)


def audience(shop: Shop, headers: Headers) -> str:
    """This function will say what a guest's answers depend on, beside the question."""
    english = prefers_english(shop, headers.get("accept-language", ""))
    return f"{ANONYMOUS}:{'en' if english else 'zh'}"


@dataclass(slots=True)
class _Said:
    """What the view has said: kept back until it is known to be for everybody."""

    messages: list[Message] = field(default_factory=list)

    async def note(self, message: Message) -> None:
        self.messages.append(message)

    async def repeat(self, send: Send) -> None:
        for message in self.messages:
            await send(message)

    @property
    def public_body(self) -> bytes | None:
        """The answer, if it is one without errors."""
        start, *rest = self.messages
        if start["status"] != 200 or Headers(raw=start["headers"]).get("content-type") != _JSON:
            return None
        body = b"".join(message.get("body", b"") for message in rest)
        return None if _ERRORS in body else body


def _may_be_public(scope: Scope) -> bool:
    """A guest's question that is small enough to be remembered."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    headers = Headers(scope=scope)
    length = headers.get("content-length", "")
    return (
        "authorization" not in headers
        and headers.get("content-type", "").partition(";")[0].strip() == _JSON
        and length.isdecimal()
        and len(length) < 9
        and int(length) <= MAX_QUESTION_BYTES
    )


def _is_public(question: Mapping[str, Any] | None) -> bool:
    """Whether the body, which the guard has read, asks for the public catalogue alone."""
    if not isinstance(question, dict):
        return False
    document, operation = question.get("query"), question.get("operationName")
    return (
        isinstance(document, str)
        and (operation is None or isinstance(operation, str))
        and is_public_read(document, operation)
    )


async def _answer(body: bytes, send: Send) -> None:
    headers = [
        (b"content-type", _JSON.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
