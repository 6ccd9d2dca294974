"""A SELECT in a round trip of its own raises its own fence: before it looks, and for itself alone.

What it shows is compared with the fence of a transaction; a check that nobody has seen fail proves
nothing, so each is also run against statements whose fence is broken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from tortoise.connection import get_connection

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings, settings
from offers.counting import COUNTS
from offers.product_orders import Sort
from offers.statements import (
    GOODS,
    OWN_TERMS,
    SKUS_BY_ID,
    SKUS_BY_ID_FOR_CUSTOMER,
    Detail,
    Filter,
    PageShape,
    page_statement,
)
from orders import queries, records
from tenants import price_books
from two_tenants import PlantedTenant, TwoTenants, two_tenants

pytestmark = pytest.mark.engines

OWNER_COLUMNS = {
    "customers": "tenant_id",
    "orders": "tenant_id",
    "order_lines": "tenant_id",
    "delivered_keys": "tenant_id",
    "affiliate_programs": "tenant_id",
    "price_rules": "tenant_id",
    "price_limits": "tenant_id",
    "agent_grades": "tenant_id",
    "membership_tiers": "tenant_id",
    "promotions": "tenant_id",
    "tenant_listings": "tenant_id",
    "line_shares": "tenant_id",
}
SHOP_OWNER_COLUMNS = {"tenants": "id", "orders": "tenant_id", "line_shares": "party_id"}


@pytest.fixture
async def one_connection(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Settings]:
    """The product's pools with one connection a role: whatever is left behind is found."""
    monkeypatch.setenv("KAMENG_READ_POOL_SIZE", "1")
    monkeypatch.setenv("KAMENG_WRITE_POOL_SIZE", "1")
    settings.cache_clear()
    await db.connect(settings())
    yield settings()
    await db.disconnect()


@pytest.fixture
async def world(one_connection: Settings, owner: asyncpg.Connection) -> TwoTenants:
    return await two_tenants(owner)


@contextmanager
def fenced_by(write: Callable[[str, int], str]) -> Iterator[None]:
    """Statements are fenced by `write` instead, as a slip of the pen would have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "fenced_statement", lambda sql, *, values: write(sql, values))
        yield


def core_scope(tenant: PlantedTenant) -> db.Scope:
    return db.core_scope(tenant.id, path=tenant.path)


async def shown(scope: db.Scope, table: str, column: str) -> list[UUID]:
    rows = await db.read(scope, f"select {column} as owner from {table}")
    return [row["owner"] for row in rows]


async def leaks(world: TwoTenants) -> set[str]:
    """Tables of which a read without a filter shows other rows than the own tenant's."""
    found = set()
    for tenant in (world.ours, world.theirs):
        for table, column in OWNER_COLUMNS.items():
            if set(await shown(core_scope(tenant), table, column)) != {tenant.id}:
                found.add(table)
        for table, column in SHOP_OWNER_COLUMNS.items():
            scope = db.shop_scope(tenant.id, party_id=tenant.id)
            if set(await shown(scope, table, column)) != {tenant.id}:
                found.add(table)
    return found


async def test_a_read_without_a_filter_shows_a_shop_its_own_rows_of_every_table(
    world: TwoTenants,
) -> None:
    assert await leaks(world) == set()


async def test_a_read_without_a_tenant_sees_no_row_of_any_and_lifting_the_fence_takes_a_reason(
    world: TwoTenants,
) -> None:
    for table, column in OWNER_COLUMNS.items():
        assert await shown(db.core_scope(), table, column) == [], table
        everybody = await shown(db.every_tenant(reason="a test"), table, column)
        assert {world.ours.id, world.theirs.id} <= set(everybody), table
    assert await shown(db.shop_scope(uuid4()), "orders", "tenant_id") == []


async def test_a_read_without_its_gate_shows_nothing_at_all(world: TwoTenants) -> None:
    """The settings are there, but the statement is not made to wait for them."""

    def without_gate(sql: str, values: int) -> str:
        calls = " || ".join(f"coalesce(${values + n}::text, '')" for n in range(1, 5))
        return f"select asked.* from ({sql}) as asked where (select {calls}) is not null"

    with fenced_by(without_gate):
        for table, column in OWNER_COLUMNS.items():
            assert await shown(core_scope(world.ours), table, column) == [], table
        assert await leaks(world) == {*OWNER_COLUMNS, *SHOP_OWNER_COLUMNS}


async def test_a_read_gives_its_connection_back_without_a_task_of_its_own(
    one_connection: Settings,
) -> None:
    await db.read(db.core_scope(), "select 1")  # the pool is made
    made: list[Any] = []

    def make(loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        made.append(work)
        return asyncio.Task(work, loop=loop, **named)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(make)
    try:
        for _ in range(3):  # over one connection
            await db.read(db.core_scope(), "select 1")
    finally:
        loop.set_task_factory(None)
    assert made == []


async def test_thousands_of_reads_of_two_shops_over_one_connection_leak_nothing(
    world: TwoTenants,
) -> None:
    async def one(number: int) -> bool:
        tenant = (world.ours, world.theirs)[number // 3 % 2]
        match number % 4:
            case 0:
                async with db.transaction(core_scope(tenant), read_only=True):
                    found = {row["tenant_id"] for row in await db.fetch("select * from orders")}
            case 1:
                return await shown(db.core_scope(), "orders", "tenant_id") == []
            case 2:
                shop = db.shop_scope(tenant.id, party_id=tenant.id)
                found = set(await shown(shop, "line_shares", "party_id"))
            case _:
                found = set(await shown(core_scope(tenant), "orders", "tenant_id"))
        return found == {tenant.id}

    for start in range(0, 2_000, 100):
        assert all(await asyncio.gather(*(one(n) for n in range(start, start + 100))))


async def left_behind() -> set[str]:
    """What the only connection still says of a scope, outside of any transaction."""
    async with get_connection(db.CORE).acquire_connection() as connection:
        names = ("app.tenant_id", "app.path", "app.party_id", "app.fence_lifted_for")
        values = [
            await connection.fetchval("select current_setting($1, true)", name) for name in names
        ]
        return {value for value in values if value}


async def test_a_reads_scope_ends_with_it_even_when_it_fails(world: TwoTenants) -> None:
    assert await shown(core_scope(world.ours), "orders", "tenant_id") == [world.ours.id]
    assert await left_behind() == set()
    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.read(core_scope(world.ours), "select 1 / (id - id) from (select 1 as id) as one")
    assert await left_behind() == set()


async def test_a_fence_that_outlives_its_statement_would_be_noticed(world: TwoTenants) -> None:
    honest = db.fenced_statement

    def of_the_session(sql: str, values: int) -> str:
        return honest(sql, values=values).replace(", true)", ", false)")

    with fenced_by(of_the_session):
        await shown(core_scope(world.ours), "orders", "tenant_id")
    assert str(world.ours.id) in await left_behind()


async def test_a_read_is_one_round_trip_and_can_only_read(world: TwoTenants) -> None:
    await shown(core_scope(world.ours), "orders", "tenant_id")  # prepared
    sent: list[str] = []
    async with get_connection(db.CORE).acquire_connection() as connection:
        connection.add_query_logger(lambda query: sent.append(query.query))
    await shown(core_scope(world.ours), "orders", "tenant_id")
    await asyncio.sleep(0.01)
    assert len(sent) == 1
    name = "with gone as (delete from price_rules returning 1) select * from gone"
    with pytest.raises(asyncpg.FeatureNotSupportedError):
        await db.read(core_scope(world.ours), name)


async def test_inside_a_transaction_a_read_is_a_statement_of_it_in_the_same_scope_only(
    world: TwoTenants,
) -> None:
    scope = core_scope(world.ours)
    async with db.transaction(scope):
        assert db.inside_transaction()
        await db.execute("delete from price_rules where tenant_id = $1", world.ours.id)
        assert await shown(core_scope(world.ours), "price_rules", "tenant_id") == []
        for other in (
            core_scope(world.theirs),
            db.core_scope(world.ours.id),
            db.every_tenant(reason="a test"),
        ):
            with pytest.raises(db.NestedTransaction):
                await shown(other, "price_rules", "tenant_id")
    assert not db.inside_transaction()


async def test_a_read_that_is_given_up_leaves_a_connection_that_works(world: TwoTenants) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await db.read(core_scope(world.ours), "select pg_sleep(5)")
        assert await shown(core_scope(world.ours), "orders", "tenant_id") == [world.ours.id]


# --- the gate stands above everything that is read

Plan = dict[str, Any]


def scans_without_gate(plan: Plan, *, gated: bool = False) -> list[str]:
    """Relations that are read by nodes which are not below the one-time filter."""
    # The gate is a subquery's result: `(InitPlan 1).col1`, and before PostgreSQL 17 `$0`.
    filtered = str(plan.get("One-Time Filter", ""))
    gated = gated or "InitPlan" in filtered or "$0" in filtered
    found = [plan["Relation Name"]] if "Relation Name" in plan and not gated else []
    for below in plan.get("Plans", ()):
        found += scans_without_gate(below, gated=gated)
    return found


async def plan_of(statement: str, scope: db.Scope) -> Plan:
    """How PostgreSQL runs a prepared statement, whatever its values are."""
    async with get_connection(scope.role).acquire_connection() as connection:
        prepared = await connection.prepare(statement)
        nulls = ", ".join("null" for _ in prepared.get_parameters())
        name = f"gate_{new_id().hex}"
        await connection.execute(f"prepare {name} as {statement}")
        text = await connection.fetchval(
            f"explain (format json) execute {name} {nulls and f'({nulls})'}"
        )
        plan: Plan = orjson.loads(text)[0]["Plan"]
        return plan


def orders_statements() -> Iterator[tuple[str, int]]:
    for one in (queries.ONE_BY_ID, queries.ONE_OF_VIEWER):
        yield one.sql, len(one.names)
    for of_customer in (False, True):
        for follows in (False, True):
            page = queries.page_statement(of_customer=of_customer, follows=follows)
            yield page.sql, len(page.names)
    yield records.PAYABLE_ORDER, 1


def hot_statements() -> Iterator[tuple[str, int]]:
    filters: list[tuple[Filter, ...]] = [(), ("CATEGORY",), ("IDS",), ("SLUG",), ("ID",)]
    sorts: list[tuple[Sort, bool]] = [
        ("POSITION", False),
        ("POSITION", True),
        ("NAME", False),
        ("NEWEST", False),
    ]
    for detail in Detail:
        for chosen in filters:
            for sort, own_order in sorts:
                for follows in (False, True):
                    shape = PageShape(
                        filters=chosen,
                        sort=sort,
                        own_order=own_order,
                        follows=follows,
                        detail=detail,
                    )
                    shelf = 2 * (detail in (Detail.PRICES, Detail.SKUS))
                    values = 2 + len(chosen) + 2 * follows + shelf
                    yield page_statement(shape), values
                    yield page_statement(replace(shape, signed_in=True)), values + 1
    yield SKUS_BY_ID, 6
    yield SKUS_BY_ID_FOR_CUSTOMER, 7
    yield price_books.BOOKS, 1
    yield price_books.SECRETS, 2
    yield GOODS, 1
    yield OWN_TERMS, 2
    yield COUNTS, 4
    yield from orders_statements()
    yield "select o.tenant_id, count(*) from orders o, customers group by 1 order by 1", 0
    customers = "(select count(*) from customers) as customers"
    yield f"select {customers}, id from orders union select 1, id from order_lines", 0


async def test_in_every_plan_the_gate_stands_above_everything_that_is_read(
    world: TwoTenants,
) -> None:
    for statement, values in hot_statements():
        plan = await plan_of(db.fenced_statement(statement, values=values), db.core_scope())
        assert scans_without_gate(plan) == [], statement
        open_plan = await plan_of(f"select asked.* from ({statement}) as asked", db.core_scope())
        assert len(scans_without_gate(open_plan)) > 1, "without a gate the check finds the tables"
