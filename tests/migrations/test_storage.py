"""How tables are stored is chosen, and stays chosen (docs/decisions/0030)."""

import asyncpg
import pytest

from kernel import db
from kernel.settings import Settings

pytestmark = pytest.mark.engines

INDEXES = {
    "delivered_keys": 4,  # one of them for keys that were replaced, and for nothing else
    "idempotency_records": 2,
    "keys": 3,
    "ledger_entries": 2,
    "ledger_transactions": 3,
    "line_shares": 3,  # one of them for commissions, and for nothing else
    "order_lines": 1,
    "orders": 9,  # two of them for what shops buy at cost, and for nothing else
    "payments": 6,
}
"""Of the tables that a sale writes, partial indexes included."""


async def test_tables_that_change_much_have_room_and_are_cleaned_often(
    owner: asyncpg.Connection,
) -> None:
    rows = await owner.fetch(
        """select relname, reloptions from pg_class
           where relkind = 'r' and relnamespace = 'public'::regnamespace
             and reloptions is not null"""
    )
    assert {row["relname"]: set(row["reloptions"]) for row in rows} == {
        "keys": {
            "fillfactor=85",
            "autovacuum_vacuum_scale_factor=0",
            "autovacuum_vacuum_threshold=5000",
            "autovacuum_vacuum_cost_delay=0",
        },
        "catalogue_versions": {"fillfactor=50"},
        "price_looks": {"fillfactor=50"},
        "price_imports": {"fillfactor=50"},
        "reconciliation_runs": {"fillfactor=50"},
    }


async def test_no_table_has_partitions(owner: asyncpg.Connection) -> None:
    assert await owner.fetchval("select count(*) from pg_class where relkind = 'p'") == 0


async def test_a_sale_writes_these_indexes_and_no_more(owner: asyncpg.Connection) -> None:
    """Each is an entry of a hundred bytes in the log for each row."""
    rows = await owner.fetch(
        """select tablename, count(*) as indexes from pg_indexes
           where schemaname = 'public' and tablename = any ($1) group by 1""",
        list(INDEXES),
    )
    assert {row["tablename"]: row["indexes"] for row in rows} == INDEXES


async def test_a_statement_keeps_one_plan(database: Settings) -> None:
    async with db.transaction(db.core_scope(), read_only=True):
        assert await db.fetch_value("show plan_cache_mode") == "force_generic_plan"
