"""What the platform does with staff: an empty list of rights is refused, never "everything"."""

import asyncpg
import pytest

from identity.models import StaffRole
from identity.staff import create_staff, freeze_staff, set_membership
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from two_tenants import Shops


async def test_setting_a_membership_again_replaces_its_roles(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    grace = await create_staff(name="Grace")
    for roles in ([StaffRole.FINANCE], [StaffRole.SUPPORT, StaffRole.READ_ONLY]):
        await set_membership(tenant_id=shops.ours, staff_id=grace, roles=roles)
    rows = await owner.fetch("select tenant_id, roles from memberships")
    assert [tuple(row) for row in rows] == [(shops.ours, ["READ_ONLY", "SUPPORT"])]
    events = await owner.fetch(
        """select actor, kind, subject_id, rights_before, rights_after from staff_events
           order by kind"""
    )
    assert [tuple(event) for event in events] == [
        ("platform", "JOINED", grace, [], ["FINANCE"]),
        ("platform", "ROLES_SET", grace, ["FINANCE"], ["READ_ONLY", "SUPPORT"]),
    ]


async def test_a_member_without_a_role_is_refused(shops: Shops, owner: asyncpg.Connection) -> None:
    grace = await create_staff(name="Grace")
    with pytest.raises(Invalid):
        await set_membership(tenant_id=shops.ours, staff_id=grace, roles=[])
    assert await owner.fetchval("select count(*) from memberships") == 0
    assert await owner.fetchval("select count(*) from staff_events") == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb"])
async def test_a_name_out_of_bounds_is_refused(shops: Shops, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await create_staff(name=name)
    assert refused.value.field == "name"


async def test_nobody_unknown_is_frozen(shops: Shops) -> None:
    with pytest.raises(NotFound):
        await freeze_staff(staff_id=new_id())
