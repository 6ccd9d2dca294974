"""A process dies at every step of checkout, settlement, delivery and refund: nothing is lost."""

import ast
import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from billing import accounts
from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer, refunded_at_channel_minor
from faults.lives import always_revived
from faults.resellers import COST_MINOR, Reseller
from forks import ROOT
from kernel.faults import CRASH_POINTS
from kernel.settings import Settings
from patience import PATIENCE_SECONDS
from processes import Platform
from trade_desk import held_minor
from world import World

WORKERS_POINTS = ("refund.sent", "refund.done", "expiry.released", "expiry.committed")

# Points that one sale can pass one after the other, dying at each of them.
CHAPTERS = (
    ("checkout.priced", "checkout.committed"),
    ("transfer.posted", "transfer.committed", "purchase.made"),
    ("payment.committed", "payment.asked"),
    ("payment.noted",),  # after "asked" the channel's own event may have noted it already
    ("payment.entered", "payment.opened"),  # from the wallet, or a second time
    ("settlement.heard", "settlement.found"),
    ("settlement.committed",),
    ("reveal.marked", "reveal.committed", "refund.written", "refund.committed"),
    ("refund.sent", "refund.done"),
    ("expiry.released", "expiry.committed"),
)
# Where a death costs most: a paid order that nobody has heard of, and one that was delivered.
BRIEFLY = (("settlement.heard", "settlement.found"), ("settlement.committed",))
# Only who has to wait for a key passes these.
IN_TURN = ("checkout.placed", "checkout.paid")
# Only a payment that is no longer simple to settle passes these: here, one that comes late.
LATE = ("settlement.locked", "settlement.read", "settlement.settled", "settlement.recorded")
# Only the worker passes these, where somebody listens: `test_webhook_deaths.py`.
WEBHOOKS = ("webhook.handing_on", "webhook.claimed", "webhook.sent", "webhook.noted")
# Only the worker passes these, where somebody imports prices: `test_price_import_deaths.py`.
PRICE_IMPORTS = (
    "price_import.claimed",
    "price_import.noted",
    "price_import.written",
    "price_import.committed",
)
# Only who delivers by hand passes these, and the worker where nobody did: `test_manual_deaths.py`.
BY_HAND = ("manual.looked", "manual.delivered", "manual.committed")
BY_HAND_OF_WORKER = "manual.ended"
# Only who keeps a card passes these, and the worker after: `test_card_deaths.py`.
CARDS = "card.customer_made"
CARDS_OF_WORKER = ("card.looked", "card.kept", "card.detached")
# Only the worker passes these, where something has been earned: `test_earnings_deaths.py`.
EARNINGS = ("earnings.noting", "earnings.matured", "earnings.committed", "compensation.paid")
# Only money by bank passes these: `test_bank_deaths.py`.
BANK = ("bank.written", "bank.matched", "bank.settled")
# Only vouchers pass these: `test_voucher_deaths.py`.
VOUCHERS = ("voucher.taken", "voucher.committed", "voucher.closed")
# Only who compares the books with statements passes these: `tests/reconciliation/`.
RECONCILIATION = (
    "reconciliation.claimed",
    "reconciliation.fetched",
    "reconciliation.noted",
    "reconciliation.heard",
    "reconciliation.decided",
)
# Only payouts pass these, here and at the worker's: `test_payout_deaths.py`.
PAYOUTS = (
    "payout.reserved",
    "payout.requested",
    "payout.batched",
    "payout.posted",
    "payout.committed",
)
PAYOUTS_OF_WORKER = (
    "payout_account.made",
    "payout.checked",
    "payout.sending",
    "payout.sent",
    "payout.noted",
)
# Who accepts a claim passes these, and the worker where nobody answers it:
# `test_fast_refund_deaths.py`.
CLAIMS = ("fast_refund.written", "fast_refund.committed")
CLAIMS_OF_WORKER = "fast_refund.decided"
# Who pays in parts passes these, and the worker where nobody goes on: `test_instalment_deaths.py`.
INSTALMENTS = ("instalments.opened",)
INSTALMENTS_OF_WORKER = ("instalments.ended", "instalments.defaulted")
# Who replaces a key passes these: `test_replacement_deaths.py`.
REPLACEMENTS = ("replacement.written", "replacement.committed")
# Only a payment that is disputed passes these, and who answers for it: `test_dispute_deaths.py`.
DISPUTES = ("dispute.heard", "dispute.recorded", "dispute.committed")
EVIDENCE = ("dispute.answered", "dispute.answer_sent")
# Only the worker passes these, where somebody asks for a statement: `test_statement_deaths.py`.
STATEMENTS = (
    "statement.claimed",
    "statement.read",
    "statement.kept",
    "statement.ended",
    "statement.committed",
)
KEYS = 200
REDEEMED = 500


def points_in(file: Path) -> Iterator[str]:
    """The names that a file gives to `crash_point`, which must be plain words."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "crash_point"
        ):
            (name,) = node.args
            assert isinstance(name, ast.Constant), f"{file}:{node.lineno}"
            yield str(name.value)


def test_the_list_of_crash_points_is_what_the_code_passes() -> None:
    passed = {point for file in (ROOT / "platform").rglob("*.py") for point in points_in(file)}

    assert sorted(passed) == sorted(CRASH_POINTS)
    by_hand = (*BY_HAND, BY_HAND_OF_WORKER, *CLAIMS, CLAIMS_OF_WORKER, *REPLACEMENTS)
    others = (*PAYOUTS, *PAYOUTS_OF_WORKER, CARDS, *CARDS_OF_WORKER, *DISPUTES, *EVIDENCE)
    plans = (*INSTALMENTS, *INSTALMENTS_OF_WORKER)
    money = (*EARNINGS, *BANK, *VOUCHERS, *RECONCILIATION, *others, *STATEMENTS, *plans)
    swept = itertools.chain(IN_TURN, LATE, WEBHOOKS, PRICE_IMPORTS, money, by_hand, *CHAPTERS)
    assert sorted(swept) == sorted(CRASH_POINTS)


@dataclass
class People:
    """Who takes part in the story."""

    buyer: Buyer
    idle: Buyer
    regular: Buyer
    thrifty: Buyer
    hesitant: Buyer


async def story(platform: Platform, world: World) -> People:
    """One guest never pays. A customer buys a key from the wallet in one step, and another in two,
    with the points of the first; a third one waits for its money and keeps points meanwhile.
    A guest buys two keys, opens one and gives the other back. A shop buys one at cost."""
    await world.owner.execute(
        """insert into points_programs (tenant_id, is_on, earn_bp, point_minor, lasts_days, most_bp,
                                        least_points)
           values ($1, true, 500, 1, 365, 5000, 1)""",
        world.shop.id,
    )
    idle = Buyer(platform, world.shop, world.goods)
    await idle.order()
    rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
    regular = Buyer(platform, world.shop, world.goods, customer=rich)
    await regular.buy_from_wallet()
    buyer = Buyer(platform, world.shop, world.goods, quantity=2)
    await buyer.buy()
    delivered = await buyer.until("DELIVERED")
    await buyer.open_key(delivered["lines"][0]["keys"][0]["id"])
    await buyer.give_back(1)
    thrifty = Buyer(platform, world.shop, world.goods, customer=rich)
    await thrifty.order(**with_points(REDEEMED))
    await thrifty.pay_from_wallet()
    hesitant = Buyer(platform, world.shop, world.goods, customer=rich)
    await hesitant.order(**with_points(10))
    await resale(platform, world)
    return People(buyer, idle, regular, thrifty, hesitant)


def with_points(points: int) -> dict[str, Any]:
    """What makes of a quick buy one in which so many points pay."""
    expected = {"amountMinor": PRICE_MINOR - points, "currency": "CNY"}
    return {"redeemPoints": points, "expectedTotal": expected}


async def resale(platform: Platform, world: World) -> None:
    """An agent prepays and pays on to its child, which buys a key at cost."""
    operator = Reseller(platform, world.agent, world.goods, customer=await world.operator())
    await operator.credit(2 * COST_MINOR)
    agents = await world.staff("OWNER", shop=world.agent)
    agent = Reseller(platform, world.agent, world.goods, customer=agents)
    await agent.transfer(world.shop, COST_MINOR)
    shop = Reseller(platform, world.shop, world.goods, customer=await world.staff("FINANCE"))
    assert len(await shop.purchase()) == 1


async def an_hour_passes(world: World) -> None:
    """Let the platform's clock run, fast, until nothing waits to be done any more."""
    end = time.monotonic() + PATIENCE_SECONDS
    for minutes in range(16, 10_000):
        await world.shift_clock(f"{minutes} minutes")
        waiting = await world.owner.fetch(
            """select 'order' as what, no as name, 0 as attempts, expires_at as due_at
               from orders where payment_status = 'PENDING'
               union all
               select 'refund', status, attempts, next_attempt_at
               from refunds where status in ('DUE', 'SENT')"""
        )
        if not waiting:
            return
        assert time.monotonic() < end, f"after {minutes} minutes: {waiting}"
        await asyncio.sleep(0.1)


async def assert_it_ended_well(platform: Platform, world: World, people: People) -> None:
    """The story's end is always the same, wherever somebody died."""
    buyer = people.buyer
    shown = await buyer.until("PARTIALLY_REFUNDED")
    assert shown["refunded"]["amountMinor"] == PRICE_MINOR
    assert [key["returnedAt"] is None for key in shown["lines"][0]["keys"]].count(True) == 1
    assert await refunded_at_channel_minor(platform, buyer.intent) == PRICE_MINOR
    for never_pays in (people.idle, people.hesitant):
        assert (await never_pays.look())["status"] == "EXPIRED"
    for customer in (people.regular, people.thrifty):
        shown = await customer.look()
        assert (shown["status"], len(shown["lines"][0]["keys"])) == ("DELIVERED", 1)
    assert people.regular.customer is not None
    wallet = accounts.wallet(people.regular.customer.id, "CNY")
    assert await world.owner.fetchval("select -ledger_balance($1)", wallet.id) == REDEEMED
    # 5 % of two keys, less what points have paid of the second, and less those points.
    left = await world.owner.fetchval("select sum(left_points) from points_lots")
    assert left == (2 * PRICE_MINOR - REDEEMED) * 5 // 100 - REDEEMED
    assert await held_minor(world.owner, world.agent.id) == COST_MINOR
    assert await held_minor(world.owner, world.shop.id) == 0
    keys = await world.owner.fetch("select status, count(*) as number from keys group by status")
    assert {row["status"]: row["number"] for row in keys} == {
        "REVEALED": 2,
        "SOLD": 2,
        "AVAILABLE": KEYS - 4,
    }


async def assert_harmless(
    points: Sequence[str], platform: Platform, world: World, config: Settings
) -> None:
    """Play the story with a death at each of these points; its end is the same."""
    victim = platform.worker if points[0] in WORKERS_POINTS else platform.api
    victim.kill()
    victim.start(KAMENG_CRASH_AT=points[0])

    async with always_revived(platform.api, platform.worker, crash_at=points[1:]) as deaths:
        people = await story(platform, world)
        await an_hour_passes(world)
        await assert_it_ended_well(platform, world, people)

    assert deaths == [victim.name] * len(points)
    assert await verify(config.database_url) == []


@pytest.mark.engines
@pytest.mark.parametrize(
    "points",
    [
        pytest.param(points, id=points[0], marks=() if points in BRIEFLY else pytest.mark.sweep)
        for points in CHAPTERS
    ],
)
async def test_a_sale_that_dies_at_every_step_ends_as_if_nobody_had_died(
    points: tuple[str, ...], platform: Platform, world: World, config: Settings
) -> None:
    await assert_harmless(points, platform, world, config)


@asynccontextmanager
async def every_key_locked(world: World, config: Settings) -> AsyncIterator[None]:
    """Somebody has locked all keys, and lets them go when one of the platform's sessions waits."""
    somebody = await asyncpg.connect(config.database_url)
    try:
        async with somebody.transaction():
            await somebody.execute("select from keys for update")
            yield
            end = time.monotonic() + PATIENCE_SECONDS
            while not await world.owner.fetchval(
                """select count(*) from pg_stat_activity where datname = current_database()
                   and application_name like 'kameng-%' and wait_event_type = 'Lock'"""
            ):
                assert time.monotonic() < end, "nobody waits"
                await asyncio.sleep(0.01)
    finally:
        await somebody.close()


@pytest.mark.engines
@pytest.mark.sweep
@pytest.mark.parametrize("point", IN_TURN)
async def test_a_buy_that_waits_for_its_key_and_dies_is_made_once(
    point: str, platform: Platform, world: World, config: Settings
) -> None:
    rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
    regular = Buyer(platform, world.shop, world.goods, customer=rich)
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=point)

    async with always_revived(platform.api, platform.worker) as deaths:
        await platform.until_healthy(platform.api_url)
        async with every_key_locked(world, config):
            buying = asyncio.create_task(regular.buy_from_wallet())
        await buying

    assert deaths == [platform.api.name]
    assert (await world.owner.fetchval("select count(*) from orders")) == 1
    assert len((await regular.look())["lines"][0]["keys"]) == 1
    wallet = accounts.wallet(rich.id, "CNY")
    assert await world.owner.fetchval("select -ledger_balance($1)", wallet.id) == PRICE_MINOR
    assert await verify(config.database_url) == []


@pytest.mark.engines
@pytest.mark.sweep
@pytest.mark.parametrize("point", IN_TURN)
async def test_a_purchase_at_cost_that_waits_for_its_key_and_dies_is_made_once(
    point: str, platform: Platform, world: World, config: Settings
) -> None:
    operator = Reseller(platform, world.shop, world.goods, customer=await world.operator())
    await platform.until_healthy(platform.api_url)
    await operator.credit(2 * COST_MINOR)
    shop = Reseller(platform, world.shop, world.goods, customer=await world.staff("OWNER"))
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=point)

    async with always_revived(platform.api, platform.worker) as deaths:
        await platform.until_healthy(platform.api_url)
        async with every_key_locked(world, config):
            buying = asyncio.create_task(shop.purchase())
        secrets = await buying

    assert deaths == [platform.api.name]
    assert len(secrets) == 1
    assert await held_minor(world.owner, world.shop.id) == COST_MINOR
    assert await verify(config.database_url) == []


@pytest.mark.engines
async def test_a_late_payment_that_dies_at_every_step_is_delivered_once(
    platform: Platform, world: World, config: Settings
) -> None:
    buyer = Buyer(platform, world.shop, world.goods)
    platform.worker.kill()  # it would ask the channel itself, and settle
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=LATE[0])

    async with always_revived(platform.api, crash_at=LATE[1:]) as deaths:
        await platform.until_healthy(platform.api_url)
        await buyer.order()
        await buyer.start_payment()
        await world.shift_clock("16 minutes")
        await buyer.approve()
        delivered = await buyer.until("DELIVERED")

    assert deaths == [platform.api.name] * len(LATE)
    assert len(delivered["lines"][0]["keys"]) == 1
    events = "select effect from payment_events where effect <> 'NOTHING'"
    assert [row["effect"] for row in await world.owner.fetch(events)] == ["LATE_SETTLED"]
    assert await verify(config.database_url) == []


@pytest.mark.soak
@pytest.mark.engines
@pytest.mark.parametrize(
    "point",
    sorted(
        set(CRASH_POINTS)
        - {*IN_TURN, *LATE, *WEBHOOKS, *PRICE_IMPORTS, *EARNINGS, *RECONCILIATION}
        - {*PAYOUTS, *PAYOUTS_OF_WORKER}
        - {*DISPUTES, *EVIDENCE}
        - {CARDS, *CARDS_OF_WORKER}
    ),
)
async def test_a_single_death_at_this_point_changes_nothing_in_the_end(
    point: str, platform: Platform, world: World, config: Settings
) -> None:
    await assert_harmless([point], platform, world, config)
