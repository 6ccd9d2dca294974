"""Invitations: good once, for one account, for a week; and never for more than the giver has."""

from uuid import UUID

import asyncpg
import pytest

from identity import invitations
from identity.invitations import InvitationEnded
from identity.memberships import remove_member, set_roles
from identity.models import StaffRole
from identity.rights import Giver
from identity.sign_in import AccountFrozen, WrongCredentials
from identity.tokens import authenticate
from kernel.errors import Forbidden, Invalid, NotFound, RateLimited
from kernel.ids import new_id
from schema.rights import rights_of
from staff_desk import HERE, PASSWORD, employ, giver, hire
from two_tenants import Shops

ADA = "ada@example.com"


@pytest.fixture
async def boss(shops: Shops) -> UUID:
    """The owner of our shop."""
    return await employ(shops.ours, StaffRole.OWNER)


async def invited(shops: Shops, boss: UUID, *roles: StaffRole) -> invitations.Invited:
    return await invitations.invite(
        tenant_id=shops.ours,
        giver=giver(boss, "staffInvite"),
        account=ADA,
        roles=roles or (StaffRole.SUPPORT,),
    )


async def accept(
    shops: Shops, token: str, *, password: str = PASSWORD, tenant_id: UUID | None = None
) -> UUID:
    done = await invitations.accept(
        tenant_id=tenant_id or shops.ours, token=token, password=password, name="Ada", ip=HERE
    )
    return done.staff_id


async def people(owner: asyncpg.Connection) -> tuple[int, int]:
    """How many logins and how many memberships there are."""
    row = await owner.fetchrow(
        """select (select count(*) from staff_users) as logins,
                  (select count(*) from memberships) as members"""
    )
    return row["logins"], row["members"]


async def test_who_accepts_has_a_login_a_membership_and_a_token(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await invited(shops, boss, StaffRole.SUPPORT, StaffRole.CATALOGUE)
    done = await invitations.accept(
        tenant_id=shops.ours, token=made.token, password=PASSWORD, name="Ada", ip=HERE
    )
    caller = await authenticate(done.token)
    assert caller is not None
    assert (caller.tenant_id, caller.principal_id) == (shops.ours, done.staff_id)
    assert caller.roles == {StaffRole.SUPPORT, StaffRole.CATALOGUE}
    events = await owner.fetch(
        """select actor, kind, subject_id, rights_after from staff_events
           where actor <> 'platform' order by kind"""
    )
    assert [tuple(event) for event in events] == [
        (f"staff:{boss}", "INVITED", made.id, ["CATALOGUE", "SUPPORT"]),
        (f"staff:{done.staff_id}", "JOINED", done.staff_id, ["CATALOGUE", "SUPPORT"]),
    ]


async def test_the_database_holds_neither_the_account_nor_the_token(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await invited(shops, boss)
    await accept(shops, made.token)
    stored = str(await owner.fetch("select * from staff_invitations"))
    stored += str(await owner.fetch("select * from staff_users"))
    assert ADA not in stored and made.token not in stored and PASSWORD not in stored
    assert [one.account for one in await invitations.open_invitations(shops.ours)] == []


async def test_an_invitation_is_good_once(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await invited(shops, boss)
    await accept(shops, made.token)
    before = await people(owner)
    with pytest.raises(InvitationEnded):
        await accept(shops, made.token)
    assert await people(owner) == before


@pytest.mark.parametrize("end", ["withdrawn", "too old", "asked elsewhere", "invited again"])
async def test_an_invitation_that_has_ended_opens_nothing(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, end: str
) -> None:
    made = await invited(shops, boss)
    tenant_id = shops.ours
    if end == "withdrawn":
        act = giver(boss, "staffInvitationWithdraw")
        await invitations.withdraw(tenant_id=shops.ours, giver=act, invitation_id=made.id)
    elif end == "too old":
        await owner.execute("insert into sandbox_clock (shift) values ('7 days 1 second')")
    elif end == "asked elsewhere":
        tenant_id = shops.theirs
    else:
        await invited(shops, boss)
    before = await people(owner)
    with pytest.raises(InvitationEnded):
        await accept(shops, made.token, tenant_id=tenant_id)
    assert await people(owner) == before


async def test_what_a_member_has_offered_ends_with_the_members_rights(
    shops: Shops, boss: UUID
) -> None:
    for ending in ("removed", "demoted"):
        partner = await employ(shops.ours, StaffRole.OWNER)
        made = await invited(shops, partner, StaffRole.OWNER)
        if ending == "removed":
            act = giver(boss, "staffRemove")
            await remove_member(tenant_id=shops.ours, giver=act, staff_id=partner)
        else:
            await set_roles(
                tenant_id=shops.ours,
                giver=giver(boss, "staffSetRoles"),
                staff_id=partner,
                roles=[StaffRole.SUPPORT],
            )
        with pytest.raises(InvitationEnded):
            await accept(shops, made.token)


async def test_who_has_a_login_joins_with_its_own_password_and_no_other(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    their_boss = await employ(shops.theirs, StaffRole.OWNER)
    ada = await hire(shops.theirs, their_boss, ADA, [StaffRole.OWNER])
    made = await invited(shops, boss)
    before = await people(owner)
    with pytest.raises(WrongCredentials):
        await accept(shops, made.token, password="another password")
    assert await people(owner) == before
    assert await accept(shops, made.token) == ada.staff_id
    assert await people(owner) == (before[0], before[1] + 1)


async def test_a_frozen_login_joins_nothing(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    their_boss = await employ(shops.theirs, StaffRole.OWNER)
    ada = await hire(shops.theirs, their_boss, ADA, [StaffRole.SUPPORT])
    made = await invited(shops, boss)
    await owner.execute("update staff_users set status = 'FROZEN' where id = $1", ada.staff_id)
    before = await people(owner)
    with pytest.raises(AccountFrozen):
        await accept(shops, made.token)
    assert await people(owner) == before


async def test_passwords_are_not_guessed_with_an_invitation(shops: Shops, boss: UUID) -> None:
    their_boss = await employ(shops.theirs, StaffRole.OWNER)
    await hire(shops.theirs, their_boss, ADA, [StaffRole.SUPPORT])
    made = await invited(shops, boss)
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            await accept(shops, made.token, password="another password")
    with pytest.raises(RateLimited):
        await accept(shops, made.token)


async def test_a_member_is_not_invited_again(shops: Shops, boss: UUID) -> None:
    await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])
    with pytest.raises(Invalid, match="member already"):
        await invited(shops, boss)


async def test_people_have_a_limit(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "MOST_PEOPLE", 2)
    await invited(shops, boss)
    await invited(shops, boss)  # in place of the first
    with pytest.raises(Invalid, match="At most 2"):
        await invitations.invite(
            tenant_id=shops.ours,
            giver=giver(boss, "staffInvite"),
            account="eve@example.com",
            roles=[StaffRole.SUPPORT],
        )
    assert len(await invitations.open_invitations(shops.ours)) == 1


@pytest.mark.parametrize("account", ["", "nobody", "a@b", "+86 12"])
async def test_who_has_no_account_is_not_invited(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, account: str
) -> None:
    with pytest.raises(Invalid):
        await invitations.invite(
            tenant_id=shops.ours,
            giver=giver(boss, "staffInvite"),
            account=account,
            roles=[StaffRole.SUPPORT],
        )
    with pytest.raises(Invalid, match="needs a role"):
        await invitations.invite(
            tenant_id=shops.ours, giver=giver(boss, "staffInvite"), account=ADA, roles=[]
        )
    assert await owner.fetchval("select count(*) from staff_invitations") == 0


async def test_a_role_that_may_not_invite_invites_nobody_even_past_the_gate(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    for role in StaffRole:
        if role is StaffRole.OWNER:
            continue
        member = await employ(shops.ours, role)
        with pytest.raises(Forbidden):
            await invited(shops, member)
    stranger = await employ(shops.theirs, StaffRole.OWNER)
    with pytest.raises(Forbidden):
        await invited(shops, stranger)
    assert await owner.fetchval("select count(*) from staff_invitations") == 0


async def test_nobody_offers_a_role_with_a_right_that_they_do_not_have(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    """Were SUPPORT let in at the gate, it could still make SUPPORT and READ_ONLY alone."""

    def as_if_support_could(column: str) -> frozenset[str]:
        more = {"Mutation.staffInvite"} if column == "STAFF_SUPPORT" else set()
        return rights_of(column) | more

    member = await employ(shops.ours, StaffRole.SUPPORT)
    support = Giver(member, "Mutation.staffInvite", as_if_support_could)
    offered = set()
    for role in StaffRole:
        before = await owner.fetchval("select count(*) from staff_invitations")
        try:
            await invitations.invite(tenant_id=shops.ours, giver=support, account=ADA, roles=[role])
            offered.add(role)
        except Forbidden:
            assert await owner.fetchval("select count(*) from staff_invitations") == before
    assert offered == {StaffRole.SUPPORT, StaffRole.READ_ONLY}


async def test_nothing_of_another_shop_is_withdrawn(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await invited(shops, boss)
    stranger = await employ(shops.theirs, StaffRole.OWNER)
    for invitation_id in (made.id, new_id()):
        with pytest.raises(NotFound):
            await invitations.withdraw(
                tenant_id=shops.theirs,
                giver=giver(stranger, "staffInvitationWithdraw"),
                invitation_id=invitation_id,
            )
    assert await owner.fetchval("select outcome from staff_invitations") is None
