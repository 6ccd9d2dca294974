"""Sales that were made before: real ones of the product, copied in SQL as often as is wanted.

A copy has every row of its original in every table of a sale, with ids of its own, and a key of
its own; so the books of a database with copies in it are as sound as they were. Columns are read
from the catalogue: what a migration adds is copied, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from kernel.clock import unix_milliseconds
from supply.pool_heads import LOOK

SALES_PER_TRANSACTION: Final = 20_000

_OF_ORDER: Final = "in (select id from bench.originals)"
_OF_LINE: Final = f"in (select id from order_lines where order_id {_OF_ORDER})"


def _new(column: str) -> str:
    """An id of the copy, which follows from the original's and the copy's number."""
    return f"bench.time_id($3::bigint + n, o.{column}::text || ':' || n)"


_KEYS: Final = f"(select array_agg({_new('x').replace('o.x', 'x')}) from unnest(o.key_ids) as x)"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a sale: which rows are copied, what is new in a copy, what is left to defaults."""

    name: str
    which: str
    new: Mapping[str, str]
    left_out: tuple[str, ...] = ()


_TABLES: Final = (
    _Table(
        "orders",
        f"id {_OF_ORDER}",
        {
            "id": _new("id"),
            # Ten digits are too few for a hash: so a number, which is different for each.
            "no": "'K00000000-' || lpad(upper(to_hex(n * 1000 + o_rank)), 10, '0')",
        },
    ),
    _Table(
        "order_lines",
        f"order_id {_OF_ORDER}",
        {"id": _new("id"), "order_id": _new("order_id"), "key_ids": _KEYS},
    ),
    _Table(
        "line_shares",
        f"order_id {_OF_ORDER}",
        {"id": _new("id"), "order_id": _new("order_id"), "line_id": _new("line_id")},
    ),
    _Table(
        "payments",
        f"order_id {_OF_ORDER}",
        {"id": _new("id"), "order_id": _new("order_id"), "provider_ref": "o.provider_ref || n"},
    ),
    _Table(
        "idempotency_records",
        f"result_id {_OF_ORDER}",
        {"key": "o.key || ':' || n", "result_id": _new("result_id")},
    ),
    _Table(
        "ledger_transactions",
        f"order_id {_OF_ORDER}",
        {
            "id": _new("id"),
            "order_id": _new("order_id"),
            "idempotency_key": "o.idempotency_key || ':' || n",
        },
        left_out=("written_by",),
    ),
    _Table(
        "ledger_entries",
        f"transaction_id in (select id from ledger_transactions where order_id {_OF_ORDER})",
        {"transaction_id": _new("transaction_id")},
        left_out=("id", "written_by"),
    ),
    _Table(
        "sealed_keys",
        f"id in (select id from keys where held_by_line_id {_OF_LINE})",
        {
            "id": _new("id"),
            "line_number": "null::integer",
            "serial": "o.serial || ':' || n",
            "fingerprint": "sha256(uuid_send(o.id) || int8send(n))",
        },
    ),
    _Table(
        "keys",
        f"held_by_line_id {_OF_LINE}",
        {
            "id": _new("id"),
            # Before all others, in turn, as the pool has been sold from the head.
            "position": "o.position - 2000000000 + n",
            # Free at first: only a key that was free leaves a dead entry at the pool's head.
            "status": "'AVAILABLE'",
            "held_by_line_id": "null::uuid",
        },
    ),
    _Table(
        "delivered_keys",
        f"order_id {_OF_ORDER}",
        {
            "id": _new("id"),
            "order_id": _new("order_id"),
            "line_id": _new("line_id"),
            "key_id": _new("key_id"),
        },
    ),
)
_SELL: Final = f"""
update keys set status = 'SOLD', held_by_line_id = sold.line_id
from (select {_new("id")} as id, {_new("held_by_line_id")} as line_id
      from keys o, generate_series($1::bigint, $2::bigint) as n
      where o.held_by_line_id {_OF_LINE}) as sold
where keys.id = sold.id
"""


async def copy_sales(
    owner: asyncpg.Connection,
    originals: Sequence[UUID],
    *,
    sales: int,
    say: Callable[[str], object],
) -> None:
    """Copy delivered orders by turns until there are `sales` copies.

    The keys of the copies were free before they were sold, so that their pools have the dead
    entries that real sales leave. Triggers and foreign keys are left out, as in a restore.
    """
    await owner.execute("create table bench.originals (id uuid primary key, rank bigint)")
    await owner.executemany(
        "insert into bench.originals values ($1, $2)",
        [(one, rank) for rank, one in enumerate(originals)],
    )
    statements = [await _statement(owner, table) for table in _TABLES]
    each = -(-sales // len(originals))
    turn = max(1, SALES_PER_TRANSACTION // len(originals))
    first_ms = unix_milliseconds() - each - 1000
    for done in range(0, each, turn):
        say(f"Data: {done * len(originals):,} of {sales:,} sales")
        bounds = (done + 1, min(each, done + turn), first_ms)
        async with owner.transaction():
            await owner.execute("set local session_replication_role = replica")
            for statement in statements:
                await owner.execute(statement, *bounds)
        async with owner.transaction():  # another one: the keys were free for all to see
            await owner.execute("set local session_replication_role = replica")
            await owner.execute(_SELL, *bounds)
    await owner.execute("drop table bench.originals")
    # As the processes that had sold all that would have left it.
    await owner.executemany(
        LOOK,
        await owner.fetch(
            """select distinct keys.supplier_listing_id from keys
               join order_lines on order_lines.id = keys.held_by_line_id
               where order_lines.order_id = any ($1)""",
            list(originals),
        ),
    )


async def _statement(owner: asyncpg.Connection, table: _Table) -> str:
    """The statement that copies a table's rows; `n` numbers the copies."""
    rows = await owner.fetch(
        """select column_name as name from information_schema.columns
           where table_schema = 'public' and table_name = $1 and is_generated = 'NEVER'
           order by ordinal_position""",
        table.name,
    )
    columns = [row["name"] for row in rows if row["name"] not in table.left_out]
    values = [table.new.get(column, f"o.{column}") for column in columns]
    rank = "(select rank from bench.originals where id = o.id)"
    return f"""insert into {table.name} ({", ".join(columns)})
               select {", ".join(values).replace("o_rank", rank)}
               from {table.name} o, generate_series($1::bigint, $2::bigint) as n
               where o.{table.which} and $3::bigint is not null
               order by n"""
