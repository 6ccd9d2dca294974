"""A sale with coupons, from the quote to the refund: who pays, and what comes back to whom."""

from typing import Any

import pytest

from coupon_issuers import (
    PLATFORM_PAYS,
    SUPPLIER_PAYS,
    coupon_state,
    fund,
    issue,
    issue_for_subtree,
    tenant_pays,
)
from kernel.errors import RateLimited, Refusal
from kernel.ids import new_id
from offers import quotes
from offers.quotes import PriceChanged, Wish
from orders import checkout, paying, placing
from orders.checkout import Buyer
from promotions import codes, guesses, issuing
from promotions.discounts import Payer, PayerKind
from promotions.models import CouponStacking, CouponStatus
from promotions.queries import coupons_for_customer
from sales import SalesDesk, key
from tenants import reviews

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000
PLATFORM_BUDGET, PLATFORM_HELD = "L:PROMO", "L:PROMO_HELD"


async def books(desk: SalesDesk) -> dict[str, int]:
    world = desk.world
    return await desk.books(
        ("T1", world.agent.id), ("T2", world.shop.id), ("supplier", world.goods.supplier_id)
    )


async def counts(desk: SalesDesk) -> tuple[Any, ...]:
    """What a refusal must leave as it was."""
    row = await desk.owner.fetchrow(
        """select (select count(*) from orders), (select count(*) from coupon_uses),
                  (select count(*) from ledger_transactions), (select count(*) from discount_lines),
                  (select count(*) from coupon_slots where use_id is not null),
                  (select count(*) from idempotency_records)"""
    )
    assert row is not None
    return tuple(row)


async def refused(desk: SalesDesk, *codes: str, **more: Any) -> tuple[str, str]:
    """The code and the reason with which an order is refused; nothing is written."""
    before = await counts(desk)
    with pytest.raises(Refusal) as caught:
        await desk.order(coupon_codes=codes, **more)
    assert await counts(desk) == before
    return caught.value.code, str(caught.value.details.get("reason"))


# --- what a customer is offered


async def test_a_customer_is_shown_no_coupon_that_could_not_be_used(desk: SalesDesk) -> None:
    await desk.world.keys(4)
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    customer, other = await desk.world.customer(), await desk.world.customer()
    gold = await desk.world.tier(desk.world.shop)
    listed: dict[str, Any] = {"listed": True, "guests": False}
    await issue(shop, "ONE-USE", max_uses=1, **listed)
    await issue(shop, "ONCE-EACH", max_uses_per_customer=1, **listed)
    await issue(shop, "FIRST-ORDER", first_order=True, **listed)
    await issue(shop, "FOR-GOLD", tier_ids=(gold,), **listed)
    await issue(shop, "UNLISTED", guests=False)
    await issue_for_subtree(agent, "FUNDED", **listed)

    async def shown(person: Any) -> set[str | None]:
        return {one.code for one in await coupons_for_customer(shop, person.id)}

    everybodys = {"ONE-USE", "ONCE-EACH", "FIRST-ORDER"}
    assert await shown(customer) == everybodys, "nobody has paid for FUNDED"
    await fund(agent.id, agent.id, 500)
    assert await shown(customer) == everybodys | {"FUNDED"}
    await desk.owner.execute(
        "update customers set given_tier_id = $2 where id = $1", customer.id, gold
    )
    assert await shown(customer) == everybodys | {"FUNDED", "FOR-GOLD"}

    await (await desk.order(by=customer, coupon_codes=["ONCE-EACH"])).paid()
    assert await shown(customer) == {"ONE-USE", "FUNDED", "FOR-GOLD"}
    await desk.order(by=customer, coupon_codes=["ONE-USE", "FUNDED"])
    assert await shown(customer) == {"FOR-GOLD"}
    assert await shown(other) == {"ONCE-EACH", "FIRST-ORDER"}
    await desk.assert_sound()


# --- who pays


async def test_a_shops_own_coupon_is_paid_out_of_its_margin(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop())
    purchase = await desk.order(coupon_codes=["spring"])
    assert purchase.total_minor == PRICE_MINOR - 500
    await purchase.paid()
    line = await purchase.line()
    assert (line.net_minor, line.funded_minor) == (10_500, 0)
    assert (await books(desk))["L:PARTY:PENDING T2"] == -(10_500 - 9_000 - 63)
    await desk.assert_sound()


async def test_3_00_of_the_platform_and_2_00_of_the_shop_leave_108_00_to_divide(
    desk: SalesDesk,
) -> None:
    # The example of domain 4, E3, with the affiliate's 3 % of what the buyer really pays.
    await desk.world.keys(2)
    await desk.world.affiliate("star")
    payers = (Payer(PayerKind.PLATFORM, None, 6_000), Payer(PayerKind.SHOP, None, 4_000))
    await issue(await desk.shop(), payers=payers)
    await fund(desk.world.root.id, None, 1_000)
    purchase = await desk.order(coupon_codes=["SPRING"], affiliate_code="star")
    waiting = await books(desk)
    assert (waiting[PLATFORM_BUDGET], waiting[PLATFORM_HELD]) == (-700, -300)
    await purchase.paid()
    found = await books(desk)
    assert found[PLATFORM_BUDGET] == -700
    assert PLATFORM_HELD not in found
    assert "L:ESCROW" not in found
    assert found["L:PARTY:PENDING T2"] == -1_422
    assert found["L:PARTY:PENDING T1"] == -500
    assert sorted(minor for name, minor in found.items() if "PENDING" in name) == sorted(
        [-7_600, -500, -1_422, -315]
    )
    await desk.assert_sound()


async def test_an_ancestors_coupon_works_in_the_shops_below_and_makes_them_whole(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    agent = await desk.shop(desk.world.agent)
    await issue_for_subtree(agent)
    await fund(agent.id, agent.id, 500)
    await (await desk.order(coupon_codes=["SPRING"])).paid()
    found = await books(desk)
    assert "L:PROMO T1" not in found
    assert found["L:PARTY:PENDING T2"] == -(11_000 - 9_000 - 63)
    await desk.assert_sound()


async def test_uses_of_an_ancestors_coupon_are_counted_over_all_shops_below(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(6)
    agent = await desk.shop(desk.world.agent)
    sibling = await desk.world.another_shop("sibling")
    await desk.world.rule(sibling, "RETAIL", "FIXED_OVER_COST", 2_000)
    coupon = await issue_for_subtree(agent, max_uses=3, max_uses_per_customer=1)
    [code] = await codes.generate_codes(shop=agent, coupon_id=coupon.id, count=1)
    await fund(agent.id, agent.id, 5_000)
    await desk.order(coupon_codes=["SPRING"], contact="one@example.com")
    # Nobody sees the sibling's rows here, and the database knows them all the same.
    for at in (sibling, desk.world.agent):
        again = await refused(desk, "SPRING", at=at, contact="one@example.com")
        assert again == ("COUPON_EXHAUSTED", "USED")
    await desk.order(at=sibling, coupon_codes=[code], contact="two@example.com")
    assert await refused(desk, code, contact="three@example.com") == ("COUPON_EXHAUSTED", "USED")
    await desk.order(coupon_codes=["SPRING"], contact="four@example.com")
    none_left = await refused(desk, "SPRING", at=sibling, contact="five@example.com")
    assert none_left == ("COUPON_EXHAUSTED", "EXHAUSTED")
    await desk.assert_sound()


async def test_a_coupon_of_a_sibling_or_of_reach_shop_above_is_unknown(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    sibling = await desk.shop(await desk.world.another_shop("sibling"))
    await issue(sibling, "SIBLING", payers=tenant_pays(sibling.id))
    await issue(await desk.shop(desk.world.agent), "AGENTS-OWN")
    for code in ("SIBLING", "AGENTS-OWN", "NOBODYS", "; drop"):
        assert await refused(desk, code) == ("COUPON_NOT_APPLICABLE", "UNKNOWN")


async def test_whoever_stands_above_no_more_does_not_pay_for_the_shops_coupons(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    shop, agent = await desk.shop(), desk.world.agent
    await issue(shop, payers=tenant_pays(agent.id))
    await fund(agent.id, agent.id, 5_000)
    as_it_was = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)], coupon_codes=["SPRING"])
    assert as_it_was.total_minor == PRICE_MINOR - 500
    await desk.owner.execute(
        "update tenants set on_parent_loss = 'REPARENT' where id = $1", shop.id
    )
    await reviews.suspend(tenant_id=agent.id, actor="operator:test", reason="")
    moved = await desk.shop()
    assert moved.path == (desk.world.root.id, shop.id)
    assert await refused(desk, "SPRING") == ("COUPON_NOT_APPLICABLE", "UNKNOWN")
    said = "select coupon_refusal(c.id, k.id, $1, $2, null, now()) from coupons c, coupon_codes k"
    assert await desk.owner.fetchval(said, shop.id, list(shop.path)) is None
    assert await desk.owner.fetchval(said, shop.id, list(moved.path)) == "ENDED"


async def test_a_supplier_pays_out_of_its_budget(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop(), payers=SUPPLIER_PAYS)
    await fund(desk.world.root.id, desk.world.goods.supplier_id, 700)
    await (await desk.order(coupon_codes=["SPRING"])).paid()
    found = await books(desk)
    assert found["L:PROMO supplier"] == -200
    assert found["L:PARTY:PENDING supplier"] == -7_600
    await desk.assert_sound()


async def test_what_the_shops_margin_cannot_bear_comes_from_its_budget(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    await issue(shop, value=3_000)  # it has 20.00 less the dearest fee to give
    with pytest.raises(Refusal) as caught:
        await desk.order(coupon_codes=["SPRING"])
    assert caught.value.code == "COUPON_EXHAUSTED"
    assert await desk.owner.fetchval("select count(*) from orders") == 0
    await fund(shop.id, shop.id, 2_000)
    purchase = await desk.order(coupon_codes=["SPRING"])
    assert purchase.total_minor == 8_000
    await purchase.paid()
    line = await purchase.line()
    assert line.net_minor - line.funded_minor == 8_000
    assert (await books(desk))["L:PROMO T2"] == -(2_000 - line.funded_minor)
    await desk.assert_sound()


async def test_a_budget_pays_for_as_many_orders_as_it_has_money_for(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    await issue(await desk.shop(), payers=PLATFORM_PAYS)
    await fund(desk.world.root.id, None, 1_499)
    for _ in range(2):
        await desk.order(coupon_codes=["SPRING"])
    assert await refused(desk, "SPRING") == ("COUPON_EXHAUSTED", "EXHAUSTED")
    await desk.assert_sound()


async def test_a_wallet_pays_for_the_whole_sale_with_a_coupon_at_once(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=20_000)
    await issue(await desk.shop(), payers=PLATFORM_PAYS)
    await fund(desk.world.root.id, None, 500)
    made = await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(buyer.id),
        wish=Wish(desk.world.goods.sku_id, 1),
        expected_total_minor=10_500,
        contact=None,
        affiliate_code=None,
        method="WALLET",
        coupon_codes=["spring"],
        idempotency_key=key(),
    )
    assert made.view is not None
    (line,) = made.view.lines
    assert (line.total_minor, line.discount_minor, len(line.keys)) == (10_500, 500, 1)
    found = await books(desk)
    assert found[f"L:WALLET {buyer.id}"] == -9_500
    assert PLATFORM_BUDGET not in found
    assert PLATFORM_HELD not in found
    await desk.assert_sound()


# --- which coupons are good


async def test_an_exclusive_coupon_does_not_go_with_another(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    await issue(shop, "LONELY", stacking=CouponStacking.EXCLUSIVE)
    await issue(shop, "FRIENDLY")
    await issue(shop, "FRIEND", 100)
    not_with_another = ("COUPON_NOT_APPLICABLE", "EXCLUSIVE")
    assert await refused(desk, "FRIENDLY", "LONELY") == not_with_another
    assert await refused(desk, "LONELY", "FRIENDLY") == not_with_another
    purchase = await desk.order(coupon_codes=["FRIENDLY", "FRIEND"])
    assert purchase.total_minor == 10_400
    await purchase.paid()
    await desk.assert_sound()


async def test_a_minimum_goods_and_a_first_order_are_looked_at(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    shop, buyer = await desk.shop(), await desk.world.customer()
    other = await desk.world.more_goods("steam-card")
    await issue(shop, "LARGE", min_subtotal_minor=2 * PRICE_MINOR)
    await issue(shop, "STEAM", sku_ids=[other.sku_id])
    await issue(shop, "FIRST", first_order=True, guests=False)
    assert await refused(desk, "LARGE") == ("COUPON_NOT_APPLICABLE", "MINIMUM")
    assert await refused(desk, "STEAM") == ("COUPON_NOT_APPLICABLE", "GOODS")
    assert await refused(desk, "FIRST") == ("COUPON_NOT_APPLICABLE", "CUSTOMERS_ONLY")
    assert (await desk.order(2, coupon_codes=["LARGE"])).total_minor == 21_500
    await (await desk.order(coupon_codes=["FIRST"], by=buyer)).paid()
    assert await refused(desk, "FIRST", by=buyer) == ("COUPON_NOT_APPLICABLE", "NOT_FIRST")
    await desk.assert_sound()


async def test_a_floor_on_the_net_price_bounds_a_coupon_and_one_on_the_list_price_does_not(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    await issue(await desk.shop())
    limit = """insert into price_limits (tenant_id, sku_id, floor_minor, applies_to)
               values ($1, $2, $3, $4)"""
    agent, sku_id = desk.world.agent, desk.world.goods.sku_id
    await desk.owner.execute(limit, agent.id, sku_id, PRICE_MINOR, "LIST")
    assert (await desk.order(coupon_codes=["SPRING"])).total_minor == PRICE_MINOR - 500
    await desk.owner.execute("delete from price_limits")
    await desk.owner.execute(limit, agent.id, sku_id, PRICE_MINOR - 200, "NET")
    purchase = await desk.order(2, coupon_codes=["SPRING"])
    assert purchase.total_minor == 2 * (PRICE_MINOR - 200)
    await purchase.paid()
    await desk.assert_sound()


async def test_a_coupon_for_a_tier_is_for_its_members(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    member, other = await desk.world.customer(), await desk.world.customer()
    tier_id = new_id()
    await desk.owner.execute(
        "insert into membership_tiers (tenant_id, id, name, rank) values ($1, $2, 'gold', 1)",
        desk.world.shop.id,
        tier_id,
    )
    await desk.owner.execute(
        "update customers set given_tier_id = $2 where id = $1", member.id, tier_id
    )
    await issue(await desk.shop(), tier_ids=[tier_id], guests=False)
    assert await refused(desk, "SPRING", by=other) == ("COUPON_NOT_APPLICABLE", "TIER")
    purchase = await desk.order(coupon_codes=["SPRING"], by=member)
    assert purchase.total_minor == PRICE_MINOR - 500
    agent = await desk.shop(desk.world.agent)
    with pytest.raises(Refusal) as caught:
        await issue(agent, "FOREIGN", tier_ids=[tier_id], guests=False)
    assert caught.value.field == "tierIds"
    assert await desk.owner.fetchval("select count(*) from coupons") == 1


async def test_a_guest_is_counted_by_the_contact_of_the_order(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    await issue(await desk.shop(), max_uses_per_customer=1)
    assert await refused(desk, "SPRING") == ("COUPON_NOT_APPLICABLE", "CONTACT")
    await desk.order(coupon_codes=["SPRING"], contact="Guest@Example.com")
    again = await refused(desk, "SPRING", contact="guest@example.com")
    assert again == ("COUPON_EXHAUSTED", "USED")
    await desk.order(coupon_codes=["SPRING"], contact="13800138000")
    await desk.assert_sound()


async def test_a_paused_coupon_and_one_out_of_its_window_are_not_honoured(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    shop = await desk.shop()
    coupon = await issue(shop)
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)], coupon_codes=["SPRING"])
    await issuing.set_coupon_status(shop=shop, coupon_id=coupon.id, status=CouponStatus.PAUSED)
    before = await counts(desk)
    with pytest.raises(Refusal) as caught:
        await checkout.create_order(
            shop=shop,
            buyer=Buyer(),
            quote_id=quote.id,
            contact=None,
            affiliate_code=None,
            idempotency_key=key(),
        )
    assert caught.value.code == "COUPON_NOT_APPLICABLE"
    assert await counts(desk) == before
    await issuing.set_coupon_status(shop=shop, coupon_id=coupon.id, status=CouponStatus.ACTIVE)
    await desk.order(coupon_codes=["SPRING"])
    await desk.world.shift_clock("40 days")
    assert await refused(desk, "SPRING") == ("COUPON_NOT_APPLICABLE", "ENDED")


async def test_a_quote_says_why_a_code_is_not_good_and_prices_the_rest(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    await issue(shop)
    wishes = [Wish(desk.world.goods.sku_id, 1)]
    quote = await desk.quote(shop, wishes, coupon_codes=["NOBODYS", "spring"])
    assert quote.total_minor == 10_500
    [(code, refusal)] = quote.refused
    assert (code, refusal.field, refusal.details["reason"]) == (
        "NOBODYS",
        "couponCodes",
        "UNKNOWN",
    )


async def test_whoever_guesses_codes_learns_nothing_more_of_them(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "GUESSES", 3)
    await desk.world.keys(1)
    shop = await desk.shop()
    await issue(shop)

    async def good_codes(*codes: str, ip: str = "2001:db8:7:7::1") -> bool:
        wishes = [Wish(desk.world.goods.sku_id, 1)]
        return not (await quotes.quote(shop, wishes, coupon_codes=codes, ip=ip)).refused

    for _ in range(5):
        assert await good_codes("SPRING"), "an honest code is no guess"
    assert not await good_codes("GUESS1", "GUESS2", "SPRING")
    assert not await good_codes("GUESS3")
    before = await counts(desk)
    for code in ("GUESS4", "SPRING"):
        with pytest.raises(RateLimited, check=lambda no: no.field == "couponCodes"):
            await good_codes(code, ip="2001:db8:7:7::2")
    with pytest.raises(RateLimited):
        await paying.quick_buy(
            shop=shop,
            buyer=Buyer(),
            wish=Wish(desk.world.goods.sku_id, 1),
            expected_total_minor=PRICE_MINOR - 500,
            contact="buyer@example.com",
            affiliate_code=None,
            method=None,
            idempotency_key=key(),
            coupon_codes=["SPRING"],
            ip="2001:db8:7:7::3",
        )
    assert await counts(desk) == before
    assert await good_codes("SPRING", ip="192.0.2.1")
    await desk.world.shift_clock("16 minutes")
    assert await good_codes("SPRING")


async def test_a_discount_that_has_changed_is_another_price(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    await issue(shop)
    wishes = [Wish(desk.world.goods.sku_id, 1)]
    monkeypatch.setattr(quotes.QuotedLine, "discount_minor", property(lambda self: 501))
    quote = await desk.quote(shop, wishes, coupon_codes=["SPRING"])
    monkeypatch.undo()
    with pytest.raises(PriceChanged):
        await quotes.redeem(shop, quote.id)


# --- uses and money come back


@pytest.mark.parametrize("ends", ["canceled", "expired"])
async def test_an_unpaid_order_gives_use_and_money_back_once(desk: SalesDesk, ends: str) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop(), payers=PLATFORM_PAYS, max_uses=1)
    await fund(desk.world.root.id, None, 500)
    purchase = await desk.order(coupon_codes=["SPRING"])
    assert await coupon_state(desk.owner) == {"live": 1, "released": 0, "places": 1}
    if ends == "expired":
        await desk.world.shift_clock("16 minutes")
        await desk.sweep()
        await desk.sweep()
    else:
        await purchase.cancel()
        await purchase.cancel()
    assert await coupon_state(desk.owner) == {"live": 0, "released": 1, "places": 0}
    assert (await books(desk))[PLATFORM_BUDGET] == -500
    await desk.order(coupon_codes=["SPRING"])
    await desk.assert_sound()


async def test_a_late_payment_takes_the_coupon_again_where_it_is_still_there(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop(), payers=PLATFORM_PAYS, max_uses=1)
    await fund(desk.world.root.id, None, 500)
    purchase = await desk.order(coupon_codes=["SPRING"])
    payment_id = await purchase.start()
    await desk.world.shift_clock("16 minutes")
    await desk.sweep()
    assert (await purchase.heard(payment_id)).effect == "LATE_SETTLED"
    assert await coupon_state(desk.owner) == {"live": 1, "released": 1, "places": 1}
    assert PLATFORM_BUDGET not in await books(desk)
    await desk.assert_sound()


@pytest.mark.parametrize("gone", ["use", "money"])
async def test_a_late_payment_goes_back_where_the_coupon_has_gone(
    desk: SalesDesk, gone: str
) -> None:
    await desk.world.keys(3)
    await issue(await desk.shop(), payers=PLATFORM_PAYS, max_uses=1 if gone == "use" else 2)
    await fund(desk.world.root.id, None, 1_000 if gone == "use" else 500)
    purchase = await desk.order(coupon_codes=["SPRING"])
    payment_id = await purchase.start()
    await desk.world.shift_clock("16 minutes")
    await desk.sweep()
    await desk.order(coupon_codes=["SPRING"])
    assert (await purchase.heard(payment_id)).effect == "REFUNDING"
    assert await purchase.status() == "EXPIRED"
    await desk.assert_sound()


@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_wholly_refunded_order_gives_its_use_back_if_the_coupon_says_so(
    desk: SalesDesk, *, comes_back: bool
) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop(), max_uses=1, returned_by_refund=comes_back)
    purchase = await (await desk.order(coupon_codes=["SPRING"])).paid()
    await purchase.refund(4_000)
    assert (await coupon_state(desk.owner))["places"] == 1
    await purchase.refund(6_500)
    assert (await coupon_state(desk.owner))["places"] == (0 if comes_back else 1)
    await desk.assert_sound()


async def test_refunds_give_the_funders_their_part_back_to_the_last_unit(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    payers = (
        Payer(PayerKind.PLATFORM, None, 3_333),
        Payer(PayerKind.SUPPLIER, None, 3_333),
        Payer(PayerKind.SHOP, None, 3_334),
    )
    supplier_id = desk.world.goods.supplier_id
    await issue(await desk.shop(), value=1_000, payers=payers)
    await fund(desk.world.root.id, None, 1_000)
    await fund(desk.world.root.id, supplier_id, 1_000)
    purchase = await (await desk.order(3, coupon_codes=["SPRING"])).paid()
    for amount_minor in (1, 9_999, 7):
        await purchase.refund(amount_minor)
        await desk.assert_sound()
    left = (await purchase.line()).paid_minor - 10_007
    await purchase.refund(left)
    found = await books(desk)
    assert (found[PLATFORM_BUDGET], found["L:PROMO supplier"]) == (-1_000, -1_000)
    assert (
        await desk.owner.fetchval("select sum(amount_minor - reversed_minor) from line_shares") == 0
    )
    await desk.assert_sound()


async def test_a_returned_key_brings_what_was_paid_for_it(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    await issue(await desk.shop(), value=1_000)
    purchase = await (await desk.order(3, coupon_codes=["SPRING"])).paid()
    for expected in (10_666, 21_332, 32_000):
        await purchase.give_back(1)
        assert (await purchase.line()).refunded_minor == expected
    assert (await coupon_state(desk.owner))["live"] == 0
    await desk.assert_sound()


async def test_goodwill_leaves_the_funders_where_they_are(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await issue(await desk.shop(), payers=PLATFORM_PAYS)
    await fund(desk.world.root.id, None, 500)
    purchase = await (await desk.order(coupon_codes=["SPRING"])).paid()
    await purchase.refund(1_000, "GOODWILL")
    assert PLATFORM_BUDGET not in await books(desk)
    await purchase.refund(9_500, "SUPPLIER_FAULT")
    assert (await books(desk))[PLATFORM_BUDGET] == -500
    await desk.assert_sound()


async def test_goodwill_gives_no_use_of_a_coupon_back(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    agent = await desk.shop(desk.world.agent)
    await issue_for_subtree(agent, max_uses=1)
    await fund(agent.id, agent.id, 5_000)
    earned = await (await desk.order()).paid()
    purchase = await (await desk.order(coupon_codes=["SPRING"])).paid()
    shop_share = 2 * (2_000 - 66)
    await purchase.refund(shop_share, "GOODWILL")
    await purchase.refund(purchase.total_minor - shop_share, "SHOP_FAULT")
    assert await purchase.status() == "REFUNDING"
    assert (await coupon_state(desk.owner))["places"] == 1
    assert earned.total_minor == PRICE_MINOR
    await desk.assert_sound()


async def test_who_waits_for_keys_takes_the_coupon_all_the_same(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(4)
    buyer = await desk.world.customer(wallet_minor=50_000)
    await issue(await desk.shop(), payers=PLATFORM_PAYS, max_uses=3)
    await fund(desk.world.root.id, None, 1_500)

    async def short(_: object) -> None:
        raise placing.Short

    monkeypatch.setattr(placing, "place_at_once", short)
    await (await desk.order(coupon_codes=["SPRING"])).paid()
    made = await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(buyer.id),
        wish=Wish(desk.world.goods.sku_id, 2),
        expected_total_minor=21_500,
        contact=None,
        affiliate_code=None,
        method="WALLET",
        coupon_codes=["SPRING"],
        idempotency_key=key(),
    )
    assert made.view is not None
    assert made.view.status == "DELIVERED"
    assert await coupon_state(desk.owner) == {"live": 2, "released": 0, "places": 2}
    assert (await books(desk))[PLATFORM_BUDGET] == -500
    await desk.assert_sound()
