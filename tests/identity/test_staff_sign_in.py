"""Staff sign in: one login over all shops, one answer to everything that is not right."""

from uuid import UUID

import asyncpg
import pytest

from identity import staff_sign_in as signing
from identity.models import StaffRole
from identity.sign_in import AccountFrozen, WrongCredentials, sign_up
from identity.sign_in import sign_in as customer_sign_in
from identity.staff_sign_in import StaffSignedIn, staff_sign_in
from identity.tokens import authenticate
from kernel.errors import RateLimited
from staff_desk import HERE, PASSWORD, employ, hire
from two_tenants import Shops

ADA = "ada@example.com"


@pytest.fixture
async def ada(shops: Shops) -> StaffSignedIn:
    """A member of our shop."""
    boss = await employ(shops.ours, StaffRole.OWNER)
    return await hire(shops.ours, boss, ADA, [StaffRole.SUPPORT])


async def sign_in(
    tenant_id: UUID, *, account: str = ADA, password: str = PASSWORD, ip: str = HERE
) -> StaffSignedIn:
    return await staff_sign_in(tenant_id=tenant_id, account=account, password=password, ip=ip)


async def tokens(owner: asyncpg.Connection) -> int:
    count: int = await owner.fetchval("select count(*) from access_tokens")
    return count


async def test_the_right_password_gives_a_token_of_this_shop_for_half_a_day(
    shops: Shops, ada: StaffSignedIn, owner: asyncpg.Connection
) -> None:
    done = await sign_in(shops.ours, account=" ADA@example.com")
    caller = await authenticate(done.token)
    assert caller is not None
    assert (caller.tenant_id, caller.principal_id) == (shops.ours, ada.staff_id)
    await owner.execute("insert into sandbox_clock (shift) values ('12 hours 1 second')")
    assert await authenticate(done.token) is None


async def test_wrong_unknown_malformed_and_at_work_elsewhere_are_answered_alike(
    shops: Shops, ada: StaffSignedIn, owner: asyncpg.Connection
) -> None:
    before = await tokens(owner)
    answers = set()
    for tenant_id, account, password in (
        (shops.ours, ADA, "another password"),
        (shops.ours, "eve@example.com", PASSWORD),
        (shops.ours, "no account", PASSWORD),
        (shops.theirs, ADA, PASSWORD),
    ):
        with pytest.raises(WrongCredentials) as refused:
            await sign_in(tenant_id, account=account, password=password)
        answers.add((refused.value.code, refused.value.message, refused.value.field))
    assert len(answers) == 1
    assert await tokens(owner) == before


async def test_a_customers_password_opens_no_desk_and_a_members_no_wallet(
    shops: Shops, ada: StaffSignedIn
) -> None:
    await sign_up(tenant_id=shops.ours, ip=HERE, password="customers password", email=ADA)
    with pytest.raises(WrongCredentials):
        await sign_in(shops.ours, password="customers password")
    with pytest.raises(WrongCredentials):
        await customer_sign_in(tenant_id=shops.ours, account=ADA, password=PASSWORD, ip=HERE)


async def test_an_unknown_account_costs_a_hash_like_a_known_one(
    shops: Shops, ada: StaffSignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []

    async def verify(password: str, *, password_hash: str | None) -> bool:
        hashed.append(password_hash is not None)
        return False

    monkeypatch.setattr(signing, "verify_password", verify)
    for account in (ADA, "eve@example.com"):
        with pytest.raises(WrongCredentials):
            await sign_in(shops.ours, account=account)
    assert hashed == [True, False]


async def test_guesses_at_a_login_are_counted_over_all_shops(
    shops: Shops, ada: StaffSignedIn
) -> None:
    for number in range(5):
        with pytest.raises(WrongCredentials):
            await sign_in(
                (shops.ours, shops.theirs)[number % 2],
                password="another password",
                ip=f"192.0.2.{number + 10}",
            )
    with pytest.raises(RateLimited):
        await sign_in(shops.ours)


async def test_guesses_from_an_address_are_counted_over_all_logins(
    shops: Shops, ada: StaffSignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "ADDRESS_ATTEMPTS", 3)
    for number in range(3):
        with pytest.raises(WrongCredentials):
            await sign_in(shops.ours, account=f"eve{number}@example.com")
    with pytest.raises(RateLimited):
        await sign_in(shops.ours)
    assert (await sign_in(shops.ours, ip="198.51.100.7")).staff_id == ada.staff_id


async def test_a_right_password_is_forgiven(shops: Shops, ada: StaffSignedIn) -> None:
    for _ in range(7):
        assert (await sign_in(shops.ours)).staff_id == ada.staff_id


async def test_a_frozen_login_is_told_so_only_with_its_password(
    shops: Shops, ada: StaffSignedIn, owner: asyncpg.Connection
) -> None:
    await owner.execute("update staff_users set status = 'FROZEN' where id = $1", ada.staff_id)
    before = await tokens(owner)
    with pytest.raises(AccountFrozen):
        await sign_in(shops.ours)
    with pytest.raises(WrongCredentials):
        await sign_in(shops.ours, password="another password")
    assert await tokens(owner) == before
