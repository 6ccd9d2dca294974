"""A buyer watches an order over `graphql-transport-ws` while it changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from patience import PATIENCE_SECONDS
from stories.buyers import Buyer, Json, Purchase
from stories.documents import WATCH
from stories.market import Market

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

_PROTOCOL = Subprotocol("graphql-transport-ws")


@asynccontextmanager
async def _socket(buyer: Buyer) -> AsyncIterator[ClientConnection]:
    """An open socket at the buyer's shop, after `connection_init` with the buyer's token."""
    port = buyer.platform.api_port
    address = f"ws://{buyer.shop.host}:{port}/graphql/"
    async with connect(address, subprotocols=[_PROTOCOL], host="127.0.0.1", port=port) as socket:
        payload = buyer.person.headers if buyer.person else {}
        await _send(socket, type="connection_init", payload=payload)
        assert (await _next(socket))["type"] == "connection_ack"
        yield socket


async def _send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def _next(socket: ClientConnection) -> Json:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            message: Json = json.loads(await socket.recv())
            if message["type"] not in ("ping", "pong"):
                return message


async def _watch(socket: ClientConnection, purchase: Purchase) -> None:
    variables = {"no": purchase.no, "token": purchase.guest_token}
    await _send(socket, id="1", type="subscribe", payload={"query": WATCH, "variables": variables})


async def _event(socket: ClientConnection) -> Json:
    """The next event of the order."""
    message = await _next(socket)
    assert message["type"] == "next", message
    assert not message["payload"].get("errors"), message
    event: Json = message["payload"]["data"]["orderUpdated"]
    return event


async def _end(socket: ClientConnection) -> list[str]:
    """The error codes with which a subscription ends, in whichever message they come."""
    codes: list[str] = []
    while True:
        message = await _next(socket)
        errors = message.get("payload") or []
        if message["type"] == "next":
            errors = message["payload"]["errors"]
        codes += [error.get("extensions", {}).get("code", "") for error in errors]
        if message["type"] in ("complete", "error"):
            return codes


@pytest.mark.parametrize("who", ["customer", "guest"])
async def test_the_buyer_sees_the_order_waiting_and_then_delivered(
    market: Market, who: str
) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall) if who == "customer" else market.guest(stall)
    purchase = await buyer.order(stall)
    async with _socket(buyer) as socket:
        await _watch(socket, purchase)
        waiting = await _event(socket)
        assert waiting["order"]["status"] == "PENDING_PAYMENT"
        await purchase.pay()
        delivered = await _event(socket)
        assert delivered["order"]["status"] == "DELIVERED"
        assert delivered["cursor"] > waiting["cursor"]
        assert [key["revealedAt"] for key in delivered["order"]["lines"][0]["keys"]] == [None]
        assert await purchase.secrets() == list(stall.secrets)
        opened = await _event(socket)
        assert opened["order"]["lines"][0]["keys"][0]["revealedAt"] is not None
        assert stall.secrets[0] not in json.dumps(opened)
        await _send(socket, id="1", type="complete")
    await market.assert_sound()


async def test_nobody_else_watches_an_order(market: Market) -> None:
    stall, next_door = await market.stall(keys=2), await market.stall()
    of_customer = await (await market.customer(stall)).order(stall)
    of_guest = await market.guest(stall).order(stall)
    strangers = (
        await market.customer(stall),
        await market.customer(next_door),
        market.guest(stall),
        market.guest(next_door),
    )
    for purchase in (of_customer, of_guest):
        wrong = Purchase(purchase.buyer, purchase.no, purchase.guest_token and "kmg_wrong")
        for stranger in strangers:
            async with _socket(stranger) as socket:
                await _watch(socket, wrong)
                assert await _end(socket) == ["NOT_FOUND"]
    await market.assert_sound()


async def test_a_signed_out_token_ends_what_it_watched(market: Market) -> None:
    stall = await market.stall()
    buyer = await market.customer(stall)
    purchase = await buyer.order(stall)
    async with _socket(buyer) as socket:
        await _watch(socket, purchase)
        assert (await _event(socket))["order"]["status"] == "PENDING_PAYMENT"
        await buyer.ask("mutation { signOut { __typename } }", {})
        assert await _end(socket) == ["FORBIDDEN"]
    await market.assert_sound()


async def test_another_shops_token_opens_no_socket_here(market: Market) -> None:
    stall, next_door = await market.stall(), await market.stall()
    purchase = await (await market.customer(stall)).order(stall)
    lost = Buyer(market.platform, next_door.shop, purchase.buyer.person)
    with pytest.raises(ConnectionClosed) as closed:
        async with _socket(lost):
            pass
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403
    await market.assert_sound()
