"""Owners who remove each other, and secrets that are made at the same moment."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from identity import api_clients, invitations, staff_sign_in
from identity.api_clients import create_client, rotate_client
from identity.memberships import remove_member, set_roles
from identity.models import StaffRole
from kernel import db
from kernel.settings import Settings
from patience import until_somebody_waits
from races.crowd import all_at_once
from races.mutants import Meeting
from staff_desk import HERE, PASSWORD, employ, giver, hire
from world import World

pytestmark = pytest.mark.engines

ROUNDS = 150
ADA = "ada@example.com"
NO_LOCK = """create or replace function lock_people(of_tenant uuid) returns void
             language sql volatile as $$ select null::void $$"""


async def owners(owner: asyncpg.Connection, tenant_id: UUID) -> int:
    count: int = await owner.fetchval(
        "select count(*) from memberships where tenant_id = $1 and 'OWNER' = any (roles)",
        tenant_id,
    )
    return count


async def fall_out(tenant_id: UUID, one: UUID, other: UUID, *, dismiss: bool) -> list[str]:
    """Each of two owners ends the other's rights at the same moment; what was answered."""

    async def end(by: UUID, whom: UUID) -> None:
        if dismiss:
            act = giver(by, "staffRemove")
            await remove_member(tenant_id=tenant_id, giver=act, staff_id=whom)
        else:
            act = giver(by, "staffSetRoles")
            roles = [StaffRole.SUPPORT]
            await set_roles(tenant_id=tenant_id, giver=act, staff_id=whom, roles=roles)

    outcome = await all_at_once([end(one, other), end(other, one)])
    assert outcome.errors == []
    return ["done"] * len(outcome.done) + list(outcome.refused.elements())


async def test_of_two_owners_who_remove_each_other_one_stays(
    database: Settings, world: World, owner: asyncpg.Connection
) -> None:
    shops = [await world.another_shop(f"shop-{number}") for number in range(ROUNDS)]
    pairs = [
        (shop.id, (await world.staff("OWNER", shop=shop)).id,
         (await world.staff("OWNER", shop=shop)).id)
        for shop in shops
    ]  # fmt: skip
    answers = await asyncio.gather(
        *(
            fall_out(tenant_id, one, other, dismiss=number % 2 == 0)
            for number, (tenant_id, one, other) in enumerate(pairs)
        )
    )
    assert {tuple(sorted(answer)) for answer in answers} == {("FORBIDDEN", "done")}
    assert [await owners(owner, shop.id) for shop in shops] == [1] * ROUNDS


async def remove_past_the_use_case(url: str, tenant_id: UUID, one: UUID, other: UUID) -> int:
    """Two transactions, of which each deletes the other's membership before either ends.

    Returns how many of them were let through.
    """
    named = {"application_name": "kameng-test"}
    first = await asyncpg.connect(url, server_settings=named)
    second = await asyncpg.connect(url, server_settings=named)
    delete = "delete from memberships where tenant_id = $1 and staff_id = $2"
    try:
        opened = first.transaction()
        await opened.start()
        await first.execute(delete, tenant_id, other)
        deleting = asyncio.create_task(second.execute(delete, tenant_id, one))
        watcher = await asyncpg.connect(url)
        waiting = asyncio.create_task(until_somebody_waits(watcher, at_least=1))
        await asyncio.wait([deleting, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        watcher.terminate()
        await opened.commit()
        answers = await asyncio.gather(deleting, return_exceptions=True)
        return 2 - isinstance(answers[0], asyncpg.CheckViolationError)
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize("locked", [True, False], ids=["as it is", "the naive version"])
async def test_the_database_alone_keeps_an_owner_and_without_its_lock_does_not(
    config: Settings, owner: asyncpg.Connection, world: World, locked: bool
) -> None:
    one, other = await world.staff("OWNER"), await world.staff("OWNER")
    if not locked:
        await owner.execute(NO_LOCK)
    through = await remove_past_the_use_case(config.database_url, world.shop.id, one.id, other.id)
    assert (through, await owners(owner, world.shop.id)) == ((1, 1) if locked else (2, 0))


async def new_program(world: World, boss: UUID) -> UUID:
    """A program with one secret."""
    made = await create_client(
        tenant_id=world.shop.id,
        giver=giver(boss, "apiClientCreate"),
        name="Bot",
        scopes=["API_PURCHASE"],
        allowed_networks=None,
        lifetime_days=1,
    )
    return made.client_id


async def rotations(world: World, boss: UUID, client_id: UUID, *, times: int) -> None:
    """Rotate a program's secret so often, all at once."""
    outcome = await all_at_once(
        rotate_client(
            tenant_id=world.shop.id,
            giver=giver(boss, "apiClientRotate"),
            client_id=client_id,
            overlap_hours=1,
            lifetime_days=1,
        )
        for _ in range(times)
    )
    assert outcome.errors == [] and len(outcome.done) == times


async def live_secrets(owner: asyncpg.Connection) -> int:
    count: int = await owner.fetchval(
        """select count(*) from access_tokens
           where kind = 'API_CLIENT' and revoked_at is null and expires_at > now()"""
    )
    return count


async def test_a_secret_that_is_rotated_by_hundreds_leaves_two_that_are_good(
    database: Settings, world: World, owner: asyncpg.Connection
) -> None:
    boss = await employ(world.shop.id, StaffRole.OWNER)
    await rotations(world, boss, await new_program(world, boss), times=200)
    assert await live_secrets(owner) == 2


async def test_the_check_notices_a_rotation_that_waits_for_nobody(
    database: Settings, world: World, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: end the old secrets and make a new one, with no lock around both."""

    async def scopes_unlocked(client_id: UUID) -> list[str]:
        scopes: list[str] = await db.fetch_value(
            "select scopes from api_clients where id = $1", client_id
        )
        return scopes

    boss = await employ(world.shop.id, StaffRole.OWNER)
    client_id = await new_program(world, boss)
    await owner.execute(NO_LOCK)
    monkeypatch.setattr(api_clients, "_scopes_of", scopes_unlocked)
    onlooker = await asyncpg.connect(database.database_url)
    async with owner.transaction():
        await owner.execute("select from access_tokens where kind = 'API_CLIENT' for update")
        rotating = asyncio.create_task(rotations(world, boss, client_id, times=2))
        await until_somebody_waits(onlooker, at_least=2)
    await rotating
    await onlooker.close()
    assert await live_secrets(owner) == 3


async def invited(world: World) -> str:
    """The token of an invitation for somebody who has a login already."""
    elsewhere = await world.another_shop("elsewhere")
    await hire(elsewhere.id, await employ(elsewhere.id, StaffRole.OWNER), ADA, [StaffRole.SUPPORT])
    made = await invitations.invite(
        tenant_id=world.shop.id,
        giver=giver(await employ(world.shop.id, StaffRole.OWNER), "staffInvite"),
        account=ADA,
        roles=[StaffRole.SUPPORT],
    )
    return made.token


async def accepted(world: World, token: str, *, times: int) -> int:
    """Accept an invitation so often, all at once; returns how often that was let through."""
    outcome = await all_at_once(
        invitations.accept(
            tenant_id=world.shop.id, token=token, password=PASSWORD, name="Ada", ip=HERE
        )
        for _ in range(times)
    )
    assert outcome.errors == []
    return len(outcome.done)


async def test_an_invitation_that_hundreds_accept_is_good_once(
    database: Settings, world: World, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_sign_in, "ACCOUNT_ATTEMPTS", 1_000)
    monkeypatch.setattr(staff_sign_in, "ADDRESS_ATTEMPTS", 1_000)
    assert await accepted(world, await invited(world), times=200) == 1
    joined = "select count(*) from staff_events where tenant_id = $1 and actor <> 'platform'"
    assert await owner.fetchval(f"{joined} and kind = 'JOINED'", world.shop.id) == 1


async def test_the_check_notices_an_invitation_that_is_only_looked_at(
    database: Settings, world: World, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether it is open, and then use it up."""
    meeting = Meeting()

    async def reads_then_writes(invitation_id: UUID) -> list[str]:
        roles: list[str] = await db.fetch_value(
            "select roles from staff_invitations where id = $1 and outcome is null", invitation_id
        )
        await meeting.join()
        await db.execute(
            "update staff_invitations set outcome = 'ACCEPTED' where id = $1", invitation_id
        )
        return roles

    token = await invited(world)
    await owner.execute(NO_LOCK)
    monkeypatch.setattr(invitations, "_take", reads_then_writes)
    assert await accepted(world, token, times=2) == 2
