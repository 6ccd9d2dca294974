"""A new password: by the old one, or by a link; and everything that the old one has opened ends."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from identity import password_resets as resetting
from identity import sign_in as signing
from identity.customers import create_customer
from identity.models import StaffRole, TokenKind
from identity.password_changes import change_password
from identity.password_resets import LinkEnded, ResetMessage, ask_for_reset, reset_password
from identity.passwords import verify_password
from identity.sign_in import WrongCredentials, sign_in
from identity.staff import set_membership
from identity.staff_sign_in import StaffSignedIn, staff_sign_in
from identity.tokens import authenticate
from kernel import crypto
from kernel.errors import Invalid, RateLimited
from listeners import plant_endpoint
from staff_desk import PASSWORD as STAFF_PASSWORD
from staff_desk import employ, hire
from tenants import directory
from tenants.directory import Shop
from two_tenants import Shops

pytestmark = pytest.mark.engines

EMAIL, PASSWORD, NEW, IP = "ada@example.com", "correct horse", "battery staple", "192.0.2.1"
PHONE = "13800138000"
ORIGIN = "https://ours.example"


@pytest.fixture
async def shop(shops: Shops) -> Shop:
    """Our shop as a request sees it."""
    directory.forget()
    found = await directory.shop_by_id(shops.ours)
    assert found is not None
    return found


async def ada(tenant_id: UUID) -> UUID:
    """Ada's account in a shop."""
    return await create_customer(
        tenant_id=tenant_id, name="Ada", email=EMAIL, phone=PHONE, password=PASSWORD
    )


async def session(tenant_id: UUID, password: str = PASSWORD) -> str:
    """A session of Ada's."""
    return (await sign_in(tenant_id=tenant_id, account=EMAIL, password=password, ip=IP)).token


async def hired(shops: Shops, account: str = EMAIL) -> StaffSignedIn:
    """A member of our shop's staff."""
    boss = await employ(shops.ours, StaffRole.OWNER)
    return await hire(shops.ours, boss, account, [StaffRole.SUPPORT])


async def ask(shop: Shop, account: str = EMAIL, **more: Any) -> None:
    given: dict[str, Any] = {"login": TokenKind.CUSTOMER, "ip": IP, "origin": ORIGIN, **more}
    await ask_for_reset(shop=shop, account=account, **given)


async def messages(owner: asyncpg.Connection, tenant_id: UUID) -> list[ResetMessage | None]:
    """What a tenant's programs are told of links, as it is told now."""
    rows = await owner.fetch(
        """select object_id, details->>'shopId' as shop_id from outbox_events
           where tenant_id = $1 and type = 'password.reset_asked' order by number""",
        tenant_id,
    )
    return [
        await resetting.reset_message({"shopId": row["shop_id"]}, row["object_id"]) for row in rows
    ]


async def links(owner: asyncpg.Connection, tenant_id: UUID) -> list[str]:
    """The tokens of the links that a tenant's programs are told."""
    told = [one.link for one in await messages(owner, tenant_id) if one is not None]
    assert all(link and link.startswith(f"{ORIGIN}/reset?t=kmp_") for link in told)
    return [str(link).partition("?t=")[2] for link in told]


async def stored(owner: asyncpg.Connection) -> tuple[Any, ...]:
    """What a refusal must leave as it was."""
    row = await owner.fetchrow(
        """select (select array_agg(password_hash order by id) from customers),
                  (select array_agg(password_hash order by id) from staff_users),
                  (select count(*) from access_tokens where revoked_at is null),
                  (select count(*) from password_resets where ended_at is null),
                  (select count(*) from outbox_events)"""
    )
    return tuple(row)


async def test_whoever_knows_the_password_changes_it_and_the_other_sessions_end(
    shops: Shops, shop: Shop, owner: asyncpg.Connection
) -> None:
    customer_id = await ada(shops.ours)
    await ada(shops.theirs)
    mine, others, elsewhere = (
        await session(shops.ours), await session(shops.ours), await session(shops.theirs),
    )  # fmt: skip
    await plant_endpoint(owner, shop.path[0], event_types=["password.reset_asked"])
    await ask(shop)
    [link] = await links(owner, shop.path[0])
    change: dict[str, Any] = {
        "tenant_id": shops.ours, "kind": TokenKind.CUSTOMER, "principal_id": customer_id,
        "token": mine,
    }  # fmt: skip
    before = await stored(owner)
    with pytest.raises(WrongCredentials):
        await change_password(current="not mine", new=NEW, **change)
    with pytest.raises(Invalid) as short:
        await change_password(current=PASSWORD, new="short", **change)
    assert short.value.field == "newPassword"
    assert await stored(owner) == before

    await change_password(current=PASSWORD, new=NEW, **change)
    assert await authenticate(mine) is not None and await authenticate(elsewhere) is not None
    assert await authenticate(others) is None
    with pytest.raises(WrongCredentials):
        await session(shops.ours)
    assert await session(shops.ours, NEW)
    with pytest.raises(LinkEnded):
        await reset_password(tenant_id=shops.ours, token=link, new=PASSWORD)
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            await change_password(current=PASSWORD, new=NEW, **change)
    with pytest.raises(RateLimited):
        await change_password(current=NEW, new=PASSWORD, **change)


async def test_a_link_sets_a_password_once_and_ends_every_session(
    shops: Shops, shop: Shop, owner: asyncpg.Connection
) -> None:
    await ada(shops.ours)
    await ada(shops.theirs)
    for tenant_id in (shop.path[0], shops.ours):
        await plant_endpoint(owner, tenant_id, event_types=["password.reset_asked"])
    sessions = [await session(shops.ours), await session(shops.ours)]
    elsewhere = await session(shops.theirs)
    await ask(shop, " ADA@example.com")
    await ask(shop, "138 0013 8000")
    assert await messages(owner, shops.ours) == [], "a shop opens no account of its buyers"
    by_mail, by_phone = await messages(owner, shop.path[0])
    assert by_mail is not None and by_phone is not None
    assert (by_mail.account, by_phone.account) == (EMAIL, "+8613800138000")
    one, other = await links(owner, shop.path[0])
    rows = await owner.fetch("select * from password_resets order by id")
    assert [row["token_hash"] for row in rows] == [crypto.token_hash(one), crypto.token_hash(other)]
    everything = f"{rows} {await owner.fetch('select * from outbox_events')}"
    assert one not in everything and EMAIL not in everything

    for tenant_id, token in ((shops.theirs, one), (shops.ours, "kmp_" + "A" * 27),
                             (shops.ours, "é"), (shops.ours, "k" * 10_000)):  # fmt: skip
        before = await stored(owner)
        with pytest.raises(LinkEnded):
            await reset_password(tenant_id=tenant_id, token=token, new=NEW)
        assert await stored(owner) == before
    with pytest.raises(Invalid):
        await reset_password(tenant_id=shops.ours, token=one, new="short")
    await reset_password(tenant_id=shops.ours, token=one, new=NEW)
    assert [await authenticate(token) for token in sessions] == [None, None]
    assert await authenticate(elsewhere) is not None
    assert await session(shops.ours, NEW)
    for token in (one, other):
        with pytest.raises(LinkEnded):
            await reset_password(tenant_id=shops.ours, token=token, new=PASSWORD)
    assert [one and one.link for one in await messages(owner, shop.path[0])] == [None, None]


async def test_a_link_is_good_for_half_an_hour(
    shops: Shops, shop: Shop, owner: asyncpg.Connection
) -> None:
    await ada(shops.ours)
    await plant_endpoint(owner, shop.path[0], event_types=["password.reset_asked"])
    await ask(shop)
    [token] = await links(owner, shop.path[0])
    await owner.execute("insert into sandbox_clock (shift) values (interval '30 minutes 1 second')")
    with pytest.raises(LinkEnded):
        await reset_password(tenant_id=shops.ours, token=token, new=NEW)
    assert await resetting.forget_old_resets(10) == 0
    await owner.execute("update sandbox_clock set shift = interval '31 days'")
    assert await resetting.forget_old_resets(10) == 1
    assert await messages(owner, shop.path[0]) == [None]


async def test_whether_there_is_an_account_is_not_said_and_asking_is_limited(
    shops: Shops, shop: Shop, owner: asyncpg.Connection
) -> None:
    await ada(shops.theirs)
    await hired(shops, "grace@example.com")
    before = await stored(owner)
    for account in (EMAIL, "grace@example.com", "nobody@example.com", "no account", "\ud800"):
        await ask(shop, account)
    assert await stored(owner) == before, "another shop's customer, and one of the staff"

    await ada(shops.ours)
    for known in (EMAIL, "eve@example.com"):
        asked = 3 if known != EMAIL else 2
        for _ in range(asked):
            await ask(shop, known)
        before = await stored(owner)
        with pytest.raises(RateLimited):
            await ask(shop, known)
        assert await stored(owner) == before
    for number in range(8):
        await ask(shop, f"{number}@example.com")
    with pytest.raises(RateLimited):
        await ask(shop, "one-more@example.com")
    await ask(shop, "one-more@example.com", ip="192.0.2.2")


async def test_a_staff_logins_link_goes_to_the_platform_and_ends_what_it_opened_everywhere(
    shops: Shops, shop: Shop, owner: asyncpg.Connection
) -> None:
    member = await hired(shops)
    await set_membership(
        tenant_id=shops.theirs, staff_id=member.staff_id, roles=[StaffRole.SUPPORT]
    )
    there = await staff_sign_in(
        tenant_id=shops.theirs, account=EMAIL, password=STAFF_PASSWORD, ip=IP
    )
    for tenant_id in (shop.path[0], shops.ours):
        await plant_endpoint(owner, tenant_id, event_types=["password.reset_asked"])
    directory.forget()
    other_shop = await directory.shop_by_id(shops.theirs)
    assert other_shop is not None
    await ask(shop, login=TokenKind.STAFF)
    await ask(other_shop, login=TokenKind.STAFF)
    assert await messages(owner, shops.ours) == []
    here, elsewhere = await links(owner, shop.path[0])

    await reset_password(tenant_id=shops.ours, token=here, new=NEW)
    assert await authenticate(member.token) is None and await authenticate(there.token) is None
    with pytest.raises(LinkEnded):
        await reset_password(tenant_id=shops.theirs, token=elsewhere, new=PASSWORD)
    back = await staff_sign_in(tenant_id=shops.theirs, account=EMAIL, password=NEW, ip=IP)
    more = await staff_sign_in(tenant_id=shops.ours, account=EMAIL, password=NEW, ip=IP)
    await change_password(
        tenant_id=shops.ours, kind=TokenKind.STAFF, principal_id=member.staff_id,
        current=NEW, new=PASSWORD, token=more.token,
    )  # fmt: skip
    assert await authenticate(back.token) is None and await authenticate(more.token) is not None


async def test_a_sign_in_that_proved_the_old_password_opens_nothing_after_the_new_one(
    shops: Shops, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer_id = await ada(shops.ours)
    mine = await session(shops.ours)
    verify = verify_password

    async def overtaken(password: str, *, password_hash: str | None) -> bool:
        matches = await verify(password, password_hash=password_hash)
        await change_password(
            tenant_id=shops.ours, kind=TokenKind.CUSTOMER, principal_id=customer_id,
            current=PASSWORD, new=NEW, token=mine,
        )  # fmt: skip
        return matches

    monkeypatch.setattr(signing, "verify_password", overtaken)
    with pytest.raises(WrongCredentials):
        await session(shops.ours)
    alive = await owner.fetchval("select count(*) from access_tokens where revoked_at is null")
    assert alive == 1 and await authenticate(mine) is not None
