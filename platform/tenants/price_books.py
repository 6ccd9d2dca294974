"""The price rules of a whole path, laid out for `tenants.pricing` and kept while they are true.

What a tenant charges changes seldom and is asked for with every page, so each process keeps the
books of tenants that it has met. Whose rules change gets another version in the same transaction
(`catalogue_versions`), and whoever reads a page reads the versions of its path with it: a book of
another version is read anew, and no book is older or newer than the page that it prices.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.flights import Flights
from tenants.directory import Shop
from tenants.pricing import (
    Audience,
    PathLevel,
    PriceRule,
    Rounding,
    RuleBook,
    RuleKind,
    Scope,
)

MAX_RULES_KEPT: Final = 50_000

VERSIONS_OF_PATH: Final = """
(select array_agg(coalesce(known.version, 0) order by asked.place)
 from unnest($1::uuid[] || platform_id()) with ordinality as asked (owner_id, place)
 left join catalogue_versions known on known.owner_id = asked.owner_id)
"""
"""In a statement whose first value is a path: the version of each tenant on it, then the
platform's."""

_BOOKS = """
select asked.owner_id, coalesce(known.version, 0) as version, t.min_margin_minor, t.max_markup_bp,
       t.payment_methods, r.id, r.audience, r.scope, r.target_id, r.kind, r.value, r.rounding,
       r.unit_minor
from unnest($1::uuid[]) as asked (owner_id)
join tenants t on t.id = asked.owner_id
left join catalogue_versions known on known.owner_id = asked.owner_id
left join price_rules r on r.tenant_id = asked.owner_id and r.for_kind = 'EVERYONE'
     and r.min_quantity = 1 and r.starts_at is null and r.ends_at is null
"""


@dataclass(frozen=True, slots=True)
class TenantBook:
    """What one tenant's level of any path charges and takes, at one version of the tenant."""

    version: int
    level: PathLevel
    payment_methods: tuple[str, ...]
    rules: int


class _Shelf:
    """The books that this process keeps; those not asked for longest go first."""

    def __init__(self) -> None:
        self._books: OrderedDict[UUID, TenantBook] = OrderedDict()
        self._rules = 0

    def get(self, tenant_id: UUID) -> TenantBook | None:
        """Give a tenant's book, as one that was just asked for."""
        book = self._books.get(tenant_id)
        if book is not None:
            self._books.move_to_end(tenant_id)
        return book

    def keep(self, tenant_id: UUID, book: TenantBook) -> None:
        """Put a book in the place of the tenant's last one.

        Even in place of a larger version: the database may have been restored to an earlier day.
        """
        before = self._books.pop(tenant_id, None)
        self._rules += book.rules - (before.rules if before is not None else 0)
        self._books[tenant_id] = book
        while self._rules > MAX_RULES_KEPT:
            _, oldest = self._books.popitem(last=False)
            self._rules -= oldest.rules

    def clear(self) -> None:
        """Keep nothing."""
        self._books.clear()
        self._rules = 0


_kept = _Shelf()
_reading: Flights[tuple[UUID, ...], dict[UUID, TenantBook]] = Flights()


async def path_books(shop: Shop, versions: Sequence[int]) -> tuple[TenantBook, ...] | None:
    """The books from the root to the shop, exactly as they were at these versions.

    `versions` are those of the path, as `VERSIONS_OF_PATH` gives them. None when one of the
    tenants has changed something since: what was read with the versions must be read again.
    No statement when the process has the books; else one, in the shop's core scope.
    """
    wanted = dict(zip(shop.path, versions[:-1], strict=True))
    found = {tenant_id: book for tenant_id in wanted if (book := _kept.get(tenant_id)) is not None}
    missing = tuple(
        tenant_id
        for tenant_id, version in wanted.items()
        if tenant_id not in found or found[tenant_id].version != version
    )
    if missing:
        found |= await _read_once(shop, missing)
    books = tuple(found[tenant_id] for tenant_id in wanted)
    return books if [book.version for book in books] == list(wanted.values()) else None


def forget() -> None:
    """Empty the memory (tests)."""
    _kept.clear()


async def _read_once(shop: Shop, tenant_ids: tuple[UUID, ...]) -> dict[UUID, TenantBook]:
    """Read and keep. Who holds a connection waits for nobody: the other might wait for that."""
    if db.inside_transaction():
        return await _read(shop, tenant_ids)
    return await _reading.join(tenant_ids, lambda: _read(shop, tenant_ids))


async def _read(shop: Shop, tenant_ids: tuple[UUID, ...]) -> dict[UUID, TenantBook]:
    # Only a scope with the whole path sees every rule: a narrower one would leave empty books.
    scope = db.core_scope(shop.id, path=shop.path)
    rows_of: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await db.read(scope, _BOOKS, list(tenant_ids)):
        rows_of[row["owner_id"]].append(row)
    books = {tenant_id: _book(tenant_id, rows) for tenant_id, rows in rows_of.items()}
    for tenant_id, book in books.items():
        _kept.keep(tenant_id, book)
    return books


def _book(tenant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> TenantBook:
    """One tenant's rows: its own columns in each, and a rule in each if it has any."""
    rules: dict[str, list[PriceRule]] = defaultdict(list)
    for row in rows:
        if row["id"] is not None:
            rules[row["audience"]].append(_rule(row))
    tenant = rows[0]
    level = PathLevel(
        tenant_id=tenant_id,
        wholesale_rules=RuleBook.of(rules[Audience.WHOLESALE]),
        retail_rules=RuleBook.of(rules[Audience.RETAIL]),
        min_margin_minor=tenant["min_margin_minor"],
        max_markup_bp=tenant["max_markup_bp"],
    )
    return TenantBook(tenant["version"], level, tuple(tenant["payment_methods"]), len(rows))


def _rule(row: Mapping[str, Any]) -> PriceRule:
    return PriceRule(
        id=row["id"],
        owner_id=row["owner_id"],
        audience=Audience(row["audience"]),
        scope=Scope(row["scope"]),
        target_id=row["target_id"],
        kind=RuleKind(row["kind"]),
        value=row["value"],
        rounding=Rounding(row["rounding"]),
        unit_minor=row["unit_minor"],
    )
