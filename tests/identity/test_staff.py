"""Staff and programs: an empty list of rights is refused, never "everything"."""

import asyncpg
import pytest

from identity.models import StaffRole
from identity.staff import (
    create_api_client,
    create_staff,
    end_membership,
    freeze_staff,
    revoke_api_client,
    set_membership,
)
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from two_tenants import Shops


async def test_setting_a_membership_again_replaces_its_roles(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    grace = await create_staff(name="Grace")
    for roles in ([StaffRole.OWNER], [StaffRole.SUPPORT, StaffRole.READ_ONLY]):
        await set_membership(tenant_id=shops.ours, staff_id=grace, roles=roles)
    rows = await owner.fetch("select tenant_id, roles from memberships")
    assert [tuple(row) for row in rows] == [(shops.ours, ["READ_ONLY", "SUPPORT"])]


async def test_a_member_without_a_role_and_a_program_without_a_scope_are_refused(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    grace = await create_staff(name="Grace")
    with pytest.raises(Invalid):
        await set_membership(tenant_id=shops.ours, staff_id=grace, roles=[])
    for scopes in ([], [""], [f"scope{number}" for number in range(51)]):
        with pytest.raises(Invalid):
            await create_api_client(tenant_id=shops.ours, name="Bot", scopes=scopes)
    assert await owner.fetchval("select count(*) from memberships") == 0
    assert await owner.fetchval("select count(*) from api_clients") == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb"])
async def test_a_name_out_of_bounds_is_refused(shops: Shops, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await create_staff(name=name)
    assert refused.value.field == "name"


async def test_nobody_of_another_shop_is_stopped(shops: Shops, owner: asyncpg.Connection) -> None:
    grace = await create_staff(name="Grace")
    await set_membership(tenant_id=shops.ours, staff_id=grace, roles=[StaffRole.OWNER])
    bot = await create_api_client(tenant_id=shops.ours, name="Bot", scopes=["x"])
    with pytest.raises(NotFound):
        await end_membership(tenant_id=shops.theirs, staff_id=grace)
    with pytest.raises(NotFound):
        await revoke_api_client(tenant_id=shops.theirs, client_id=bot)
    with pytest.raises(NotFound):
        await freeze_staff(staff_id=new_id())
    assert await owner.fetchval("select count(*) from memberships") == 1
    assert await owner.fetchval("select status from api_clients") == "ACTIVE"
