"""Members: their roles, their end, and the owner who stays."""

from uuid import UUID

import asyncpg
import pytest

from identity.memberships import LastOwner, members, remove_member, set_roles, workplaces
from identity.models import StaffRole
from identity.rights import Giver
from identity.staff_events import newest_events
from identity.staff_sign_in import staff_sign_in
from identity.tokens import authenticate
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from schema.rights import rights_of
from staff_desk import HERE, PASSWORD, employ, giver, hire
from two_tenants import Shops

ADA = "ada@example.com"


@pytest.fixture
async def boss(shops: Shops) -> UUID:
    """The owner of our shop."""
    return await employ(shops.ours, StaffRole.OWNER)


async def roles_of(owner: asyncpg.Connection, staff_id: UUID) -> list[str] | None:
    roles: list[str] | None = await owner.fetchval(
        "select roles from memberships where staff_id = $1", staff_id
    )
    return roles


async def give(shops: Shops, by: UUID, whom: UUID, *roles: StaffRole) -> None:
    await set_roles(
        tenant_id=shops.ours, giver=giver(by, "staffSetRoles"), staff_id=whom, roles=roles
    )


async def dismiss(shops: Shops, by: UUID, whom: UUID) -> None:
    await remove_member(tenant_id=shops.ours, giver=giver(by, "staffRemove"), staff_id=whom)


async def test_new_roles_hold_with_the_next_request_and_are_noted(shops: Shops, boss: UUID) -> None:
    ada = await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    await give(shops, boss, ada.staff_id, StaffRole.FINANCE, StaffRole.CATALOGUE)
    caller = await authenticate(ada.token)
    assert caller is not None
    assert caller.roles == {StaffRole.FINANCE, StaffRole.CATALOGUE}
    event = (await newest_events(tenant_id=shops.ours, first=1))[0]
    assert (event.actor, event.kind, event.subject_id) == (
        f"staff:{boss}",
        "ROLES_SET",
        ada.staff_id,
    )
    assert (event.rights_before, event.rights_after) == (("SUPPORT",), ("CATALOGUE", "FINANCE"))


async def test_a_dismissed_members_token_ends_at_once_and_stays_ended(
    shops: Shops, boss: UUID
) -> None:
    ada = await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    await dismiss(shops, boss, ada.staff_id)
    assert await authenticate(ada.token) is None
    again = await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    assert again.staff_id == ada.staff_id
    assert await authenticate(ada.token) is None
    assert await authenticate(again.token) is not None


async def test_a_dismissal_ends_no_token_of_another_shop(shops: Shops, boss: UUID) -> None:
    their_boss = await employ(shops.theirs, StaffRole.OWNER)
    there = await hire(shops.theirs, their_boss, ADA, [StaffRole.SUPPORT])
    here = await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    assert [one.slug for one in await workplaces(here.staff_id)] == ["ours", "theirs"]
    await dismiss(shops, boss, here.staff_id)
    assert await authenticate(there.token) is not None
    assert [one.slug for one in await workplaces(here.staff_id)] == ["theirs"]


async def test_the_last_owner_neither_goes_nor_steps_down(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    await employ(shops.ours, StaffRole.FINANCE)
    await employ(shops.theirs, StaffRole.OWNER)  # of another shop: no help
    with pytest.raises(LastOwner):
        await dismiss(shops, boss, boss)
    with pytest.raises(LastOwner):
        await give(shops, boss, boss, StaffRole.FINANCE)
    assert await roles_of(owner, boss) == ["OWNER"]
    assert await owner.fetchval("select count(*) from staff_events where actor <> 'platform'") == 0


async def test_a_frozen_owner_is_no_owner_who_stays(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    frozen = await employ(shops.ours, StaffRole.OWNER)
    await owner.execute("update staff_users set status = 'FROZEN' where id = $1", frozen)
    with pytest.raises(LastOwner):
        await dismiss(shops, boss, boss)
    assert await roles_of(owner, boss) == ["OWNER"]


async def test_an_owner_goes_when_another_stays(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    await employ(shops.ours, StaffRole.OWNER)
    await dismiss(shops, boss, boss)
    assert await roles_of(owner, boss) is None


@pytest.mark.parametrize(
    "statement",
    [
        "delete from memberships",
        "update memberships set roles = array['SUPPORT']",
        "update memberships set roles = array_remove(roles, 'OWNER') || 'SUPPORT'::text",
    ],
)
async def test_the_database_keeps_an_owner_whoever_asks(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, statement: str
) -> None:
    await employ(shops.ours, StaffRole.OWNER)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(statement)
    assert refused.value.constraint_name == "memberships_keep_an_owner"
    assert await owner.fetchval("select count(*) from memberships where roles = '{OWNER}'") == 2


async def test_who_was_dismissed_meanwhile_changes_nothing(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    other = await employ(shops.ours, StaffRole.OWNER)
    third = await employ(shops.ours, StaffRole.SUPPORT)
    await dismiss(shops, boss, other)
    with pytest.raises(Forbidden):
        await dismiss(shops, other, third)
    with pytest.raises(Forbidden):
        await give(shops, other, other, StaffRole.OWNER)
    assert await roles_of(owner, third) == ["SUPPORT"]
    assert await roles_of(owner, other) is None


async def test_nobody_gives_or_takes_rights_beyond_their_own(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    """Were FINANCE let in at the gate, it could not touch an owner nor make one."""

    def as_if_finance_could(column: str) -> frozenset[str]:
        more = {"Mutation.staffSetRoles", "Mutation.staffRemove"}
        return rights_of(column) | (more if column == "STAFF_FINANCE" else set())

    clerk = await employ(shops.ours, StaffRole.FINANCE)
    helper = await employ(shops.ours, StaffRole.SUPPORT)
    await employ(shops.ours, StaffRole.OWNER)
    acts = [Giver(clerk, f"Mutation.{act}", as_if_finance_could) for act in
            ("staffSetRoles", "staffRemove")]  # fmt: skip
    for whom, roles in ((helper, [StaffRole.OWNER]), (clerk, [StaffRole.OWNER]),
                        (boss, [StaffRole.READ_ONLY])):  # fmt: skip
        before = await roles_of(owner, whom)
        with pytest.raises(Forbidden):
            await set_roles(tenant_id=shops.ours, giver=acts[0], staff_id=whom, roles=roles)
        assert await roles_of(owner, whom) == before
    with pytest.raises(Forbidden):
        await remove_member(tenant_id=shops.ours, giver=acts[1], staff_id=boss)
    assert await roles_of(owner, boss) == ["OWNER"]
    await remove_member(tenant_id=shops.ours, giver=acts[1], staff_id=helper)
    assert await roles_of(owner, helper) is None


async def test_a_member_without_a_role_is_refused(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    helper = await employ(shops.ours, StaffRole.SUPPORT)
    with pytest.raises(Invalid):
        await give(shops, boss, helper)
    assert await roles_of(owner, helper) == ["SUPPORT"]


async def test_nobody_of_another_shop_is_changed(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    stranger = await employ(shops.theirs, StaffRole.SUPPORT)
    for whom in (stranger, new_id()):
        with pytest.raises(NotFound):
            await dismiss(shops, boss, whom)
        with pytest.raises(NotFound):
            await give(shops, boss, whom, StaffRole.READ_ONLY)
    assert await roles_of(owner, stranger) == ["SUPPORT"]


async def test_the_list_names_those_who_work_here(shops: Shops, boss: UUID) -> None:
    await employ(shops.theirs, StaffRole.OWNER)
    ada = await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    found = [(one.id, one.name, one.account, one.roles) for one in await members(shops.ours)]
    assert found == [
        (boss, "Grace", None, (StaffRole.OWNER,)),
        (ada.staff_id, "Ada", ADA, (StaffRole.SUPPORT,)),
    ]
    signed_in = await staff_sign_in(
        tenant_id=shops.ours, account=ADA.upper(), password=PASSWORD, ip=HERE
    )
    assert signed_in.roles == (StaffRole.SUPPORT,)


async def test_evidence_is_never_changed(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    for statement in ("update staff_events set actor = 'nobody'", "delete from staff_events"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    assert await owner.fetchval("select actor from staff_events") == "platform"
