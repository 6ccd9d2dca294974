"""An order in one statement: what it answers, whom it refuses, and when it is made in turn."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from kernel import crypto, db
from kernel.errors import Forbidden, Refusal
from kernel.ids import new_id
from kernel.settings import settings
from kernel.statements import Statement
from offers.quotes import Wish
from orders import admission, checkout, parts, paying, placing
from orders.checkout import Buyer, OrderMade
from orders.drafts import Draft
from orders.placing import Placed
from orders.queries import order_view_by_id
from patience import until_true
from sales import SalesDesk, key
from supply import holding, pool
from supply.pool import OutOfStock
from supply.stock_news import ANNOUNCED_BELOW_SPARE
from tenants.directory import TenantRestricted
from world import Person

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000
WRITTEN = """
    select (select count(*) from orders) as orders, (select count(*) from order_lines) as lines,
           (select count(*) from payments where order_id is not null) as payments,
           (select count(*) from idempotency_records) as requests,
           (select count(*) from ledger_transactions where kind = 'SALE') as sales,
           (select count(*) from keys where status <> 'AVAILABLE') as taken
"""


async def quick_buy(
    desk: SalesDesk,
    by: Person | None = None,
    *,
    quantity: int = 1,
    method: str | None = None,
    signed_in: bool = False,
    idempotency_key: str | None = None,
) -> OrderMade:
    """Buy in one step; `signed_in` says it with the customer's token."""
    token = crypto.token_hash(by.token) if by is not None and signed_in else None
    return await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(by.id if by else None, token),
        wish=Wish(desk.world.goods.sku_id, quantity),
        expected_total_minor=PRICE_MINOR * quantity,
        contact=None,
        affiliate_code=None,
        method=method,
        idempotency_key=idempotency_key or key(),
    )


@pytest.mark.parametrize("method", ["WALLET", None])
@pytest.mark.parametrize("in_turn", [False, True])
async def test_the_answer_is_what_reading_the_order_would_give(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch, method: str | None, in_turn: bool
) -> None:
    await desk.world.keys(5)
    buyer = await desk.world.customer(wallet_minor=3 * PRICE_MINOR)
    if in_turn:
        monkeypatch.setattr(placing, "place_at_once", nothing_at_hand)
    made = await quick_buy(desk, buyer, quantity=3, method=method)
    shop = await desk.shop()
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        stored = await order_view_by_id(shop=shop, order_id=made.order_id)
    assert made.view == stored
    assert stored.status == ("DELIVERED" if method else "PENDING_PAYMENT")
    assert len(stored.lines[0].keys) == (3 if method else 0)
    await desk.assert_sound()


async def nothing_at_hand(draft: Draft) -> Placed | None:
    """As if free keys did not suffice."""
    raise placing.Short


async def test_an_order_of_several_lines_answers_as_it_is_read(desk: SalesDesk) -> None:
    other = await desk.world.more_goods("steam-card")
    await desk.world.keys(3)
    await desk.world.keys(3, other)
    shop = await desk.shop()
    wishes = [Wish(other.sku_id, 1), Wish(desk.world.goods.sku_id, 2)]
    quote = await desk.quote(shop, wishes)
    made = await checkout.create_order(
        shop=shop,
        buyer=Buyer(),
        quote_id=quote.id,
        contact="buyer@example.com",
        affiliate_code=None,
        idempotency_key=key(),
    )
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        assert made.view == await order_view_by_id(shop=shop, order_id=made.order_id)


async def refused(desk: SalesDesk, kind: type[Refusal], **wish: Any) -> Refusal:
    """It is refused, and nothing was written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(kind) as refusal:
        await quick_buy(desk, **wish)
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refusal.value


@pytest.mark.parametrize(
    "ending",
    [
        "update access_tokens set revoked_at = now()",
        "update access_tokens set expires_at = now()",
        "update customers set status = 'FROZEN'",
        "update access_tokens set principal_id = gen_random_uuid()",
        "update access_tokens set kind = 'STAFF'",
    ],
)
async def test_the_sale_itself_asks_whether_the_token_is_good(desk: SalesDesk, ending: str) -> None:
    await desk.world.keys(2)
    buyer = await desk.world.customer(wallet_minor=2 * PRICE_MINOR)
    await quick_buy(desk, buyer, method="WALLET", signed_in=True)
    await desk.owner.execute(ending)
    await refused(desk, Forbidden, by=buyer, method="WALLET", signed_in=True)
    await refused(desk, Forbidden, by=buyer, signed_in=True)


@pytest.mark.parametrize(
    ("ending", "refusal"),
    [
        ("update access_tokens set revoked_at = now()", Forbidden),
        ("update customers set status = 'FROZEN'", Forbidden),
        ("update tenants set status = 'SUSPENDED'", TenantRestricted),
    ],
)
@pytest.mark.parametrize("method", ["WALLET", None])
async def test_who_has_waited_for_a_key_is_asked_again(
    desk: SalesDesk,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    refusal: type[Refusal],
    method: str | None,
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=PRICE_MINOR)
    hold = pool.hold

    async def hold_after_a_wait(*asked: Any, **how: Any) -> list[UUID]:
        await desk.owner.execute(ending)
        return await hold(*asked, **how)

    monkeypatch.setattr(placing, "place_at_once", nothing_at_hand)
    monkeypatch.setattr(pool, "hold", hold_after_a_wait)
    await refused(desk, refusal, by=buyer, method=method, signed_in=True)


async def test_an_answered_request_is_answered_again_whatever_has_changed_since(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=PRICE_MINOR)
    same = key()
    first = await quick_buy(desk, buyer, method="WALLET", idempotency_key=same)
    # It was the last key, the wallet is empty, the price another, and the shop is closed.
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1)
    await desk.owner.execute("update tenants set status = 'SUSPENDED', payment_methods = '{}'")
    again = await quick_buy(desk, buyer, method="WALLET", idempotency_key=same)
    assert again == first
    assert again.view is None
    refusal = await refused(
        desk, Refusal, by=buyer, method="WALLET", quantity=2, idempotency_key=same
    )
    assert refusal.code == "IDEMPOTENCY_CONFLICT"


async def test_a_wallet_that_does_not_suffice_gives_everything_back(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    buyer = await desk.world.customer(wallet_minor=2 * PRICE_MINOR - 1)
    refusal = await refused(desk, Refusal, by=buyer, method="WALLET", quantity=2)
    assert (refusal.code, refusal.details) == (
        "INSUFFICIENT_BALANCE",
        {"available": 2 * PRICE_MINOR - 1},
    )
    never_used = await desk.world.customer()
    refusal = await refused(desk, Refusal, by=never_used, method="WALLET")
    assert (refusal.code, refusal.details) == ("INSUFFICIENT_BALANCE", {"available": 0})
    await quick_buy(desk, buyer, method="WALLET")
    await desk.assert_sound()


async def test_keys_whose_hold_ran_out_are_sold_in_turn(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    await desk.order(2)
    await desk.world.shift_clock("16 minutes")
    buyer = await desk.world.customer(wallet_minor=2 * PRICE_MINOR)
    made = await quick_buy(desk, buyer, method="WALLET", quantity=2)
    assert made.view is not None
    assert made.view.status == "DELIVERED"
    assert await desk.key_states() == {"SOLD": 2}
    await desk.sweep()
    await desk.assert_sound()


async def test_in_turn_the_refusal_says_how_many_there_are(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(3)
    monkeypatch.setattr(placing, "place_at_once", nothing_at_hand)
    other = await desk.world.customer()
    in_turn = placing.place_in_turn

    async def sold_meanwhile(draft: Draft) -> Placed | None:
        await desk.owner.execute(
            """update keys set status = 'WITHDRAWN'
               where id in (select id from keys where status = 'AVAILABLE' limit 2)"""
        )
        return await in_turn(draft)

    monkeypatch.setattr(placing, "place_in_turn", sold_meanwhile)
    with pytest.raises(OutOfStock, match="Only 1 left") as refusal:
        await quick_buy(desk, other, quantity=2)
    assert refusal.value.details == {"available": 1}
    assert await desk.key_states() == {"AVAILABLE": 1, "WITHDRAWN": 2}


async def test_a_sale_tells_of_stock_only_where_pages_may_show_another_number(
    desk: SalesDesk,
) -> None:
    told: list[object] = []
    listener = await asyncpg.connect(settings().database_url)
    try:
        await listener.add_listener("stock", lambda *news: told.append(news[-1]))
        plenty = settings().low_stock_bound + ANNOUNCED_BELOW_SPARE
        await desk.world.keys(plenty + 1)
        await desk.order()
        await listener.execute("select 1")
        assert told == []
        await desk.order()
        await until_true(lambda: told)
        assert told == [str(desk.world.goods.listing_id)]
    finally:
        await listener.close()


async def test_two_processes_with_other_hints_sell_every_key_once(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.keys(12)
    for number in range(12):
        if number % 3 == 0:
            holding.hints.forget()
        if number % 3 == 1:
            holding.hints.learn(desk.world.goods.listing_id, 1 << 62, began=None)
        await desk.order()
    assert await desk.key_states() == {"HELD": 12}
    await desk.assert_sound()


async def test_an_order_ends_when_its_hold_does(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    made = await quick_buy(desk)
    assert made.view is not None
    row = await desk.owner.fetchrow(
        """select orders.created_at, orders.expires_at, keys.held_until
           from orders join keys on keys.status = 'HELD'"""
    )
    hold = timedelta(seconds=settings().payment_hold_seconds)
    assert row["expires_at"] == row["held_until"] == row["created_at"] + hold
    assert (made.view.created_at, made.view.expires_at) == (row["created_at"], row["expires_at"])


async def test_a_customers_unpaid_orders_are_found_by_the_customer(desk: SalesDesk) -> None:
    """Everybody's unpaid orders have an index by their end, too, and it is the wrong one."""
    asking = Statement.of(
        parts.MOMENT,
        "claim as materialized (select 1)",
        admission.ADMISSION,
        then="select refusal from admission",
    )
    shop = await desk.shop()
    values = {
        "path": list(shop.path),
        "tenant_id": shop.id,
        "customer_id": new_id(),
        "token_hash": None,
    }
    without_its_own = desk.owner.transaction()
    await without_its_own.start()
    await desk.owner.execute("drop index orders_unpaid_of_customer; set local enable_seqscan = off")
    plan = await desk.owner.fetch(f"explain {asking.sql}", *asking.values(values))
    await without_its_own.rollback()
    conditions = [row[0] for row in plan if "Index Cond" in row[0]]
    assert conditions
    assert not any("expires_at" in one for one in conditions)
