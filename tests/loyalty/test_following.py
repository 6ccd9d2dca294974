"""Customers follow their purchases, refunds and the clock, exactly and once."""

import random
from asyncio import CancelledError
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from ladders import (
    bought_by,
    build_ladder,
    earned_by_the_book,
    follow_everybody,
    history,
    moment,
    plant_purchase,
    plant_refund,
    shop_of,
    spent_as_measured,
    spent_by_the_book,
    tier_of,
)
from loyalty import following
from loyalty.following import follow_tiers
from loyalty.recounting import recount_tiers
from loyalty.tiers import Tier, TierDraft, upsert_tier
from sales import SalesDesk
from world import Person

pytestmark = pytest.mark.engines

EVENTS = 40


class History:
    """A random life of a few customers in one shop, in days."""

    def __init__(self, desk: SalesDesk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.days = 0.0
        self.orders: list[tuple[UUID, int]] = []

    async def ladder(self) -> list[Tier]:
        """One to three tiers with windows and graces of their own, in any order of thresholds."""
        dice = self.random
        steps = [
            TierDraft(
                name=f"tier {rank}",
                rank=rank,
                spent_minor=dice.randint(1, 12) * 100,
                window_days=dice.randint(1, 30),
                grace_days=dice.choice((0, 0, dice.randint(1, 20))),
            )
            for rank in range(1, dice.randint(2, 4))
        ]
        return await build_ladder(await shop_of(self.desk.world.shop), *steps)

    async def go_on(self, people: list[Person]) -> None:
        """Somebody buys, something is refunded, or time passes."""
        dice, owner = self.random, self.desk.owner
        what = dice.choice(("buy", "buy", "buy", "refund", "wait", "wait"))
        if what == "buy":
            minor = dice.randint(1, 6) * 100
            made_at = await moment(owner) - timedelta(hours=dice.choice((0, 0, 0, 30)))
            buyer = dice.choice(people)
            at = self.desk.world.shop
            order_id = await plant_purchase(owner, at, buyer, minor, made_at=made_at)
            self.orders.append((order_id, minor))
        elif what == "refund" and self.orders:
            order_id, minor = self.orders.pop(dice.randrange(len(self.orders)))
            part = dice.choice((minor, minor // 2))
            await plant_refund(owner, order_id, part)
        elif what == "wait":
            self.days += dice.choice((0.3, 1, 2, 5, 12))
            await self.desk.world.shift_clock(f"{self.days} days")


async def live(desk: SalesDesk, seed: int) -> None:
    """Go through a history, and compare with the second opinion whenever the sweep has looked."""
    history = History(desk, seed)
    tiers = await history.ladder()
    people = [await desk.world.customer() for _ in range(2)]
    for event in range(EVENTS):
        await history.go_on(people)
        if history.random.random() < 0.6:
            await follow_everybody()
            now = await moment(desk.owner)
            for buyer in people:
                bought = await bought_by(desk.owner, buyer)
                wanted = earned_by_the_book(bought, tiers, now)
                assert await tier_of(desk.owner, buyer) == wanted, (seed, event)
                shop = desk.world.shop
                assert await spent_as_measured(desk.owner, shop, buyer, now) == {
                    tier.id: spent_by_the_book(bought, tier, now) for tier in tiers
                }


@pytest.mark.parametrize("seed", (103, 110))
async def test_after_any_history_everybody_has_the_tier_of_the_book(
    desk: SalesDesk, seed: int
) -> None:
    await live(desk, seed)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(111, 131))
async def test_after_very_many_histories_everybody_has_the_tier_of_the_book(
    desk: SalesDesk, seed: int
) -> None:
    await live(desk, seed)


async def test_a_tier_lapses_at_its_moment_and_once(desk: SalesDesk) -> None:
    shop, owner = desk.world.shop, desk.owner
    silver, gold = await build_ladder(
        await shop_of(shop),
        TierDraft(name="silver", rank=1, spent_minor=500, window_days=60, grace_days=1),
        TierDraft(name="gold", rank=2, spent_minor=1000, window_days=30, grace_days=5),
    )
    buyer = await desk.world.customer()
    made_at = await moment(owner)
    await plant_purchase(owner, shop, buyer, 400, made_at=made_at - timedelta(days=3))
    await plant_purchase(owner, shop, buyer, 600, made_at=made_at)
    await follow_everybody()
    # The older purchase leaves gold's window of 30 days after 27 of them, and 5 are of grace.
    lapses_at = made_at + timedelta(days=27 + 5)
    measured = "select holds_until from tier_measures($1, $2, $3) where tier_id = $4"
    for at in (made_at, lapses_at - timedelta(microseconds=1)):
        assert await owner.fetchval(measured, shop.id, buyer.id, at, gold.id) == lapses_at
    assert await owner.fetchval("select tier_due_at from customers where id = $1", buyer.id) == (
        lapses_at
    )

    tiers = []
    just_before, just_after = "31 days 23 hours", "32 days 1 minute"
    later = ("32 days 2 minutes", "60 days 23 hours", "61 days 1 minute")
    for passed in (just_before, just_after, *later):
        await desk.world.shift_clock(passed)
        await follow_everybody()
        tiers.append(await tier_of(owner, buyer))

    assert tiers == [gold.id, silver.id, silver.id, silver.id, None]
    assert await history(owner, buyer) == [
        ("REACHED", None, "gold", 1000, 30),
        ("LAPSED", "gold", "silver", 0, 30),
        ("LAPSED", "silver", None, 0, 60),
    ]


async def test_who_cannot_be_looked_at_stops_nobody_else_and_is_looked_at_later(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gold,) = await build_ladder(
        await shop_of(desk.world.shop),
        TierDraft(name="gold", rank=1, spent_minor=500, window_days=30),
    )
    people = [await desk.world.customer() for _ in range(3)]
    now = await moment(desk.owner)
    for buyer in people:
        await plant_purchase(desk.owner, desk.world.shop, buyer, 500, made_at=now)
    look = following._look_at

    async def look_at(customer_ids: Sequence[UUID]) -> None:
        await look(customer_ids)
        if people[0].id in customer_ids:
            raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(following, "_look_at", look_at)
        assert await follow_tiers() == 3
        assert [await tier_of(desk.owner, buyer) for buyer in people] == [None, gold.id, gold.id]
        assert await follow_tiers() == 0
    await desk.world.shift_clock("11 minutes")
    assert await follow_tiers() == 1
    for buyer in people:
        assert await history(desk.owner, buyer) == [("REACHED", None, "gold", 500, 30)]


async def test_a_walk_over_a_shop_waits_for_the_looks(desk: SalesDesk) -> None:
    for _ in range(5):
        await desk.world.customer()
    ladder = TierDraft(name="gold", rank=1, spent_minor=500, window_days=30)
    await upsert_tier(await shop_of(desk.world.shop), ladder)
    steps = [await recount_tiers(at_most=2) for _ in range(4)]
    # A third portion would stand before the purchases of everybody else.
    assert steps == [2, 2, 0, 0]
    assert await follow_tiers() == 4
    assert await recount_tiers(at_most=2) > 0


async def test_a_sweep_that_is_killed_leaves_everybody_due(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gold,) = await build_ladder(
        await shop_of(desk.world.shop),
        TierDraft(name="gold", rank=1, spent_minor=500, window_days=30),
    )
    buyer = await desk.world.customer()
    now = await moment(desk.owner)
    await plant_purchase(desk.owner, desk.world.shop, buyer, 500, made_at=now)

    async def die(*_: object, **__: object) -> None:
        raise CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(following, "_remember", die)
        with pytest.raises(CancelledError):
            await follow_tiers()
    assert await tier_of(desk.owner, buyer) is None
    assert await history(desk.owner, buyer) == []

    assert await follow_tiers() == 1
    assert await tier_of(desk.owner, buyer) == gold.id
    assert await follow_tiers() == 0
    assert await history(desk.owner, buyer) == [("REACHED", None, "gold", 500, 30)]
