"""Whatever happens to sales, in whatever order: money is never made or lost.

A machine builds a random market, then lets buyers, staff, the channel, the clock and the worker
act at random. After every step the whole database is examined.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import accounts, ledger, polling
from billing.payment_methods.base import ChannelReport, ChannelState
from entrypoints.verify import verify
from kernel import db, valkey
from kernel.errors import Refusal
from kernel.settings import Settings
from offers.quotes import Wish
from orders import channel_calls, paying, settlement
from orders.refunds import Reason
from random_markets import Market, MarketWish, erase, market_wishes, plant_market
from sales import (
    ChannelInMemory,
    Purchase,
    RefundAnswer,
    SalesDesk,
    channels_in_memory,
    key,
)

pytestmark = pytest.mark.engines

Result = TypeVar("Result")
PAID_FOR = ("SETTLED", "LATE_SETTLED", "TOPPED_UP", "REFUNDING")
WHAT_IS_WRITTEN = """
    select (select count(*) from orders), (select coalesce(sum(version), 0) from orders),
           (select count(*) from payments), (select count(*) from refunds),
           (select count(*) from ledger_entries), (select count(*) from delivered_keys),
           (select count(*) from key_reveals), (select count(*) from idempotency_records),
           (select md5(string_agg(id || status || coalesce(held_by_line_id::text, ''), ''
                                  order by id)) from keys)
"""
any_number = st.integers(0, 2**16)


@dataclass
class Stage:
    """What all runs of the machine share: a loop, a database, and a count of what succeeded."""

    runner: asyncio.Runner
    owner: asyncpg.Connection
    config: Settings
    channels: dict[str, ChannelInMemory]
    done: Counter[str] = field(default_factory=Counter)

    def run(self, what: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(what)


@contextmanager
def stage_of(config: Settings) -> Iterator[Stage]:
    """The product's pools and an owner's connection in a loop of their own."""
    with asyncio.Runner() as runner, channels_in_memory() as channels:
        owner = runner.run(asyncpg.connect(config.database_url))
        runner.run(db.connect(config))
        try:
            yield Stage(runner, owner, config, channels)
        finally:
            runner.run(valkey.close())
            runner.run(db.disconnect())
            runner.run(owner.close())


class AnySale(RuleBasedStateMachine):
    """Everybody acts at random; hypothesis looks for the order of things that breaks the books."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.market: Market
        self.desk: SalesDesk
        self.purchases: list[Purchase] = []
        self.payments: list[tuple[Purchase, UUID]] = []
        self.reports: list[ChannelReport] = []
        self.minutes = 0.0

    # --- what happens

    @initialize(wish=market_wishes())
    def a_market_opens(self, wish: MarketWish) -> None:
        self.stage.run(erase(self.stage.owner))
        self.market = self.stage.run(plant_market(self.stage.owner, wish))
        self.desk = SalesDesk(self.market.world, self.stage.channels)

    @rule(
        level=any_number,
        lines=st.lists(
            st.tuples(any_number, st.integers(1, 4), st.booleans()), min_size=1, max_size=2
        ),
        signed_in=st.booleans(),
        thanked=st.booleans(),
    )
    def somebody_orders(
        self, level: int, lines: list[tuple[int, int, bool]], signed_in: bool, thanked: bool
    ) -> None:
        self._order(level, lines, signed_in, thanked)

    @rule(level=any_number, pays_with=st.sampled_from(["CARD", "ALIPAY", "WALLET"]), sku=any_number)
    def somebody_buys_and_has_the_keys(self, level: int, pays_with: str, sku: int) -> None:
        purchase = self._order(level, [(sku, 2, False)], signed_in=True, thanked=True)
        if purchase is not None:
            self._attempt("bought", purchase.paid(pays_with))

    @precondition(lambda self: self.purchases)
    @rule(
        which=any_number,
        method=st.sampled_from(["CARD", "ALIPAY", "WALLET"]),
        wallet_percent=st.sampled_from([0, 0, 1, 50, 99]),
    )
    def a_buyer_starts_to_pay(self, which: int, method: str, wallet_percent: int) -> None:
        purchase = self._purchase(which)
        wallet_minor = purchase.total_minor * wallet_percent // 100
        payment_id = self._attempt(
            "started to pay", purchase.start(method, wallet_minor=wallet_minor)
        )
        if payment_id is not None and method != "WALLET":
            self.payments.append((purchase, payment_id))

    @precondition(lambda self: self.payments)
    @rule(
        which=any_number,
        state=st.sampled_from(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELED"]),
        more_minor=st.sampled_from([0, 0, 0, 0, 1, -1, 5_000]),
        currency=st.sampled_from(["CNY", "CNY", "CNY", "CNY", "USD"]),
    )
    def the_channel_speaks(
        self, which: int, state: ChannelState, more_minor: int, currency: str
    ) -> None:
        purchase, payment_id = self.payments[which % len(self.payments)]
        self._hear(self._report(purchase, payment_id, state, more_minor, currency))

    @precondition(lambda self: self.reports)
    @rule(which=any_number)
    def the_channel_repeats_itself(self, which: int) -> None:
        before = self._written()
        heard = self.stage.run(settlement.hear(self.reports[which % len(self.reports)]))
        assert heard.effect == "NOTHING"
        assert self._written() == before

    @precondition(lambda self: self.purchases)
    @rule(which=any_number)
    def a_buyer_cancels(self, which: int) -> None:
        self._attempt("canceled", self._purchase(which).cancel())

    @rule(minutes=st.sampled_from([0.2, 1, 10, 16, 60, 13 * 60]))
    def time_passes_and_the_worker_sweeps(self, minutes: float) -> None:
        self._shift(minutes)
        self._sweep()

    @precondition(lambda self: self.payments)
    @rule(which=any_number, rival=st.booleans())
    def money_comes_after_the_hold_and_before_the_sweep(self, which: int, rival: bool) -> None:
        purchase, payment_id = self.payments[which % len(self.payments)]
        left_seconds = self.stage.run(
            self.stage.owner.fetchval(
                "select extract(epoch from expires_at - platform_now()) from orders where id = $1",
                purchase.id,
            )
        )
        if left_seconds > 0:
            self._shift((float(left_seconds) + 20) / 60)
        if rival:
            # Somebody else takes over some of the keys whose hold has run out.
            self._order(0, [(0, 3, False), (1, 3, False)], signed_in=False, thanked=False)
        self._hear(self._report(purchase, payment_id, "SUCCEEDED", 0, "CNY"))
        self._sweep()

    @precondition(lambda self: self.purchases)
    @rule(which=any_number, count=st.integers(1, 3))
    def a_buyer_opens_keys(self, which: int, count: int) -> None:
        purchase = self._purchase(which)
        unopened = self.stage.run(purchase.unopened())[:count]
        self._attempt("revealed", purchase.reveal(unopened or None))

    @precondition(lambda self: self.purchases)
    @rule(which=any_number, line=any_number, quantity=st.sampled_from([None, 1, 2]))
    def a_buyer_returns_keys(self, which: int, line: int, quantity: int | None) -> None:
        purchase = self._purchase(which)
        lines = self.stage.run(purchase.lines())
        line_id = lines[line % len(lines)].id
        self._attempt("returned", purchase.give_back(quantity, line_id=line_id))

    @precondition(lambda self: self.purchases)
    @rule(
        which=any_number,
        line=any_number,
        percent=st.sampled_from([1, 33, 50, 100, 101]),
        reason=st.sampled_from(["SUPPLIER_FAULT", "SHOP_FAULT", "CHANGE_OF_MIND"]),
    )
    def the_shop_refunds(self, which: int, line: int, percent: int, reason: Reason) -> None:
        purchase = self._purchase(which)
        lines = self.stage.run(purchase.lines())
        chosen = lines[line % len(lines)]
        left_minor = chosen.net_minor - chosen.refunded_minor
        amount_minor = max(left_minor * percent // 100, 1)
        self._attempt(reason, purchase.refund(amount_minor, reason, line_id=chosen.id))

    @rule(answer=st.sampled_from(["DONE", "DONE", "LATER", "REFUSED", "SILENT"]))
    def the_worker_sends_refunds(self, answer: RefundAnswer) -> None:
        self.stage.run(self.desk.send_refunds(answer))
        self.stage.done[f"refunds {answer}"] += 1

    @rule(level=any_number, amount_minor=st.integers(1, 30_000), paid=st.booleans())
    def a_customer_tops_up(self, level: int, amount_minor: int, paid: bool) -> None:
        at = self.market.shops[level % len(self.market.shops)]
        shop = self.stage.run(self.desk.shop(at))
        started = self._attempt(
            "topped up",
            paying.top_up(
                shop=shop,
                customer_id=self.market.customers[at].id,
                amount_minor=amount_minor,
                method="CARD",
                return_url="http://shop.localhost/",
                idempotency_key=key(),
            ),
        )
        if started is not None:
            like_any = Purchase(self.desk, shop, None, started.payment_id, "", amount_minor)  # type: ignore[arg-type]
            more_minor = 0 if paid else 7
            self._hear(self._report(like_any, started.payment_id, "SUCCEEDED", more_minor, "CNY"))

    @rule(
        percent=st.sampled_from([10, 100]), to=st.sampled_from(["AVAILABLE", "DEPOSIT", "PAID OUT"])
    )
    def earnings_move_on(self, percent: int, to: str) -> None:
        """So that a refund finds a part of what it takes back elsewhere, or nowhere."""
        self.stage.run(self._move_earnings(percent, to))
        self.stage.done[f"earnings {to}"] += 1

    # --- what always holds

    @invariant()
    def the_books_are_sound(self) -> None:
        if hasattr(self, "desk"):
            assert self.stage.run(verify(self.stage.config.database_url)) == []

    # --- how it is done

    def _purchase(self, which: int) -> Purchase:
        return self.purchases[which % len(self.purchases)]

    def _order(
        self, level: int, lines: list[tuple[int, int, bool]], signed_in: bool, thanked: bool
    ) -> Purchase | None:
        shop = self.market.shops[level % len(self.market.shops)]
        wishes = []
        for number, quantity, chosen in lines:
            offers = self.market.goods[number % len(self.market.goods)]
            offer_id = offers[number % len(offers)].listing_id if chosen else None
            wishes.append(Wish(offers[0].sku_id, quantity, offer_id))
        purchase = self._attempt(
            "ordered",
            self.desk.order(
                wishes=wishes,
                at=shop,
                by=self.market.customers[shop] if signed_in else None,
                affiliate_code=self.market.affiliate_codes.get(shop) if thanked else None,
            ),
        )
        if purchase is not None:
            self.purchases.append(purchase)
        return purchase

    def _attempt(self, name: str, what: Coroutine[Any, Any, Result]) -> Result | None:
        """Do it, or be refused, and then nothing at all has been written."""
        before = self._written()
        try:
            result = self.stage.run(what)
        except Refusal:
            self.stage.done[f"not {name}"] += 1
            assert self._written() == before
            return None
        self.stage.done[name] += 1
        return result

    def _written(self) -> asyncpg.Record:
        return self.stage.run(self.stage.owner.fetchrow(WHAT_IS_WRITTEN))

    def _report(
        self, purchase: Purchase, payment_id: UUID, state: ChannelState, more: int, currency: str
    ) -> ChannelReport:
        asked_minor = self.stage.run(
            self.stage.owner.fetchval(
                "select channel_minor from payments where id = $1", payment_id
            )
        )
        return self.stage.run(
            purchase.report(
                payment_id, state, amount_minor=max(asked_minor + more, 1), currency=currency
            )
        )

    def _hear(self, report: ChannelReport) -> None:
        """Hear it; then the same event again, and the same news by another way, change nothing."""
        heard = self.stage.run(settlement.hear(report))
        self.stage.done[heard.effect] += 1
        self.reports.append(report)
        before = self._written()
        assert self.stage.run(settlement.hear(report)).effect == "NOTHING"
        assert self._written() == before
        if heard.effect in PAID_FOR:
            retold = ChannelReport(**{**_fields(report), "event_id": f"again:{report.event_id}"})
            assert self.stage.run(settlement.hear(retold)).effect == "NOTHING"
            assert self._written() == before

    def _shift(self, minutes: float) -> None:
        self.minutes += minutes
        self.stage.run(self.market.world.shift_clock(f"{self.minutes * 60} seconds"))

    def _sweep(self) -> None:
        """What the worker does; the channel does not answer it."""

        async def sweep() -> None:
            await self.desk.sweep()
            async with db.transaction(db.core_scope()):
                due = await polling.claim_due(100)
            for payment in due:
                await channel_calls.look(payment)

        self.stage.run(sweep())

    async def _move_earnings(self, percent: int, to: str) -> None:
        rows = await self.stage.owner.fetch(
            """select owner_id, currency, -ledger_balance(id) as held_minor from ledger_accounts
               where code = 'L:PARTY:PENDING' order by id"""
        )
        for row in rows:
            amount_minor = row["held_minor"] * percent // 100
            if not amount_minor:
                continue
            target = {
                "AVAILABLE": accounts.party_available(row["owner_id"], row["currency"]),
                "DEPOSIT": accounts.deposit_free(row["owner_id"], row["currency"]),
                "PAID OUT": ledger.Account("A:BANK", row["currency"]),
            }[to]
            pending = accounts.party_pending(row["owner_id"], row["currency"])
            async with db.transaction(db.core_scope()):
                await ledger.post(
                    [ledger.debit(pending, amount_minor), ledger.credit(target, amount_minor)],
                    kind="MOVED",
                    idempotency_key=key(),
                    tenant_id=None,
                )


def _fields(report: ChannelReport) -> dict[str, Any]:
    return {name: getattr(report, name) for name in ChannelReport.__dataclass_fields__}


def play(config: Settings, *, examples: int, steps: int, derandomize: bool) -> Counter[str]:
    """Run the machine so many times; returns what was done how often."""
    with stage_of(config) as stage:
        machine = type("AnySaleOnStage", (AnySale,), {"stage": stage})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                derandomize=derandomize,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        return stage.done


def test_the_books_are_sound_after_every_step_of_any_sale(config: Settings) -> None:
    done = play(config, examples=12, steps=25, derandomize=True)
    # A machine that never gets anywhere would prove nothing.
    for what in ("ordered", "bought", "started to pay", "canceled", "revealed", "returned"):
        assert done[what] and done[f"not {what}"], (what, done)
    for effect in PAID_FOR:
        assert done[effect], (effect, done)


@pytest.mark.soak
def test_the_books_are_sound_after_very_many_steps_of_any_sale(config: Settings) -> None:
    done = play(config, examples=400, steps=50, derandomize=False)
    assert sum(done.values()) > 4_000
