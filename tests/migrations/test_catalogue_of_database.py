"""What the .sql files declare stands in the database and is switched on.

The declarations are read from the files' text and compared with PostgreSQL's own catalogue, so a
constraint that a migration tool swallowed, or that somebody disabled, is noticed.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import migrations
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from two_tenants import insert, two_tenants

# The table classes (docs: one row-level policy each). Everything else is platform class.
TENANT_CLASS = {
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
    "affiliate_rates",
    "affiliate_links",
    "affiliate_clicks",
    "affiliate_days",
    "attributions",
    "affiliate_reviews",
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
    "trade_moves",
    "trade_settings",
    "low_balance_alerts",
    "webhook_endpoints",
    "outbox_events",
    "webhook_deliveries",
    "webhook_attempts",
    "webhook_alerts",
    "told_balances",
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
    "fast_refunds",
    "key_replacements",
    "points_lots",
    "points_moves",
    "earning_holds",
    "statement_files",
    "statement_chunks",
    "voucher_batches",
    "vouchers",
    "payout_events",
    "chargeback_liabilities",
    "disputes",
    "dispute_answers",
    "instalment_terms",
    "instalment_plans",
    "instalments",
    "instalment_payments",
    "instalment_lines",
}
PATH_CLASS = {
    "price_rules",
    "price_limits",
    "tenant_listings",
    "agent_grades",
    "promotions",
    "coupons",
    "coupon_payers",
    "coupon_codes",
}
PARTY_CLASS = {
    "line_shares",
    "manual_deliveries",
    "earnings",
    "payout_methods",
    "payouts",
    "deposit_top_ups",
    "deposit_holds",
    "dispute_charges",
}
DIRECTORY = {"tenants", "tenant_domains"}
FENCED = TENANT_CLASS | PATH_CLASS | PARTY_CLASS | DIRECTORY

# Rows that carry a tenant and are looked up before one is known; a shop has no privilege on them.
PLATFORM_WITH_TENANT = {
    "access_tokens",
    "payments",
    "refunds",
    "ledger_transactions",
    "audit_events",
    "resting_hosts",
    "deposit_standings",
}

# What a shop's transaction may do at all: read these tables whole, or these columns of them.
SHOP_READS_WHOLE = DIRECTORY | {
    "categories",
    "products",
    "skus",
    "affiliate_programs",
    "affiliates",
    "delivered_keys",
    "sandbox_clock",
    "storefronts",
    "storefront_texts",
    "storefront_contacts",
}
SHOP_READS_IN_PART = {
    "customers",
    "orders",
    "order_lines",
    "line_shares",
    "manual_deliveries",
    "earnings",
    "payout_methods",
    "payouts",
}

APPEND_ONLY = {
    "audit_events",
    "audit_seals",
    "chargeback_liabilities",
    "dispute_charges",
    "staff_events",
    "customer_tier_changes",
    "coupon_codes",
    "coupon_payers",
    "key_reveals",
    "manual_events",
    "tenant_events",
    "payment_events",
    "ledger_accounts",
    "ledger_transactions",
    "ledger_entries",
    "trade_moves",
    "low_balance_alerts",
    "points_moves",
    "payout_approvals",
    "payout_events",
    "deposit_top_ups",
    "bank_credits",
    "fx_rates",
}

_BODY = re.compile(r"\$\$.*?\$\$", re.S)
_COMMENT = re.compile(r"--[^\n]*")
_PARTS = {
    "c": re.compile(r"\bcheck\s*\("),
    "f": re.compile(r"\breferences\b"),
    "u": re.compile(r"\bunique\b"),
    "p": re.compile(r"\bprimary key\b"),
}
_KIND_BY_SUFFIX = {"check": "c", "fkey": "f", "key": "u", "pkey": "p"}


def _statements() -> list[str]:
    """Every statement of the history in order, without comments and function bodies."""
    files = sorted(Path(migrations.__file__).parent.glob("*.sql"))
    text = "".join(_COMMENT.sub("", file.read_text()) for file in files).lower()
    return [statement.strip() for statement in _BODY.sub("$$", text).split(";")]


def _declared_constraints() -> Counter[tuple[str, str]]:
    """How many constraints of each kind every table should have, after the whole history."""
    declared: Counter[tuple[str, str]] = Counter()
    for statement in _statements():
        if gone := re.match(r"drop table (\w+)", statement):
            for kind in _PARTS:
                del declared[gone[1], kind]
        elif moved := re.match(r"alter table (\w+) rename to (\w+)", statement):
            for kind in _PARTS:
                declared[moved[2], kind] = declared.pop((moved[1], kind), 0)
        elif found := re.match(r"(?:create|alter) table (\w+)(.*)", statement, re.S):
            table, definition = found.groups()
            for kind, pattern in _PARTS.items():
                declared[table, kind] += len(pattern.findall(definition))
            for dropped in re.findall(r"drop constraint (\w+)", definition):
                declared[table, _KIND_BY_SUFFIX[dropped.rpartition("_")[2]]] -= 1
    return +declared


def _declared_unique_indexes() -> set[str]:
    """Names of the unique indexes that stand at the end of the history."""
    standing: set[str] = set()
    for statement in _statements():
        if made := re.match(r"create unique index (\w+)", statement):
            standing.add(made[1])
        if dropped := re.match(r"drop index (\w+)", statement):
            standing.discard(dropped[1])
    return standing


def _declared_triggers() -> set[tuple[str, str]]:
    standing: set[tuple[str, str]] = set()
    for statement in _statements():
        if made := re.match(r"create (?:constraint )?trigger (\w+).*? on (\w+)", statement, re.S):
            standing.add((made[2], made[1]))
        if kept := re.match(r"call make_append_only\('(\w+)'\)", statement):
            standing |= {(kept[1], "append_only"), (kept[1], "never_emptied")}
        if watched := re.match(r"call watch_catalogue_table\('(\w+)'", statement):
            standing |= {
                (watched[1], f"catalogue_{event}")
                for event in ("insert", "update", "delete", "truncate")
            }
        if kept := re.match(r"call audit_decisions\('(\w+)'", statement):
            standing.add((kept[1], "audited"))
        if dropped := re.match(r"drop trigger (\w+) on (\w+)", statement):
            standing.discard((dropped[2], dropped[1]))
        if moved := re.match(r"alter table (\w+) rename to (\w+)", statement):
            standing = {(moved[2] if on == moved[1] else on, name) for on, name in standing}
        if gone := re.match(r"drop table (\w+)", statement):
            standing = {(on, name) for on, name in standing if on != gone[1]}
    return standing


@pytest.fixture
async def catalogue(template_database: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """The migrated database that tests clone, for reading its catalogue only."""
    url, name = template_database
    connection = await asyncpg.connect(url, database=name)
    yield connection
    await connection.close()


async def test_every_table_has_as_many_constraints_as_its_sql_declares(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select conrelid::regclass::text, contype::text, count(*) from pg_constraint
           where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'u', 'p')
             and conrelid not in (0, 'tortoise_migrations'::regclass)
           group by 1, 2"""
    )
    found = {(table, kind): count for table, kind, count in rows}
    assert found == dict(_declared_constraints())
    assert sum(found.values()) > 150


async def test_every_constraint_is_validated(catalogue: asyncpg.Connection) -> None:
    assert await catalogue.fetch("select conname from pg_constraint where not convalidated") == []


async def test_every_unique_index_of_the_sql_stands_and_is_valid(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select indexrelid::regclass::text as name from pg_index
           where indisunique and indisvalid and indisready and indislive
             and indrelid::regclass::text !~ 'pg_'"""
    )
    declared = _declared_unique_indexes()
    assert declared <= {row["name"] for row in rows}
    assert {"sealed_keys_fingerprint", "payments_one_success", "delivered_keys_live"} <= declared


async def test_every_trigger_of_the_sql_stands_and_is_enabled(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select tgrelid::regclass::text as table, tgname as name from pg_trigger
           where not tgisinternal and tgenabled = 'O'"""
    )
    assert {(row["table"], row["name"]) for row in rows} == _declared_triggers()


async def test_no_trigger_is_disabled_not_even_those_behind_foreign_keys(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch("select tgname from pg_trigger where tgenabled <> 'O'")
    assert rows == []


async def test_row_level_security_is_enabled_and_forced_on_every_fenced_table(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select relname, relrowsecurity, relforcerowsecurity from pg_class
           where relkind = 'r' and relnamespace = 'public'::regnamespace
             and (relrowsecurity or relforcerowsecurity)"""
    )
    assert {row["relname"] for row in rows} == FENCED
    assert all(row["relrowsecurity"] and row["relforcerowsecurity"] for row in rows)


async def test_a_table_that_carries_a_tenant_is_fenced_or_known_as_platform_class(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select table_name from information_schema.columns
           where table_schema = 'public' and column_name = 'tenant_id'"""
    )
    carrying = {row["table_name"] for row in rows}
    assert carrying == (FENCED - {"tenants"}) | PLATFORM_WITH_TENANT


async def test_every_fenced_table_has_the_policies_of_its_class(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select tablename, array_agg(policyname::text order by policyname) as names
           from pg_policies where schemaname = 'public' group by 1"""
    )
    expected = {
        **dict.fromkeys(TENANT_CLASS, ["lifted", "own_tenant"]),
        **dict.fromkeys(PARTY_CLASS, ["lifted", "own_party", "own_tenant"]),
        **dict.fromkeys(DIRECTORY, ["directory", "own_tenant"]),
    }
    found = {row["tablename"]: row["names"] for row in rows}
    assert {table: found[table] for table in expected} == expected
    for table in PATH_CLASS:
        assert {"lifted", "own_path"} <= set(found[table])


async def test_only_the_core_can_lift_the_fence(catalogue: asyncpg.Connection) -> None:
    rows = await catalogue.fetch(
        "select roles::text[] as roles from pg_policies where policyname in ('lifted', 'directory')"
    )
    assert rows
    assert all(row["roles"] == ["kameng_core"] for row in rows)


async def test_neither_role_passes_row_level_security_or_may_make_anything(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb
                        or rolreplication as mighty,
                  has_schema_privilege(rolname, 'public', 'create') as makes_tables,
                  exists (select from pg_auth_members where member = pg_roles.oid) as member
           from pg_roles where rolname like 'kameng\\_%' order by 1"""
    )
    assert [tuple(row) for row in rows] == [
        ("kameng_core", False, False, False),
        ("kameng_shop", False, False, False),
    ]


async def test_a_shop_reads_what_it_was_granted_and_writes_nothing(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select relname, has_table_privilege('kameng_shop', oid, 'select') as whole,
                  has_any_column_privilege('kameng_shop', oid, 'select') as part,
                  has_table_privilege('kameng_shop', oid, 'insert, update, delete, truncate')
                  or has_any_column_privilege('kameng_shop', oid, 'insert, update') as writes
           from pg_class
           where relkind in ('r', 'v', 'm') and relnamespace = 'public'::regnamespace"""
    )
    assert {row["relname"] for row in rows if row["whole"]} == SHOP_READS_WHOLE
    assert {row["relname"] for row in rows if row["part"] and not row["whole"]} == (
        SHOP_READS_IN_PART
    )
    assert [row["relname"] for row in rows if row["writes"]] == []


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("order_lines", {"supplier_listing_id"}),
        ("orders", {"path", "affiliate_id", "contact", "contact_key_id"}),
        ("customers", {"email", "email_index", "phone", "phone_index", "password_hash"}),
        ("line_shares", {"tenant_id", "line_id"}),
    ],
)
async def test_a_shop_does_not_read_what_stands_behind_a_sale_or_a_person(
    catalogue: asyncpg.Connection, table: str, columns: set[str]
) -> None:
    rows = await catalogue.fetch(
        """select attname from pg_attribute
           where attrelid = $1::regclass and attnum > 0 and not attisdropped
             and not has_column_privilege('kameng_shop', attrelid, attnum, 'select')""",
        table,
    )
    assert columns <= {row["attname"] for row in rows}


async def test_no_role_owns_a_table_and_everybody_else_has_no_privilege(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select relname from pg_class cross join lateral aclexplode(relacl) as granted
           where relnamespace = 'public'::regnamespace
             and (granted.grantee = 0 or pg_get_userbyid(relowner) like 'kameng\\_%')"""
    )
    assert rows == []


async def test_append_only_tables_are_those_that_a_trigger_keeps(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select tgrelid::regclass::text as table from pg_trigger
           where tgfoid = 'refuse_change'::regproc and tgtype & 2 = 2   -- before
             and tgtype & 8 = 8 and tgtype & 16 = 16                    -- delete, update"""
    )
    assert {row["table"] for row in rows} == APPEND_ONLY


async def _plant_ledger(owner: asyncpg.Connection) -> None:
    """One transaction of 1.00 between two accounts, and an event of a channel."""
    async with owner.transaction():
        accounts = [
            await insert(owner, "ledger_accounts", id=new_id(), code=code, currency="CNY")
            for code in ("A:GATEWAY:STRIPE", "L:ESCROW")
        ]
        header = await insert(
            owner, "ledger_transactions", id=new_id(), kind="TEST", idempotency_key="once"
        )
        await owner.execute(
            _ENTRIES, header["id"], [account["id"] for account in accounts], [100, -100], "CNY CNY"
        )
    await insert(
        owner, "payment_events", provider="stripe", event_id="evt_1", kind="x", effect="NOTHING"
    )
    await insert(owner, "bank_credits", bank_reference="bank", posting_id=header["id"])


async def test_append_only_tables_refuse_the_owner_too(owner: asyncpg.Connection) -> None:
    await two_tenants(owner)
    await _plant_ledger(owner)
    await owner.execute(
        """insert into audit_seals (sequence, event_number, hash)
           select 1, min(number), sha256('') from audit_events"""
    )
    await owner.execute(
        """insert into fx_rates (id, base, quote, value, source, taken_at, fresh_until, set_by)
           values ($1, 'USD', 'CNY', 7.1, 'a bank', now(), now() + interval '1 day', 'somebody')""",
        new_id(),
    )
    for table in APPEND_ONLY:
        before = await owner.fetch(f"select * from {table}")
        assert before, table
        column = list(before[0].keys())[1]  # the first may be the identity's own
        for change in (
            f"update {table} set {column} = {column}",
            f"delete from {table}",
            f"truncate {table} cascade",
        ):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await owner.execute(change)
        assert await owner.fetch(f"select * from {table}") == before


async def _accounts(owner: asyncpg.Connection) -> list[object]:
    return [row["id"] for row in await owner.fetch("select id from ledger_accounts")]


_HEADER = "insert into ledger_transactions (id, kind, idempotency_key) values ($1, 'TEST', $2)"
_ENTRIES = """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
              select $1, * from unnest($2::uuid[], $3::bigint[], string_to_array($4, ' '))"""


@pytest.mark.parametrize(
    ("amounts", "currencies"),
    [
        ([100], "CNY"),
        ([100, -99], "CNY CNY"),
        ([100, -100], "CNY EUR"),
    ],
    ids=["one side", "a difference of one", "two currencies"],
)
async def test_the_ledger_refuses_at_once_what_does_not_add_up_to_zero(
    database: Settings, owner: asyncpg.Connection, amounts: list[int], currencies: str
) -> None:
    await _plant_ledger(owner)
    accounts, header_id = await _accounts(owner), new_id()
    async with db.transaction(db.core_scope()):
        await db.execute(_HEADER, header_id, "twice")
        await db.execute(_ENTRIES, header_id, accounts, [7, -7], "CNY CNY")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction(db.core_scope()):
            header_id = new_id()
            await db.execute(_HEADER, header_id, "thrice")
            await db.execute(_ENTRIES, header_id, accounts[: len(amounts)], amounts, currencies)
    assert refused.value.constraint_name == "ledger_zero_sum"
    assert await owner.fetchval("select count(*) from ledger_transactions") == 2


async def test_the_ledger_refuses_at_commit_a_transaction_without_entries(
    database: Settings, owner: asyncpg.Connection
) -> None:
    reached_commit = False
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction(db.core_scope()):
            await db.execute(_HEADER, new_id(), "empty")
            reached_commit = True  # deferred: nothing was said before
    assert reached_commit
    assert refused.value.constraint_name == "ledger_zero_sum"


async def test_an_entry_cannot_be_added_to_an_older_transaction(
    database: Settings, owner: asyncpg.Connection
) -> None:
    await _plant_ledger(owner)
    header_id = await owner.fetchval("select id from ledger_transactions")
    accounts = await _accounts(owner)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction(db.core_scope()):
            await db.execute(_ENTRIES, header_id, accounts, [5, -5], "CNY CNY")
    assert refused.value.constraint_name == "ledger_zero_sum"
    assert await owner.fetchval("select count(*) from ledger_entries") == 2


async def test_an_entry_needs_a_header(database: Settings, owner: asyncpg.Connection) -> None:
    await _plant_ledger(owner)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction(db.core_scope()):
            await db.execute(_ENTRIES, new_id(), await _accounts(owner), [5, -5], "CNY CNY")
    assert refused.value.constraint_name == "ledger_zero_sum"


@pytest.mark.parametrize(("of_line", "amount_minor"), [(True, 1), (True, 10_500), (False, 10_500)])
async def test_shares_are_written_once_and_with_their_line(
    owner: asyncpg.Connection, *, of_line: bool, amount_minor: int
) -> None:
    tenants = await two_tenants(owner)
    share = tenants.ours.rows["line_shares"]
    another = {**share, "id": new_id(), "amount_minor": amount_minor}
    if not of_line:
        another["line_id"] = tenants.theirs.rows["line_shares"]["line_id"]
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await insert(owner, "line_shares", **another)
    assert refused.value.constraint_name == "line_shares_add_up"
    assert await owner.fetchval("select count(*) from line_shares") == 2


@pytest.mark.parametrize(
    ("currency", "amount_minor", "accepted"),
    [("CNY", 10_500, True), ("CNY", 10_499, False), ("CNY", 10_501, False), ("USD", 10_500, False)],
)
async def test_shares_are_their_lines_net_amount_in_its_currency(
    owner: asyncpg.Connection, *, currency: str, amount_minor: int, accepted: bool
) -> None:
    tenants = await two_tenants(owner)
    share = {**tenants.ours.rows["line_shares"], "currency": currency, "amount_minor": amount_minor}
    await owner.execute("delete from line_shares where id = $1", share["id"])
    if accepted:
        assert await insert(owner, "line_shares", **share)
        return
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await insert(owner, "line_shares", **share)
    assert refused.value.constraint_name == "line_shares_add_up"


async def test_what_the_shares_were_made_of_does_not_change(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select attname from pg_attribute
           where attrelid = 'order_lines'::regclass and attnum > 0 and not attisdropped
             and has_column_privilege('kameng_core', attrelid, attnum, 'update')"""
    )
    assert {row["attname"] for row in rows} == {
        "key_ids",
        "earned_points",  # taken away only: order_lines_points_transition
        "channel_fee_minor",
        "refunded_minor",
        "returned_quantity",
    }


@pytest.mark.parametrize("table", ["tenants", "skus", "supplier_listings"])
async def test_what_foreign_keys_do_not_hold_is_never_deleted(
    owner: asyncpg.Connection, table: str
) -> None:
    tenants = await two_tenants(owner)
    assert tenants
    before = await owner.fetchval(f"select count(*) from {table}")
    assert before
    with pytest.raises(asyncpg.RestrictViolationError):
        await owner.execute(f"delete from {table}")
    assert await owner.fetchval(f"select count(*) from {table}") == before


async def test_nobody_but_the_database_says_when_and_by_whom_a_posting_was_written(
    catalogue: asyncpg.Connection,
) -> None:
    rows = await catalogue.fetch(
        """select attrelid::regclass::text as table, attname as column from pg_attribute
           where attrelid in ('ledger_transactions'::regclass, 'ledger_entries'::regclass)
             and attnum > 0 and not attisdropped
             and not has_column_privilege('kameng_core', attrelid, attnum, 'insert')"""
    )
    assert {tuple(row) for row in rows} == {
        ("ledger_transactions", "posted_at"),
        ("ledger_transactions", "written_by"),
        ("ledger_entries", "id"),
        ("ledger_entries", "written_by"),
    }
