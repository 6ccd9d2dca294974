"""What buyers do in the stories: ask, order, pay, open their keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernel.ids import new_id, public_id
from patience import until
from processes import Platform
from stories.documents import MUTATIONS, ORDER, QUOTE
from world import Goods, Person, ShopAt

Json = dict[str, Any]

PRICE_MINOR = 10_500
"""What a buyer pays in every story for a piece: the 105.00 of the worked example."""


def key() -> str:
    """A new idempotency key."""
    return new_id().hex


@dataclass(frozen=True)
class Stall:
    """One shop at the third level with one SKU of one supplier, at 105.00."""

    shop: ShopAt
    goods: Goods
    secrets: tuple[str, ...]

    @property
    def sku(self) -> str:
        """The SKU's public id."""
        return public_id("sku", self.goods.sku_id)


@dataclass
class Buyer:
    """A customer or a guest at one shop's address."""

    platform: Platform
    shop: ShopAt
    person: Person | None = None

    async def ask(self, document: str, variables: Mapping[str, Any]) -> Json:
        """Send a request and return its data."""
        return await self.platform.ask(self.shop, document, dict(variables), by=self.person)

    async def try_to(self, mutation: str, **fields: Any) -> Json:
        """Send a mutation and return its payload, a `Problem` or not."""
        payload = await self.ask(MUTATIONS[mutation], {"input": fields})
        result: Json = payload[mutation]
        return result

    async def do(self, mutation: str, **fields: Any) -> Json:
        """Send a mutation that must succeed."""
        result = await self.try_to(mutation, **fields)
        assert result["__typename"] != "Problem", result
        return result

    async def refused(self, mutation: str, **fields: Any) -> Json:
        """Send a mutation that must be refused; returns the problem."""
        result = await self.try_to(mutation, **fields)
        assert result["__typename"] == "Problem", result
        return result

    async def quote(self, stall: Stall, quantity: int = 1) -> Json:
        """Ask for a price: a quote or a problem."""
        lines = [{"skuId": stall.sku, "quantity": quantity}]
        answer: Json = (await self.ask(QUOTE, {"lines": lines}))["quote"]
        return answer

    async def order(
        self, stall: Stall, quantity: int = 1, *, affiliate_code: str | None = None
    ) -> "Purchase":
        """Quote and order."""
        quote = await self.quote(stall, quantity)
        made = await self.do(
            "orderCreate",
            quoteId=quote["id"],
            idempotencyKey=key(),
            contact="buyer@example.com",
            affiliateCode=affiliate_code,
        )
        return Purchase(self, made["order"]["no"], made["guestToken"])

    async def buy_from_wallet(self, stall: Stall, quantity: int = 1) -> "Purchase":
        """Buy in one step out of the wallet."""
        made = await self.do("quickBuy", **self.quick_buy_input(stall, quantity), payment="WALLET")
        return Purchase(self, made["order"]["no"], made["guestToken"])

    def quick_buy_input(self, stall: Stall, quantity: int = 1) -> Json:
        """The input of `quickBuy` at the price of the stories."""
        return {
            "skuId": stall.sku,
            "quantity": quantity,
            "expectedTotal": money(PRICE_MINOR * quantity),
            "idempotencyKey": key(),
        }

    async def top_up(self, amount_minor: int) -> str:
        """Start filling the wallet by card; returns the channel's id of the payment."""
        started = await self.do(
            "walletTopUp", amount=money(amount_minor), method="CARD", idempotencyKey=key()
        )
        return intent_of(started)

    async def wallet_minor(self) -> int:
        """What the buyer sees in the wallet."""
        me = (await self.ask("query { me { wallet { amountMinor } } }", {}))["me"]
        balance: int = me["wallet"]["amountMinor"]
        return balance


@dataclass
class Purchase:
    """One order as its buyer handles it."""

    buyer: Buyer
    no: str
    guest_token: str | None

    @property
    def ref(self) -> Json:
        """How mutations name it."""
        return {"orderNo": self.no, "guestToken": self.guest_token}

    async def view(self) -> Json:
        """The order as its buyer sees it."""
        data = await self.buyer.ask(ORDER, {"no": self.no, "token": self.guest_token})
        order: Json = data["order"]
        return order

    async def status(self) -> str:
        """Its one rolled-up status."""
        status: str = (await self.view())["status"]
        return status

    async def until(self, status: str) -> Json:
        """Wait until it has this status; returns the order."""
        return await until(self.view, lambda order: bool(order["status"] == status))

    async def line(self) -> Json:
        """Its only line."""
        (line,) = (await self.view())["lines"]
        only: Json = line
        return only

    async def start_payment(self, method: str, *, wallet_minor: int = 0) -> Json:
        """Start paying through a channel, with a part out of the wallet."""
        return await self.buyer.do(
            "paymentStart",
            **self.ref,
            method=method,
            walletAmount=money(wallet_minor) if wallet_minor else None,
            returnPath=f"/orders/{self.no}",
            idempotencyKey=key(),
        )

    async def open_intent(self, method: str = "CARD", *, wallet_minor: int = 0) -> str:
        """Start paying; returns the channel's id of the payment."""
        started = await self.start_payment(method, wallet_minor=wallet_minor)
        return intent_of(started)

    async def pay(self, method: str = "CARD", *, wallet_minor: int = 0) -> str:
        """Start paying and approve; returns the channel's id of the payment."""
        intent = await self.open_intent(method, wallet_minor=wallet_minor)
        await self.buyer.platform.approve(intent)
        return intent

    async def delivered(self, method: str = "CARD", *, wallet_minor: int = 0) -> "Purchase":
        """Pay and wait for the keys."""
        await self.pay(method, wallet_minor=wallet_minor)
        await self.until("DELIVERED")
        return self

    async def reveal(self) -> list[Json]:
        """Open all its keys."""
        keys: list[Json] = (await self.buyer.do("keyReveal", **self.ref))["keys"]
        return keys

    async def secrets(self) -> list[str]:
        """Open all its keys; only their texts."""
        return [opened["secret"] for opened in await self.reveal()]


def money(amount_minor: int) -> Json:
    """An amount as an input, in the currency of the stories."""
    return {"amountMinor": amount_minor, "currency": "CNY"}


def intent_of(started: Json) -> str:
    """The channel's id of a started payment: its client secret begins with it."""
    intent: str = started["clientSecret"].partition("_secret_")[0]
    return intent


def details(problem: Json) -> dict[str, str]:
    """A problem's details by name."""
    return {detail["name"]: detail["value"] for detail in problem["details"]}
