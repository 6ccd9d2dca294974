"""Programs: scopes there are, networks they come from, two secrets at most, and an end at once."""

import asyncio
from collections.abc import Collection
from uuid import UUID

import asyncpg
import pytest

from identity import api_clients
from identity.api_clients import ClientSecret, ClientView
from identity.client_uses import client_uses
from identity.models import StaffRole
from identity.rights import Giver
from identity.staff_events import newest_events
from identity.tokens import authenticate, recognise
from kernel import db
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from schema.context import caller_of
from schema.rights import rights_of
from staff_desk import employ, giver
from tenants.directory import current_shop
from two_tenants import Shops

SCOPES = ("API_CATALOGUE_READ", "API_ORDERS_READ")


@pytest.fixture
async def boss(shops: Shops) -> UUID:
    """The owner of our shop."""
    return await employ(shops.ours, StaffRole.OWNER)


async def create(
    shops: Shops,
    by: UUID,
    *,
    name: str = "Bot",
    scopes: Collection[str] = SCOPES,
    networks: Collection[str] | None = None,
    days: int = 365,
) -> ClientSecret:
    return await api_clients.create_client(
        tenant_id=shops.ours,
        giver=giver(by, "apiClientCreate"),
        name=name,
        scopes=scopes,
        allowed_networks=networks,
        lifetime_days=days,
    )


async def update(
    shops: Shops,
    by: UUID,
    client_id: UUID,
    *,
    scopes: Collection[str] = SCOPES,
    networks: Collection[str] | None = None,
) -> None:
    await api_clients.update_client(
        tenant_id=shops.ours,
        giver=giver(by, "apiClientUpdate"),
        client_id=client_id,
        name="Bot",
        scopes=scopes,
        allowed_networks=networks,
    )


async def rotate(
    shops: Shops, by: UUID, client_id: UUID, *, hours: int = 24, days: int = 365
) -> ClientSecret:
    return await api_clients.rotate_client(
        tenant_id=shops.ours,
        giver=giver(by, "apiClientRotate"),
        client_id=client_id,
        overlap_hours=hours,
        lifetime_days=days,
    )


async def revoke(shops: Shops, by: UUID, client_id: UUID) -> None:
    act = giver(by, "apiClientRevoke")
    await api_clients.revoke_client(tenant_id=shops.ours, giver=act, client_id=client_id)


async def only(shops: Shops) -> ClientView:
    [client] = await api_clients.clients(shops.ours)
    return client


async def good(*secrets: ClientSecret) -> list[bool]:
    return [await authenticate(one.secret) is not None for one in secrets]


async def test_a_program_has_its_scopes_and_its_secret_is_stored_nowhere(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await create(shops, boss)
    caller = await authenticate(made.secret)
    assert caller is not None
    assert (caller.tenant_id, caller.principal_id) == (shops.ours, made.client_id)
    assert caller.scopes == set(SCOPES)
    assert made.secret.startswith("kma_")
    stored = [await owner.fetch(f"select * from {table}") for table in
              ("api_clients", "access_tokens", "staff_events")]  # fmt: skip
    assert made.secret not in str(stored)
    event = (await newest_events(tenant_id=shops.ours, first=1))[0]
    assert (event.kind, event.subject_id, event.rights_after) == (
        "CLIENT_CREATED",
        made.client_id,
        SCOPES,
    )


@pytest.mark.parametrize(
    "scopes", [(), ("",), ("API_EVERYTHING",), ("STAFF_OWNER",), (*SCOPES, "orders:read")]
)
async def test_a_scope_that_is_none_and_no_scope_at_all_are_refused(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, scopes: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as refused:
        await create(shops, boss, scopes=scopes)
    assert refused.value.field == "scopes"
    made = await create(shops, boss)
    with pytest.raises(Invalid):
        await update(shops, boss, made.client_id, scopes=scopes)
    assert (await only(shops)).scopes == SCOPES


async def test_the_database_refuses_them_too(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    await create(shops, boss)
    for scopes in ([], ["API_EVERYTHING"], ["STAFF_OWNER"]):
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute("update api_clients set scopes = $1", scopes)
    assert (await only(shops)).scopes == SCOPES


async def test_nobody_gives_a_program_a_right_that_they_do_not_have(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    """Were CATALOGUE let in at the gate, its programs could not read orders' money."""

    def as_if_catalogue_could(column: str) -> frozenset[str]:
        more = {"Mutation.apiClientCreate"} if column == "STAFF_CATALOGUE" else set()
        return rights_of(column) | more

    clerk = await employ(shops.ours, StaffRole.CATALOGUE)
    act = Giver(clerk, "Mutation.apiClientCreate", as_if_catalogue_could)
    with pytest.raises(Forbidden):
        await api_clients.create_client(
            tenant_id=shops.ours,
            giver=act,
            name="Bot",
            scopes=["API_BALANCE_READ"],
            allowed_networks=None,
            lifetime_days=1,
        )
    with pytest.raises(Forbidden):
        await create(shops, clerk)
    assert await owner.fetchval("select count(*) from api_clients") == 0
    assert await owner.fetchval("select count(*) from access_tokens") == 0


async def test_a_program_is_heard_from_its_networks_alone(shops: Shops, boss: UUID) -> None:
    made = await create(shops, boss, networks=["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"])
    heard = {
        ip: await authenticate(made.secret, ip=ip) is not None
        for ip in ("203.0.113.9", "::ffff:203.0.113.9", "198.51.100.7", "2001:db8::1",
                   "198.51.100.8", "203.0.114.1", "::1", "", "nonsense")
    }  # fmt: skip
    assert [ip for ip, good in heard.items() if good] == [
        "203.0.113.9",
        "::ffff:203.0.113.9",
        "198.51.100.7",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    "networks",
    [[], ["0.0.0.0/0"], ["::/0"], ["everywhere"], ["203.0.113.0/33"], [""], ["127.1"],
     [f"203.0.113.{n}" for n in range(21)]],
)  # fmt: skip
async def test_a_list_of_networks_that_says_nothing_is_refused(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, networks: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await create(shops, boss, networks=networks)
    assert refused.value.field == "allowedNetworks"
    assert await owner.fetchval("select count(*) from api_clients") == 0


async def test_an_empty_list_of_networks_cannot_be_stored(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    await create(shops, boss, networks=["203.0.113.0/24"])
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("update api_clients set allowed_networks = '{}'")


@pytest.mark.parametrize("change", ["a removed network", "a removed scope", "revoked"])
async def test_a_change_holds_with_the_very_next_request(
    shops: Shops, boss: UUID, change: str
) -> None:
    made = await create(shops, boss, networks=["203.0.113.0/24"])
    for _ in range(2):  # a program is never remembered
        caller, remembered = await recognise(made.secret, ip="203.0.113.9")
        assert caller is not None and not remembered
    if change == "a removed network":
        await update(shops, boss, made.client_id, networks=["198.51.100.0/24"])
    elif change == "a removed scope":
        await update(shops, boss, made.client_id, scopes=["API_PURCHASE"])
    else:
        await revoke(shops, boss, made.client_id)
    caller, _ = await recognise(made.secret, ip="203.0.113.9")
    scopes = {"API_PURCHASE"} if change == "a removed scope" else None
    assert (caller.scopes if caller else None) == scopes


async def test_the_old_secret_is_good_for_the_overlap_and_the_one_before_no_more(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    first = await create(shops, boss)
    second = await rotate(shops, boss, first.client_id, hours=24)
    assert await good(first, second) == [True, True]
    third = await rotate(shops, boss, first.client_id, hours=1)
    assert await good(first, second, third) == [False, True, True]
    assert len((await only(shops)).secrets) == 2
    await owner.execute("insert into sandbox_clock (shift) values ('1 hour 1 second')")
    assert await good(second, third) == [False, True]


async def test_an_overlap_never_lengthens_a_secrets_life(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    first = await create(shops, boss, days=1)
    await rotate(shops, boss, first.client_id, hours=168)
    await owner.execute("insert into sandbox_clock (shift) values ('25 hours')")
    assert await good(first) == [False]


async def test_without_an_overlap_the_old_secret_ends_at_once(shops: Shops, boss: UUID) -> None:
    first = await create(shops, boss)
    second = await rotate(shops, boss, first.client_id, hours=0)
    assert await good(first, second) == [False, True]


async def test_a_secret_ends_with_its_lifetime(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await create(shops, boss, days=2)
    await owner.execute("insert into sandbox_clock (shift) values ('48 hours 1 second')")
    assert await good(made) == [False]


@pytest.mark.parametrize(("hours", "days"), [(-1, 365), (169, 365), (24, 0), (24, 731)])
async def test_times_out_of_bounds_are_refused(
    shops: Shops, boss: UUID, owner: asyncpg.Connection, hours: int, days: int
) -> None:
    made = await create(shops, boss)
    with pytest.raises(Invalid):
        await rotate(shops, boss, made.client_id, hours=hours, days=days)
    assert len((await only(shops)).secrets) == 1


async def test_a_revoked_program_has_no_secret_and_gets_none(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    first = await create(shops, boss)
    second = await rotate(shops, boss, first.client_id)
    await revoke(shops, boss, first.client_id)
    assert await good(first, second) == [False, False]
    assert await api_clients.clients(shops.ours) == []
    before = await owner.fetchval("select count(*) from access_tokens")
    for again in (
        rotate(shops, boss, first.client_id),
        update(shops, boss, first.client_id),
        revoke(shops, boss, first.client_id),
    ):
        with pytest.raises(NotFound):
            await again
    assert await owner.fetchval("select count(*) from access_tokens") == before


async def test_no_program_of_another_shop_is_touched(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    made = await create(shops, boss)
    stranger = await employ(shops.theirs, StaffRole.OWNER)
    theirs = Shops(ours=shops.theirs, theirs=shops.ours)
    for client_id in (made.client_id, new_id()):
        for change in (
            rotate(theirs, stranger, client_id),
            update(theirs, stranger, client_id, scopes=["API_PURCHASE"]),
            revoke(theirs, stranger, client_id),
        ):
            with pytest.raises(NotFound):
                await change
    assert await good(made) == [True]
    assert (await only(shops)).scopes == SCOPES


async def test_programs_have_a_limit(
    shops: Shops, boss: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_clients, "MOST_CLIENTS", 1)
    made = await create(shops, boss)
    with pytest.raises(Invalid, match="At most 1"):
        await create(shops, boss)
    await revoke(shops, boss, made.client_id)
    await create(shops, boss)


async def test_its_last_use_is_noted_once_a_minute_and_after_the_request(
    shops: Shops, boss: UUID, owner: asyncpg.Connection
) -> None:
    client_uses.forget()
    made = await create(shops, boss)
    async with db.transaction(db.core_scope(), read_only=True):
        shop = await current_shop(shops.ours)

    async def use() -> None:
        """As a request does."""
        assert await caller_of(made.secret, shop, ip="") is not None

    assert (await only(shops)).last_used_at is None
    async with owner.transaction():
        await owner.execute("lock table api_client_uses")
        await use()  # does not wait for the note
        assert (await only_unlocked(owner)) == 0
    await client_uses.all_noted()
    first = (await only(shops)).last_used_at
    assert first is not None
    await asyncio.gather(*(use() for _ in range(20)))
    client_uses.forget()  # as another process
    await use()
    await client_uses.all_noted()
    assert (await only(shops)).last_used_at == first
    await owner.execute("insert into sandbox_clock (shift) values ('61 seconds')")
    client_uses.forget()
    await use()
    await client_uses.all_noted()
    last = (await only(shops)).last_used_at
    assert last is not None and last > first


async def only_unlocked(owner: asyncpg.Connection) -> int:
    """How many uses are noted, seen by whoever holds the lock."""
    count: int = await owner.fetchval("select count(*) from api_client_uses")
    return count
