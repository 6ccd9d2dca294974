"""What stands in the database, boiled down to numbers that change with any row."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

#: What a refused request may leave behind: attempts are counted so that nobody can guess on, and
#: when a program was last heard of is noted, whatever it has asked.
COUNTED = frozenset({"attempt_counters", "api_client_uses"})

_TABLES = """
select c.relname as name,
       exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
               and not a.attisdropped) as has_tenant
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind = 'r' order by c.relname
"""
_SUM = "select '{name}' as name, count(*), sum(hashtextextended(t::text, 0)::numeric) from {name} t"
#: Rows that belong to a tenant without saying so themselves.
_TENANTS_OTHER_ROWS = {
    "tenants": "t.id = $1",
    "keys": "t.held_by_line_id in (select id from order_lines where tenant_id = $1)",
    "sealed_keys": ("t.id in (select unnest(key_ids) from order_lines where tenant_id = $1)"),
    "ledger_entries": (
        "t.transaction_id in (select id from ledger_transactions where tenant_id = $1)"
    ),
    "payment_events": "t.payment_id in (select id from payments where tenant_id = $1)",
}

Checksum = dict[str, tuple[int, int]]


class Witness:
    """Looks at the tables as the owner, who sees every row."""

    def __init__(self, owner: asyncpg.Connection, tables: list[asyncpg.Record]) -> None:
        self._owner = owner
        self._names = [row["name"] for row in tables]
        self._of_tenant = " union all ".join(
            f"{_SUM.format(name=row['name'])} where {which}"
            for row in tables
            if (which := _which(row["name"], row["has_tenant"]))
        )

    @classmethod
    async def of(cls, owner: asyncpg.Connection) -> "Witness":
        """Learn the tables."""
        return cls(owner, await owner.fetch(_TABLES))

    async def tenant(self, tenant_id: UUID) -> Checksum:
        """Sum up everything that is a tenant's."""
        return _by_name(await self._owner.fetch(self._of_tenant, tenant_id))

    async def everything(self, *, but: Collection[str] = COUNTED) -> Checksum:
        """Sum up every table but the named ones."""
        sums = (_SUM.format(name=name) for name in self._names if name not in but)
        return _by_name(await self._owner.fetch(" union all ".join(sums)))


def changed(before: Checksum, after: Checksum) -> set[str]:
    """Name the tables that are not as they were."""
    return {name for name in before | after if before.get(name) != after.get(name)}


def _which(name: str, has_tenant: bool) -> str | None:
    return _TENANTS_OTHER_ROWS.get(name) or ("t.tenant_id = $1" if has_tenant else None)


def _by_name(rows: list[asyncpg.Record]) -> Checksum:
    return {row[0]: (row[1], int(row[2] or 0)) for row in rows}
