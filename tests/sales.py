"""Sales in this process, without HTTP: the product's use cases, and a payment channel in memory.

A `SalesDesk` acts as buyers, as the shop's staff and as the payment channel; it does what the API
and the worker do, and nothing that they do not.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import pytest

from billing.payment_methods import BANK_TRANSFER, METHODS
from billing.payment_methods.base import (
    Ask,
    ChannelRefused,
    ChannelReport,
    ChannelState,
    ChannelUnavailable,
    Mode,
    PaymentMethod,
    Started,
)
from entrypoints import sweeps
from entrypoints.verify import verify
from kernel import db
from kernel.money import payable_step_minor
from kernel.settings import settings
from offers import quotes
from offers.quotes import Quote, Wish
from orders import checkout, expiry, paying, refunds, reveal, settlement
from orders.checkout import Buyer
from orders.records import Line, Viewer
from orders.refunds import Destination, Reason
from orders.reveal import RevealedKey, Witness
from orders.settlement import Heard
from tenants.directory import Shop, current_shop
from world import Goods, Person, ShopAt, World

RefundAnswer = Literal["DONE", "LATER", "REFUSED", "SILENT"]
FEE_BP = 60
WITNESS = Witness(actor="buyer", ip="127.0.0.1", user_agent="tests")


def key() -> str:
    """An idempotency key that nobody has used."""
    return str(uuid4())


@dataclass
class ChannelInMemory:
    """A payment channel that does as it is told and remembers what it was asked."""

    code: str
    provider: str = "stripe"
    fee_bp: int = FEE_BP
    label_zh: str = "渠道"
    label_en: str = "channel"
    modes: tuple[Mode, ...] = ("ELEMENTS", "HOSTED")
    countries: tuple[str, ...] = ()
    is_on: bool = True
    tops_up: bool = True
    refund_answer: RefundAnswer = "DONE"
    asked: list[Ask] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    refunded: dict[str, int] = field(default_factory=dict)
    """What was given back, in minor units, by the refund's own id: it is the idempotency key."""

    def takes(self, currency: str, amount_minor: int | None = None) -> bool:
        return True

    def takes_all_of(self, currency: str) -> bool:
        return True

    def step_minor(self, currency: str) -> int:
        return payable_step_minor(currency)

    async def start(self, ask: Ask) -> Started:
        self.asked.append(ask)
        return Started(provider_ref(ask.payment_id), None, "secret")

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        return Started(provider_ref, None, "secret")

    async def look(self, provider_ref: str) -> ChannelReport:
        raise ChannelUnavailable

    async def cancel(self, provider_ref: str) -> None:
        self.canceled.append(provider_ref)

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
    ) -> tuple[str, bool]:
        if self.refund_answer == "REFUSED":
            raise ChannelRefused("charge_disputed")
        if self.refund_answer == "SILENT":
            raise ChannelUnavailable
        refund_ref = _refund_ref(refund_id)
        assert self.refunded.setdefault(refund_ref, amount_minor) == amount_minor
        return refund_ref, self.refund_answer == "DONE"

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        refund_ref = _refund_ref(refund_id)
        done = self.refund_answer == "DONE"
        return (refund_ref, done) if refund_ref in self.refunded else None

    async def look_refund(self, refund_ref: str) -> bool | None:
        assert refund_ref in self.refunded
        return {"DONE": True, "LATER": None, "REFUSED": False, "SILENT": None}[self.refund_answer]


def _refund_ref(refund_id: UUID) -> str:
    return f"re_{refund_id.hex}"


def provider_ref(payment_id: UUID) -> str:
    """The channel's own id of a payment."""
    return f"pi_{payment_id.hex}"


@contextmanager
def channels_in_memory() -> Iterator[dict[str, ChannelInMemory]]:
    """Every channel is in memory until the block ends; a bank transfer asks none."""
    channels = {code: ChannelInMemory(code) for code in METHODS if code != BANK_TRANSFER}
    methods: Mapping[str, PaymentMethod] = channels
    with pytest.MonkeyPatch.context() as patch:
        for code, method in methods.items():
            patch.setitem(METHODS, code, method)
        yield channels


@dataclass
class SalesDesk:
    """Everybody who takes part in a sale of one world."""

    world: World = field(repr=False)
    channels: dict[str, ChannelInMemory] = field(repr=False)

    @property
    def owner(self) -> asyncpg.Connection:
        return self.world.owner

    async def shop(self, at: ShopAt | None = None) -> Shop:
        """A shop as a request sees it now; the world's own unless named."""
        tenant_id = (at or self.world.shop).id
        async with db.transaction(db.core_scope(tenant_id)):
            return await current_shop(tenant_id)

    async def quote(
        self,
        shop: Shop,
        wishes: Sequence[Wish],
        *,
        by: Person | None = None,
        coupon_codes: Sequence[str] = (),
        redeem_points: int = 0,
    ) -> Quote:
        """A price, agreed to for ten minutes; a guest's unless somebody is named."""
        async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
            return await quotes.quote(
                shop,
                wishes,
                customer_id=by.id if by else None,
                coupon_codes=coupon_codes,
                redeem_points=redeem_points,
            )

    async def order(
        self,
        quantity: int = 1,
        *,
        goods: Goods | None = None,
        wishes: Sequence[Wish] | None = None,
        by: Person | None = None,
        at: ShopAt | None = None,
        affiliate_code: str | None = None,
        coupon_codes: Sequence[str] = (),
        contact: str | None = None,
        redeem_points: int = 0,
    ) -> "Purchase":
        """Quote and order; a guest unless somebody is named. Every coupon must be good, and the
        points there."""
        shop = await self.shop(at)
        wishes = wishes or [Wish((goods or self.world.goods).sku_id, quantity)]
        quote = await self.quote(
            shop, wishes, coupon_codes=coupon_codes, by=by, redeem_points=redeem_points
        )
        if quote.refused:
            raise quote.refused[0][1]
        if quote.points is not None and quote.points.problem is not None:
            raise quote.points.problem
        buyer = Buyer(by.id if by else None)
        made = await checkout.create_order(
            shop=shop,
            buyer=buyer,
            quote_id=quote.id,
            contact=contact,
            affiliate_code=affiliate_code,
            idempotency_key=key(),
        )
        no: str = await self.owner.fetchval("select no from orders where id = $1", made.order_id)
        viewer = Viewer(customer_id=buyer.customer_id, guest_token=made.guest_token)
        return Purchase(
            self, shop, viewer, made.order_id, no, quote.total_minor, tuple(coupon_codes)
        )

    async def sweep(self) -> None:
        """What the worker does about orders that nobody paid."""
        await sweeps.expire_orders()

    async def ask_channels(self) -> None:
        """What the worker does about payments of which nothing was heard."""
        await sweeps.ask_channels()

    async def send_refunds(self, answer: RefundAnswer = "DONE") -> None:
        """What the worker does about refunds that are due, and what the channels answer."""
        for channel in self.channels.values():
            channel.refund_answer = answer
        await sweeps.send_refunds()

    async def books(self, *names: tuple[str, UUID]) -> dict[str, int]:
        """Every account that holds something, in minor units, debits positive.

        Parties are called by the names given; others by their ids.
        """
        called = {party_id: name for name, party_id in names}
        rows = await self.owner.fetch(
            """select a.code, a.owner_id, sum(e.amount_minor)::bigint as minor
               from ledger_accounts a join ledger_entries e on e.account_id = a.id
               group by 1, 2 having sum(e.amount_minor) <> 0"""
        )
        return {
            " ".join(filter(None, (row["code"], _name(row["owner_id"], called)))): row["minor"]
            for row in rows
        }

    async def key_states(self) -> dict[str, int]:
        """How many keys are in which state."""
        rows = await self.owner.fetch("select status, count(*) as keys from keys group by 1")
        return {row["status"]: row["keys"] for row in rows}

    async def assert_sound(self) -> None:
        """Every invariant of the database holds."""
        assert await verify(settings().database_url) == []


def _name(owner_id: UUID | None, called: dict[UUID, str]) -> str:
    return called.get(owner_id, str(owner_id)) if owner_id else ""


@dataclass
class Purchase:
    """One order, as its buyer, its shop and the channel handle it."""

    desk: SalesDesk = field(repr=False)
    shop: Shop = field(repr=False)
    viewer: Viewer
    id: UUID
    no: str
    total_minor: int
    coupon_codes: tuple[str, ...] = ()

    async def start(self, method: str = "CARD", *, wallet_minor: int = 0) -> UUID:
        """Start paying; returns the payment's id."""
        started = await paying.start_payment(
            shop=self.shop,
            viewer=self.viewer,
            order_no=self.no,
            method=method,
            wallet_minor=wallet_minor,
            return_url="http://shop.localhost/",
            idempotency_key=key(),
        )
        return started.payment_id

    async def heard(
        self,
        payment_id: UUID,
        state: ChannelState = "SUCCEEDED",
        *,
        amount_minor: int | None = None,
        currency: str | None = None,
    ) -> Heard:
        """The channel says something of a payment."""
        return await settlement.hear(
            await self.report(payment_id, state, amount_minor=amount_minor, currency=currency)
        )

    async def report(
        self,
        payment_id: UUID,
        state: ChannelState = "SUCCEEDED",
        *,
        amount_minor: int | None = None,
        currency: str | None = None,
    ) -> ChannelReport:
        """What a channel says of a payment; of the money that it was asked for unless named."""
        asked_minor, asked_in = await self.desk.owner.fetchrow(
            "select channel_minor, currency from payments where id = $1", payment_id
        )
        return ChannelReport(
            provider="stripe",
            event_id=f"evt_{uuid4().hex}",
            kind="test",
            state=state,
            provider_ref=provider_ref(payment_id),
            payment_id=payment_id,
            amount_minor=asked_minor if amount_minor is None else amount_minor,
            currency=currency or asked_in,
        )

    async def paid(self, method: str = "CARD", *, wallet_minor: int = 0) -> "Purchase":
        """Start paying, and the channel says yes."""
        payment_id = await self.start(method, wallet_minor=wallet_minor)
        if method != "WALLET":
            assert (await self.heard(payment_id)).effect == "SETTLED"
        return self

    async def cancel(self) -> None:
        """The buyer gives up."""
        await expiry.cancel_order(shop=self.shop, viewer=self.viewer, order_no=self.no)

    async def lines(self) -> list[Line]:
        """The order's lines as they stand."""
        rows = await self.desk.owner.fetch(
            """select id, order_id, sku_id, supplier_listing_id, quantity, unit_price_minor,
                      net_minor, refunded_minor, returned_quantity, channel_fee_minor, key_ids,
                      funded_minor
               from order_lines where order_id = $1 order by id""",
            self.id,
        )
        return [Line(**{**row, "key_ids": tuple(row["key_ids"])}) for row in rows]

    async def line(self) -> Line:
        """The only line."""
        (line,) = await self.lines()
        return line

    async def reveal(self, delivered_key_ids: Sequence[UUID] | None = None) -> list[RevealedKey]:
        """The buyer opens keys: all of them, or these."""
        _, opened = await reveal.reveal_keys(
            shop=self.shop,
            viewer=self.viewer,
            order_no=self.no,
            delivered_key_ids=delivered_key_ids,
            witness=WITNESS,
        )
        return opened

    async def unopened(self) -> list[UUID]:
        """The delivered keys that nobody has opened."""
        rows = await self.desk.owner.fetch(
            """select id from delivered_keys
               where order_id = $1 and revealed_at is null and returned_at is null order by id""",
            self.id,
        )
        return [row["id"] for row in rows]

    async def give_back(
        self,
        quantity: int | None = None,
        *,
        line_id: UUID | None = None,
        destination: Destination = "CHANNEL",
    ) -> None:
        """The buyer returns unopened keys of a line."""
        await refunds.return_unrevealed(
            shop=self.shop,
            viewer=self.viewer,
            order_no=self.no,
            line_id=line_id or (await self.line()).id,
            quantity=quantity,
            idempotency_key=key(),
            destination=destination,
        )

    async def refund(
        self, amount_minor: int, reason: Reason = "SHOP_FAULT", *, line_id: UUID | None = None
    ) -> None:
        """The shop decides to give so much of a line back."""
        await refunds.refund_line(
            shop=self.shop,
            actor="staff:test",
            order_no=self.no,
            line_id=line_id or (await self.line()).id,
            amount_minor=amount_minor,
            reason=reason,
            idempotency_key=key(),
        )

    async def status(self) -> str:
        """The order's one rolled-up status, as it is stored."""
        status: str = await self.desk.owner.fetchval(
            "select status from orders where id = $1", self.id
        )
        return status
