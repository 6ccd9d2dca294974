"""The workload `import`: a supplier's file through the product's own command.

An operation is a key, and the percentiles are those of whole files. The limit is COPY of the same
rows into the same two tables, indexes and foreign keys included: pgbench cannot copy.
"""

import asyncio
import io
import resource
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import orjson

from entrypoints.bench.children import command, product_environment, run_module, run_tool
from entrypoints.bench.context import Bench
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.proc import server_seconds
from entrypoints.bench.rows import Row, Window, row
from entrypoints.bench.sides import Side, prepare_sides
from entrypoints.bench.workloads import WORKLOADS
from entrypoints.verify import verify
from kernel.clock import monotonic_seconds

IMPORT_SECONDS: Final = 600.0
LIMIT: Final = "COPY of the same rows"
_BATCH: Final = {
    "sealed_keys": "select * from sealed_keys where batch_id = $1 order by fingerprint",
    "keys": """select keys.* from keys join sealed_keys sealed on sealed.id = keys.id
               where sealed.batch_id = $1 order by keys.position""",
}
"""A batch's rows in the order in which an import stores them."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the product asked of the database for a whole file."""

    statements: float
    round_trips: float
    batch_id: str


async def measure_import(bench: Bench, clients: int) -> Row:
    """Import a file in each round, and copy its like."""
    bench.say("import: databases")
    keys = bench.size.import_keys
    async with AsyncExitStack() as stack:
        sides = await prepare_sides(bench, WORKLOADS[0], clients, stack)
        other = sides.limit or sides.product
        counted = await _counted(bench, other)
        windows: list[Window] = []
        limits: list[float] = []
        for number in range(1, bench.timing.rounds + 1):
            if sides.limit is not None:
                bench.say(f"import: round {number}, limit")
                limits.append(await _copied(sides.limit.owner, counted.batch_id, keys))
            bench.say(f"import: round {number}, product")
            windows.append(await _imported(bench, sides.product))
        for breach in await verify(sides.product.url):
            raise BenchFailed(f"import: {breach.invariant} is broken: {breach.rows[0]}")
    return row(
        workload="import",
        clients=clients,
        windows=windows,
        limits=limits,
        statements=counted.statements / keys,
        round_trips=counted.round_trips / keys,
        limit=LIMIT,
    )


def _file(bench: Bench) -> Path:
    """A file of keys that nobody has had yet."""
    name = secrets.token_hex(6).upper()
    file = bench.logs / f"keys-{name}.txt"
    lines = (f"{name}-{number:08d}\n" for number in range(bench.size.import_keys))
    file.write_text("".join(lines), encoding="ascii")
    return file


async def _imported(bench: Bench, side: Side) -> Window:
    """One file through the command, its start included."""
    file = await asyncio.to_thread(_file, bench)
    environment = product_environment(bench.config, database_url=side.url, logs=bench.logs)
    words = command("keys", "import", str(file), "--listing", str(side.skus[0].listing_id))
    cpu, db_cpu = _children_seconds(), await server_seconds(side.owner)
    wal, began = await _wal_bytes(side.owner), monotonic_seconds()
    await run_tool(
        words, environment=environment, log_file=bench.logs / "import.log", seconds=IMPORT_SECONDS
    )
    seconds, db_cpu_after = monotonic_seconds() - began, await server_seconds(side.owner)
    stored = await side.owner.fetchval(
        "select accepted from key_batches order by created_at desc limit 1"
    )
    known = db_cpu is not None and db_cpu_after is not None
    return Window(
        operations=stored,
        errors=() if stored == bench.size.import_keys else (f"only {stored} keys were stored",),
        seconds=seconds,
        p50_ms=seconds * 1000,
        p95_ms=seconds * 1000,
        p99_ms=seconds * 1000,
        api_cpu_seconds=_children_seconds() - cpu,
        db_cpu_seconds=(db_cpu_after or 0.0) - (db_cpu or 0.0) if known else None,
        client_cpu_seconds=0.0,
        wal_bytes=await _wal_bytes(side.owner) - wal,
    )


async def _counted(bench: Bench, side: Side) -> _Counted:
    """Import a file in a process that counts its statements."""
    bench.say("import: counting the product's statements")
    logs = bench.logs
    plan, result = logs / "counting.json", logs / "counted.json"
    file = await asyncio.to_thread(_file, bench)
    listing = str(side.skus[0].listing_id)
    await asyncio.to_thread(plan.write_bytes, orjson.dumps({"file": str(file), "listing": listing}))
    await run_module(
        "entrypoints.bench.recording.counted_import",
        arguments=[plan, result],
        environment=product_environment(bench.config, database_url=side.url, logs=logs),
        log_file=logs / "counting.log",
        seconds=IMPORT_SECONDS,
    )
    return _Counted(**orjson.loads(await asyncio.to_thread(result.read_bytes)))


async def _copied(owner: asyncpg.Connection, batch_id: str, keys: int) -> float:
    """Keys a second of COPY of a batch that was stored before and is taken out first."""
    rows = {table: io.BytesIO() for table in _BATCH}
    for table, which in _BATCH.items():
        await owner.copy_from_query(which, batch_id, output=rows[table], format="binary")
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            "delete from keys where id in (select id from sealed_keys where batch_id = $1)",
            batch_id,
        )
        await owner.execute("delete from sealed_keys where batch_id = $1", batch_id)
    for copied in rows.values():
        copied.seek(0)
    began = monotonic_seconds()
    for table, copied in rows.items():
        await owner.copy_to_table(table, source=copied, format="binary")
    return keys / (monotonic_seconds() - began)


async def _wal_bytes(owner: asyncpg.Connection) -> int:
    written: int = await owner.fetchval(
        "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"
    )
    return written


def _children_seconds() -> float:
    """Seconds of the processor that all ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
