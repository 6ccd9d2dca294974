"""The product's web process inside the test's own, spoken to in HTTP and WebSocket messages."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

from patience import PATIENCE_SECONDS
from world import Person, ShopAt

_LAST_WORDS = ("next", "error", "complete")


@dataclass(frozen=True)
class Answer:
    """What came back: the whole text for searching, and the parsed body."""

    status: int
    text: str
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        """The root field's value; None where there is none."""
        return next(iter((self.body.get("data") or {}).values()), None)

    @property
    def accepted(self) -> Any:
        """The root field's value; a refusal fails the test."""
        assert not self.refused, self.text
        return self.data

    @property
    def codes(self) -> set[str]:
        """The codes of the errors, and of the `Problem` if the answer is one."""
        errors = self.body.get("errors") or []
        codes = {(error.get("extensions") or {}).get("code", "NONE") for error in errors}
        if isinstance(self.data, dict) and self.data.get("__typename") == "Problem":
            codes.add(self.data["code"])
        return codes

    @property
    def refused(self) -> bool:
        """True for an error, a `Problem`, or nothing at all."""
        return bool(self.codes) or self.status >= 400

    @property
    def without_ids(self) -> dict[str, Any]:
        """The body without what differs between two equal requests."""
        errors = [
            {**error, "extensions": {**(error.get("extensions") or {}), "requestId": None}}
            for error in self.body.get("errors") or []
        ]
        return {**self.body, "errors": errors}


class Api:
    """A client of the application. Use as a context manager."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://127.0.0.1",
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        shop: ShopAt,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        by: Person | None = None,
    ) -> Answer:
        """Send a query or mutation to a shop."""
        content = json.dumps({"query": document, "variables": variables or {}})
        return await self.send(shop, content.encode(), by=by)

    async def send(self, shop: ShopAt, content: bytes, *, by: Person | None = None) -> Answer:
        """Send a body as it is."""
        response = await self._http.post("/graphql/", content=content, headers=_headers(shop, by))
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        body = response.json()
        assert isinstance(body, dict), response.text
        return Answer(response.status_code, f"{headers}\n{response.text}", body)

    async def read(self, shop: ShopAt, path: str, *, by: Person | None = None) -> str:
        """Fetch a page or a file from a shop's address, as text; what is hidden there, too."""
        response = await self._http.get(path, headers=_headers(shop, by))
        assert response.status_code in (200, 404), f"{path}: {response.status_code}"
        return response.text

    async def watch(
        self,
        shop: ShopAt,
        document: str,
        variables: dict[str, Any],
        *,
        by: Person | None = None,
        then: Callable[[], Awaitable[object]] | None = None,
    ) -> Answer:
        """Start a subscription, and return its first event or its end.

        With `then`: what comes next, after that has been done.
        """
        socket = _Socket(self._app, shop, by)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await socket.answer({"query": document, "variables": variables}, then=then)


def _headers(shop: ShopAt, by: Person | None) -> dict[str, str]:
    return {
        "host": shop.host,
        "content-type": "application/json",
        "x-kameng-client": "tests",
        "accept-language": "en",
        **(by.headers if by else {}),
    }


class _Socket:
    """One WebSocket by the graphql-transport-ws protocol, from the browser's side."""

    def __init__(self, app: ASGIApp, shop: ShopAt, by: Person | None) -> None:
        self._app = app
        self._headers = [(k.encode(), v.encode()) for k, v in _headers(shop, by).items()]
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()

    async def answer(
        self, payload: dict[str, Any], *, then: Callable[[], Awaitable[object]] | None
    ) -> Answer:
        """Connect, subscribe, hear one thing or the one after it, leave."""
        running = asyncio.create_task(self._run())
        try:
            await self._to_app.put({"type": "websocket.connect"})
            await self._say({"type": "connection_init"})
            await self._say({"type": "subscribe", "id": "1", "payload": payload})
            heard = await self._hear()
            if then is not None:
                await then()
                heard = await self._hear()
            return heard
        finally:
            await self._to_app.put({"type": "websocket.disconnect", "code": 1000})
            async with asyncio.timeout(PATIENCE_SECONDS):
                await running

    async def _run(self) -> None:
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/graphql/",
            "raw_path": b"/graphql/",
            "query_string": b"",
            "root_path": "",
            "headers": self._headers,
            "subprotocols": ["graphql-transport-ws"],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _say(self, message: dict[str, Any]) -> None:
        await self._to_app.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def _hear(self) -> Answer:
        while True:
            message = await self._from_app.get()
            if message["type"] == "websocket.close":
                return Answer(400, json.dumps(message), {"errors": [{"message": "closed"}]})
            if message["type"] != "websocket.send":
                continue
            heard = json.loads(message["text"])
            if heard["type"] in _LAST_WORDS:
                return Answer(200, message["text"], _as_body(heard))


def _as_body(heard: dict[str, Any]) -> dict[str, Any]:
    payload = heard.get("payload")
    if heard["type"] == "error":
        return {"data": None, "errors": payload}
    return payload if isinstance(payload, dict) else {"data": None}
