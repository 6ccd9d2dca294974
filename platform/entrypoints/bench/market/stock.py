"""Keys in the pools: bulk ones made in the database, and a few that can really be opened.

A bulk key has a secret as long as a sealed one (64 bytes: nonce 12, salt 16, text 20, tag 16) and
its own fingerprint and commitment, all noise: holding, selling and delivering it costs what it
always costs, opening it would fail. The first
keys of each pool are sealed by the product itself (`sealed_keys.py`), so that a run can open some
of what it has sold.
"""

from collections.abc import Callable, Sequence
from typing import Final

import asyncpg

from entrypoints.bench.market.records import BenchSku
from kernel.clock import unix_milliseconds
from supply.position import pool_position

KEYS_PER_STATEMENT: Final = 100_000
KEYS_PER_MILLISECOND: Final = 16
"""So that their ids lie as close to each other as those of keys that were imported together."""

TABLES: Final = ("keys",)
"""Where the rows of a key stand."""

# By turns, as keys of many SKUs lie in a table that has been sold from for a while.
_KEYS: Final = """
insert into keys (id, batch_id, supplier_listing_id, sku_id, position, serial, secret,
                  secret_key_id, fingerprint, commitment)
select bench.time_id($6 + number / $7, number::text), batch_id, listing_id, sku_id, $5 | number,
       'S' || lpad(number::text, 12, '0'), sha256(int8send(~number)) || sha256(int8send(-number)),
       1, sha256(int8send(number)), sha256(int8send(number << 1))
from (select nextval('key_positions') as number, turn.*
      from (select listing_id, sku_id, batch_id
            from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[])
                 as wanted (listing_id, sku_id, batch_id, missing),
                 generate_series(1, missing) as nth
            order by nth, listing_id) as turn) as numbered
"""
_DROPPABLE: Final = """
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index
where indrelid::regclass::text = any ($1)
  and not exists (select from pg_constraint where conindid = indexrelid)
"""
_LEFT: Final = """
select listing.id, (select count(*) from (
    select from keys where supplier_listing_id = listing.id and status = 'AVAILABLE' limit $2) as k
) as keys
from unnest($1::uuid[]) as listing (id)
"""


async def restock(owner: asyncpg.Connection, skus: Sequence[BenchSku], *, keys_each: int) -> None:
    """Fill each SKU's pool up to `keys_each` keys that can be sold."""
    await _add(owner, skus, await _missing(owner, skus, keys_each))


async def fill_pools(
    owner: asyncpg.Connection,
    skus: Sequence[BenchSku],
    *,
    keys_each: int,
    say: Callable[[str], object],
) -> None:
    """Do the same by turns, in a database that nobody uses yet.

    Triggers and foreign keys are left out: what they would look up is what the rows are made of.
    Keys are indexed when all are there, which is several times faster for many; where a run was
    killed in between, the next one finds in `bench.indexes` what is missing.
    """
    await _index_again(owner)
    missing = await _missing(owner, skus, keys_each)
    await _drop_indexes(owner)
    await _fill(owner, skus, missing, say)
    await _index_again(owner)


async def _fill(
    owner: asyncpg.Connection,
    skus: Sequence[BenchSku],
    missing: list[int],
    say: Callable[[str], object],
) -> None:
    turn = max(1, KEYS_PER_STATEMENT // len(skus))
    total, added = sum(missing), 0
    while added < total:
        say(f"Data: {added:,} of {total:,} keys")
        now = [min(turn, number) for number in missing]
        async with owner.transaction():
            await owner.execute("set local session_replication_role = replica")
            await _add(owner, skus, now)
        missing = [number - part for number, part in zip(missing, now, strict=True)]
        added += sum(now)


async def _drop_indexes(owner: asyncpg.Connection) -> None:
    """Drop the indexes of the keys that no constraint needs, and note how to make them."""
    async with owner.transaction():
        rows = await owner.fetch(_DROPPABLE, TABLES)
        await owner.executemany("insert into bench.indexes values ($1)", [row[1:] for row in rows])
        for row in rows:
            await owner.execute(f"drop index {row['name']}")


async def _index_again(owner: asyncpg.Connection) -> None:
    """Make what `_drop_indexes` has dropped, now or in a run that was killed."""
    async with owner.transaction():
        await owner.execute("set local maintenance_work_mem = '256MB'")
        for row in await owner.fetch("delete from bench.indexes returning definition"):
            await owner.execute(row["definition"])


async def _missing(
    owner: asyncpg.Connection, skus: Sequence[BenchSku], keys_each: int
) -> list[int]:
    rows = await owner.fetch(_LEFT, [sku.listing_id for sku in skus], keys_each)
    left = {row["id"]: row["keys"] for row in rows}
    return [keys_each - left[sku.listing_id] for sku in skus]


async def _add(owner: asyncpg.Connection, skus: Sequence[BenchSku], missing: Sequence[int]) -> None:
    if not any(missing):
        return
    await owner.execute(
        _KEYS,
        [sku.listing_id for sku in skus],
        [sku.id for sku in skus],
        [sku.batch_id for sku in skus],
        list(missing),
        pool_position(expires_on_days=None, sequence=0),
        unix_milliseconds(),
        KEYS_PER_MILLISECOND,
    )
