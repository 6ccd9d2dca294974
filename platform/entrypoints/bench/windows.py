"""What one window of the product cost, measured from outside."""

import asyncio
from dataclasses import dataclass

import asyncpg

from entrypoints.bench.children import Product
from entrypoints.bench.load.plan import LoadPlan, LoadResult
from entrypoints.bench.percentiles import percentile
from entrypoints.bench.proc import Spent, database_spent, group_spent
from entrypoints.bench.rows import Window
from kernel.clock import monotonic_seconds


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of the processor within a window, bytes of the server's log, and transactions of
    the database; the seconds are None for a database on another machine."""

    api_seconds: float
    db_seconds: float | None
    channel_seconds: float
    wal_bytes: int
    transactions: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """The meters at one moment."""

    api: Spent
    db: Spent | None
    channel: Spent
    wal_bytes: int
    transactions: int


async def read_costs(plan: LoadPlan, product: Product, owner: asyncpg.Connection) -> Costs:
    """Read the meters when the plan's window begins and when it ends."""
    await _until(plan.window_from_seconds)
    before = await _read(product, owner)
    await _until(plan.window_until_seconds)
    after = await _read(product, owner)
    known = after.db is not None and before.db is not None
    return Costs(
        api_seconds=after.api.since(before.api),
        db_seconds=after.db.since(before.db) if after.db and before.db and known else None,
        channel_seconds=after.channel.since(before.channel),
        wal_bytes=after.wal_bytes - before.wal_bytes,
        transactions=after.transactions - before.transactions,
    )


async def _read(product: Product, owner: asyncpg.Connection) -> _Reading:
    row = await owner.fetchrow(
        """select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as wal_bytes,
                  xact_commit + xact_rollback as transactions
           from pg_stat_database where datname = current_database()"""
    )
    group = product.channel_group
    return _Reading(
        api=group_spent(product.api_group),
        db=await database_spent(owner),
        channel=Spent({}) if group is None else group_spent(group),
        wal_bytes=row["wal_bytes"],
        transactions=row["transactions"],
    )


def window_of(loaded: LoadResult, costs: Costs, *, seconds: float) -> Window:
    """Put together what the load client and the meters say."""
    latencies = sorted(loaded.latencies_ms)
    return Window(
        operations=loaded.operations,
        errors=tuple(loaded.first_errors),
        seconds=seconds,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        p99_ms=percentile(latencies, 0.99),
        api_cpu_seconds=costs.api_seconds,
        db_cpu_seconds=costs.db_seconds,
        client_cpu_seconds=loaded.cpu_seconds,
        channel_cpu_seconds=costs.channel_seconds,
        wal_bytes=costs.wal_bytes,
        transactions=costs.transactions,
    )


async def _until(moment_seconds: float) -> None:
    await asyncio.sleep(max(0.0, moment_seconds - monotonic_seconds()))
