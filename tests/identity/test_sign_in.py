"""Sign up, sign in, sign out; and what somebody gets who only guesses."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from identity import sign_in as subject
from identity.customers import ContactTaken, create_customer, freeze_customer
from identity.models import TokenKind
from identity.passwords import verify_password
from identity.sign_in import (
    ADDRESS_ATTEMPTS,
    AccountFrozen,
    SignedIn,
    WrongCredentials,
    sign_in,
    sign_out,
    sign_up,
)
from identity.tokens import Caller, authenticate
from kernel.errors import Invalid, RateLimited
from two_tenants import Shops

EMAIL, PASSWORD, IP = "ada@example.com", "correct horse", "192.0.2.1"


async def ada(tenant_id: UUID) -> UUID:
    """Ada's account in a shop."""
    return await create_customer(
        tenant_id=tenant_id, name="Ada", email=EMAIL, phone="13800138000", password=PASSWORD
    )


async def guess(
    tenant_id: UUID, *, account: str = EMAIL, password: str = "wrong guess", ip: str = IP
) -> str:
    """The class of the answer to one attempt."""
    try:
        await sign_in(tenant_id=tenant_id, account=account, password=password, ip=ip)
    except (WrongCredentials, RateLimited, AccountFrozen) as refused:
        return type(refused).__name__
    return "SignedIn"


async def test_whoever_signs_up_is_signed_in(shops: Shops) -> None:
    signed_in = await sign_up(
        tenant_id=shops.ours, name="Ada", email=EMAIL, password=PASSWORD, ip=IP
    )
    caller = Caller(TokenKind.CUSTOMER, shops.ours, signed_in.customer_id)
    assert await authenticate(signed_in.token) == caller


@pytest.mark.parametrize("account", [EMAIL, " ADA@example.com", "138 0013 8000", "+8613800138000"])
async def test_a_customer_signs_in_by_e_mail_or_phone(shops: Shops, account: str) -> None:
    customer_id = await ada(shops.ours)
    signed_in = await sign_in(tenant_id=shops.ours, account=account, password=PASSWORD, ip=IP)
    assert signed_in.customer_id == customer_id
    assert await authenticate(signed_in.token) is not None


async def test_signing_out_ends_this_token_only(shops: Shops) -> None:
    await ada(shops.ours)
    here, there = [
        await sign_in(tenant_id=shops.ours, account=EMAIL, password=PASSWORD, ip=IP)
        for _ in range(2)
    ]
    await sign_out(here.token)
    assert await authenticate(here.token) is None
    assert await authenticate(there.token) is not None


@pytest.mark.parametrize(
    ("account", "password"),
    [
        (EMAIL, "wrong guess"),
        ("eve@example.com", PASSWORD),
        ("+8613900139000", PASSWORD),
        ("neither e-mail nor phone", PASSWORD),
        ("", ""),
        (EMAIL, "x" * 100_000),
        ("x" * 100_000, PASSWORD),
    ],
)
async def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(
    shops: Shops, owner: asyncpg.Connection, account: str, password: str
) -> None:
    await ada(shops.ours)
    with pytest.raises(WrongCredentials) as refused:
        await sign_in(tenant_id=shops.ours, account=account, password=password, ip=IP)
    assert refused.value.message == "The account or the password is wrong."
    assert await owner.fetchval("select count(*) from access_tokens") == 0


async def test_an_unknown_account_costs_the_same_password_check(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada(shops.ours)
    checks: list[str | None] = []

    async def counted(password: str, *, password_hash: str | None) -> bool:
        checks.append(password_hash)
        return False

    monkeypatch.setattr(subject, "verify_password", counted)
    for account in (EMAIL, "eve@example.com", "neither"):
        await guess(shops.ours, account=account)
    assert len(checks) == 3
    assert [found is None for found in checks] == [False, True, True]


async def test_an_account_without_a_password_cannot_be_signed_in_to(shops: Shops) -> None:
    await create_customer(tenant_id=shops.ours, email=EMAIL)
    assert await guess(shops.ours, password="") == "WrongCredentials"


async def test_an_account_of_another_shop_is_unknown_here(shops: Shops) -> None:
    await ada(shops.theirs)
    assert await guess(shops.ours, password=PASSWORD) == "WrongCredentials"


async def test_a_frozen_customer_cannot_sign_in_and_only_the_right_password_learns_why(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    customer_id = await ada(shops.ours)
    await freeze_customer(tenant_id=shops.ours, customer_id=customer_id)
    assert await guess(shops.ours) == "WrongCredentials"
    assert await guess(shops.ours, password=PASSWORD) == "AccountFrozen"
    assert await owner.fetchval("select count(*) from access_tokens") == 0


async def test_of_fifty_guesses_at_once_exactly_five_are_evaluated(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ada(shops.ours)
    evaluated = 0

    async def counted(password: str, *, password_hash: str | None) -> bool:
        nonlocal evaluated
        evaluated += 1
        return await verify_password(password, password_hash=password_hash)

    monkeypatch.setattr(subject, "verify_password", counted)
    answers = await asyncio.gather(
        *(guess(shops.ours, ip=f"192.0.2.{number}") for number in range(50))
    )
    assert evaluated == 5
    assert sorted(set(answers)) == ["RateLimited", "WrongCredentials"]
    assert answers.count("WrongCredentials") == 5


async def test_no_other_spelling_and_no_other_address_gives_more_guesses(shops: Shops) -> None:
    await ada(shops.ours)
    spellings = ["ada@example.com", "ADA@example.com", " ada@EXAMPLE.com", "ada＠example.com"]
    answers = [
        await guess(shops.ours, account=account, ip=f"198.51.100.{number}")
        for number, account in enumerate(spellings * 2)
    ]
    assert answers == ["WrongCredentials"] * 5 + ["RateLimited"] * 3
    assert await guess(shops.ours, password=PASSWORD) == "RateLimited"


async def test_guesses_in_one_shop_do_not_lock_the_account_of_another(shops: Shops) -> None:
    await ada(shops.theirs)
    for _ in range(6):
        await guess(shops.ours)
    assert await guess(shops.ours) == "RateLimited"
    assert await guess(shops.theirs, password=PASSWORD) == "SignedIn"


async def test_an_unknown_account_is_limited_like_a_known_one(shops: Shops) -> None:
    await ada(shops.ours)
    for account in (EMAIL, "eve@example.com", "neither"):
        answers = [await guess(shops.ours, account=account) for _ in range(6)]
        assert answers == ["WrongCredentials"] * 5 + ["RateLimited"]


async def test_one_address_guesses_at_so_many_accounts_and_no_more(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(password: str, *, password_hash: str | None) -> bool:
        return False

    monkeypatch.setattr(subject, "verify_password", never)
    answers = [
        await guess(shops.ours, account=f"user{number}@example.com", ip=f"2001:db8:1:2::{number}")
        for number in range(ADDRESS_ATTEMPTS + 3)
    ]
    assert answers == ["WrongCredentials"] * ADDRESS_ATTEMPTS + ["RateLimited"] * 3
    assert await guess(shops.ours, account="new@example.com", ip="2001:db8:1:3::1") != "RateLimited"


async def test_honest_sign_ins_are_not_limited(shops: Shops) -> None:
    await ada(shops.ours)
    answers = [await guess(shops.ours, password=PASSWORD) for _ in range(8)]
    assert answers == ["SignedIn"] * 8


async def test_after_the_window_the_customer_gets_in_again(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    await ada(shops.ours)
    for _ in range(6):
        await guess(shops.ours)
    await owner.execute(
        "insert into sandbox_clock (shift) values (interval '15 minutes 5 seconds')"
    )
    assert await guess(shops.ours, password=PASSWORD) == "SignedIn"


async def test_a_sign_up_for_a_taken_contact_is_refused_and_such_asking_is_limited(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    await ada(shops.ours)
    answers = []
    for _ in range(ADDRESS_ATTEMPTS + 1):
        try:
            await sign_up(tenant_id=shops.ours, email=EMAIL, password=PASSWORD, ip=IP)
        except (ContactTaken, RateLimited) as refused:
            answers.append(type(refused))
    assert answers == [ContactTaken] * ADDRESS_ATTEMPTS + [RateLimited]
    assert await owner.fetchval("select count(*) from customers") == 1


async def test_an_address_opens_so_many_accounts_an_hour_and_no_more(
    shops: Shops, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "ACCOUNTS_AN_ADDRESS", 1)
    await sign_up(tenant_id=shops.ours, email=EMAIL, password=PASSWORD, ip="2001:db8::1")
    with pytest.raises(RateLimited) as refused:
        await sign_up(
            tenant_id=shops.ours, email="b@example.com", password=PASSWORD, ip="2001:db8::2"
        )
    assert 3_500 < int(refused.value.details["retry_after_seconds"]) <= 3_600
    assert await owner.fetchval("select count(*) from customers") == 1
    await sign_up(tenant_id=shops.ours, email="b@example.com", password=PASSWORD, ip=IP)


@pytest.mark.parametrize("contact", [{}, {"email": ""}, {"email": "nobody"}, {"phone": "12"}])
async def test_a_sign_up_without_a_usable_contact_is_refused(
    shops: Shops, owner: asyncpg.Connection, contact: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        await sign_up(tenant_id=shops.ours, password=PASSWORD, ip=IP, **contact)
    assert await owner.fetchval("select count(*) from customers") == 0


async def test_a_freeze_that_races_with_sign_ins_leaves_no_token_not_even_for_later(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    customer_id = await ada(shops.ours)

    async def signing_in(number: int) -> SignedIn | None:
        try:
            return await sign_in(
                tenant_id=shops.ours, account=EMAIL, password=PASSWORD, ip=f"192.0.2.{number}"
            )
        except AccountFrozen:
            return None

    racing = [asyncio.create_task(signing_in(number)) for number in range(5)]
    await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
    await freeze_customer(tenant_id=shops.ours, customer_id=customer_id)
    signed_in = [one for one in await asyncio.gather(*racing) if one]
    await owner.execute("update customers set status = 'ACTIVE'")
    assert signed_in
    assert [await authenticate(one.token) for one in signed_in] == [None] * len(signed_in)
