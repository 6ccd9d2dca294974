"""The price rules of a whole path, laid out for `tenants.pricing` and kept while they are true.

What a tenant charges changes seldom and is asked for with every page, so each process keeps the
books of tenants that it has met. Whose rules change, or begin or end to be in force, gets another
version in the same instant (`versions.py`), and whoever reads a page reads the versions of its path
with it: a book of another version is read anew, and no book is older or newer than the page that it
prices. A tenant may have secret prices for thousands of customers, so these are books of their own.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from kernel import db
from kernel.flights import Flights
from kernel.turns import made_in_turns
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, Layer, PriceRule, Rounding, RuleKind, Scope
from tenants.versions import VERSION_OF_OWNER

MAX_RULES_KEPT: Final = 50_000
MAX_SECRETS_KEPT: Final = 10_000

_IN_FORCE = """({0}.starts_at is null or {0}.starts_at <= (select platform_now()))
  and ({0}.ends_at is null or {0}.ends_at > (select platform_now()))"""

BOOKS: Final = f"""
select asked.owner_id, {VERSION_OF_OWNER} as version, t.min_margin_minor, t.max_markup_bp,
       t.payment_methods, t.grade_id, t.cumulative_cap_bp, t.earning_depth, rule.*
from unnest($1::uuid[]) as asked (owner_id)
join tenants t on t.id = asked.owner_id
left join catalogue_versions known on known.owner_id = asked.owner_id
left join lateral (
    select r.id, r.audience, r.for_kind, r.for_id, r.scope, r.target_id, r.kind, r.value,
           r.rounding, r.unit_minor, r.min_quantity, p.starts_at as runs_since
    from price_rules r
    left join promotions p on p.tenant_id = r.tenant_id and p.id = r.promotion_id
    where r.tenant_id = asked.owner_id and r.for_kind <> 'CUSTOMER' and {_IN_FORCE.format("r")}
      and (r.promotion_id is null or (p.status = 'RUNNING' and {_IN_FORCE.format("p")}))
) as rule on true
offset 0
"""
"""What these tenants charge now, but for the secret prices of customers. Value: their ids. Its
`offset` keeps the fence that is put around it above all of it."""
SECRETS: Final = f"""
select {VERSION_OF_OWNER} as version, r.id, r.audience, r.for_kind, r.for_id, r.scope,
       r.target_id, r.kind, r.value, r.rounding, r.unit_minor, r.min_quantity, null as runs_since
from (select $1::uuid) as asked (owner_id)
left join catalogue_versions known on known.owner_id = asked.owner_id
left join price_rules r on r.tenant_id = asked.owner_id and r.customer_id = $2
     and {_IN_FORCE.format("r")}
offset 0
"""
"""The secret prices that a customer has at this moment. Values: the shop, and the customer."""

Concerns = tuple[Audience, ForKind, UUID | None]
"""For whom a layer of rules is. Those of all running promotions are one."""


@dataclass(frozen=True, slots=True, eq=False)
class TenantBook:
    """What one tenant charges and takes, at one version of the tenant.

    `cumulative_cap_bp` and `earning_depth` are the root's alone.
    """

    tenant_id: UUID
    version: int
    layers: Mapping[Concerns, Layer]
    grade_id: UUID | None
    min_margin_minor: int
    max_markup_bp: int | None
    payment_methods: tuple[str, ...]
    cumulative_cap_bp: int | None
    earning_depth: int | None
    rules: int


@dataclass(frozen=True, slots=True, eq=False)
class SecretBook:
    """One customer's secret prices, at one version of the shop."""

    version: int
    layer: Layer
    rules: int


class _Book(Protocol):
    @property
    def rules(self) -> int: ...


B = TypeVar("B", bound=_Book)


class _Shelf(Generic[B]):
    """The books that this process keeps; those not asked for longest go first."""

    def __init__(self) -> None:
        self._books: OrderedDict[UUID, B] = OrderedDict()
        self._rules = 0

    def get(self, of: UUID) -> B | None:
        """Give somebody's book, as one that was just asked for."""
        book = self._books.get(of)
        if book is not None:
            self._books.move_to_end(of)
        return book

    def keep(self, of: UUID, book: B, *, at_most: int) -> None:
        """Put a book in the place of the last one, within so many rules of all books.

        Even in place of a larger version: the database may have been restored to an earlier day.
        """
        before = self._books.pop(of, None)
        self._rules += book.rules - (before.rules if before is not None else 0)
        self._books[of] = book
        while self._rules > at_most:
            _, oldest = self._books.popitem(last=False)
            self._rules -= oldest.rules

    def clear(self) -> None:
        """Keep nothing."""
        self._books.clear()
        self._rules = 0


_kept: _Shelf[TenantBook] = _Shelf()
_secrets: _Shelf[SecretBook] = _Shelf()
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


async def secret_book(shop: Shop, customer_id: UUID, version: int) -> SecretBook | None:
    """A customer's secret prices in its shop, as they were at this version of the shop.

    None when the shop has changed something since. No statement when the process has the book.
    """
    known = _secrets.get(customer_id)
    if known is not None and known.version == version:
        return known
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, SECRETS, shop.id, customer_id)
    rules = [rule_of(shop.id, row) for row in rows if row["id"] is not None]
    book = SecretBook(rows[0]["version"], Layer.of(rules), len(rows))
    _secrets.keep(customer_id, book, at_most=MAX_SECRETS_KEPT)
    return book if book.version == version else None


def forget() -> None:
    """Empty the memory (tests)."""
    _kept.clear()
    _secrets.clear()


async def _read_once(shop: Shop, tenant_ids: tuple[UUID, ...]) -> dict[UUID, TenantBook]:
    """Read and keep. Who holds a connection waits for nobody: the other might wait for that."""
    if db.inside_transaction():
        return await _read(shop, tenant_ids)
    return await _reading.join(tenant_ids, lambda: _read(shop, tenant_ids))


async def _read(shop: Shop, tenant_ids: tuple[UUID, ...]) -> dict[UUID, TenantBook]:
    # Only a scope with the whole path sees every rule: a narrower one would leave empty books.
    scope = db.core_scope(shop.id, path=shop.path)
    rows_of: dict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in await db.read(scope, BOOKS, list(tenant_ids)):
        rows_of[row["owner_id"]].append(row)
    books = {tenant_id: await _book(tenant_id, rows) for tenant_id, rows in rows_of.items()}
    for tenant_id, book in books.items():
        _kept.keep(tenant_id, book, at_most=MAX_RULES_KEPT)
    return books


async def _book(tenant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> TenantBook:
    """One tenant's rows: its own columns in each, and a rule in each if it has any."""
    tenant = rows[0]
    written = (row for row in rows if row["id"] is not None)
    rules = await made_in_turns(lambda row: rule_of(tenant_id, row), written)
    return TenantBook(
        tenant_id=tenant_id,
        version=tenant["version"],
        layers=layers_of(rules),
        grade_id=tenant["grade_id"],
        min_margin_minor=tenant["min_margin_minor"],
        max_markup_bp=tenant["max_markup_bp"],
        payment_methods=tuple(tenant["payment_methods"]),
        cumulative_cap_bp=tenant["cumulative_cap_bp"],
        earning_depth=tenant["earning_depth"],
        rules=len(rows),
    )


def layers_of(rules: Iterable[PriceRule]) -> dict[Concerns, Layer]:
    """Lay one tenant's rules out by whom they are for."""
    concerned: dict[Concerns, list[PriceRule]] = defaultdict(list)
    for rule in rules:
        for_id = None if rule.for_kind is ForKind.PROMOTION else rule.for_id
        concerned[rule.audience, rule.for_kind, for_id].append(rule)
    return {concerns: Layer.of(found) for concerns, found in concerned.items()}


def rule_of(owner_id: UUID, row: Mapping[str, Any]) -> PriceRule:
    """Read a row of `price_rules` as the rule that it is; `runs_since` is its promotion's start."""
    return PriceRule(
        id=row["id"],
        owner_id=owner_id,
        audience=Audience(row["audience"]),
        scope=Scope(row["scope"]),
        target_id=row["target_id"],
        kind=RuleKind(row["kind"]),
        value=row["value"],
        rounding=Rounding(row["rounding"]),
        unit_minor=row["unit_minor"],
        for_kind=ForKind(row["for_kind"]),
        for_id=row["for_id"],
        min_quantity=row["min_quantity"],
        runs_since=row["runs_since"],
    )
