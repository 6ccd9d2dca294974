"""What a shop says of its tiers: discounts within the guards, limits, and what is refused."""

from datetime import timedelta

import pytest

from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from ladders import moment, tier_of
from loyalty.giving import set_tier
from loyalty.tiers import TierDraft, TierInUse, remove_tier, tiers_of, upsert_tier
from offers.price_desk.guarding import GuardBroken
from offers.price_desk.rule_rows import rules_page
from offers.quotes import Wish
from orders import paying
from orders.checkout import Buyer
from sales import SalesDesk, key

pytestmark = pytest.mark.engines

LIST_MINOR = 11_000
GOLD = TierDraft(
    name="gold", rank=2, spent_minor=2 * LIST_MINOR, window_days=30, grace_days=5, discount_bp=300
)
SILVER = TierDraft(name="silver", rank=1, spent_minor=LIST_MINOR, window_days=30)


async def test_a_discount_is_a_price_rule_and_keeps_to_the_guards(desk: SalesDesk) -> None:
    shop = await desk.shop()
    tier = await upsert_tier(shop, GOLD)
    assert tier.discount_bp == 300
    (rule,) = [one for one in (await rules_page(shop, audience="RETAIL", first=9, after=None)).rules
               if one.for_kind == "TIER"]  # fmt: skip
    assert (rule.for_id, rule.kind, rule.value) == (tier.id, "PERCENT_OF_FACE", 9_700)

    below_cost = TierDraft(name="gold", rank=2, discount_bp=2_000)
    with pytest.raises(GuardBroken) as refused:
        await upsert_tier(shop, below_cost, tier_id=tier.id)
    assert refused.value.field == "discountBp"
    with pytest.raises(GuardBroken):
        await upsert_tier(shop, TierDraft(name="bronze", rank=1, discount_bp=2_000))
    assert await tiers_of(shop) == [tier]

    kept = await upsert_tier(shop, TierDraft(name="gold", rank=2), tier_id=tier.id)
    assert kept.discount_bp == 300  # who does not speak of prices leaves them
    gone = await upsert_tier(shop, TierDraft(name="gold", rank=2, discount_bp=0), tier_id=tier.id)
    assert gone.discount_bp is None


async def test_what_is_wrong_is_refused_and_changes_nothing(desk: SalesDesk) -> None:
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    gold, silver = await upsert_tier(shop, GOLD), await upsert_tier(shop, SILVER)
    theirs = await upsert_tier(agent, SILVER)
    buyer, stranger = await desk.world.customer(), await desk.world.customer(desk.world.agent)
    before = await desk.owner.fetch("select * from membership_tiers order by id")
    for wish, tier_id, field in (
        (TierDraft(name="gold", rank=3), None, "name"),
        (TierDraft(name="bronze", rank=2), None, "rank"),
        (GOLD, silver.id, "name"),
        (TierDraft(name="bronze", rank=3), theirs.id, "tierId"),
        (TierDraft(name="bronze", rank=3), new_id(), "tierId"),
    ):
        with pytest.raises((Invalid, NotFound)) as refused:
            await upsert_tier(shop, wish, tier_id=tier_id)
        assert refused.value.field == field
    await desk.world.asks(desk.world.shop, 10_500, for_kind="TIER", for_id=gold.id)
    with pytest.raises(TierInUse) as in_use:
        await remove_tier(shop, gold.id)
    assert in_use.value.details == {"by": "PRICES"}
    with pytest.raises(NotFound):
        await remove_tier(shop, theirs.id)
    assert await desk.owner.fetch("select * from membership_tiers order by id") == before
    assert (await tiers_of(shop))[1].discount_bp == 300  # which a refused removal would have taken

    past = await moment(desk.owner)
    for customer, tier_id, until in (
        (stranger, gold.id, None),
        (buyer, theirs.id, None),
        (buyer, gold.id, past),
        (buyer, None, past + timedelta(days=1)),
    ):
        with pytest.raises((Invalid, NotFound)):
            await set_tier(
                shop, customer_id=customer.id, tier_id=tier_id, until=until, actor="staff:ada"
            )
    assert [await tier_of(desk.owner, one) for one in (buyer, stranger)] == [None, None]
    assert await desk.owner.fetchval("select count(*) from customer_tier_changes") == 0


async def test_a_tier_may_leave_more_orders_unpaid(desk: SalesDesk) -> None:
    await desk.world.keys(24)
    buyer, shop = await desk.world.customer(), await desk.shop()
    tier = await upsert_tier(shop, TierDraft(name="friends", rank=1, max_unpaid_orders=22))

    async def order() -> None:
        await paying.quick_buy(
            shop=shop,
            buyer=Buyer(buyer.id),
            wish=Wish(desk.world.goods.sku_id, 1),
            expected_total_minor=LIST_MINOR,
            contact=None,
            affiliate_code=None,
            method=None,
            idempotency_key=key(),
        )

    for _ in range(20):
        await order()
    with pytest.raises(Invalid, match="open first"):
        await order()
    await set_tier(shop, customer_id=buyer.id, tier_id=tier.id, until=None, actor="staff:ada")
    await order()
    await order()
    with pytest.raises(Invalid, match="open first"):
        await order()
    assert await desk.owner.fetchval("select count(*) from orders") == 22
