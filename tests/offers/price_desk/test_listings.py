"""What a shop shows and calls things, its grades and its promotions: all or nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from desk_rows import everything_written
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from offers import shelf
from offers.price_desk import grades, promotions
from offers.price_desk.guarding import MarginNegative
from offers.price_desk.listings import ListingDraft, upsert_listings
from offers.price_desk.promotions import PromotionDraft, PromotionLine
from sales import SalesDesk
from tenants.pricing import RuleKind


async def _price(desk: SalesDesk) -> int | None:
    line = (desk.world.goods.sku_id, 1)
    found = await shelf.skus_by_id(await desk.shop(), [line], stock_bound=1)
    return found[line].display_offer.unit_price_minor if found else None


async def test_a_listing_hides_names_and_shows_and_leaves_the_rest_as_it_is(
    desk: SalesDesk,
) -> None:
    shop, sku_id = await desk.shop(), desk.world.goods.sku_id
    rows = "select visible, title_override from tenant_listings"
    await upsert_listings(shop, [ListingDraft(sku_id=sku_id, title="月卡")])
    assert tuple(await desk.owner.fetchrow(rows) or ()) == (True, "月卡")
    await upsert_listings(shop, [ListingDraft(sku_id=sku_id, visible=False)])
    assert tuple(await desk.owner.fetchrow(rows) or ()) == (False, "月卡")
    assert await _price(desk) is None
    await upsert_listings(shop, [ListingDraft(sku_id=sku_id, visible=True, title="")])
    assert tuple(await desk.owner.fetchrow(rows) or ()) == (True, None)


async def test_one_listing_that_is_not_the_shops_stops_all_of_them(desk: SalesDesk) -> None:
    world, shop = desk.world, await desk.shop()
    hidden = await world.more_goods("hidden-above")
    await desk.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        world.agent.id,
        hidden.sku_id,
    )
    before = await everything_written(desk.owner)
    good = ListingDraft(sku_id=world.goods.sku_id, visible=False)
    for bad in (hidden.sku_id, new_id()):
        with pytest.raises(NotFound):
            await upsert_listings(shop, [good, ListingDraft(sku_id=bad, visible=True)])
    with pytest.raises(Invalid):
        await upsert_listings(shop, [good, good])
    with pytest.raises(Invalid):
        await upsert_listings(shop, [good] * 101)
    with pytest.raises(Invalid):
        ListingDraft(sku_id=new_id(), title="a\nb")
    assert await everything_written(desk.owner) == before


async def test_a_grade_is_made_changed_and_given_to_a_direct_child(desk: SalesDesk) -> None:
    world, agent = desk.world, await desk.shop(desk.world.agent)
    made = await grades.upsert_grade(agent, grade_id=None, name="高级", rank=2, open_fee_minor=100)
    await grades.upsert_grade(agent, grade_id=made.id, name="顶级", rank=3, open_fee_minor=0)
    assert [(one.name, one.rank) for one in await grades.grades_of(agent)] == [("顶级", 3)]
    await grades.set_grade(agent, child_slug="shop", grade_id=made.id)
    given = "select grade_id from tenants where id = $1"
    assert await desk.owner.fetchval(given, world.shop.id) == made.id
    await grades.set_grade(agent, child_slug="shop", grade_id=None)
    assert await desk.owner.fetchval(given, world.shop.id) is None


async def test_grades_of_others_and_other_peoples_children_are_not_there(desk: SalesDesk) -> None:
    world, shop = desk.world, await desk.shop()
    agent = await desk.shop(world.agent)
    await world.another_shop("deep", below=world.shop)
    theirs = await grades.upsert_grade(agent, grade_id=None, name="a", rank=1, open_fee_minor=0)
    before = await everything_written(desk.owner)
    calls = [
        grades.upsert_grade(shop, grade_id=theirs.id, name="b", rank=2, open_fee_minor=0),
        grades.upsert_grade(agent, grade_id=None, name="a", rank=2, open_fee_minor=0),
        grades.upsert_grade(agent, grade_id=None, name="b", rank=1, open_fee_minor=0),
        grades.set_grade(shop, child_slug="deep", grade_id=theirs.id),
        grades.set_grade(agent, child_slug="deep", grade_id=theirs.id),
        grades.set_grade(shop, child_slug="agent", grade_id=None),
    ]
    for call in calls:
        with pytest.raises(Refusal):
            await call
    assert await everything_written(desk.owner) == before


def _line(desk: SalesDesk, value: int) -> PromotionLine:
    return PromotionLine(sku_id=desk.world.goods.sku_id, kind=RuleKind.ABSOLUTE, value=value)


async def test_a_promotion_prices_while_it_runs_and_not_while_it_is_paused(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    draft = PromotionDraft(name="双十一", lines=(_line(desk, 10_111),))
    made = await promotions.upsert_promotion(shop, draft)
    assert (made.skus, await _price(desk)) == (1, 10_111)
    await promotions.pause_promotion(shop, made.id, paused=True)
    assert await _price(desk) == 11_000
    await promotions.pause_promotion(shop, made.id, paused=False)
    assert await _price(desk) == 10_111
    await desk.world.shift_clock("1 minute")
    ends = datetime.now(UTC) + timedelta(hours=1)
    ended = PromotionDraft(name="双十二", lines=(_line(desk, 10_112),), ends_at=ends)
    await promotions.upsert_promotion(shop, ended, promotion_id=made.id)
    assert await _price(desk) == 10_112
    await desk.world.shift_clock("2 hours")
    assert await _price(desk) == 11_000


async def test_a_promotion_that_loses_money_is_refused_as_a_whole(desk: SalesDesk) -> None:
    shop, other = await desk.shop(), await desk.world.more_goods("other")
    fine = PromotionLine(sku_id=other.sku_id, kind=RuleKind.ABSOLUTE, value=10_000)
    before = await everything_written(desk.owner)
    with pytest.raises(MarginNegative):
        await promotions.upsert_promotion(
            shop, PromotionDraft(name="loss", lines=(fine, _line(desk, 8_999)))
        )
    with pytest.raises(NotFound):
        await promotions.upsert_promotion(
            shop, PromotionDraft(name="nobodys", lines=(fine,)), promotion_id=new_id()
        )
    with pytest.raises(Invalid):
        PromotionDraft(name="twice", lines=(fine, fine))
    assert await everything_written(desk.owner) == before


async def test_what_has_ended_makes_room_for_another_promotion(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotions, "MAX_PROMOTIONS", 2)
    shop, ends = await desk.shop(), datetime.now(UTC) + timedelta(hours=1)

    async def make(name: str, ends_at: datetime | None = None) -> None:
        draft = PromotionDraft(name=name, lines=(_line(desk, 10_500),), ends_at=ends_at)
        await promotions.upsert_promotion(shop, draft)

    await make("for ever")
    await make("an hour", ends)
    before = await everything_written(desk.owner)
    with pytest.raises(Invalid):
        await make("one too many")
    assert await everything_written(desk.owner) == before
    await desk.world.shift_clock("2 hours")
    await make("now")
    shown = [one.name for one in await promotions.promotions_of(shop)]
    assert shown == ["now", "for ever"], "what has ended comes last, and is cut off"


async def test_a_paused_promotion_does_not_run_again_at_a_loss(desk: SalesDesk) -> None:
    shop = await desk.shop()
    made = await promotions.upsert_promotion(
        shop, PromotionDraft(name="now", lines=(_line(desk, 10_000),))
    )
    await promotions.pause_promotion(shop, made.id, paused=True)
    await desk.world.rule(desk.world.agent, "WHOLESALE", "FIXED_OVER_COST", 1_600)
    before = await everything_written(desk.owner)
    with pytest.raises(MarginNegative):
        await promotions.pause_promotion(shop, made.id, paused=False)
    assert await everything_written(desk.owner) == before
