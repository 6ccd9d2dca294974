"""A change at the root prices ten thousand listings below it at once, and nobody waits for it."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from desk_rows import a_draft, everything_written
from many_goods import plant_many
from offers import catalogue
from offers.assortment import assortments
from offers.catalogue import Reading
from offers.price_desk import rules
from offers.price_desk.own_rules import DeskRule
from offers.price_desk.promotions import PromotionDraft, PromotionLine, upsert_promotion
from offers.price_desk.rule_rows import write_rules
from offers.quotes import Wish
from sales import SalesDesk
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, RuleKind
from world import Goods

SUPPLY, OF_THE_AGENT, OF_THE_SHOPS = 8_000, 500, 2_000
"""What a piece costs the root, what the agent adds for its children, and these for buyers."""


class Ears:
    """The process hears what is announced, so it keeps what it has read."""

    listening_seconds = 100.0


@pytest.fixture(autouse=True)
def ears() -> Iterator[None]:
    ears = Ears()
    assortments.rest_on(ears)
    yield
    ears.listening_seconds = 0.0
    assortments.forget()


class Country:
    """Shops below an agent, with as many listings each as there are goods; two have stock."""

    def __init__(self, desk: SalesDesk, shops: list[Shop], stocked: list[Goods]) -> None:
        self.desk = desk
        self.shops = shops
        self.stocked = stocked

    async def asked(self) -> set[int]:
        """What the shops ask: quoted, and on pages that are kept."""
        found: set[int] = set()
        for shop in self.shops:
            wishes = [Wish(goods.sku_id, 1) for goods in self.stocked]
            quote = await self.desk.quote(shop, wishes)
            found |= {line.offer.unit_price_minor for line in quote.lines}
            for goods in self.stocked:
                page = await catalogue.product(shop, slug=goods.slug, reading=Reading.PUBLIC)
                assert page is not None
                found.add(page.skus[0].display_offer.unit_price_minor)
        return found


def _price(*, of_the_root: int) -> set[int]:
    """All ask the same: the supply price and what every level adds."""
    return {SUPPLY + of_the_root + OF_THE_AGENT + OF_THE_SHOPS}


async def _country(desk: SalesDesk, *, goods: int, shops: int) -> Country:
    world = desk.world
    stocked = [await world.more_goods("first", supply_minor=SUPPLY)]
    await plant_many(world, goods - 2, supply_minor=SUPPLY)
    stocked.append(await world.more_goods("last", supply_minor=SUPPLY))
    for one in stocked:
        await world.keys(1, one)
    below = []
    for number in range(shops):
        at = await world.another_shop(f"below-{number}")
        await world.rule(at, "RETAIL", "FIXED_OVER_COST", OF_THE_SHOPS)
        below.append(await desk.shop(at))
    return Country(desk, below, stocked)


async def _whatever_changes_at_the_root_is_right_at_once(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch, *, goods: int, shops: int
) -> None:
    country = await _country(desk, goods=goods, shops=shops)
    world, root = desk.world, await desk.shop(desk.world.root)
    grade_id = await world.grade(world.root)
    await world.owner.execute(
        "update tenants set grade_id = $1 where id = $2", grade_id, world.agent.id
    )
    assert await country.asked() == _price(of_the_root=500)

    # Nobody waits while a rule for everything is written: the old price holds until it is.
    written, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(shop: Shop, put: Sequence[DeskRule]) -> None:
        await write_rules(shop, put)
        written.set()
        await go_on.wait()

    grades: dict[str, Any] = {"for_kind": ForKind.GRADE, "for_id": grade_id}
    draft = a_draft(Audience.WHOLESALE, RuleKind.FIXED_OVER_COST, 600, **grades)
    rows_before = await everything_written(desk.owner)
    with monkeypatch.context() as slow:
        slow.setattr(rules, "write_rules", slowly)
        writing = asyncio.create_task(rules.upsert_rule(root, draft))
        await written.wait()
        assert await country.asked() == _price(of_the_root=500)
        go_on.set()
        await writing
    assert await country.asked() == _price(of_the_root=600)
    rows_after = await everything_written(desk.owner)
    added = {table: len(rows) - len(rows_before[table]) for table, rows in rows_after.items()}
    assert {table for table, more in added.items() if more} == {"price_rules"}
    assert added["price_rules"] == 1  # and no row for any of the listings

    # A window opens and closes by itself.
    now: datetime = await world.owner.fetchval("select now()")
    opens, closes = now + timedelta(hours=1), now + timedelta(hours=2)
    for one in country.stocked:
        await rules.upsert_rule(
            root,
            a_draft(Audience.WHOLESALE, RuleKind.FIXED_OVER_COST, 700, sku_id=one.sku_id,
                    starts_at=opens, ends_at=closes, **grades),
        )  # fmt: skip
    for shift, of_the_root in (("0", 600), ("61 minutes", 700), ("121 minutes", 600)):
        await world.shift_clock(shift)
        assert await country.asked() == _price(of_the_root=of_the_root)

    # A promotion is the root's own affair: nobody below is asked another price.
    line = PromotionLine(sku_id=country.stocked[0].sku_id, kind=RuleKind.FIXED_OVER_COST, value=100)
    await upsert_promotion(root, PromotionDraft(name="sale", lines=(line,)))
    quote = await desk.quote(root, [Wish(country.stocked[0].sku_id, 1)])
    assert quote.lines[0].offer.unit_price_minor == SUPPLY + 100
    assert await country.asked() == _price(of_the_root=600)


async def test_what_changes_at_the_root_is_right_at_once_in_a_few_shops(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _whatever_changes_at_the_root_is_right_at_once(desk, monkeypatch, goods=3, shops=2)


@pytest.mark.sweep
async def test_what_changes_at_the_root_is_right_at_once_in_ten_thousand_listings(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _whatever_changes_at_the_root_is_right_at_once(desk, monkeypatch, goods=400, shops=25)
