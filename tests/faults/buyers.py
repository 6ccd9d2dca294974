"""Buyers who try again: they remember what they were told, and ask until somebody answers."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from kernel.ids import new_id, public_id
from patience import PATIENCE_SECONDS
from processes import STRIPE_KEY, Platform
from world import Goods, Person, ShopAt

PAUSE_SECONDS = 0.1
COME_BACK_SECONDS = 5.0
"""Whoever has waited so long comes back to the shop, which then asks the channel itself."""
PRICE_MINOR = 11_000
"""What the world's third-level shop asks for one key."""

_BUY = """mutation ($input: QuickBuyInput!) { quickBuy(input: $input) { __typename
  ... on OrderCreated { guestToken order { no lines { id } } }
  ... on Problem { code message } } }"""
_PAY = """mutation ($input: PaymentStartInput!) { paymentStart(input: $input) { __typename
  ... on PaymentStarted { status actionUrl } ... on Problem { code message field } } }"""
_LOOK = """query ($no: String!, $token: String) { order(no: $no, guestToken: $token) {
  status refunded { amountMinor } lines { keys { id returnedAt } } } }"""
_COME_BACK = """mutation ($input: OrderRef!) { paymentRefresh(input: $input) {
  __typename ... on OrderChanged { order { status } } ... on Problem { code message } } }"""
_OPEN = """mutation ($input: KeyRevealInput!) { keyReveal(input: $input) { __typename
  ... on KeysRevealed { keys { id secret } } ... on Problem { code message } } }"""
_RETURN = """mutation ($input: UnrevealedReturnInput!) { unrevealedReturn(input: $input) {
  __typename ... on OrderChanged { order { status } } ... on Problem { code message } } }"""


class Unanswered(Exception):
    """The platform did not answer, or said that it could not."""


def quick_buy_input(goods: Goods, *, quantity: int, key: str) -> dict[str, Any]:
    """The input of a guest's quick buy at the world's price."""
    return {
        "skuId": public_id("sku", goods.sku_id),
        "quantity": quantity,
        "expectedTotal": {"amountMinor": PRICE_MINOR * quantity, "currency": "CNY"},
        "idempotencyKey": key,
    }


@dataclass
class Buyer:
    """A guest, or a customer, and what they know: nothing here is read from the database."""

    platform: Platform
    shop: ShopAt
    goods: Goods
    quantity: int = 1
    customer: Person | None = None
    key: str = field(default_factory=lambda: new_id().hex)
    order_no: str = ""
    guest_token: str | None = ""
    line_id: str = ""
    intent: str = ""
    longest_wait_seconds: float = 0.0

    async def buy(self) -> None:
        """From the order to the approval at the channel."""
        await self.order()
        await self.start_payment()
        await self.approve()

    async def order(self, **more: Any) -> None:
        """Make the order; asking again with the same key makes no second one."""
        wish = quick_buy_input(self.goods, quantity=self.quantity, key=self.key) | more
        made = await self._insist(_BUY, {"input": wish})
        assert made["__typename"] == "OrderCreated", made
        self.order_no, self.guest_token = made["order"]["no"], made["guestToken"]
        self.line_id = made["order"]["lines"][0]["id"]

    async def buy_from_wallet(self) -> None:
        """From the order to the key in one request."""
        await self.order(payment="WALLET")

    async def pay_from_wallet(self) -> None:
        """Pay the order with what the wallet holds."""
        wish = {**self._ref, "method": "WALLET", "idempotencyKey": self.key}
        started = await self._insist(_PAY, {"input": wish})
        assert started == {
            "__typename": "PaymentStarted",
            "status": "SUCCEEDED",
            "actionUrl": None,
        }, started

    async def start_payment(self) -> None:
        """Start a card payment and note the channel's name for it."""
        wish = {**self._ref, "method": "CARD", "idempotencyKey": self.key}
        started = await self._insist(_PAY, {"input": wish})
        while started["__typename"] == "Problem" and started["field"] == "method":
            # The channel did not answer the shop. The same question may be asked again.
            await asyncio.sleep(PAUSE_SECONDS)
            started = await self._insist(_PAY, {"input": wish})
        assert started["__typename"] == "PaymentStarted", started
        found = re.search(r"pi_\w+", started["actionUrl"])
        assert found is not None, started
        self.intent = found.group()

    async def approve(self) -> None:
        """Pay, on the channel's own page."""
        await self.platform.approve(self.intent)

    async def look(self) -> dict[str, Any]:
        """The order as the shop shows it."""
        shown: dict[str, Any] = await self._insist(
            _LOOK, {"no": self.order_no, "token": self.guest_token}
        )
        return shown

    async def until(self, *statuses: str) -> dict[str, Any]:
        """Wait for one of these statuses."""
        began = time.monotonic()
        visits = 1
        while (shown := await self.look())["status"] not in statuses:
            waited_seconds = time.monotonic() - began
            assert waited_seconds < PATIENCE_SECONDS, f"{self.order_no} is {shown}"
            if waited_seconds > visits * COME_BACK_SECONDS:
                visits += 1
                await self._insist(_COME_BACK, {"input": self._ref})
            await asyncio.sleep(PAUSE_SECONDS)
        return shown

    async def open_key(self, key_id: str) -> str:
        """Open one delivered key; returns its secret."""
        opened = await self._insist(_OPEN, {"input": {**self._ref, "deliveredKeyIds": [key_id]}})
        assert opened["__typename"] == "KeysRevealed", opened
        secret: str = opened["keys"][0]["secret"]
        return secret

    async def give_back(self, quantity: int) -> None:
        """Return so many unopened keys; asking again with the same key returns no more."""
        wish = {
            **self._ref,
            "lineId": self.line_id,
            "quantity": quantity,
            "idempotencyKey": self.key,
        }
        returned = await self._insist(_RETURN, {"input": wish})
        assert returned["__typename"] == "OrderChanged", returned

    @property
    def _ref(self) -> dict[str, str | None]:
        return {"orderNo": self.order_no, "guestToken": self.guest_token}

    async def _insist(self, document: str, variables: dict[str, Any]) -> Any:
        """Send the same request until it is answered; a refusal is an answer."""
        began = time.monotonic()
        while True:
            try:
                return await self._ask(document, variables)
            except Unanswered as unanswered:
                waited_seconds = time.monotonic() - began
                assert waited_seconds < PATIENCE_SECONDS, f"no answer: {unanswered}"
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self.longest_wait_seconds = max(self.longest_wait_seconds, time.monotonic() - began)

    async def _ask(self, document: str, variables: dict[str, Any]) -> Any:
        try:
            response = await self.platform.raw(self.shop, document, variables, by=self.customer)
        except httpx.HTTPError as error:
            raise Unanswered(repr(error)) from None
        if response.status_code != 200 or response.json().get("errors"):
            raise Unanswered(response.text)
        (answer,) = response.json()["data"].values()
        return answer


async def paid_and_acknowledged(platform: Platform) -> set[str]:
    """Payments that the channel reported and the platform answered with 2xx.

    This is the channel's own notebook of what it sent and what it heard.
    """
    intents: set[str] = set()
    after, more = 0, True
    while more:
        page = await platform.sandbox_control("GET", f"deliveries?after={after}")
        for attempt in page["attempts"]:
            after = attempt["id"]
            if attempt["acknowledged"] and attempt["event_type"] == "payment_intent.succeeded":
                intents.add(attempt["object_id"])
        more = page["has_more"]
    return intents


async def refunded_at_channel_minor(platform: Platform, intent: str) -> int:
    """What the channel gave back of a payment, in minor units."""
    response = await platform.http.get(
        f"{platform.sandbox_url}/v1/refunds",
        params={"payment_intent": intent},
        headers={"authorization": f"Bearer {STRIPE_KEY}"},
    )
    response.raise_for_status()
    return sum(
        refund["amount"] for refund in response.json()["data"] if refund["status"] == "succeeded"
    )


async def complaints(platform: Platform, buyers: list[Buyer]) -> list[str]:
    """What buyers whose money has come can complain about; an empty list is good news.

    Whoever has paid, and whose payment the platform has acknowledged, has all keys or the money.
    """
    acknowledged = await paid_and_acknowledged(platform)
    found = []
    for buyer in buyers:
        if buyer.intent not in acknowledged:
            continue
        shown = await buyer.look()
        keys = len(shown["lines"][0]["keys"])
        back_minor = await refunded_at_channel_minor(platform, buyer.intent)
        paid_minor = PRICE_MINOR * buyer.quantity
        if shown["status"] == "DELIVERED" and (keys, back_minor) == (buyer.quantity, 0):
            continue
        if shown["status"] in ("EXPIRED", "CANCELED") and (keys, back_minor) == (0, paid_minor):
            continue
        found.append(
            f"{buyer.order_no}: {shown['status']}, {keys} keys, {back_minor} of {paid_minor} back"
        )
    return found
