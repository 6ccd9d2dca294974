"""Tokens: who holds one, for how long, and everything that ends it."""

from uuid import UUID

import asyncpg
import pytest

from identity.customers import create_customer, freeze_customer
from identity.models import StaffRole, TokenKind
from identity.staff import create_staff, freeze_staff, set_membership
from identity.tokens import (
    PREFIXES,
    Caller,
    authenticate,
    delete_old_tokens,
    issue_token,
    revoke_token,
)
from kernel.crypto import token_hash
from kernel.ids import new_id
from two_tenants import Shops, insert


async def customer_token(shops: Shops, *, ttl_seconds: int = 60) -> str:
    ada = await create_customer(tenant_id=shops.ours, name="Ada")
    return await issue_token(
        kind=TokenKind.CUSTOMER, tenant_id=shops.ours, principal_id=ada, ttl_seconds=ttl_seconds
    )


async def staff_token(shops: Shops, *roles: StaffRole) -> tuple[str, Caller]:
    staff_id = await create_staff(name="Grace")
    await set_membership(tenant_id=shops.ours, staff_id=staff_id, roles=roles)
    token = await issue_token(
        kind=TokenKind.STAFF, tenant_id=shops.ours, principal_id=staff_id, ttl_seconds=60
    )
    return token, Caller(TokenKind.STAFF, shops.ours, staff_id, roles=frozenset(roles))


async def test_a_customers_token_says_who_and_of_which_shop(shops: Shops) -> None:
    ada = await create_customer(tenant_id=shops.ours, name="Ada")
    token = await issue_token(
        kind=TokenKind.CUSTOMER, tenant_id=shops.ours, principal_id=ada, ttl_seconds=60
    )
    assert token.startswith("kmc_")
    assert await authenticate(token) == Caller(TokenKind.CUSTOMER, shops.ours, ada)


async def test_a_staff_token_carries_the_roles_of_its_tenant_only(shops: Shops) -> None:
    token, caller = await staff_token(shops, StaffRole.FINANCE, StaffRole.SUPPORT)
    await set_membership(
        tenant_id=shops.theirs, staff_id=caller.principal_id, roles=[StaffRole.OWNER]
    )
    assert token.startswith("kms_")
    assert await authenticate(token) == caller


async def api_client(owner: asyncpg.Connection, tenant_id: UUID, *scopes: str) -> UUID:
    client_id = new_id()
    await insert(
        owner, "api_clients", tenant_id=tenant_id, id=client_id, name="Bot", scopes=list(scopes)
    )
    return client_id


async def test_an_api_clients_token_carries_its_scopes(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    client = await api_client(owner, shops.ours, "API_ORDERS_READ", "API_PURCHASE")
    token = await issue_token(
        kind=TokenKind.API_CLIENT, tenant_id=shops.ours, principal_id=client, ttl_seconds=60
    )
    scopes = frozenset({"API_ORDERS_READ", "API_PURCHASE"})
    assert await authenticate(token) == Caller(
        TokenKind.API_CLIENT, shops.ours, client, scopes=scopes
    )
    await owner.execute("update api_clients set status = 'REVOKED'")
    assert await authenticate(token) is None


async def test_suppliers_operators_and_affiliates_have_tokens_until_they_are_stopped(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    supplier = await insert(owner, "suppliers", id=new_id(), name="Supplier")
    operator = await create_staff(name="Operator")
    program = await insert(
        owner, "affiliate_programs", tenant_id=shops.ours, id=new_id(), name="P", rate_bp=1
    )
    affiliate = await insert(
        owner,
        "affiliates",
        tenant_id=shops.ours,
        id=new_id(),
        program_id=program["id"],
        name="A",
        code="friend",
    )
    callers = [
        Caller(TokenKind.SUPPLIER, None, supplier["id"]),
        Caller(TokenKind.OPERATOR, None, operator),
        Caller(TokenKind.AFFILIATE, shops.ours, affiliate["id"]),
    ]
    tokens = [
        await issue_token(
            kind=caller.kind,
            tenant_id=caller.tenant_id,
            principal_id=caller.principal_id,
            ttl_seconds=60,
        )
        for caller in callers
    ]
    assert [token[:4] for token in tokens] == ["kmu_", "kmo_", "kmf_"]
    assert [await authenticate(token) for token in tokens] == callers
    await owner.execute("update suppliers set status = 'SUSPENDED'")
    await owner.execute("update affiliates set status = 'SUSPENDED'")
    await freeze_staff(staff_id=operator)
    assert [await authenticate(token) for token in tokens] == [None] * 3


async def test_a_token_ends_when_its_time_is_up(shops: Shops, owner: asyncpg.Connection) -> None:
    token = await customer_token(shops, ttl_seconds=60)
    assert await authenticate(token) is not None
    await owner.execute("insert into sandbox_clock (shift) values (interval '61 seconds')")
    assert await authenticate(token) is None


async def test_a_token_ends_when_it_is_revoked_and_others_do_not(shops: Shops) -> None:
    token, other = await customer_token(shops), await customer_token(shops)
    await revoke_token(token)
    await revoke_token(token)
    await revoke_token("kmc_unknown")
    assert await authenticate(token) is None
    assert await authenticate(other) is not None


async def test_a_frozen_customers_tokens_are_revoked_for_good(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    token = await customer_token(shops)
    caller = await authenticate(token)
    assert caller is not None
    await freeze_customer(tenant_id=shops.ours, customer_id=caller.principal_id)
    assert await authenticate(token) is None
    await owner.execute("update customers set status = 'ACTIVE'")
    assert await authenticate(token) is None


async def test_a_principal_that_is_not_active_has_no_token_even_an_unrevoked_one(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    token = await customer_token(shops)
    await owner.execute("update customers set status = 'FROZEN'")
    assert await authenticate(token) is None


async def test_staff_without_a_membership_or_frozen_has_no_token(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    token, caller = await staff_token(shops, StaffRole.OWNER)
    frozen, frozen_caller = await staff_token(shops, StaffRole.OWNER)
    await owner.execute("delete from memberships where staff_id = $1", caller.principal_id)
    await freeze_staff(staff_id=frozen_caller.principal_id)
    assert await authenticate(token) is None
    assert await authenticate(frozen) is None


async def test_a_principal_of_another_shop_makes_no_token_of_ours(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    """A token row that pairs a shop with somebody else's customer opens nothing."""
    eve = await create_customer(tenant_id=shops.theirs, name="Eve")
    grace = await create_staff(name="Grace")
    await set_membership(tenant_id=shops.theirs, staff_id=grace, roles=[StaffRole.OWNER])
    bot = await api_client(owner, shops.theirs, "API_PURCHASE")
    for kind, principal_id in (
        (TokenKind.CUSTOMER, eve),
        (TokenKind.STAFF, grace),
        (TokenKind.API_CLIENT, bot),
    ):
        token = await issue_token(
            kind=kind, tenant_id=shops.ours, principal_id=principal_id, ttl_seconds=60
        )
        assert await authenticate(token) is None


async def test_a_principal_of_another_kind_makes_no_token(shops: Shops) -> None:
    ada = await create_customer(tenant_id=shops.ours, name="Ada")
    for kind in TokenKind:
        tenant_id = None if kind in (TokenKind.SUPPLIER, TokenKind.OPERATOR) else shops.ours
        token = await issue_token(kind=kind, tenant_id=tenant_id, principal_id=ada, ttl_seconds=60)
        caller = await authenticate(token)
        assert (caller is not None) == (kind is TokenKind.CUSTOMER), kind


async def test_a_prefix_cannot_be_exchanged_for_another(shops: Shops) -> None:
    token = await customer_token(shops)
    secret = token.partition("_")[2]
    others = [prefix for prefix in PREFIXES.values() if prefix != "kmc"]
    assert [await authenticate(f"{prefix}_{secret}") for prefix in others] == [None] * 5


@pytest.mark.parametrize(
    "token",
    ["", "kmc", "kmc_", "kmc_x", "xyz_abc", "_", "kmc_" + "x" * 10_000, "kmc_\x00", "密_钥"],
)
async def test_what_is_no_token_is_nobodys(shops: Shops, token: str) -> None:
    assert await authenticate(token) is None


async def test_the_database_holds_a_hash_and_not_the_token(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    token = await customer_token(shops)
    row = await owner.fetchrow("select * from access_tokens")
    assert row is not None
    assert row["token_hash"] == token_hash(token)
    assert token not in str(row)


@pytest.mark.parametrize(
    ("kind", "with_tenant", "ttl_seconds"),
    [
        (TokenKind.CUSTOMER, False, 60),
        (TokenKind.SUPPLIER, True, 60),
        (TokenKind.OPERATOR, True, 60),
        (TokenKind.CUSTOMER, True, 0),
    ],
)
async def test_a_token_that_cannot_be_is_not_made(
    shops: Shops,
    owner: asyncpg.Connection,
    kind: TokenKind,
    with_tenant: bool,
    ttl_seconds: int,
) -> None:
    with pytest.raises(ValueError, match="token of tenant"):
        await issue_token(
            kind=kind,
            tenant_id=shops.ours if with_tenant else None,
            principal_id=new_id(),
            ttl_seconds=ttl_seconds,
        )
    assert await owner.fetchval("select count(*) from access_tokens") == 0


async def test_tokens_are_deleted_a_month_after_their_end_and_not_before(
    shops: Shops, owner: asyncpg.Connection
) -> None:
    ended, lives = await customer_token(shops), await customer_token(shops, ttl_seconds=90 * 86_400)
    revoked = await customer_token(shops, ttl_seconds=90 * 86_400)
    await revoke_token(revoked)
    await owner.execute("insert into sandbox_clock (shift) values (interval '29 days')")
    assert await delete_old_tokens(10) == 0
    await owner.execute("update sandbox_clock set shift = interval '31 days'")
    assert await delete_old_tokens(1) == 1
    assert await delete_old_tokens(10) == 1
    left = await owner.fetch("select token_hash from access_tokens")
    assert [row["token_hash"] for row in left] == [token_hash(lives)]
    assert await authenticate(lives) is not None and await authenticate(ended) is None
