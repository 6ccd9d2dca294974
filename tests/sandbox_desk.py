"""Real servers on free ports of this machine: the sandbox, and a shop that hears its webhooks."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from patience import PATIENCE_SECONDS
from sandbox.stripe.app import create_app
from sandbox.stripe.config import SandboxConfig

API_KEY = "sk_test_abcdefghijklmnop"
WEBHOOK_SECRET = "whsec_sandbox_tests"


def listening_socket() -> socket.socket:
    """A socket that listens on a free port of 127.0.0.1, so that nobody else can take it."""
    # With the protocol named, asyncio switches Nagle's algorithm off: 40 ms less an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def url_of(listening: socket.socket) -> str:
    """The base address of a server on this socket."""
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def served(app: ASGIApp, listening: socket.socket) -> Iterator[None]:
    """Serve the application in a thread of its own until the block ends."""
    config = uvicorn.Config(
        app, log_level="warning", ws="none", lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE_SECONDS)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for the condition in a thread of no loop; fail when it does not come in time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for the condition without stopping the loop; fail when it does not come in time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        await asyncio.sleep(0.01)


@dataclass
class Shop:
    """Hears webhooks, keeps each as (body, signature), and answers as it is told."""

    url: str = ""
    heard: list[tuple[bytes, str]] = field(default_factory=list)
    next_status_codes: list[int] = field(default_factory=list)

    def afresh(self) -> "Shop":
        """The same shop, which has heard nothing yet."""
        self.heard.clear()
        self.next_status_codes.clear()
        return self

    def app(self) -> Starlette:
        """The shop's server."""
        return Starlette(routes=[Route("/webhook", self._hear, methods=["POST"])])

    async def _hear(self, request: Request) -> Response:
        self.heard.append((await request.body(), request.headers["stripe-signature"]))
        return Response(
            status_code=self.next_status_codes.pop(0) if self.next_status_codes else 200
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events heard, in the order of their arrival."""
        return [json.loads(body) for body, _ in self.heard]

    def types(self, *, about: str) -> list[str]:
        """The types of the events heard about one payment, in the order of their arrival."""
        return [event["type"] for event in self.events if about in json.dumps(event["data"])]


@dataclass(frozen=True)
class Desk:
    """A running sandbox: its configuration, the real client, and its control routes."""

    config: SandboxConfig
    client: stripe.StripeClient
    http: httpx.AsyncClient

    async def fault(self, **plan: Any) -> None:
        """Put faults in force."""
        (await self.http.post("/_sandbox/faults", json=plan)).raise_for_status()

    async def clear_faults(self) -> None:
        """End the faults and what they held up."""
        (await self.http.delete("/_sandbox/faults")).raise_for_status()

    async def approve(self, intent_id: str, **choice: str) -> httpx.Response:
        """Approve as the buyer."""
        return await self.http.post(f"/_sandbox/intents/{intent_id}/approve", json=choice)

    async def refuse(self, intent_id: str, **choice: str) -> httpx.Response:
        """Refuse as the buyer."""
        return await self.http.post(f"/_sandbox/intents/{intent_id}/refuse", json=choice)

    async def deliveries(self, *, attempts: int = 0, **query: str) -> dict[str, Any]:
        """The history of delivery attempts, once it has so many.

        An attempt is written down after the shop has answered: the shop knows of it earlier.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self.http.get("/_sandbox/deliveries", params=query)
            answer.raise_for_status()
            history: dict[str, Any] = answer.json()
            if len(history["attempts"]) >= attempts:
                return history
            assert time.monotonic() < end, f"only {len(history['attempts'])} attempts"
            await asyncio.sleep(0.01)

    async def paid(
        self, *, idempotency_key: str | None = None, **params: Any
    ) -> stripe.PaymentIntent:
        """A payment of 10.00 CNY by card that succeeded at once, unless told otherwise."""
        wish: Any = {
            "amount": 1_000,
            "currency": "cny",
            "allowed_payment_method_types": ["card"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            **params,
        }
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
        return await self.client.v1.payment_intents.create_async(wish, options)

    async def waiting(self, method_type: str = "alipay", **params: Any) -> stripe.PaymentIntent:
        """A payment by wallet that waits for its buyer."""
        return await self.paid(
            allowed_payment_method_types=[method_type],
            payment_method=None,
            payment_method_data={"type": method_type},
            payment_method_options={"wechat_pay": {"client": "web"}},
            return_url="https://shop.example/return?order=7",
            **params,
        )


@contextmanager
def shop_running() -> Iterator[Shop]:
    """Serve a shop that hears webhooks until the block ends."""
    listening = listening_socket()
    shop = Shop(url=f"{url_of(listening)}/webhook")
    with served(shop.app(), listening):
        yield shop


@contextmanager
def sandbox_running(config: SandboxConfig, listening: socket.socket) -> Iterator[None]:
    """Serve one sandbox account until the block ends."""
    with served(create_app(config), listening):
        yield


@asynccontextmanager
async def desk_of(config: SandboxConfig) -> AsyncIterator[Desk]:
    """Clients of a running sandbox; the real Stripe client does not retry by itself."""
    transport = stripe.HTTPXClient(verify_ssl_certs=False)  # plain HTTP, on this machine
    client = stripe.StripeClient(
        config.api_key,
        base_addresses={"api": config.public_url},
        http_client=transport,
        max_network_retries=0,
    )
    headers = {"authorization": f"Bearer {config.api_key}"}
    async with httpx.AsyncClient(base_url=config.public_url, headers=headers, verify=False) as http:
        try:
            yield Desk(config=config, client=client, http=http)
        finally:
            await transport._client_async.aclose()  # the client's own closing carries no types
