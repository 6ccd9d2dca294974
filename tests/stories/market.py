"""What people do in the stories: shops open, buyers order and pay, time passes, things go wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import httpx

from entrypoints.verify import verify
from kernel.ids import new_id, public_id
from processes import STRIPE_KEY, Platform
from stories.documents import MUTATIONS, ORDER, QUOTE
from world import Goods, Person, ShopAt, World

Json = dict[str, Any]
Value = TypeVar("Value")

PRICE_MINOR = 10_500
"""What a buyer pays in every story for a piece: the 105.00 of the worked example."""
PATIENCE_SECONDS = 15.0
_LOOK_EVERY_SECONDS = 0.05
_MARGIN_ABOVE_COST_MINOR = 1_500


def key() -> str:
    """A new idempotency key."""
    return new_id().hex


async def until(look: Callable[[], Awaitable[Value]], is_right: Callable[[Value], bool]) -> Value:
    """Look again until it is right, and return what was seen; fail when patience ends."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    while not is_right(seen := await look()):
        assert loop.time() < end, f"still {seen!r} after {PATIENCE_SECONDS} seconds"
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
    return seen


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
class Market:
    """The running product, its world, and its clock."""

    platform: Platform
    world: World
    database_url: str
    shifted: timedelta = timedelta()
    _stalls: int = field(default=0)

    async def stall(self, *, keys: int = 1, secrets: tuple[str, ...] = ()) -> Stall:
        """Open a new shop below T1 with a new SKU: supply 80.00, cost 90.00, retail 105.00."""
        self._stalls += 1
        shop = await self.world.another_shop(f"shop{self._stalls}")
        await self.world.rule(shop, "RETAIL", "FIXED_OVER_COST", _MARGIN_ABOVE_COST_MINOR)
        goods = await self.world.more_goods(f"goods{self._stalls}")
        planted = await self.world.keys(keys, goods, secrets=secrets or None)
        return Stall(shop, goods, tuple(planted))

    async def customer(self, stall: Stall, *, wallet_minor: int = 0) -> "Buyer":
        """A signed-in customer of the stall's shop."""
        person = await self.world.customer(stall.shop, wallet_minor=wallet_minor)
        return Buyer(self.platform, stall.shop, person)

    def guest(self, stall: Stall) -> "Buyer":
        """Somebody without an account."""
        return Buyer(self.platform, stall.shop)

    async def forward(self, **interval: float) -> None:
        """Let time pass, and the worker notice it: `forward(minutes=16)`."""
        self.shifted += timedelta(**interval)
        await self.world.shift_clock(f"{self.shifted.total_seconds()} seconds")
        if self.platform.worker.alive:
            await until(self._overdue_orders, lambda count: count == 0)

    async def _overdue_orders(self) -> int:
        count: int = await self.world.owner.fetchval(
            """select count(*) from orders
               where payment_status = 'PENDING' and expires_at <= platform_now()"""
        )
        return count

    @asynccontextmanager
    async def channel_fault(self, **plan: Any) -> AsyncIterator[None]:
        """The payment channel misbehaves until the block ends; then held events go out."""
        await self.platform.sandbox_control("POST", "faults", **plan)
        try:
            yield
        finally:
            await self.platform.sandbox_control("DELETE", "faults")

    def events_held(self) -> Any:
        """The channel's events wait until the block ends."""
        return self.channel_fault(out_of_order={"hold": True})

    def events_lost(self) -> Any:
        """The channel's events never come."""
        return self.channel_fault(lost={})

    @asynccontextmanager
    async def worker_stopped(self) -> AsyncIterator[None]:
        """Nobody sweeps until the block ends."""
        self.platform.worker.stop()
        try:
            yield
        finally:
            self.platform.worker.start()

    async def at_channel(self, path: str, **form: Any) -> httpx.Response:
        """Call the channel's own API, as its account's holder could: POST with a form, else GET."""
        url = f"{self.platform.sandbox_url}/{path}"
        headers = {"authorization": f"Bearer {STRIPE_KEY}"}
        if form:
            return await self.platform.http.post(url, data=form, headers=headers)
        return await self.platform.http.get(url, headers=headers)

    async def approve(self, started: Json) -> None:
        """Approve a started payment, as the buyer on the channel's page."""
        await self.platform.approve(intent_of(started))

    async def refused_by_role(
        self, stall: Stall, person: Person | None, mutation: str, fields: Json
    ) -> str:
        """Send a mutation that the role of this person may not send; the error's code."""
        body = {"input": {**fields, "amount": money(100), "idempotencyKey": key()}}
        answer = await self.platform.raw(stall.shop, MUTATIONS[mutation], body, by=person)
        (error,) = answer.json()["errors"]
        code: str = error["extensions"]["code"]
        return code

    async def until_wallet(self, buyer: "Buyer", amount_minor: int) -> None:
        """Wait until a buyer's wallet holds so much."""
        await until(buyer.wallet_minor, lambda balance: balance == amount_minor)

    async def assert_sound(self) -> None:
        """Every invariant of the database holds."""
        breaches = await verify(self.database_url)
        assert breaches == []


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
