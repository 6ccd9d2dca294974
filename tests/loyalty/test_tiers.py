"""A shop's ladder: what it says and brings, gifts, and what becomes of those who stand on it."""

from datetime import timedelta
from typing import Any

import pytest

from entrypoints.verify import verify
from hand_desk import SAID, HandDesk, open_by_hand
from kernel.settings import Settings
from ladders import build_ladder, follow_everybody, history, moment, shop_of, tier_of
from loyalty.giving import set_tier
from loyalty.progress import progress_of, tier_history
from loyalty.tiers import TierDraft, remove_tier, tiers_of, upsert_tier
from offers import quotes
from offers.quotes import PriceChanged, Wish
from orders import checkout
from orders.checkout import Buyer
from orders.records import Viewer
from sales import Purchase, SalesDesk, key
from tenants.directory import Shop
from world import Person, ShopAt

pytestmark = pytest.mark.engines

LIST_MINOR = 11_000
GOLD = TierDraft(
    name="gold", rank=2, spent_minor=2 * LIST_MINOR, window_days=30, grace_days=5, discount_bp=300
)
SILVER = TierDraft(name="silver", rank=1, spent_minor=LIST_MINOR, window_days=30)
GIVEN = TierDraft(name="friends", rank=9)


async def price_for(desk: SalesDesk, shop: Shop, by: Person) -> int:
    quote = await quotes.quote(shop, [Wish(desk.world.goods.sku_id, 1)], customer_id=by.id)
    return quote.total_minor


async def ranked(desk: SalesDesk, at: ShopAt | None = None) -> bool:
    shop = at or desk.world.shop
    found: bool = await desk.owner.fetchval(
        "select ranks_customers from tenants where id = $1", shop.id
    )
    return found


async def test_buying_below_five_levels_lifts_a_customer_and_a_refund_lowers_it(
    desk: SalesDesk, config: Settings
) -> None:
    at = desk.world.shop
    for depth in (3, 4, 5):
        at = await desk.world.another_shop(f"level{depth}", below=at)
    await desk.world.rule(at, "RETAIL", "FIXED_OVER_COST", 2000)
    await desk.world.keys(5)
    silver, gold = await build_ladder(await shop_of(at), SILVER, GOLD)
    buyer = await desk.world.customer(at, wallet_minor=5 * LIST_MINOR)
    shop = await desk.shop(at)
    assert shop.ranks_customers and not (await desk.shop()).ranks_customers

    await (await desk.order(by=buyer, at=at)).paid("WALLET")
    assert await tier_of(desk.owner, buyer) is None  # a price does not move between quote and order
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == silver.id
    by_card = await (await desk.order(by=buyer, at=at)).paid("CARD")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == gold.id
    assert await price_for(desk, shop, buyer) == 9_700  # 3 % off a face value of 100.00
    bought = await desk.order(by=buyer, at=at)
    assert bought.total_minor == 9_700
    await bought.paid("WALLET")
    await follow_everybody()
    progress = await progress_of(shop, buyer.id)
    assert (progress.spent_minor, progress.next_tier, progress.missing_minor) == (
        31_700,
        None,
        None,
    )

    await by_card.refund(LIST_MINOR)
    await desk.send_refunds()
    await follow_everybody()

    assert await tier_of(desk.owner, buyer) == silver.id
    progress = await progress_of(shop, buyer.id)
    assert progress.tier == silver and progress.next_tier == gold and not progress.is_given
    assert (progress.spent_minor, progress.missing_minor) == (20_700, 1_300)
    assert await history(desk.owner, buyer) == [
        ("REACHED", None, "silver", 11_000, 30),
        ("REACHED", "silver", "gold", 22_000, 30),
        ("LAPSED", "gold", "silver", 20_700, 30),
    ]
    assert await verify(config.database_url) == []


async def test_orders_from_before_the_ladder_count_and_a_shop_without_one_writes_nothing(
    desk: SalesDesk, config: Settings
) -> None:
    await desk.world.keys(3)
    buyer, shop = await desk.world.customer(wallet_minor=3 * LIST_MINOR), await desk.shop()
    await (await desk.order(by=buyer)).paid("WALLET")
    late = await desk.order(by=buyer)
    assert await desk.owner.fetchval("select count(*) from tier_dues") == 0
    (silver,) = await build_ladder(shop, SILVER)
    assert await tier_of(desk.owner, buyer) == silver.id

    # Ordered before anybody knew of a ladder, and paid after the first walk: a later one finds it.
    await upsert_tier(shop, GOLD)
    await follow_everybody()
    await late.paid("CARD")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == silver.id
    await desk.world.shift_clock("11 minutes")
    await follow_everybody()
    assert (await progress_of(shop, buyer.id)).tier == (await tiers_of(shop))[1]
    assert await verify(config.database_url) == []


async def test_a_gift_wins_while_it_lasts(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer, shop = await desk.world.customer(wallet_minor=2 * LIST_MINOR), await desk.shop()
    silver, friends = await build_ladder(shop, SILVER, GIVEN)
    until = await moment(desk.owner) + timedelta(days=2)
    gift: dict[str, Any] = {"customer_id": buyer.id, "tier_id": friends.id, "actor": "staff:ada"}
    assert await set_tier(shop, until=until, **gift) == friends.id
    await (await desk.order(by=buyer)).paid("WALLET")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == friends.id
    progress = await progress_of(shop, buyer.id)
    assert (progress.is_given, progress.holds_until) == (True, until)

    await desk.world.shift_clock("2 days 1 minute")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == silver.id

    assert await set_tier(shop, until=None, **gift) == friends.id
    assert await set_tier(shop, until=None, **{**gift, "tier_id": None}) == silver.id
    assert await set_tier(shop, until=None, **{**gift, "tier_id": None}) == silver.id
    page = await tier_history(shop, buyer.id, first=3, after=None)
    rest = await tier_history(shop, buyer.id, first=3, after=page.end_cursor)
    told = [(one.reason, one.from_tier, one.to_tier, one.actor)
            for one in (*page.changes, *rest.changes)]  # fmt: skip
    assert (page.has_next, rest.has_next) == (True, False)
    assert told == [
        ("WITHDRAWN", "friends", "silver", "staff:ada"),
        ("GIVEN", "silver", "friends", "staff:ada"),
        ("GIFT_ENDED", "friends", "silver", "platform"),
        ("GIVEN", None, "friends", "staff:ada"),
    ]


async def test_a_change_of_the_ladder_moves_those_who_stand_on_it(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer, friend = await desk.world.customer(wallet_minor=LIST_MINOR), await desk.world.customer()
    shop = await desk.shop()
    silver, friends = await build_ladder(shop, SILVER, GIVEN)
    await set_tier(shop, customer_id=friend.id, tier_id=friends.id, until=None, actor="staff:ada")
    await (await desk.order(by=buyer)).paid("WALLET")
    await follow_everybody()

    dearer = TierDraft(name="silver", rank=1, spent_minor=LIST_MINOR + 1, window_days=30)
    await upsert_tier(shop, dearer, tier_id=silver.id)
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) is None
    await upsert_tier(shop, SILVER, tier_id=silver.id)
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == silver.id

    for tier in (silver, friends):
        await remove_tier(shop, tier.id)
    await follow_everybody()
    assert await tiers_of(shop) == []
    assert not await ranked(desk)
    assert [await tier_of(desk.owner, one) for one in (buyer, friend)] == [None, None]
    assert (await history(desk.owner, friend))[-1][:3] == ("RETIRED", "friends", None)
    assert (await history(desk.owner, buyer))[-1][:3] == ("RETIRED", "silver", None)
    await upsert_tier(shop, SILVER)  # its name and rank are free again


async def test_a_quote_keeps_to_the_tier_that_is_stored(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    buyer, shop = await desk.world.customer(wallet_minor=3 * LIST_MINOR), await desk.shop()
    await build_ladder(shop, GOLD)
    await (await desk.order(2, by=buyer)).paid("WALLET")
    assert await price_for(desk, shop, buyer) == LIST_MINOR  # reached, and not looked at yet
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)], by=buyer)
    await follow_everybody()
    assert await price_for(desk, shop, buyer) == 9_700
    with pytest.raises(PriceChanged):  # the buyer agrees to a price, never to a lower one unseen
        await checkout.create_order(
            shop=shop,
            buyer=Buyer(buyer.id),
            quote_id=quote.id,
            contact=None,
            affiliate_code=None,
            idempotency_key=key(),
        )


async def test_what_a_person_delivers_counts_once_it_is_delivered(
    desk: SalesDesk, config: Settings
) -> None:
    await open_by_hand(desk.world)
    buyer, shop = await desk.world.customer(), await desk.shop()
    (silver,) = await build_ladder(shop, SILVER)
    shop = await desk.shop()  # which knows of the ladder
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)], by=buyer)
    made = await checkout.create_order(
        shop=shop,
        buyer=Buyer(buyer.id),
        quote_id=quote.id,
        contact=None,
        affiliate_code=None,
        idempotency_key=key(),
        said={desk.world.goods.sku_id: SAID},
    )
    no, line_id = await desk.owner.fetchrow(
        """select orders.no, line.line_id from orders
           join manual_deliveries line on line.order_id = orders.id where orders.id = $1""",
        made.order_id,
    )
    bought = Purchase(desk, shop, Viewer(buyer.id), made.order_id, no, quote.total_minor)
    await bought.paid("CARD")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) is None

    hand = HandDesk(desk, bought, line_id)
    await hand.begin()
    await hand.deliver(note="done")
    await follow_everybody()
    assert await tier_of(desk.owner, buyer) == silver.id
    assert await verify(config.database_url) == []
