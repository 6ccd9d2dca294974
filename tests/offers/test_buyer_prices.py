"""Who asks, how many and when: a price is that buyer's, for that line, at that moment, at once."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from asked import statements
from entrypoints.verify import verify
from kernel.errors import NotFound
from kernel.settings import Settings
from offers import catalogue, quotes
from offers.assortment import assortments
from offers.catalogue import Reading
from offers.own_prices import own_prices
from offers.quotes import PriceChanged, Wish
from offers.shelf import ShelfSku
from orders import paying
from orders.checkout import Buyer
from patience import until
from sales import SalesDesk, key
from world import Person, ShopAt

pytestmark = pytest.mark.engines

LIST_MINOR = 11_000
"""What the shop of the worked example asks everyone."""


class Ears:
    """Announcements are heard, so that pages are remembered."""

    listening_seconds = 100.0


@pytest.fixture(autouse=True)
def ears() -> Iterator[Ears]:
    ears = Ears()
    assortments.rest_on(ears)
    yield ears
    ears.listening_seconds = 0.0
    assortments.forget()


async def skus(desk: SalesDesk, by: Person | None, at: ShopAt | None = None) -> list[ShelfSku]:
    """The world's SKU on a page and alone, read whole and remembered."""
    shop = await desk.shop(at)
    found: list[ShelfSku] = []
    who: dict[str, Any] = {"customer_id": by.id if by else None, "with_breaks": True}
    for reading in (Reading.SOURCED, Reading.EXACT, Reading.PUBLIC):
        page = await catalogue.products(shop, reading=reading, **who)
        one = await catalogue.product(shop, slug=desk.world.goods.slug, reading=reading, **who)
        for product in (*page.rows, *([one] if one is not None else [])):
            found += product.skus
    return found


async def price_for(
    desk: SalesDesk, by: Person | None = None, *, quantity: int = 1, at: ShopAt | None = None
) -> int | None:
    """What a piece costs somebody in a line of so many, wherever it can be seen."""
    shop, sku_id = await desk.shop(at), desk.world.goods.sku_id
    shown = await skus(desk, by, at)
    assert len({(sku.display_offer.unit_price_minor, sku.quantity_prices) for sku in shown}) <= 1
    try:
        quote = await quotes.quote(
            shop, [Wish(sku_id, quantity)], customer_id=by.id if by else None
        )
    except NotFound:
        return None
    (line,) = quote.lines
    if quantity == 1:
        assert shown[0].display_offer.unit_price_minor == line.offer.unit_price_minor
    reached = [
        one.unit_price_minor for one in shown[0].quantity_prices if one.from_quantity <= quantity
    ]
    assert reached[-1] == line.offer.unit_price_minor
    return line.offer.unit_price_minor


async def give_tier(desk: SalesDesk, customer: Person, tier_id: UUID | None) -> None:
    await desk.owner.execute(
        "update customers set given_tier_id = $1 where id = $2", tier_id, customer.id
    )


async def moment(desk: SalesDesk, seconds: float) -> datetime:
    found: datetime = await desk.owner.fetchval(
        "select platform_now() + make_interval(secs => $1)", seconds
    )
    return found


async def until_passed(desk: SalesDesk, when: datetime) -> None:
    async def passed() -> bool:
        return bool(await desk.owner.fetchval("select platform_now() >= $1", when))

    await until(passed)


# --- who asks


async def test_a_tiers_price_is_for_its_customers_and_a_change_of_tier_is_seen_at_once(
    desk: SalesDesk,
) -> None:
    gold, silver = [
        await desk.world.tier(desk.world.shop, name, rank=rank)
        for rank, name in enumerate(("gold", "silver"), 1)
    ]
    await desk.world.keys(2)
    buyer, other = await desk.world.customer(), await desk.world.customer()
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold)
    await desk.world.asks(desk.world.shop, 10_700, for_kind="TIER", for_id=silver)
    assert await price_for(desk, buyer) == LIST_MINOR
    for tier, price_minor in ((gold, 10_500), (silver, 10_700), (None, LIST_MINOR), (gold, 10_500)):
        await give_tier(desk, buyer, tier)
        assert await price_for(desk, buyer) == price_minor
        assert await price_for(desk, other) == await price_for(desk) == LIST_MINOR


async def test_a_secret_price_is_for_one_customer_before_the_tiers_and_seen_at_once(
    desk: SalesDesk,
) -> None:
    gold = await desk.world.tier(desk.world.shop)
    await desk.world.keys(2)
    buyer, other = await desk.world.customer(), await desk.world.customer()
    for customer in (buyer, other):
        await give_tier(desk, customer, gold)
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold)
    secret = await desk.world.asks(desk.world.shop, 10_100, for_kind="CUSTOMER", for_id=buyer.id)
    assert await price_for(desk, buyer) == 10_100
    assert await price_for(desk, other) == 10_500
    assert await price_for(desk) == LIST_MINOR
    await desk.owner.execute("update price_rules set value = 10000 where id = $1", secret)
    assert await price_for(desk, buyer) == 10_000
    await desk.owner.execute("delete from price_rules where id = $1", secret)
    assert await price_for(desk, buyer) == 10_500


async def test_a_customer_pays_the_own_price_and_nobody_elses_quote(
    desk: SalesDesk, database: Settings
) -> None:
    gold = await desk.world.tier(desk.world.shop)
    await desk.world.keys(4)
    buyer = await desk.world.customer()
    await give_tier(desk, buyer, gold)
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold)
    shop, wish = await desk.shop(), Wish(desk.world.goods.sku_id, 2)
    own = await quotes.quote(shop, [wish], customer_id=buyer.id)
    assert own.total_minor == 21_000
    (line,) = await quotes.redeem(shop, own.id, customer_id=buyer.id)
    assert line.total_minor == 21_000
    for thief in (None, (await desk.world.customer()).id):
        with pytest.raises(PriceChanged):
            await quotes.redeem(shop, own.id, customer_id=thief)
    made = await desk.order(2, by=buyer)
    assert made.total_minor == 21_000
    shares = await desk.owner.fetchval("select sum(amount_minor)::bigint from line_shares")
    assert shares == 21_000
    assert await verify(database.database_url) == []


async def test_a_quick_buy_is_at_the_buyers_own_price_and_at_no_other(
    desk: SalesDesk, database: Settings
) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer(wallet_minor=50_000)
    await desk.world.asks(
        desk.world.shop, 10_100, for_kind="CUSTOMER", for_id=buyer.id, min_quantity=2
    )
    shop = await desk.shop()

    async def buy(expected_minor: int) -> None:
        await paying.quick_buy(
            shop=shop,
            buyer=Buyer(buyer.id),
            wish=Wish(desk.world.goods.sku_id, 2),
            expected_total_minor=expected_minor,
            contact=None,
            affiliate_code=None,
            method="WALLET",
            idempotency_key=key(),
        )

    with pytest.raises(PriceChanged) as refused:
        await buy(2 * LIST_MINOR)
    assert refused.value.details == {"totalMinor": 20_200}
    assert await desk.owner.fetchval("select count(*) from orders") == 0
    await buy(20_200)
    assert await desk.owner.fetchval("select total_minor from orders") == 20_200
    assert await verify(database.database_url) == []


async def test_who_is_known_costs_no_further_statement(desk: SalesDesk) -> None:
    gold = await desk.world.tier(desk.world.shop)
    await desk.world.keys(200)
    plain, tiered, secret = [await desk.world.customer() for _ in range(3)]
    await give_tier(desk, tiered, gold)
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold)
    await desk.world.asks(desk.world.shop, 10_100, for_kind="CUSTOMER", for_id=secret.id)
    shop, wish = await desk.shop(), Wish(desk.world.goods.sku_id, 1)
    for customer in (None, plain, tiered, secret):
        who = customer.id if customer else None
        for _ in range(2):  # what is not known yet is read once
            with statements() as on_a_page:
                await catalogue.products(shop, reading=Reading.EXACT, customer_id=who)
            with statements() as in_a_quote:
                await quotes.quote(shop, [wish], customer_id=who)
        assert (len(on_a_page), len(in_a_quote)) == (1, 1)


async def test_a_promotion_is_for_everyone_without_a_tier_or_secret_price_while_it_runs(
    desk: SalesDesk,
) -> None:
    gold = await desk.world.tier(desk.world.shop)
    await desk.world.keys(2)
    buyer = await desk.world.customer()
    await give_tier(desk, buyer, gold)
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold)
    older = await desk.world.promotion(desk.world.shop)
    newer = await desk.world.promotion(
        desk.world.shop, name="newer", starts_at=await moment(desk, -60)
    )
    await desk.world.asks(desk.world.shop, 10_800, for_kind="PROMOTION", for_id=newer)
    await desk.world.asks(desk.world.shop, 10_600, for_kind="PROMOTION", for_id=older)
    assert await price_for(desk) == 10_800, "the newer one, not the cheaper"
    assert await price_for(desk, buyer) == 10_500
    pause = "update promotions set status = 'PAUSED' where id = $1"
    await desk.owner.execute(pause, newer)
    assert await price_for(desk) == 10_600
    await desk.owner.execute(pause, older)
    assert await price_for(desk) == LIST_MINOR


# --- who sells


async def test_a_child_pays_its_grades_price_or_its_own_secret_one_and_its_neighbour_does_not(
    desk: SalesDesk,
) -> None:
    world = desk.world
    gold = await world.grade(world.agent)
    beside = await world.another_shop("beside")
    await world.rule(beside, "RETAIL", "FIXED_OVER_COST", 2_000)
    await world.keys(2)

    async def cost(at: ShopAt) -> int:
        page = await catalogue.products(await desk.shop(at))
        [own] = own_prices(page.rows)
        assert await price_for(desk, at=at) == own.retail_minor
        return own.cost_minor

    assert [await cost(world.shop), await cost(beside)] == [9_000, 9_000]
    await world.asks(world.agent, 8_900, audience="WHOLESALE", for_kind="GRADE", for_id=gold)
    await desk.owner.execute("update tenants set grade_id = $1 where id = $2", gold, world.shop.id)
    assert [await cost(world.shop), await cost(beside)] == [8_900, 9_000]
    await world.asks(
        world.agent, 8_800, audience="WHOLESALE", for_kind="CHILD", for_id=world.shop.id
    )
    assert [await cost(world.shop), await cost(beside)] == [8_800, 9_000]
    await desk.owner.execute("update tenants set grade_id = $1 where id = $2", gold, beside.id)
    assert [await cost(world.shop), await cost(beside)] == [8_800, 8_900]


async def test_a_share_of_the_face_value_needs_one_in_the_paths_currency(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    await desk.world.asks(desk.world.agent, 9_800, audience="WHOLESALE", kind="PERCENT_OF_FACE")
    assert await price_for(desk) == 9_800 + 2_000
    await desk.owner.execute("update skus set face_currency = 'USD'")
    assert await price_for(desk) == LIST_MINOR, "the next rule is asked"
    await desk.owner.execute("update skus set face_currency = null, face_value_minor = null")
    assert await price_for(desk) == LIST_MINOR


async def test_the_platform_decides_how_deep_agents_earn_and_how_far_prices_go(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(1)
    await desk.owner.execute("update tenants set earning_depth = 0 where parent_id is null")
    assert await price_for(desk) == 8_500 + 2_000, "the agent passes its cost on"
    await desk.owner.execute("update tenants set earning_depth = null where parent_id is null")
    await world.rule(
        world.root, "RETAIL", "ABSOLUTE", 10_000, scope="SKU", target_id=world.goods.sku_id
    )
    cap = "update tenants set cumulative_cap_bp = $1 where parent_id is null"
    await desk.owner.execute(cap, 1_000)
    assert await price_for(desk) == LIST_MINOR
    await desk.owner.execute(cap, 999)
    with capture_logs() as logs:
        assert await price_for(desk) is None
    assert {log["guard"] for log in logs} == {"G4"}
    assert await price_for(desk, at=world.root) == 10_000


async def test_a_floor_on_what_is_paid_holds_the_list_price_and_goes_to_the_order(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(1)
    limit = "insert into price_limits values ($1, $2, $3, null, $4)"
    await desk.owner.execute(limit, world.root.id, world.goods.sku_id, 10_000, "NET")
    await desk.owner.execute(limit, world.agent.id, world.goods.sku_id, 10_500, "LIST")
    quote = await quotes.quote(await desk.shop(), [Wish(world.goods.sku_id, 1)])
    assert quote.lines[0].sourcing.net_floor_minor == 10_000
    await desk.owner.execute("update price_limits set floor_minor = 11001 where applies_to = 'NET'")
    with capture_logs():
        assert await price_for(desk) is None


# --- how many


async def test_a_line_has_the_price_of_the_highest_break_that_it_reaches(
    desk: SalesDesk, database: Settings
) -> None:
    world = desk.world
    await world.keys(60)
    for least, price_minor in ((10, 10_800), (50, 10_600)):
        await world.asks(world.shop, price_minor, min_quantity=least)
    expected = {1: 11_000, 9: 11_000, 10: 10_800, 49: 10_800, 50: 10_600, 51: 10_600}
    for quantity, price_minor in expected.items():
        assert await price_for(desk, quantity=quantity) == price_minor
    [shown, *_] = await skus(desk, None)
    assert shown.quantity_prices == ((1, 11_000), (10, 10_800), (50, 10_600))
    made = await desk.order(10)
    assert made.total_minor == 108_000
    assert await verify(database.database_url) == []


async def test_lines_of_one_sku_have_each_its_own_quantity(desk: SalesDesk) -> None:
    world = desk.world
    more = await world.more_goods("more")
    await world.keys(20)
    await world.keys(20, more)
    for target in (world.goods.sku_id, more.sku_id):
        await world.asks(world.shop, 10_000, min_quantity=10, target_id=target)
    wishes = [Wish(world.goods.sku_id, 9), Wish(more.sku_id, 10)]
    quote = await quotes.quote(await desk.shop(), wishes)
    assert [line.offer.unit_price_minor for line in quote.lines] == [11_000, 10_000]


async def test_a_break_of_a_parent_that_changes_no_price_is_not_shown_to_the_buyer(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(20)
    await world.asks(world.agent, 8_700, audience="WHOLESALE", min_quantity=10)
    await world.asks(world.shop, 11_000)
    [shown, *_] = await skus(desk, None)
    assert shown.quantity_prices == ((1, 11_000),)
    quote = await quotes.quote(await desk.shop(), [Wish(world.goods.sku_id, 10)])
    assert quote.lines[0].sourcing.costs == (8_000, 8_500, 8_700)


async def test_a_break_that_loses_money_is_refused_for_the_lines_that_reach_it_only(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(20)
    await desk.world.asks(desk.world.shop, 8_999, min_quantity=10)
    with capture_logs() as logs:
        assert await price_for(desk, quantity=9) == LIST_MINOR
        assert await price_for(desk, quantity=10) is None
    assert {(log["guard"], log["quantity"]) for log in logs} == {("G3", 10)}


async def test_more_pieces_than_an_order_may_have_are_no_price_to_show(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await desk.owner.execute("update skus set max_per_order = 9")
    await desk.world.asks(desk.world.shop, 10_000, min_quantity=10)
    [shown, *_] = await skus(desk, None)
    assert shown.quantity_prices == ((1, 11_000),)


# --- when


async def windowed(desk: SalesDesk, kind: str, opens: datetime, closes: datetime) -> None:
    """A price of 10.00 less within a window, for everybody; by one of the ways to say so."""
    world = desk.world
    if kind == "PROMOTION":
        promotion = await world.promotion(world.shop, starts_at=opens, ends_at=closes)
        await world.asks(world.shop, 10_000, for_kind="PROMOTION", for_id=promotion)
        return
    at, asked, audience = world.shop, 10_000, "RETAIL"
    if kind == "WHOLESALE":
        at, asked, audience = world.agent, 8_500, "WHOLESALE"
        await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
        await desk.owner.execute(
            """insert into price_rules (tenant_id, id, audience, scope, kind, value, starts_at)
               values ($1, gen_random_uuid(), 'RETAIL', 'DEFAULT', 'FIXED_OVER_COST', 1500, $2)
               on conflict do nothing""",
            world.shop.id,
            opens,
        )
    await world.asks(at, asked, audience=audience, starts_at=opens, ends_at=closes)


@pytest.mark.parametrize("kind", ["EVERYONE", "PROMOTION", "WHOLESALE"])
async def test_the_clock_moves_prices_at_both_ends_of_a_window(desk: SalesDesk, kind: str) -> None:
    await desk.world.keys(2)
    opens, closes = await moment(desk, 3_600), await moment(desk, 7_200)
    await windowed(desk, kind, opens, closes)
    before = 10_500 if kind == "WHOLESALE" else LIST_MINOR
    for shift, price_minor in (
        ("0", before),
        ("59 minutes", before),
        ("61 minutes", 10_000),
        ("119 minutes", 10_000),
        ("121 minutes", before),
        ("61 minutes", 10_000),
        ("0", before),
    ):
        await desk.world.shift_clock(shift)
        assert await price_for(desk) == price_minor, shift


@pytest.mark.parametrize("kind", ["EVERYONE", "PROMOTION", "WHOLESALE"])
async def test_a_window_opens_and_closes_by_itself(desk: SalesDesk, kind: str) -> None:
    await desk.world.keys(2)
    opens, closes = await moment(desk, 1.0), await moment(desk, 2.5)
    await windowed(desk, kind, opens, closes)
    before = 10_500 if kind == "WHOLESALE" else LIST_MINOR
    shop, wish = await desk.shop(), Wish(desk.world.goods.sku_id, 1)
    seen = set[tuple[bool, int]]()
    while True:
        quote = await quotes.quote(shop, [wish])
        [line] = quote.lines
        seen.add((opens <= line.read_at < closes, line.offer.unit_price_minor))
        if line.read_at >= closes:
            break
    assert seen == {(False, before), (True, 10_000)}, "to the instant at which it was read"
    assert await price_for(desk) == before


async def test_what_is_remembered_of_a_page_ends_with_the_window(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    opens = await moment(desk, 0.7)
    promotion = await desk.world.promotion(desk.world.shop, starts_at=opens)
    await desk.world.asks(desk.world.shop, 10_000, for_kind="PROMOTION", for_id=promotion)

    async def shown() -> int:
        page = await catalogue.products(shop, reading=Reading.PUBLIC)
        return page.rows[0].skus[0].display_offer.unit_price_minor

    await shown()
    await until_passed(desk, opens)
    assert await shown() == 10_000
    with statements() as asked:
        assert await shown() == 10_000
    assert len(asked) == 1


async def test_an_end_for_one_customer_is_seen_by_that_customer(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer, closes = await desk.world.customer(), await moment(desk, 1.0)
    await desk.world.asks(
        desk.world.shop, 10_000, for_kind="CUSTOMER", for_id=buyer.id, ends_at=closes
    )
    first = await quotes.quote(
        await desk.shop(), [Wish(desk.world.goods.sku_id, 1)], customer_id=buyer.id
    )
    expected = 10_000 if first.lines[0].read_at < closes else LIST_MINOR
    assert first.total_minor == expected
    await until_passed(desk, closes)
    assert await price_for(desk, buyer) == LIST_MINOR
