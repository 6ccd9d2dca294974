"""The models say what the database has: the migrations are SQL, so only this keeps them equal."""

import re
from collections.abc import AsyncIterator
from importlib import import_module
from inspect import isclass
from typing import Any, NamedTuple

import asyncpg
import pytest
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.exceptions import OperationalError
from tortoise.fields import Field
from tortoise.models import Model

from billing.models import LedgerAccount, LedgerTransaction, TransactionIdField
from catalog.models import Category
from identity.models import Customer
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from orders.models import AddressField, AftersaleStatus, Order, OrderLine, OrderStatus
from tenants.models import Tenant, TenantKind
from two_tenants import TwoTenants, two_tenants

# Read and written in SQL only. The ORM knows primary keys of one column: with a model, save()
# would write by half a key, which is somebody else's row.
WITHOUT_MODEL = {
    "price_limits": "key of two columns",
    "tenant_listings": "key of two columns",
    "memberships": "key of two columns",
    "api_client_uses": "key of two columns",
    "storefront_contacts": "key of two columns",
    "storefront_texts": "key of three columns",
    "attempt_counters": "key of three columns",
    "idempotency_records": "key of three columns",
    "key_batch_rejections": "key of two columns",
    "pool_heads": "a place to search from, read and written by the pool's statements",
    "audit_events": "written by triggers alone, and read in SQL",
    "audit_seals": "written by one function of the database, and read in SQL",
    "audit_mark": "the place of that function",
    "statement_files": "claimed and ended by conditional updates alone",
    "statement_chunks": "key of three columns",
    "fx_rates": "written once by a statement that looks at the last one, and read in SQL",
    "ledger_adjustments": "proposed and decided by conditional statements, in SQL",
    "offer_days": "key of two columns",
    "offer_figures": "written by the orders' sweep, and read in the page's statement",
    "counted_so_far": "the place of the orders' sweep",
    "tier_recounts": "key of two columns",
    "tier_dues": "appended by triggers and taken by a sweep, in SQL",
    "customer_tier_changes": "written by a sweep, many at once, and read in SQL",
    "carts": "key of two columns",
    "cart_lines": "key of three columns",
    "order_forms": "key of three columns",
    "manual_deliveries": "key of two columns",
    "manual_events": "written once, and read in SQL",
    "payment_events": "key of two columns",
    "instalment_terms": "one setting of a shop, written by an upsert, and read in SQL",
    "instalment_plans": "key of two columns",
    "instalments": "key of three columns",
    "instalment_payments": "written once with its payment, and read in SQL",
    "instalment_lines": "key of two columns",
    "channel_customers": "key of three columns",
    "trade_moves": "key of two columns",
    "trade_settings": "one setting of a shop, read in SQL with its balance",
    "low_balance_alerts": "key of two columns",
    "deposit_top_ups": "written once with its payment, and read in SQL",
    "deposit_holds": "ended by a conditional update alone",
    "deposit_policies": "written by an upsert, and read in SQL",
    "fast_refunds": "key of two columns",
    "key_replacements": "key of two columns",
    "deposit_hours": "key of four columns",
    "deposit_standings": "written by a sweep, and read in SQL",
    "bank_credits": "its key is a text, and it is written once",
    "coupon_payers": "key of two columns",
    "coupon_slots": "key of two columns",
    "discount_lines": "key of two columns",
    "points_programs": "one setting of a shop, read in SQL with what a customer has",
    "points_lots": "key of two columns",
    "points_moves": "key of two columns",
    "earnings": "key of two columns",
    "earnings_ahead": "key of two columns",
    "earnings_mark": "the place of a sweep",
    "batch_compensations": "begun once and moved on by conditional updates, in SQL",
    "earning_holds": "key of three columns",
    "affiliate_clicks": "appended many at once by a sweep, and read in SQL",
    "affiliate_days": "no key of its own: a day of a link, folded in SQL",
    "affiliate_rates": "a program's, put in the old ones' stead many at once, in SQL",
    "affiliate_links": "written by a condition on their number, in SQL",
    "affiliate_reviews": "opened by a sweep, decided by conditional updates alone",
    "attributions": "written with its order by one statement, and read in SQL",
    "earning_terms": "no key of its own: a kind, and whose they are",
    "chargeback_liabilities": "a term of the past, appended and read in SQL",
    "disputes": "its steps are taken by one statement, under the order's lock",
    "dispute_answers": "claimed and ended by conditional updates alone",
    "dispute_charges": "key of three columns",
    "ledger_entries": "key of two columns",
    "outbox_events": "written by one function of the database, and read in SQL",
    "webhook_endpoints": "its status, breaker and secrets change by conditional updates alone",
    "webhook_deliveries": "claimed and ended by conditional updates alone",
    "webhook_attempts": "written once, and read in SQL",
    "webhook_alerts": "written once, and read in SQL",
    "told_balances": "key of two columns",
    "resting_hosts": "its key is a text, and it is asked for under its host's lock alone",
    "catalogue_versions": "written by triggers alone, and read in SQL",
    "catalogue_moments": "key of two columns",
    "price_alerts": "opened and closed many at once, in SQL",
    "price_looks": "the place of a sweep, moved by a condition, in SQL",
    "price_files": "written by a condition on their number, in SQL",
    "price_imports": "their steps are taken by conditional updates alone",
    "bank_files": "claimed and ended by conditional updates alone",
    "bank_lines": "used once, by a conditional update or a trigger",
    "bank_refunds": "ended by conditional updates alone",
    "voucher_batches": "key of two columns",
    "vouchers": "key of two columns",
    "reconciliation_runs": "its steps are taken by conditional updates alone",
    "reconciliation_totals": "key of three columns",
    "reconciliation_items": "found many at once, and decided by conditional updates alone",
    "settlement_movements": "key of four columns",
    "payout_gates": "set by who has found what is open, in SQL",
    "step_up_challenges": "met and used by conditional updates alone",
    "payout_methods": "written once, and read in SQL by their party's fence",
    "payout_stops": "begun and ended by conditions, in SQL",
    "payout_batches": "filled and sent by their own statements",
    "payout_batch_files": "an address, taken by a conditional update alone",
    "payouts": "their states change by compare-and-set alone",
    "payout_approvals": "key of three columns",
    "payout_events": "key of two columns",
    "sandbox_clock": "the platform_now() of a sandbox; the product never touches it",
    "tortoise_migrations": "the migrations' own history",
}

# An id of ours is never made twice. The key names with it whose row that is, so that one index
# serves the id, its tenant's fence and its order's list.
NAMES_ITS_OWNER = {
    "orders": {"tenant_id"},
    "order_lines": {"order_id", "tenant_id"},
    "line_shares": {"order_id"},
    "delivered_keys": {"tenant_id"},
}

_TYPES: dict[type[Field[Any]], str] = {
    fields.UUIDField: "uuid",
    fields.TextField: "text",
    fields.CharField: "text",
    fields.SmallIntField: "smallint",
    fields.BigIntField: "bigint",
    fields.IntField: "integer",
    fields.BooleanField: "boolean",
    fields.DatetimeField: "timestamp with time zone",
    fields.BinaryField: "bytea",
    fields.JSONField: "jsonb",
    AddressField: "inet",
    TransactionIdField: "xid8",
}


class Column(NamedTuple):
    """What both sides say of a column."""

    name: str
    type: str
    nullable: bool
    primary_key: bool


def _type_of(field: Field[Any]) -> str:
    if isinstance(field, ArrayField):
        return f"{field.element_type.lower()}[]"
    known = next(kind for kind in type(field).__mro__ if kind in _TYPES)
    return _TYPES[known]


def _columns_of(model: type[Model]) -> list[Column]:
    meta = model._meta
    return sorted(
        Column(column, _type_of(field), field.null, field.pk)
        for name, column in meta.fields_db_projection.items()
        for field in [meta.fields_map[name]]
    )


async def _columns_in(catalogue: asyncpg.Connection, table: str) -> list[Column]:
    rows = await catalogue.fetch(
        """select attname, format_type(coalesce(nullif(typbasetype, 0), atttypid), null),
                  not attnotnull,
                  exists (select from pg_index where indrelid = attrelid and indisprimary
                          and attnum = any (indkey)) and attname <> all ($2)
           from pg_attribute join pg_type on pg_type.oid = atttypid
           where attrelid = $1::regclass and attnum > 0 and not attisdropped""",
        table,
        list(NAMES_ITS_OWNER.get(table, ())),
    )
    return sorted(Column(*row) for row in rows)


def _models() -> dict[str, type[Model]]:
    modules = [import_module(f"{room}.models") for room in db.ROOMS_WITH_TABLES]
    found = [thing for module in modules for thing in vars(module).values() if isclass(thing)]
    return {
        model._meta.db_table: model
        for model in found
        if issubclass(model, Model) and not model._meta.abstract and model._meta.db_table
    }


@pytest.fixture
async def catalogue(template_database: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """The migrated database that tests clone, for reading its catalogue only."""
    url, name = template_database
    connection = await asyncpg.connect(url, database=name)
    yield connection
    await connection.close()


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> TwoTenants:
    return await two_tenants(owner)


async def test_every_model_has_exactly_the_columns_of_its_table(
    catalogue: asyncpg.Connection,
) -> None:
    for table, model in _models().items():
        assert _columns_of(model) == await _columns_in(catalogue, table), table


async def test_every_table_has_a_model_or_a_reason_for_having_none(
    catalogue: asyncpg.Connection,
) -> None:
    tables = await catalogue.fetch("select tablename from pg_tables where schemaname = 'public'")
    assert {row["tablename"] for row in tables} == _models().keys() | WITHOUT_MODEL.keys()


async def test_the_reason_of_a_table_without_a_model_is_true(catalogue: asyncpg.Connection) -> None:
    words = {2: "two", 3: "three", 4: "four"}
    for table, reason in WITHOUT_MODEL.items():
        assert table not in NAMES_ITS_OWNER
        size = sum(column.primary_key for column in await _columns_in(catalogue, table))
        expected = f"key of {words[size]} columns" if size > 1 else reason
        assert reason == expected, table


async def test_a_column_with_a_default_has_one_in_its_model(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        """select table_name, column_name from information_schema.columns
           where table_schema = 'public'
             and (column_default is not null or is_identity = 'YES' or is_generated = 'ALWAYS')"""
    )
    models = _models()
    checked = 0
    for table, column in rows:
        if model := models.get(table):
            field = model._meta.fields_map[column]
            has_default = field.default is not None or field.has_db_default() or field.generated
            assert has_default, f"{table}.{column}"
            checked += 1
    assert checked > 50


async def test_what_the_database_alone_writes_is_generated_in_its_model(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select table_name, column_name from information_schema.columns
           where table_schema = 'public' and (is_identity = 'YES' or is_generated = 'ALWAYS')"""
    )
    assert {tuple(row) for row in rows} >= {("orders", "status"), ("tenants", "depth")}
    models = _models()
    for table, column in rows:
        if table in WITHOUT_MODEL:
            continue
        assert models[table]._meta.fields_map[column].generated, f"{table}.{column}"


async def test_every_enum_has_exactly_the_words_of_its_check(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        """select attrelid::regclass::text as table, attname as column,
                  pg_get_constraintdef(con.oid) as definition
           from pg_constraint con join pg_attribute
                on (attrelid = conrelid and conkey = array[attnum]) or atttypid = contypid
           where contype = 'c' and connamespace = 'public'::regnamespace
             and (atttypid = 'text'::regtype or contypid <> 0)"""
    )
    checked, models = 0, _models()
    for table, column, definition in rows:
        words = set(re.findall(r"'([A-Za-z0-9_-]+)'::text", definition))
        if table not in models or not words or "~" in definition:
            continue
        enum = getattr(models[table]._meta.fields_map[column], "enum_type", None)
        assert enum is not None, f"{table}.{column} has a CHECK of words and no enum"
        assert {member.value for member in enum} == words, f"{table}.{column}"
        checked += 1
    assert checked >= 25


async def test_a_row_written_by_a_model_comes_back_as_the_database_completed_it(
    world: TwoTenants,
) -> None:
    async with db.transaction(db.core_scope()):
        child = await Tenant.create(
            parent_id=world.ours.id,
            kind=TenantKind.AGENT,
            slug="child",
            name="Child",
            currency="CNY",
        )
        read = await Tenant.get(id=child.id)
    assert child.depth == read.depth == 2
    assert read.path == [*world.ours.path, child.id]
    assert read.opened_at == child.opened_at
    assert read.payment_methods == ["WALLET", "CARD", "ALIPAY", "WECHAT_PAY"]


async def test_saving_an_order_leaves_its_rolled_up_status_to_the_database(
    world: TwoTenants,
) -> None:
    order_id = world.ours.rows["orders"]["id"]
    async with db.transaction(db.core_scope(world.ours.id)):
        order = await Order.get(id=order_id)
        status_before = order.status
        order.refunded_minor, order.aftersale_status = 500, AftersaleStatus.PARTIALLY_REFUNDED
        await order.save()
        await order.refresh_from_db()
    assert [status_before, order.status] == [OrderStatus.DELIVERED, OrderStatus.PARTIALLY_REFUNDED]


async def test_a_shop_reads_through_a_model_only_the_columns_it_was_granted(
    world: TwoTenants,
) -> None:
    async with db.transaction(db.shop_scope(world.ours.id)):
        customer = await Customer.all().only("id", "name", "status").get()
        lines = await OrderLine.all().values("id", "net_minor")
    assert customer.name == "ours"
    assert [line["net_minor"] for line in lines] == [10_500]
    for secret in ("email", "password_hash"):
        with pytest.raises(OperationalError, match="permission denied"):
            async with db.transaction(db.shop_scope(world.ours.id)):
                await Customer.all().values(secret)


async def test_the_orm_sees_nothing_outside_a_transaction(world: TwoTenants) -> None:
    for model in (Category, Customer, Tenant):
        with pytest.raises(db.NoTransaction):
            await model.all()


async def test_a_ledger_header_is_written_by_its_model_and_entries_are_numbered_by_the_database(
    database: Settings,
) -> None:
    async with db.transaction(db.core_scope()):
        accounts = [
            await LedgerAccount.create(id=new_id(), code=code, currency="CNY")
            for code in ("A:GATEWAY:STRIPE", "L:ESCROW")
        ]
        header = await LedgerTransaction.create(kind="TEST", idempotency_key="once")
        first, second = await db.fetch(
            """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
               select $1, account_id, minor, 'CNY'
               from unnest($2::uuid[], $3::bigint[]) as line (account_id, minor)
               returning id, written_by""",
            header.id,
            [account.id for account in accounts],
            [100, -100],
        )
    assert first["written_by"] == second["written_by"] == header.written_by
    assert first["id"] < second["id"]
