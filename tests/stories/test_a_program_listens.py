"""A shop's own program hears of its sales: signed, in order, also after a bad day on both sides."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from patience import until
from sandbox.webhooks.faults import Fault
from sandbox.webhooks.receiver import Receiver, receiving
from stories.buyers import PRICE_MINOR, Stall
from stories.market import Market
from world import Person

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

SALE = ["order.created", "order.paid", "order.delivered"]
_UPSERT = """mutation ($input: WebhookUpsertInput!) { webhookUpsert(input: $input) {
  __typename ... on WebhookSaved { secret webhook { id } } ... on Problem { code message } } }"""
_REPLAY = """mutation ($input: WebhookReplayInput!) { webhookReplay(input: $input) {
  __typename ... on WebhookReplayed { count } ... on Problem { code message } } }"""
_LOG = """query ($id: ID!) { webhookDeliveries(webhookId: $id, first: 100) {
  edges { node { status attemptCount eventType } } } }"""


class Program:
    """A shop's program: its receiver, and the owner who has told us of it."""

    def __init__(self, market: Market, stall: Stall, owner: Person, receiver: Receiver) -> None:
        self.market, self.stall, self.owner, self.receiver = market, stall, owner, receiver
        self.webhook_id = ""

    @classmethod
    async def listening(cls, market: Market, stall: Stall, receiver: Receiver) -> "Program":
        """Say where the shop listens."""
        owner = await market.world.staff("OWNER", shop=stall.shop)
        program = cls(market, stall, owner, receiver)
        wanted = ["ORDER_CREATED", "ORDER_PAID", "ORDER_DELIVERED"]
        wish = {"url": receiver.url, "eventTypes": wanted}
        saved = (await program.ask(_UPSERT, input=wish))["webhookUpsert"]
        assert saved["__typename"] == "WebhookSaved", saved
        receiver.secret = saved["secret"]
        program.webhook_id = saved["webhook"]["id"]
        return program

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Ask as the shop's owner."""
        return await self.market.platform.ask(self.stall.shop, document, variables, by=self.owner)

    async def heard(self, messages: int) -> list[dict[str, Any]]:
        """Wait until so many messages were taken."""

        async def taken() -> list[dict[str, Any]]:
            return self.receiver.taken

        return await until(taken, lambda heard: len(heard) >= messages)

    async def statuses(self) -> list[str]:
        """What became of each message, the newest first."""
        edges = (await self.ask(_LOG, id=self.webhook_id))["webhookDeliveries"]["edges"]
        return [edge["node"]["status"] for edge in edges]


def types_of(messages: Sequence[dict[str, Any]]) -> list[str]:
    """The messages' types, in the order in which they came."""
    return [message["type"] for message in messages]


async def test_a_sale_is_told_in_order_and_without_a_key(market: Market) -> None:
    stall = await market.stall(keys=2, secrets=("CANARY-KEY-0001", "CANARY-KEY-0002"))
    async with receiving("whsec_") as receiver:
        program = await Program.listening(market, stall, receiver)
        by_card = await (await market.customer(stall)).order(stall)
        await by_card.delivered()
        messages = await program.heard(3)

        assert types_of(messages) == SALE
        order = messages[-1]["data"]["order"]
        assert (order["no"], order["status"]) == (by_card.no, "DELIVERED")
        assert order["totalMinor"] == PRICE_MINOR
        assert order["ownShareMinor"] == 1_500
        told = str(messages)
        for secret in ("CANARY", "buyer@example.com", "8000", "8500", "9000"):
            assert secret not in told
        sequences = [message["sequence"] for message in messages]
        assert sequences == sorted(set(sequences))
        assert receiver.forged == 0
    await market.assert_sound()


async def test_what_a_receiver_has_missed_arrives_when_it_is_back(market: Market) -> None:
    stall = await market.stall(keys=2)
    async with receiving("whsec_") as receiver:
        program = await Program.listening(market, stall, receiver)
        receiver.faults.extend([Fault.SERVER_ERROR, Fault.RESET])
        for _ in range(2):
            buyer = await market.customer(stall, wallet_minor=PRICE_MINOR)
            await buyer.buy_from_wallet(stall)
        await until(lambda: _heard(receiver), lambda heard: heard >= 2)
        await market.forward(minutes=5)
        messages = await program.heard(6)

        by_order: dict[str, list[str]] = {}
        for message in messages:
            by_order.setdefault(message["data"]["order"]["no"], []).append(message["type"])
        assert list(by_order.values()) == [SALE, SALE]
        await until(program.statuses, lambda found: found == ["DELIVERED"] * 6)
    await market.assert_sound()


async def test_a_worker_that_is_killed_loses_nothing_and_a_replay_brings_all_again(
    market: Market,
) -> None:
    stall = await market.stall()
    async with receiving("whsec_") as receiver:
        program = await Program.listening(market, stall, receiver)
        receiver.always = Fault.TIMEOUT
        buyer = await market.customer(stall, wallet_minor=PRICE_MINOR)
        await buyer.buy_from_wallet(stall)
        await until(lambda: _heard(receiver), lambda heard: heard >= 1)
        market.platform.worker.kill()  # in the middle of a call
        receiver.always = None
        await market.forward(minutes=5)  # what it has claimed is free again
        market.platform.worker.start()
        assert types_of(await program.heard(3)) == SALE

        first = [message["eventId"] for message in receiver.taken]
        wish = {"webhookId": program.webhook_id}
        again = (await program.ask(_REPLAY, input=wish))["webhookReplay"]
        assert again == {"__typename": "WebhookReplayed", "count": 3}
        messages = await program.heard(6)
        assert [message["eventId"] for message in messages[3:]] == first
        await until(program.statuses, lambda found: found == ["DELIVERED"] * 3)
    await market.assert_sound()


async def _heard(receiver: Receiver) -> int:
    await asyncio.sleep(0)
    return receiver.heard
