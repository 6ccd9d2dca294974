"""Coupons under crowds: as many uses as there are, no more money than was put in, once each."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from billing import accounts
from coupon_issuers import PLATFORM_PAYS, coupon_state, fund, issue
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from offers.quotes import Wish
from orders import expiry, paying
from orders.checkout import Buyer, OrderMade
from orders.records import Viewer
from promotions import issuing
from races.crowd import Outcome, all_at_once
from races.mutants import gate_that_opens_for_two
from races.purchases import PRICE_MINOR
from tenants.directory import Shop
from world import Person, World

pytestmark = pytest.mark.engines

BUYERS, USES, OFF_MINOR = 400, 50, 500

# The tempting mistake: count, and then write. Callers overlap for certain: between the two they
# wait until there are two of them.
COUNTS_AND_WRITES = """
create or replace function take_coupon(
    use uuid, shop uuid, of_order uuid, named_coupon uuid, named_code uuid, counted sha256_hash,
    places smallint, is_limited boolean, is_single boolean, first_of uuid, by_refund boolean,
    moment timestamptz
) returns text language plpgsql volatile as $$
declare
    used integer;
    used_by_holder integer;
begin
    select count(*), count(*) filter (where holder = counted) into used, used_by_holder
    from coupon_uses where coupon_id = named_coupon and released_at is null;
    perform pg_advisory_xact_lock_shared(4711);
    if used >= (select max_uses from coupons where id = named_coupon) then
        return 'EXHAUSTED';
    end if;
    if used_by_holder >= places then
        return 'USED';
    end if;
    insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, holder, holder_place,
                             holder_places, returned_by_refund, created_at)
    values (shop, use, named_coupon, named_code, of_order, counted,
            case when counted is not null then 1 end, places, by_refund, moment);
    return null;
end $$
"""


async def buy_with_coupon(
    shop: Shop, world: World, *, by: Person | None = None, method: str | None = None
) -> OrderMade:
    """One key with the coupon, by a customer or by a guest with an address of its own."""
    return await paying.quick_buy(
        shop=shop,
        buyer=Buyer(by.id if by else None),
        wish=Wish(world.goods.sku_id, 1),
        expected_total_minor=PRICE_MINOR - OFF_MINOR,
        contact=f"{new_id().hex}@example.com",
        affiliate_code=None,
        method=method,
        coupon_codes=["SPRING"],
        idempotency_key=new_id().hex,
    )


async def budget_minor(owner: asyncpg.Connection) -> int:
    """What the platform's budget holds, free."""
    held: int = await owner.fetchval("select -ledger_balance($1)", accounts.promo(None, "CNY").id)
    return held


async def faults_of(outcome: Outcome[OrderMade], world: World, *, uses: int) -> list[str]:
    """What is wrong after a rush for so many uses; an empty list is good news."""
    found = [repr(error) for error in outcome.errors[:3]]
    if len(outcome.done) != uses:
        found.append(f"{len(outcome.done)} orders with {uses} uses")
    if set(outcome.refused) - {"COUPON_EXHAUSTED"}:
        found.append(f"refused: {outcome.refused}")
    if (state := await coupon_state(world.owner))["live"] != uses or state["released"]:
        found.append(f"uses: {state}")
    return found


async def test_four_hundred_buyers_use_a_coupon_of_fifty_uses_fifty_times(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(2 * USES)
    await issue(shop, payers=PLATFORM_PAYS, max_uses=USES, max_uses_per_customer=1)
    await fund(world.root.id, None, USES * OFF_MINOR)

    outcome = await all_at_once(buy_with_coupon(shop, world) for _ in range(BUYERS))

    assert await faults_of(outcome, world, uses=USES) == []
    assert (await coupon_state(world.owner))["places"] == USES
    assert await budget_minor(world.owner) == 0
    assert await verify(database.database_url) == []


async def test_a_budget_for_thirty_uses_pays_for_exactly_thirty(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(2 * USES)
    await issue(shop, payers=PLATFORM_PAYS)
    await fund(world.root.id, None, 30 * OFF_MINOR + 499)

    outcome = await all_at_once(buy_with_coupon(shop, world) for _ in range(BUYERS))

    assert await faults_of(outcome, world, uses=30) == []
    assert await budget_minor(world.owner) == 499
    assert await verify(database.database_url) == []


@pytest.mark.parametrize("method", [None, "WALLET"])
async def test_one_customer_with_four_hundred_requests_uses_a_coupon_once(
    shop: Shop, world: World, database: Settings, method: str | None
) -> None:
    await world.keys(USES)
    customer = await world.customer(wallet_minor=20 * PRICE_MINOR)
    await issue(shop, max_uses=USES, max_uses_per_customer=1)

    outcome = await all_at_once(
        buy_with_coupon(shop, world, by=customer, method=method) for _ in range(BUYERS)
    )

    assert await faults_of(outcome, world, uses=1) == []
    assert await verify(database.database_url) == []


async def test_uses_that_are_given_back_while_others_take_them_are_never_there_twice(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(4 * USES)
    await issue(shop, payers=PLATFORM_PAYS, max_uses=10)
    await fund(world.root.id, None, 10 * OFF_MINOR)
    first = [await buy_with_coupon(shop, world) for _ in range(10)]
    numbers = {row["id"]: row["no"] for row in await world.owner.fetch("select id, no from orders")}

    async def cancel(made: OrderMade) -> None:
        viewer = Viewer(guest_token=made.guest_token)
        await expiry.cancel_order(shop=shop, viewer=viewer, order_no=numbers[made.order_id])

    canceled, bought = await asyncio.gather(
        all_at_once(cancel(made) for made in first * 3),
        all_at_once(buy_with_coupon(shop, world) for _ in range(200)),
    )

    assert canceled.errors == []
    assert set(bought.refused) <= {"COUPON_EXHAUSTED"}
    assert bought.errors == []
    state = await coupon_state(world.owner)
    assert state == {"live": len(bought.done), "released": 10, "places": len(bought.done)}
    assert len(bought.done) <= 10
    assert await budget_minor(world.owner) == (10 - len(bought.done)) * OFF_MINOR
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_use_that_is_counted_and_then_written(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(USES)
    await issue(shop, max_uses=1)
    await world.owner.execute(COUNTS_AND_WRITES)

    async with gate_that_opens_for_two():  # each of them counts none
        outcome = await all_at_once(buy_with_coupon(shop, world) for _ in range(BUYERS))

    faults = await faults_of(outcome, world, uses=1)
    assert any(fault.endswith("orders with 1 uses") for fault in faults)
    assert "I10" in {breach.invariant for breach in await verify(database.database_url)}


async def test_the_check_notices_a_budget_that_is_only_read(
    shop: Shop, world: World, database: Settings
) -> None:
    await world.keys(USES)
    await issue(shop, payers=PLATFORM_PAYS)
    await fund(world.root.id, None, OFF_MINOR)
    await world.owner.execute(
        """create or replace function lock_balance(account uuid) returns bigint
           language plpgsql volatile as $$
           declare held bigint;
           begin
               held := -ledger_balance(account);
               perform pg_advisory_xact_lock_shared(4711);
               return held;
           end $$"""
    )

    async with gate_that_opens_for_two():  # each of them sees the money for one
        outcome = await all_at_once(buy_with_coupon(shop, world) for _ in range(BUYERS))

    faults = await faults_of(outcome, world, uses=1)
    assert any(fault.endswith("orders with 1 uses") for fault in faults)
    assert await budget_minor(world.owner) < 0
    assert "I3" in {breach.invariant for breach in await verify(database.database_url)}


async def coupons_of(owner: asyncpg.Connection, shop: Shop) -> int:
    number: int = await owner.fetchval("select count(*) from coupons where tenant_id = $1", shop.id)
    return number


async def test_hundreds_who_issue_coupons_at_once_stay_within_the_shops_limit(
    shop: Shop, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "MOST_COUPONS", 5)
    outcome = await all_at_once(issue(shop, f"CODE{n}") for n in range(200))
    assert outcome.errors == []
    assert len(outcome.done) == await coupons_of(owner, shop) == 5


async def test_the_check_notices_coupons_that_are_counted_without_the_lock(
    shop: Shop, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: count, and then write, with nobody waiting."""
    both = asyncio.Barrier(2)

    async def counts_alone(tenant_id: UUID) -> None:
        number: int = await db.fetch_value(
            "select count(*) from coupons where tenant_id = $1", tenant_id
        )
        await both.wait()
        assert number == 0

    monkeypatch.setattr(issuing, "_require_room", counts_alone)
    outcome = await all_at_once(issue(shop, f"CODE{n}") for n in range(2))
    assert len(outcome.done) == await coupons_of(owner, shop) == 2
