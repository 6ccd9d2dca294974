"""Two shops, two layers: row-level security and the ORM's fence, each proved with the other off.

A check that nobody has seen fail proves nothing: each is also run against a broken fence and must
report the leak.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError, ValidationError
from tortoise.manager import Manager

from affiliates.models import Affiliate, AffiliateProgram
from identity.models import (
    ApiClient,
    Customer,
    PasswordReset,
    SavedContact,
    StaffEvent,
    StaffInvitation,
)
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from orders.models import DeliveredKey, KeyReveal, LineShare, Order, OrderLine
from promotions.models import Coupon, CouponCode, CouponUse
from tenants.models import (
    AgentGrade,
    MembershipTier,
    Promotion,
    StoredPriceRule,
    StoredStorefront,
    TenantEvent,
    TenantInvitation,
)
from tenants.scope import FenceBreach, PartyOwned, PathOwned, TenantOwned
from two_tenants import PlantedTenant, TwoTenants, two_tenants
from ways_through_models import PAST_THE_MANAGER, THROUGH_THE_MANAGER, ForeignRow, Way

TENANT_TABLES = (
    "customers",
    "memberships",
    "api_clients",
    "api_client_uses",
    "staff_invitations",
    "password_resets",
    "staff_events",
    "storefronts",
    "storefront_texts",
    "storefront_contacts",
    "idempotency_records",
    "affiliate_programs",
    "affiliates",
    "orders",
    "order_lines",
    "delivered_keys",
    "key_reveals",
    "tenant_events",
    "tenant_invitations",
    "membership_tiers",
    "customer_tier_changes",
    "tier_dues",
    "tier_recounts",
    "price_alerts",
    "price_files",
    "price_imports",
    "coupon_uses",
    "discount_lines",
    "carts",
    "cart_lines",
    "saved_contacts",
    "payment_choices",
    "channel_customers",
    "saved_cards",
    "order_forms",
    "manual_events",
    "points_programs",
    "points_lots",
    "voucher_batches",
    "vouchers",
)
PATH_TABLES = (
    "price_rules",
    "price_limits",
    "tenant_listings",
    "agent_grades",
    "promotions",
    "coupons",
    "coupon_payers",
    "coupon_codes",
)
PARTY_TABLES = ("line_shares", "manual_deliveries")
CORE_TABLES = TENANT_TABLES + PATH_TABLES + PARTY_TABLES
# Whose a row is, in the tables that a shop's transaction may read.
SHOP_TABLES = {
    "tenants": "id",
    "tenant_domains": "tenant_id",
    "storefronts": "tenant_id",
    "storefront_texts": "tenant_id",
    "storefront_contacts": "tenant_id",
    "customers": "tenant_id",
    "affiliate_programs": "tenant_id",
    "affiliates": "tenant_id",
    "orders": "tenant_id",
    "order_lines": "tenant_id",
    "delivered_keys": "tenant_id",
    "line_shares": "party_id",
}
# The first two by a trigger; of an invitation the product may only say how it has ended.
ONLY_ADDED_TO = (
    KeyReveal,
    StaffEvent,
    TenantEvent,
    TenantInvitation,
    Coupon,
    CouponCode,
    CouponUse,
)
FENCED_MODELS: tuple[type[TenantOwned], ...] = (
    Customer,
    SavedContact,
    ApiClient,
    PasswordReset,
    StaffInvitation,
    StaffEvent,
    StoredStorefront,
    AffiliateProgram,
    Affiliate,
    Order,
    OrderLine,
    DeliveredKey,
    KeyReveal,
    StoredPriceRule,
    TenantEvent,
    TenantInvitation,
    AgentGrade,
    MembershipTier,
    Promotion,
    LineShare,
    Coupon,
    CouponCode,
    CouponUse,
)


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> TwoTenants:
    return await two_tenants(owner)


def core_scope(tenant: PlantedTenant) -> db.Scope:
    """The core acting for one shop, pricing its path."""
    return db.core_scope(tenant.id, path=tenant.path)


def shop_scope(tenant: PlantedTenant) -> db.Scope:
    """One shop's reads; its own tenant is the party."""
    return db.shop_scope(tenant.id, party_id=tenant.id)


# ---- row-level security alone: SQL that forgot the tenant everywhere ----------------------------


async def leaks_of_sql(world: TwoTenants) -> set[str]:
    """Tables of which SQL without a filter shows more, or other, than the own row."""
    leaking: set[str] = set()
    async with db.transaction(core_scope(world.ours), read_only=True):
        for table in CORE_TABLES:
            seen = {row["tenant_id"] for row in await db.fetch(f"select tenant_id from {table}")}
            if seen != {world.ours.id}:
                leaking.add(table)
    async with db.transaction(shop_scope(world.ours), read_only=True):
        for table, owner_column in SHOP_TABLES.items():
            rows = await db.fetch(f"select {owner_column} as owner from {table}")
            if {row["owner"] for row in rows} != {world.ours.id}:
                leaking.add(table)
    return leaking


async def test_sql_without_a_filter_shows_a_shop_its_own_rows_of_every_table(
    world: TwoTenants,
) -> None:
    assert await leaks_of_sql(world) == set()


async def test_the_check_of_sql_reports_a_table_whose_row_level_security_is_off(
    world: TwoTenants, owner: asyncpg.Connection
) -> None:
    fenced = CORE_TABLES + ("tenants", "tenant_domains")
    for table in fenced:
        await owner.execute(f"alter table {table} disable row level security")
    assert await leaks_of_sql(world) == set(fenced)


async def test_the_check_of_sql_reports_a_table_whose_policy_lets_everything_through(
    world: TwoTenants, owner: asyncpg.Connection
) -> None:
    for table in TENANT_TABLES:
        await owner.execute(f"alter policy own_tenant on {table} using (true)")
    assert await leaks_of_sql(world) == set(TENANT_TABLES)


async def test_the_check_of_sql_reports_a_table_whose_policy_was_dropped(
    world: TwoTenants, owner: asyncpg.Connection
) -> None:
    """Without any policy nothing is shown at all, which the check must not take for a fence."""
    for table in TENANT_TABLES:
        await owner.execute(f"drop policy own_tenant on {table}")
    assert await leaks_of_sql(world) == set(TENANT_TABLES)


async def test_a_transaction_without_a_tenant_sees_no_row_of_any(world: TwoTenants) -> None:
    async with db.transaction(db.core_scope(), read_only=True):
        for table in CORE_TABLES:
            assert await db.fetch_value(f"select count(*) from {table}") == 0, table


async def test_a_shop_sees_shares_of_its_own_party_only(world: TwoTenants) -> None:
    for party_id, expected in ((world.ours.id, 1), (None, 0), (new_id(), 0)):
        async with db.transaction(db.shop_scope(world.ours.id, party_id=party_id)):
            assert await db.fetch_value("select count(*) from line_shares") == expected


async def test_lifting_the_fence_shows_both_and_needs_a_reason(world: TwoTenants) -> None:
    async with db.transaction(db.every_tenant(reason="a test of the sweeps")):
        for table in CORE_TABLES:
            assert await db.fetch_value(f"select count(*) from {table}") == 2, table
    with pytest.raises(ValueError, match="reason"):
        db.every_tenant(reason="")


async def test_sql_without_a_filter_changes_only_the_own_rows_of_every_table(
    world: TwoTenants, owner: asyncpg.Connection
) -> None:
    await owner.execute("grant update, delete on all tables in schema public to kameng_core")
    for table in CORE_TABLES:  # of foreign keys and append-only: the fence must hold alone
        await owner.execute(f"alter table {table} disable trigger all")
    before = await rows_of(owner, world.theirs)
    for table in CORE_TABLES:
        async with db.transaction(db.core_scope(world.ours.id, path=[world.ours.id])):
            assert await db.execute(f"update {table} set tenant_id = tenant_id") == 1, table
            assert await db.execute(f"delete from {table}") == 1, table
    assert await rows_of(owner, world.theirs) == before


async def rows_of(owner: asyncpg.Connection, tenant: PlantedTenant) -> list[Any]:
    """Every row of a shop, as the owner sees them."""
    return [
        await owner.fetch(f"select * from {table} where tenant_id = $1", tenant.id)
        for table in CORE_TABLES
    ]


async def test_a_row_cannot_be_written_into_another_shop(world: TwoTenants) -> None:
    for table in CORE_TABLES:
        copied = await columns_of(world, table)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with db.transaction(core_scope(world.ours)):
                await db.execute(
                    f"insert into {table} (tenant_id, {copied}) select $1, {copied} from {table}",
                    world.theirs.id,
                )


WHOM_A_RULE_NAMES = ("grade_id", "child_id", "tier_id", "customer_id", "promotion_id")


async def columns_of(world: TwoTenants, table: str) -> str:
    """The columns of a table that can be copied, without the tenant."""
    generated = {
        "orders": {"status"},
        "customers": {"tier_id"},
        "manual_deliveries": {"place_at"},
        "tier_dues": {"number"},
        "price_rules": set(WHOM_A_RULE_NAMES),
    }.get(table, set())
    return ", ".join(world.ours.rows[table].keys() - generated - {"tenant_id"})


# ---- the ORM's fence alone: row-level security switched off -------------------------------------


class Undone(Exception):
    """Takes back what was done, so that the next one finds the row."""


async def reaches(way: Way, model: type[TenantOwned], row: ForeignRow) -> bool:
    """Whether a way leads to the row: it was seen, or a constraint of the row answered."""
    reached = False
    try:
        async with db.savepoint():
            reached = bool(await way(model, row))
            raise Undone
    except Undone:
        return reached
    except FenceBreach:
        return False
    except (IntegrityError, OperationalError, ValidationError):
        return True  # past the fence: only the row's own rules stopped it


async def leaks_of_models(
    world: TwoTenants, models: tuple[type[TenantOwned], ...] = FENCED_MODELS
) -> set[tuple[str, str]]:
    """(model, way) by which the core, acting for one shop, reaches the other's row."""
    leaking = set()
    ways = THROUGH_THE_MANAGER | PAST_THE_MANAGER
    async with db.transaction(core_scope(world.ours)):
        for model in models:
            row = ForeignRow(world.theirs.id, world.theirs.rows[model._meta.db_table]["id"])
            for name, way in ways.items():
                if await reaches(way, model, row):
                    leaking.add((model.__name__, name))
    return leaking


@pytest.fixture
async def unfenced_world(world: TwoTenants, owner: asyncpg.Connection) -> TwoTenants:
    """The same world without row-level security, and with every privilege."""
    for table in CORE_TABLES:
        await owner.execute(f"alter table {table} disable row level security")
    await owner.execute("grant all on all tables in schema public to kameng_core")
    return world


@pytest.fixture
async def models_without_a_fence() -> AsyncIterator[None]:
    """The mutant: models with Tortoise's own manager."""
    managers = {model: model._meta.manager for model in FENCED_MODELS}
    for model in FENCED_MODELS:
        model._meta.manager = Manager(model)
    yield
    for model, manager in managers.items():
        model._meta.manager = manager


async def test_no_way_through_a_model_reaches_another_shops_row(
    unfenced_world: TwoTenants,
) -> None:
    assert await leaks_of_models(unfenced_world) == set()


async def test_the_own_row_is_reached_in_every_model(unfenced_world: TwoTenants) -> None:
    async with db.transaction(core_scope(unfenced_world.ours)):
        for model in FENCED_MODELS:
            row = await model.all().get()
            assert row.tenant_id == unfenced_world.ours.id
            if model not in ONLY_ADDED_TO:
                await row.save()


async def test_the_check_of_models_reports_every_model_without_its_manager(
    unfenced_world: TwoTenants, models_without_a_fence: None
) -> None:
    leaking = await leaks_of_models(unfenced_world)
    assert leaking == {
        (model.__name__, name) for model in FENCED_MODELS for name in THROUGH_THE_MANAGER
    }


async def test_the_check_of_models_reports_every_model_that_lets_a_row_in_hand_be_written(
    unfenced_world: TwoTenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("save", "delete", "refresh_from_db", "bulk_create", "raw"):
        monkeypatch.delattr(TenantOwned, method)
    leaking = await leaks_of_models(unfenced_world)
    assert leaking == {
        (model.__name__, name) for model in FENCED_MODELS for name in PAST_THE_MANAGER
    }


async def test_every_fenced_model_is_checked(database: Settings) -> None:
    bases = (TenantOwned, PathOwned, PartyOwned)
    found = {model for base in bases for model in base.__subclasses__() if model not in bases}
    assert found == set(FENCED_MODELS)


async def test_models_answer_nothing_without_a_transaction(unfenced_world: TwoTenants) -> None:
    for model in FENCED_MODELS:
        with pytest.raises(db.NoTransaction):
            model.all()
        with pytest.raises(db.NoTransaction):
            await model(tenant_id=unfenced_world.ours.id).save()


async def test_models_answer_nothing_without_a_tenant(unfenced_world: TwoTenants) -> None:
    async with db.transaction(db.core_scope()):
        for model in FENCED_MODELS:
            with pytest.raises(FenceBreach):
                model.all()
            with pytest.raises(FenceBreach):
                await model(tenant_id=unfenced_world.ours.id).save()


async def test_models_answer_for_every_tenant_only_when_the_fence_is_lifted(
    unfenced_world: TwoTenants,
) -> None:
    async with db.transaction(db.every_tenant(reason="a test of the sweeps")):
        for model in FENCED_MODELS:
            assert await model.all().count() == 2


async def test_a_path_shows_its_ancestors_rules_and_lets_nobody_change_them(
    unfenced_world: TwoTenants, owner: asyncpg.Connection
) -> None:
    world = unfenced_world
    rule_id = new_id()
    await owner.execute(
        """insert into price_rules (tenant_id, id, audience, scope, kind)
           values ($1, $2, 'WHOLESALE', 'DEFAULT', 'PASS_THROUGH')""",
        world.root_id,
        rule_id,
    )
    async with db.transaction(core_scope(world.ours)):
        seen = {rule.tenant_id for rule in await StoredPriceRule.all()}
        ancestors = await StoredPriceRule.get(id=rule_id)
        assert await StoredPriceRule.filter(id=rule_id).update(value=0) == 0
        assert await StoredPriceRule.filter(id=rule_id).delete() == 0
        for change in (ancestors.save, ancestors.delete):
            with pytest.raises(FenceBreach):
                await change()
    assert seen == {world.root_id, world.ours.id}


async def test_shares_of_a_party_are_shown_to_it_alone_by_the_model_too(
    unfenced_world: TwoTenants, owner: asyncpg.Connection
) -> None:
    await owner.execute("grant select on line_shares to kameng_shop")
    async with db.transaction(shop_scope(unfenced_world.ours)):
        shares = await LineShare.all()
    assert [share.party_id for share in shares] == [unfenced_world.ours.id]
    async with db.transaction(db.shop_scope(unfenced_world.ours.id)):
        with pytest.raises(FenceBreach):
            LineShare.all()


# ---- many transactions over few connections -----------------------------------------------------


@pytest.fixture
async def one_connection_a_role(config: Settings) -> AsyncIterator[None]:
    """The product's pools, so small that two shops must take turns on the same connections."""
    await db.connect(config.model_copy(update={"read_pool_size": 1, "write_pool_size": 1}))
    yield
    await db.disconnect()


async def what_a_transaction_sees(tenant: PlantedTenant, number: int) -> set[UUID]:
    """The tenants seen by one transaction, through SQL and a model; every third one fails."""
    scope = shop_scope(tenant) if number % 2 else core_scope(tenant)
    seen: set[UUID] = set()
    try:
        async with db.transaction(scope):
            rows = await db.fetch("select tenant_id from orders")
            await asyncio.sleep(0)
            seen |= {row["tenant_id"] for row in rows}
            seen |= {order.tenant_id for order in await Order.all().only("tenant_id")}
            if number % 3 == 0:
                raise asyncio.CancelledError
    except asyncio.CancelledError:
        pass
    return seen


async def test_a_thousand_interleaved_transactions_of_two_shops_leak_nothing(
    one_connection_a_role: None, owner: asyncpg.Connection
) -> None:
    world = await two_tenants(owner)
    tenants = [(world.ours, world.theirs)[number // 2 % 2] for number in range(1000)]
    seen: list[set[UUID]] = []
    for start in range(0, 1000, 100):
        batch = range(start, start + 100)
        seen += await asyncio.gather(*(what_a_transaction_sees(tenants[n], n) for n in batch))
    assert seen == [{tenant.id} for tenant in tenants]
    connections = await owner.fetchval(
        "select count(*) from pg_stat_activity where application_name like 'kameng-%' "
        "and datname = current_database()"
    )
    assert connections == 2
