"""The postings of a sale alone, as a script for pgbench: the limit of the workload `ledger`."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.recording.answered import ids_in
from entrypoints.bench.recording.scripts import Recorded

_ENTRIES = """
select posted.kind, posted.tenant_id, posted.id, entry.account_id, entry.amount_minor,
       entry.currency
from ledger_transactions posted
join ledger_entries entry on entry.transaction_id = posted.id
where posted.id = any ($1) order by entry.id
"""
_POST = """
with header as (
    insert into ledger_transactions (id, kind, idempotency_key, tenant_id)
    values ($1, $2, $3, $4)
)
insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
select $1, entry.*
from unnest($5::uuid[], $6::bigint[], $7::text[]) as entry (account_id, amount_minor, currency)
"""


async def postings_of(owner: asyncpg.Connection, statements: Sequence[Recorded]) -> list[Recorded]:
    """Give one statement that writes the same ledger rows as an operation did.

    Raises `BenchFailed` when the operation posted nothing.
    """
    used: list[UUID] = [one for statement in statements for one in ids_in(statement.values)]
    rows = await owner.fetch(_ENTRIES, used)
    if not rows:
        raise BenchFailed("the operation posts nothing")
    first = rows[0]
    values = (
        first["id"],
        first["kind"],
        f"sale:{first['id']}",
        first["tenant_id"],
        [row["account_id"] for row in rows],
        [row["amount_minor"] for row in rows],
        [row["currency"] for row in rows],
    )
    return [Recorded("begin"), Recorded(_POST, values), Recorded("commit")]
