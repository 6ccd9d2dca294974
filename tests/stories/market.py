"""Where the stories happen: shops open, time passes, the channel and the worker fail."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from entrypoints.verify import verify
from patience import until
from processes import STRIPE_KEY, Platform
from stories.buyers import Buyer, Json, Stall, intent_of, key, money
from stories.documents import MUTATIONS
from world import Person, World

_MARGIN_ABOVE_COST_MINOR = 1_500


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

    async def stall_in(self, currency: str, *, keys: int = 1, margin_minor: int = 1_503) -> Stall:
        """Open one whose path trades in another currency, with a margin of its own."""
        stall = await self.stall(keys=keys)
        owner = self.world.owner
        await owner.execute(
            "update tenants set currency = $2 where id = $1", stall.shop.id, currency
        )
        await owner.execute(
            "update supplier_listings set currency = $2 where id = $1",
            stall.goods.listing_id,
            currency,
        )
        await self.world.rule(stall.shop, "RETAIL", "FIXED_OVER_COST", margin_minor)
        return stall

    async def customer(self, stall: Stall, *, wallet_minor: int = 0) -> Buyer:
        """A signed-in customer of the stall's shop."""
        person = await self.world.customer(stall.shop, wallet_minor=wallet_minor)
        return Buyer(self.platform, stall.shop, person)

    def guest(self, stall: Stall) -> Buyer:
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

    def events_held(self) -> AbstractAsyncContextManager[None]:
        """The channel's events wait until the block ends."""
        return self.channel_fault(out_of_order={"hold": True})

    def events_lost(self) -> AbstractAsyncContextManager[None]:
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

    async def until_wallet(self, buyer: Buyer, amount_minor: int) -> None:
        """Wait until a buyer's wallet holds so much."""
        await until(buyer.wallet_minor, lambda balance: balance == amount_minor)

    async def assert_sound(self) -> None:
        """Every invariant of the database holds."""
        breaches = await verify(self.database_url)
        assert breaches == []
