"""A quote is what the buyer agreed to: signed, for one shop, for ten minutes, at today's price."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from kernel import crypto, db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers import quotes
from offers.quotes import NotEnough, PriceChanged, Quote, QuotedLine, QuoteExpired, Wish
from random_markets import another_offer
from sales import SalesDesk
from world import ShopAt

pytestmark = pytest.mark.engines


async def redeem(
    desk: SalesDesk, quote_id: str, at: ShopAt | None = None
) -> tuple[QuotedLine, ...]:
    shop = await desk.shop(at)
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        return await quotes.redeem(shop, quote_id)


async def quote(desk: SalesDesk, wishes: Sequence[Wish] | None = None) -> Quote:
    wishes = [Wish(desk.world.goods.sku_id, 1)] if wishes is None else wishes
    return await desk.quote(await desk.shop(), wishes)


async def test_a_quote_is_redeemed_at_the_price_that_was_agreed(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    agreed = await quote(desk, [Wish(desk.world.goods.sku_id, 3)])
    assert (agreed.total_minor, agreed.currency) == (33_000, "CNY")
    (line,) = await redeem(desk, agreed.id)
    assert (line.quantity, line.total_minor) == (3, 33_000)
    assert line.offer.id == desk.world.goods.listing_id
    assert line.sourcing.costs == (8_000, 8_500, 9_000)
    # It tells a buyer what is signed in it, and that is no cost.
    assert await redeem(desk, agreed.id)


async def test_a_quote_that_was_changed_or_is_anothers_or_too_old_is_worth_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    agreed = await quote(desk)
    middle = len(agreed.id) // 2
    letter = "A" if agreed.id[middle] != "A" else "B"
    for forged in (
        agreed.id[:middle] + letter + agreed.id[middle + 1 :],
        agreed.id[:-1],
        agreed.id + "A",
        "",
        "nonsense",
        crypto.sign("cursor", b'{"t": "x"}'),
        crypto.sign("quote", b"{}"),
    ):
        with pytest.raises(QuoteExpired):
            await redeem(desk, forged)
    neighbour = await desk.world.another_shop("neighbour")
    for other in (neighbour, desk.world.agent, desk.world.root):
        with pytest.raises(QuoteExpired):
            await redeem(desk, agreed.id, at=other)
    await desk.world.shift_clock("9 minutes 50 seconds")
    assert await redeem(desk, agreed.id)
    await desk.world.shift_clock("10 minutes 1 second")
    with pytest.raises(QuoteExpired):
        await redeem(desk, agreed.id)


async def test_another_price_is_refused_with_the_new_total_and_any_other_change_is_not(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    agreed = await quote(desk, [Wish(desk.world.goods.sku_id, 2)])
    # Cheaper for the shop, the same for the buyer.
    await desk.world.rule(desk.world.agent, "WHOLESALE", "FIXED_OVER_COST", 400)
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 2_100)
    (line,) = await redeem(desk, agreed.id)
    assert line.sourcing.costs == (8_000, 8_500, 8_900)
    await desk.world.rule(desk.world.root, "WHOLESALE", "FIXED_OVER_COST", 501)
    with pytest.raises(PriceChanged) as refused:
        await redeem(desk, agreed.id)
    assert refused.value.details == {"totalMinor": 22_002}
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1)
    with capture_logs(), pytest.raises(NotFound):
        await redeem(desk, agreed.id)


async def test_a_quote_keeps_to_its_offer_when_a_cheaper_one_comes(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    agreed = await quote(desk)
    cheaper = await another_offer(desk.owner, desk.world.goods, supply_minor=7_000)
    await desk.world.keys(1, cheaper)
    (line,) = await redeem(desk, agreed.id)
    assert line.offer.id == desk.world.goods.listing_id
    await desk.owner.execute(
        "update supplier_listings set status = 'PAUSED' where id = $1",
        desk.world.goods.listing_id,
    )
    with pytest.raises(NotFound):
        await redeem(desk, agreed.id)


async def test_what_cannot_be_ordered_is_not_priced(desk: SalesDesk) -> None:
    sku_id = desk.world.goods.sku_id
    await desk.world.keys(3)
    for wishes in (
        [],
        [Wish(sku_id, 1)] * 2,
        [Wish(sku_id, 1), Wish(sku_id, 1, desk.world.goods.listing_id)],
        [Wish(new_id(), 1)] * 21,
        [Wish(sku_id, 0)],
        [Wish(sku_id, -1)],
        [Wish(sku_id, 501)],
    ):
        with pytest.raises(Invalid):
            await quote(desk, wishes)
    for unknown in (Wish(new_id(), 1), Wish(sku_id, 1, new_id())):
        with pytest.raises(NotFound):
            await quote(desk, [unknown])
    with pytest.raises(NotEnough) as refused:
        await quote(desk, [Wish(sku_id, 4)])
    assert refused.value.details == {"available": 3}
    await desk.owner.execute("update skus set max_per_order = 2")
    with pytest.raises(Invalid, match="At most 2"):
        await quote(desk, [Wish(sku_id, 3)])
    await desk.owner.execute("update skus set delivery_mode = 'MANUAL'")
    with pytest.raises(Invalid, match="Nobody delivers"):
        await quote(desk, [Wish(sku_id, 1)])
