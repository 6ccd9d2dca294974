"""Customers: found by a contact that nobody can read in the database."""

import asyncio

import asyncpg
import pytest

from identity.customers import (
    ContactTaken,
    OwnContact,
    create_customer,
    find_by_contact,
    freeze_customer,
    own_contact,
)
from kernel.crypto import CannotDecrypt
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from two_tenants import Shops

EMAIL, PHONE = "ada@example.com", "13800138000"


async def test_a_customer_is_found_by_every_spelling_of_e_mail_and_phone(shops: Shops) -> None:
    ada = await create_customer(tenant_id=shops.ours, name="Ada", email=EMAIL, phone=PHONE)
    for contact in (EMAIL, "ADA@Example.com ", PHONE, "+86 138 0013 8000"):
        assert await find_by_contact(tenant_id=shops.ours, contact=contact) == ada
        assert await find_by_contact(tenant_id=shops.theirs, contact=contact) is None


async def test_a_customer_reads_the_own_contact_and_nobody_reads_it_in_the_database(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    ada = await create_customer(tenant_id=shops.ours, name="Ada", email=EMAIL, phone=PHONE)
    assert await own_contact(tenant_id=shops.ours, customer_id=ada) == OwnContact(
        EMAIL, "+8613800138000"
    )
    stored = str(await owner.fetchrow("select * from customers where id = $1", ada))
    assert "ada@" not in stored
    assert "138001" not in stored


async def test_a_customer_of_another_shop_is_not_found_by_id(shops: Shops) -> None:
    ada = await create_customer(tenant_id=shops.ours, email=EMAIL)
    for tenant_id, customer_id in ((shops.theirs, ada), (shops.ours, new_id())):
        with pytest.raises(NotFound):
            await own_contact(tenant_id=tenant_id, customer_id=customer_id)
        with pytest.raises(NotFound):
            await freeze_customer(tenant_id=tenant_id, customer_id=customer_id)


@pytest.mark.parametrize("again", [{"email": "ADA@example.com"}, {"phone": "+8613800138000"}])
async def test_a_contact_is_taken_once_in_a_shop_and_the_refusal_does_not_say_which(
    shops: Shops, owner: asyncpg.Connection, again: dict[str, str]
) -> None:
    await create_customer(tenant_id=shops.ours, email=EMAIL, phone=PHONE)
    with pytest.raises(ContactTaken) as refused:
        await create_customer(tenant_id=shops.ours, **again)
    assert refused.value.message == "An account cannot be opened with these details."
    assert refused.value.field is None
    assert await owner.fetchval("select count(*) from customers") == 1


async def test_the_same_person_has_another_account_in_another_shop(shops: Shops) -> None:
    ours = await create_customer(tenant_id=shops.ours, email=EMAIL)
    theirs = await create_customer(tenant_id=shops.theirs, email=EMAIL)
    assert ours != theirs
    assert await find_by_contact(tenant_id=shops.theirs, contact=EMAIL) == theirs


async def test_of_twenty_who_take_one_contact_at_once_one_gets_it(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    outcomes = await asyncio.gather(
        *(create_customer(tenant_id=shops.ours, email=EMAIL) for _ in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, ContactTaken) for outcome in outcomes) == 19
    assert await owner.fetchval("select count(*) from customers") == 1


async def test_customers_without_any_contact_do_not_collide(shops: Shops) -> None:
    ids = {await create_customer(tenant_id=shops.ours, name="Walk-in") for _ in range(3)}
    assert len(ids) == 3
    contact = await own_contact(tenant_id=shops.ours, customer_id=ids.pop())
    assert contact == OwnContact(None, None)


async def test_a_contact_swapped_between_two_customers_cannot_be_read(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    ada = await create_customer(tenant_id=shops.ours, email=EMAIL)
    eve = await create_customer(tenant_id=shops.ours, email="eve@example.com")
    await owner.execute(
        "update customers set email = (select email from customers where id = $1) where id = $2",
        ada,
        eve,
    )
    with pytest.raises(CannotDecrypt):
        await own_contact(tenant_id=shops.ours, customer_id=eve)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 81),
        ("name", "a\nb"),
        ("email", "nobody"),
        ("phone", "12"),
        ("password", "short"),
    ],
)
async def test_what_is_out_of_bounds_is_refused_and_nothing_is_written(
    shops: Shops, owner: asyncpg.Connection, field: str, value: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await create_customer(tenant_id=shops.ours, **{field: value})
    assert refused.value.field == field
    assert await owner.fetchval("select count(*) from customers") == 0
