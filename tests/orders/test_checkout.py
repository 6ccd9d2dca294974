"""From a quote to an order that holds its keys: all of it, or nothing at all."""

from collections.abc import Awaitable
from uuid import UUID

import asyncpg
import pytest

from billing.payment_methods import WALLET
from kernel.errors import Forbidden, Invalid, Refusal
from offers.quotes import NotEnough, PriceChanged, Wish
from orders import checkout, paying
from orders.admission import UNPAID_ORDERS_PER_CUSTOMER
from orders.checkout import Buyer, OrderMade
from orders.idempotency import IdempotencyConflict
from sales import SalesDesk, key
from tenants.directory import TenantRestricted

pytestmark = pytest.mark.engines

WRITTEN = """
    select (select count(*) from orders) as orders, (select count(*) from order_lines) as lines,
           (select count(*) from line_shares) as shares,
           (select count(*) from payments) as payments,
           (select count(*) from idempotency_records) as requests,
           (select count(*) from keys where status <> 'AVAILABLE') as taken
"""


async def refused(desk: SalesDesk, kind: type[Refusal], what: Awaitable[object]) -> Refusal:
    """It is refused, and nothing was written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(kind) as refusal:
        await what
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refusal.value


async def test_an_order_freezes_what_everybody_earns_and_holds_its_keys(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    star = await desk.world.affiliate("star", rate_bp=300)
    purchase = await desk.order(2, affiliate_code="STAR ")
    assert await desk.key_states() == {"AVAILABLE": 1, "HELD": 2}
    # What is decided is decided: new rules, a new commission, a new rate change no order.
    await desk.world.rule(desk.world.root, "WHOLESALE", "FIXED_OVER_COST", 1)
    await desk.owner.execute("update suppliers set commission_bp = 9999")
    await desk.owner.execute("update affiliate_programs set rate_bp = 1")
    await purchase.paid()
    rows = await desk.owner.fetch("select role, party_id, amount_minor from line_shares")
    assert {row["role"]: row["amount_minor"] for row in rows} == {
        "SUPPLY": 15_200,
        "SUPPLIER_COMMISSION": 800,
        "WHOLESALE_MARGIN": 1_000,
        "AGENT_MARGIN": 1_000,
        "AFFILIATE": 660,
        "SHOP_MARGIN": 4_000 - 660,
    }
    assert {row["party_id"] for row in rows if row["role"] == "AFFILIATE"} == {star.id}
    await desk.assert_sound()


async def test_a_repeated_request_gets_its_first_order_and_another_one_is_refused(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    shop = await desk.shop()
    quotes = [await desk.quote(shop, [Wish(desk.world.goods.sku_id, n)]) for n in (1, 2)]
    same_key = key()

    async def order(quote_id: str, buyer: Buyer) -> OrderMade:
        return await checkout.create_order(
            shop=shop,
            buyer=buyer,
            quote_id=quote_id,
            contact="buyer@example.com",
            affiliate_code=None,
            idempotency_key=same_key,
        )

    first = await order(quotes[0].id, Buyer())
    assert first.guest_token is not None
    assert await order(quotes[0].id, Buyer()) == first, "its token, too"
    await refused(desk, IdempotencyConflict, order(quotes[1].id, Buyer()))
    # Keys are a buyer's own: somebody else's request with the same key is another request.
    customer = await desk.world.customer()
    second = await order(quotes[0].id, Buyer(customer.id))
    assert (second.order_id != first.order_id, second.guest_token) == (True, None)
    assert await desk.owner.fetchval("select count(*) from orders") == 2


async def test_whoever_may_not_order_is_refused_and_nothing_is_held(desk: SalesDesk) -> None:
    await desk.world.keys(30)
    customer = await desk.world.customer()
    for _ in range(UNPAID_ORDERS_PER_CUSTOMER):
        await desk.order(by=customer)
    await refused(desk, Invalid, desk.order(by=customer))
    await desk.order()  # a guest is somebody else
    frozen = await desk.world.customer()
    await desk.owner.execute("update customers set status = 'FROZEN' where id = $1", frozen.id)
    await refused(desk, Forbidden, desk.order(by=frozen))
    shop, agent = desk.world.shop, desk.world.agent
    for closed in (shop, agent, desk.world.root):
        await _set_status(desk.owner, closed.id, "SUSPENDED")
        await refused(desk, TenantRestricted, desk.order())
        await _set_status(desk.owner, closed.id, "ACTIVE")
    await desk.order()


async def _set_status(owner: asyncpg.Connection, tenant_id: object, status: str) -> None:
    await owner.execute("update tenants set status = $2 where id = $1", tenant_id, status)


async def test_too_many_keys_are_refused_with_how_many_there_are(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    refusal = await refused(desk, NotEnough, desk.order(3))
    assert (refusal.code, refusal.details) == ("OUT_OF_STOCK", {"available": 2})


async def test_a_guests_key_must_be_hard_to_guess(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)])

    def order(idempotency_key: str) -> Awaitable[object]:
        return checkout.create_order(
            shop=shop,
            buyer=Buyer(),
            quote_id=quote.id,
            contact=None,
            affiliate_code=None,
            idempotency_key=idempotency_key,
        )

    for too_weak in ("", "1", "x" * 21, "x" * 129):
        await refused(desk, Invalid, order(too_weak))
    await order("x" * 22)


async def test_an_affiliate_is_not_thanked_for_its_own_order(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer()
    star = await desk.world.affiliate("star")
    await desk.owner.execute("update affiliates set customer_id = $1", buyer.id)
    await desk.order(by=buyer, affiliate_code="star")
    await desk.order(affiliate_code="star")
    thanked = await desk.owner.fetch("select affiliate_id from orders order by created_at, id")
    assert [row["affiliate_id"] for row in thanked] == [None, star.id]


async def quick_buy(
    desk: SalesDesk,
    expected_total_minor: int,
    *,
    by: UUID | None = None,
    method: str | None = None,
    quantity: int = 1,
) -> OrderMade:
    """Buy in one step."""
    return await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(by),
        wish=Wish(desk.world.goods.sku_id, quantity),
        expected_total_minor=expected_total_minor,
        contact=None,
        affiliate_code=None,
        method=method,
        idempotency_key=key(),
    )


async def test_a_quick_buy_from_the_wallet_is_delivered_at_once(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=22_001)
    made = await quick_buy(desk, 22_000, by=buyer.id, method=WALLET, quantity=2)
    status = await desk.owner.fetchval("select status from orders where id = $1", made.order_id)
    assert status == "DELIVERED"
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -1
    assert "E:GATEWAY_FEE" not in books, "a wallet costs no channel's fee"
    await desk.assert_sound()


async def test_a_quick_buy_at_another_price_or_without_the_money_writes_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=10_999)
    changed = await refused(desk, PriceChanged, quick_buy(desk, 10_999))
    assert changed.details == {"totalMinor": 11_000}
    await refused(desk, Invalid, quick_buy(desk, 11_000, method=WALLET))
    poor = await refused(desk, Refusal, quick_buy(desk, 11_000, by=buyer.id, method=WALLET))
    assert (poor.code, poor.details) == ("INSUFFICIENT_BALANCE", {"available": 10_999})
    await desk.owner.execute("update tenants set payment_methods = array['CARD']")
    await refused(desk, Invalid, quick_buy(desk, 11_000, by=buyer.id, method=WALLET))
    await desk.assert_sound()
