"""Which tenant a request is for: by its host, or by the API client's own tenant."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any
from uuid import UUID

from kernel import db
from kernel.clock import monotonic_seconds
from kernel.errors import Refusal
from tenants.life import TenantStatus
from tenants.versions import still_seconds, version_of_shop


class TenantRestricted(Refusal):
    """The shop does not do this in its state, or because of a shop above it."""

    code = "TENANT_RESTRICTED"


@dataclass(frozen=True, slots=True)
class PathTenant:
    """One level of a path."""

    id: UUID
    status: str


@dataclass(frozen=True, slots=True)
class Shop:
    """One tenant as a request sees it: its path from the root, its money, its language."""

    id: UUID
    slug: str
    name: str
    locale: str
    currency: str
    support_contact: str
    payment_methods: tuple[str, ...]
    host: str
    levels: tuple[PathTenant, ...]
    settlement_mode: str = "PLATFORM_COLLECT"
    open: bool = True
    """Whether orders were taken when the shop was read: `shop_closure` in the database."""
    version: int = 0
    """Of the shop's whole catalogue, when the shop was read: the sum over its path."""
    still_seconds: float = inf
    """For how long that version holds, unless somebody changes something: then prices begin or end
    by themselves."""
    is_heard: bool = False
    """Somebody on the path is told of orders."""
    ranks_customers: bool = False
    """Who buys here may come to another membership tier by it."""
    own_order: bool = False
    """The shop has given some of its goods places of their own."""
    has_points: bool = False
    """The shop has a program: its customers may have points."""

    @property
    def path(self) -> tuple[UUID, ...]:
        """The ids from the root down to this shop."""
        return tuple(level.id for level in self.levels)

    @property
    def status(self) -> TenantStatus:
        """Where the tenant is in its life."""
        return TenantStatus(self.levels[-1].status)

    @property
    def prepaid(self) -> bool:
        """True where buyers pay the shop itself, which buys at cost what it sells to them."""
        return self.settlement_mode == "PREPAID"

    def require_open(self) -> None:
        """Raise `TenantRestricted` unless this shop and every shop above it trade."""
        if not self.open:
            raise TenantRestricted("This shop does not take orders at the moment.")

    def require_collected(self) -> None:
        """Raise `TenantRestricted` unless the platform takes money from this shop's buyers."""
        self.require_open()
        if self.prepaid:
            raise TenantRestricted("This shop is paid outside of the platform.")


_SHOP = f"""
select t.id, t.slug, t.name, t.locale, t.currency, t.support_contact, t.payment_methods,
       t.settlement_mode, t.own_order, t.has_points,
       coalesce((select host from tenant_domains d
                 where d.tenant_id = t.id and d.is_primary), '') as host,
       array_agg(a.id order by a.depth) as ids,
       array_agg(a.status order by a.depth) as statuses,
       bool_or(a.hears_orders) as is_heard, t.ranks_customers,
       shop_closure(t.id, t.path) is null as open,
       {version_of_shop("t.path")} as version, {still_seconds("t.path")} as still_seconds
from tenants t join tenants a on a.id = any (t.path)
where t.id = {{which}}
group by t.id
"""
_BY_ID = _SHOP.format(which="$1")
_BY_HOST = _SHOP.format(
    which="(select tenant_id from tenant_domains where host = $1 and verified_at is not null)"
)

# A short memory: a change of status reaches every process within this time, and a
# checkout reads the row again inside its transaction. It ends where the shop's version does.
REMEMBER_SECONDS = 2.0
_remembered: dict[str | UUID, tuple[float, Shop | None]] = {}
"""Shops, and when they were read (monotonic seconds)."""
_changes_heard = 0
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


def host_name(header: str) -> str | None:
    """The host of a Host header: lower case, without port and trailing dot; None if it is none."""
    name, _, port = header.strip().lower().partition(":")
    name = name.removesuffix(".")
    if (port and not port.isdigit()) or _HOST.fullmatch(name) is None:
        return None
    return name


async def shop_by_host(header: str) -> Shop | None:
    """The shop that answers at this host; None for a host that is nobody's."""
    name = host_name(header)
    return await _recall(name, _BY_HOST) if name else None


async def shop_by_id(tenant_id: UUID) -> Shop | None:
    """The shop of a tenant, from the short memory."""
    return await _recall(tenant_id, _BY_ID)


async def current_shop(tenant_id: UUID) -> Shop:
    """The shop as it is now, read inside the open transaction."""
    row = await db.fetch_row(_BY_ID, tenant_id)
    assert row is not None
    return _shop(row)


async def catalogue_version(shop: Shop) -> int:
    """The version of the shop's catalogue as it is now."""
    [row] = await db.read(
        db.core_scope(),
        f"select {version_of_shop('$1::uuid[]')} as version",
        list(shop.path),
    )
    version: int = row["version"]
    return version


def forget() -> None:
    """Empty the short memory (tests, and after a change in this process)."""
    global _changes_heard
    _changes_heard += 1
    _remembered.clear()


def hear_change(owner: str) -> None:
    """Forget the shops whose catalogue has changed: an announcement of channel `catalogue`."""
    global _changes_heard
    if owner == "*":
        forget()
        return
    _changes_heard += 1
    changed = UUID(owner)
    for which, (_, shop) in list(_remembered.items()):
        if shop is None or changed in shop.path:
            del _remembered[which]


async def _recall(which: str | UUID, sql: str) -> Shop | None:
    known = _remembered.get(which)
    now = monotonic_seconds()
    if known is not None and now - known[0] < _still_seconds(known[1]):
        return known[1]
    heard_before = _changes_heard
    rows = await db.read(db.core_scope(), sql, which)
    shop = _shop(rows[0]) if rows else None
    if _changes_heard != heard_before:
        return shop  # perhaps from before a change that was announced meanwhile
    if len(_remembered) > 20_000:  # hosts come from strangers: the memory has a limit
        _remembered.clear()
    _remembered[which] = (now, shop)
    return shop


def _still_seconds(shop: Shop | None) -> float:
    """How long a shop may be remembered, from before it was read."""
    return REMEMBER_SECONDS if shop is None else min(REMEMBER_SECONDS, shop.still_seconds)


def _shop(row: Mapping[str, Any]) -> Shop:
    levels = zip(row["ids"], row["statuses"], strict=True)
    return Shop(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        locale=row["locale"],
        currency=row["currency"],
        support_contact=row["support_contact"],
        payment_methods=tuple(row["payment_methods"]),
        host=row["host"],
        levels=tuple(PathTenant(*level) for level in levels),
        settlement_mode=row["settlement_mode"],
        open=row["open"],
        version=row["version"],
        still_seconds=inf if row["still_seconds"] is None else row["still_seconds"],
        is_heard=row["is_heard"],
        ranks_customers=row["ranks_customers"],
        own_order=row["own_order"],
        has_points=row["has_points"],
    )
