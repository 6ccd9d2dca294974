"""A statement that writes, and is a transaction of its own: fenced, whole, or nothing at all."""

import asyncpg
import pytest

from kernel import db
from kernel.fence import FENCE
from kernel.ids import new_id
from kernel.settings import Settings
from kernel.statements import Statement
from two_tenants import PlantedTenant, TwoTenants, two_tenants

pytestmark = pytest.mark.engines

_CUSTOMER = """
made as (
    insert into customers (id, tenant_id, name) select :id::uuid, :tenant_id::uuid, 'new'
    from fence where raised is not null returning id
)
"""
MAKE = Statement.of(FENCE, _CUSTOMER, then="select id from made")
MAKE_AND_GIVE_UP = Statement.of(
    FENCE,
    _CUSTOMER,
    then="select case when :reason::text is not null then give_up(:reason) end from made",
)
UNFENCED = Statement.of(
    FENCE, _CUSTOMER.replace("from fence where raised is not null", ""), then="select id from made"
)


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> TwoTenants:
    return await two_tenants(owner)


def scope_of(tenant: PlantedTenant) -> db.Scope:
    return db.core_scope(tenant.id, path=tenant.path)


async def customers(owner: asyncpg.Connection) -> int:
    count: int = await owner.fetchval("select count(*) from customers")
    return count


async def test_it_writes_in_its_own_tenant(world: TwoTenants, owner: asyncpg.Connection) -> None:
    values = {"id": new_id(), "tenant_id": world.ours.id}
    rows = await db.write(scope_of(world.ours), MAKE, values)
    assert [row["id"] for row in rows] == [values["id"]]
    found = await owner.fetchval("select tenant_id from customers where id = $1", values["id"])
    assert found == world.ours.id


@pytest.mark.parametrize("statement", [MAKE, UNFENCED])
async def test_it_does_not_write_in_anothers(
    world: TwoTenants, owner: asyncpg.Connection, statement: Statement
) -> None:
    before = await customers(owner)
    values = {"id": new_id(), "tenant_id": world.theirs.id}
    for scope in (scope_of(world.ours), db.core_scope()):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await db.write(scope, statement, values)
    assert await customers(owner) == before


async def test_the_fence_is_down_again_for_whoever_comes_next(world: TwoTenants) -> None:
    await db.write(scope_of(world.ours), MAKE, {"id": new_id(), "tenant_id": world.ours.id})
    assert await db.read(db.core_scope(), "select id from customers") == []


async def test_a_statement_that_gives_up_has_written_nothing_and_says_why(
    world: TwoTenants, owner: asyncpg.Connection
) -> None:
    before = await customers(owner)
    values = {"id": new_id(), "tenant_id": world.ours.id, "reason": "SHORT of keys"}
    with pytest.raises(db.GaveUp, match=r"\ASHORT of keys\Z"):
        await db.write(scope_of(world.ours), MAKE_AND_GIVE_UP, values)
    assert await customers(owner) == before
    await db.write(scope_of(world.ours), MAKE_AND_GIVE_UP, {**values, "reason": None})
    assert await customers(owner) == before + 1


async def test_any_other_error_is_itself(world: TwoTenants) -> None:
    values = {"id": new_id(), "tenant_id": world.ours.id}
    await db.write(scope_of(world.ours), MAKE, values)
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.write(scope_of(world.ours), MAKE, values)


async def test_it_never_stands_inside_a_transaction(world: TwoTenants) -> None:
    scope = scope_of(world.ours)
    async with db.transaction(scope):
        with pytest.raises(db.NestedTransaction):
            await db.write(scope, MAKE, {"id": new_id(), "tenant_id": world.ours.id})
