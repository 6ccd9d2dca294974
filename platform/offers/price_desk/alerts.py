"""Whose price is broken: found by a sweep that follows the catalogue's versions.

A price that breaks a guard is hidden, whoever changed what. Whose level broke hears of it here: the
shop for its own retail price, the parent for what it charges a direct child. Nobody else does, and
no amount is told. The sweep looks at a shop again when something on its path has changed, portion
by portion; where it stopped is a row, so another process may go on. An alert closes by itself when
the price is whole again, or the goods are not for sale there any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import cursors, db, valkey
from kernel.ids import new_id
from offers.price_desk.evaluation import Ground, ground_of
from offers.price_desk.goods import DeskSku, Portion, Touched, read_portion
from tenants.directory import Shop, shop_by_id
from tenants.pricing import Broken, Guard
from tenants.versions import version_of_shop

SHOPS_AT_ONCE: Final = 20
SKUS_AT_ONCE: Final = 500
NEWS_SHOWN: Final = 100
_ABOUT: Final = "price alerts"
_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=(1 << 128) - 1)
_WORKER: Final = "follow the prices of every shop whose catalogue has changed"

# Who was never looked at comes first, then who has waited longest. A look that is under way has a
# place, so one that was given up is found again; two workers at one shop do no harm (`_TAKE`).
_CLAIM: Final = f"""
insert into price_looks (shop_id, version, after_sku_id)
select shop_id, version, $2 from (
    select t.id as shop_id, {version_of_shop("t.path")} as version
    from tenants t where t.status <> 'CLOSED'
) as now
left join lateral (select look.version as seen, look.after_sku_id, look.looked_at
                   from price_looks look where look.shop_id = now.shop_id) as last on true
where last.seen is distinct from now.version or last.after_sku_id is not null
order by last.looked_at nulls first, shop_id limit $1
on conflict (shop_id) do update set
    version = excluded.version, looked_at = platform_now(),
    after_sku_id = case when price_looks.version = excluded.version
                        then coalesce(price_looks.after_sku_id, $2) else $2 end
returning shop_id, version, after_sku_id"""
_ONE_CLAIMS: Final = 0x616C657274
"""Claims stand in a line: each would lock the shops of the other in another order."""
# Whoever has looked at this place first writes what it has found; the other one nothing.
_TAKE: Final = """
update price_looks set after_sku_id = $4, looked_at = platform_now()
where shop_id = $1 and version = $2 and after_sku_id = $3"""
_BEGIN_ANEW: Final = """
update price_looks set version = version - 1 where shop_id = $1 and version = $2"""

# The same alert again changes nothing; the guard may be another one now.
_OPEN: Final = """
insert into price_alerts as known (tenant_id, id, shop_id, sku_id, guard)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[])
on conflict (shop_id, sku_id, tenant_id) where closed_at is null
do update set guard = excluded.guard where known.guard <> excluded.guard
returning tenant_id"""
_CLOSE: Final = """
update price_alerts set closed_at = platform_now()
where shop_id = $1 and closed_at is null and sku_id > $2 and sku_id <= $3
  and (tenant_id, sku_id) not in (select * from unnest($4::uuid[], $5::uuid[]))
returning tenant_id"""

_ALERTS: Final = """
select a.id, a.guard, a.opened_at, a.closed_at, s.code as sku_code, s.id as sku_id,
       case when a.shop_id <> a.tenant_id then shop.slug end as child_slug
from price_alerts a join skus s on s.id = a.sku_id join tenants shop on shop.id = a.shop_id
where a.tenant_id = $1 and ($2 or a.closed_at is null) and a.id > $3::uuid
order by a.id limit $4"""


@dataclass(frozen=True, slots=True)
class AlertView:
    """A price of the shop's own making that is hidden; `child_slug` where a child is charged it."""

    id: UUID
    guard: str
    opened_at: datetime
    closed_at: datetime | None
    sku_code: str
    sku_id: UUID
    child_slug: str | None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Some alerts of a shop, the oldest first."""

    alerts: tuple[AlertView, ...]
    has_next: bool
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Finding:
    """A broken price: whose doing it is, of which SKU, and the guard."""

    owner_id: UUID
    sku_id: UUID
    guard: Guard


def channel(tenant_id: UUID) -> str:
    """The name under which news of a shop's alerts go out."""
    return f"price-alerts:{tenant_id}"


async def follow_prices(shops: int = SHOPS_AT_ONCE) -> int:
    """Look at one portion of each of so many shops whose path has changed; returns how many."""
    async with db.transaction(db.every_tenant(reason=_WORKER)):
        await db.execute("select pg_advisory_xact_lock($1)", _ONE_CLAIMS)
        claimed = await db.fetch(_CLAIM, shops, _FIRST)
    for row in claimed:
        shop = await shop_by_id(row["shop_id"])
        assert shop is not None  # a tenant is never deleted
        await _look_at(shop, row["version"], row["after_sku_id"])
    return len(claimed)


async def _look_at(shop: Shop, version: int, after: UUID) -> None:
    portion = await read_portion(shop, Touched.all(), after=after, size=SKUS_AT_ONCE)
    ground = None if portion is None else await ground_of(shop, portion)
    findings = []
    if portion is not None and ground is not None:
        findings = [found for sku in portion.skus if (found := _finding(ground, sku)) is not None]
    is_last = portion is None or portion.is_last
    until = _LAST if portion is None or is_last else portion.last_sku_id
    async with db.transaction(db.every_tenant(reason=_WORKER)):
        if portion is not None and _moved(portion, version, ground):
            # Somebody changes prices just now: the next turn sees another version, and begins anew.
            await db.execute(_BEGIN_ANEW, shop.id, version)
            return
        if not await db.execute(_TAKE, shop.id, version, after, None if is_last else until):
            return
        told = await _write(shop, findings, after=after, until=until)
    for tenant_id in told:
        await valkey.announce(channel(tenant_id), "changed")


def _moved(portion: Portion, version: int, ground: Ground | None) -> bool:
    """Say whether the portion is of another version than was claimed."""
    return ground is None or sum(portion.versions) != version


def _finding(ground: Ground, sku: DeskSku) -> _Finding | None:
    """What is broken of a SKU that no offer of has a price; None where it is nobody's we tell."""
    broken: list[Broken] = []
    for offer in sku.offers:
        result = ground.retail(sku, offer)
        if not isinstance(result, Broken):
            return None
        broken.append(result)
    for one in broken:
        if one.level >= ground.own_level - 1:
            return _Finding(ground.levels[one.level].tenant_id, sku.id, one.guard)
    return None  # further up: who sells to the shop's parent is told of it there


async def _write(
    shop: Shop, findings: Sequence[_Finding], *, after: UUID, until: UUID
) -> set[UUID]:
    """Open and close alerts of a stretch of SKUs; returns whose have changed."""
    owners = [one.owner_id for one in findings]
    sku_ids = [one.sku_id for one in findings]
    closed = await db.fetch(_CLOSE, shop.id, after, until, owners, sku_ids)
    opened = await db.fetch(
        _OPEN,
        owners,
        [new_id() for _ in findings],
        [shop.id for _ in findings],
        sku_ids,
        [one.guard for one in findings],
    )
    return {row["tenant_id"] for row in (*closed, *opened)}


async def alerts_page(
    shop: Shop, *, closed: bool = False, first: int | None = None, after: str | None = None
) -> AlertPage:
    """A page of the shop's alerts, with those that are closed if they are wanted.

    Raises `Invalid` for a page size or cursor that is none.
    """
    size = cursors.page_size(first)
    seen = cursors.read(after, tenant_id=shop.id, about=_ABOUT)
    place = UUID(seen[0]) if seen else _FIRST
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _ALERTS, shop.id, closed, place, size + 1)
    alerts = tuple(AlertView(**row) for row in rows[:size])
    end = cursors.write([str(alerts[-1].id)], tenant_id=shop.id, about=_ABOUT) if alerts else None
    return AlertPage(alerts, len(rows) > size, end)


async def newest_alerts(shop: Shop, *, after_id: UUID = _FIRST) -> tuple[AlertView, ...]:
    """The open alerts of the shop that came after one, the oldest first, a hundred at most."""
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _ALERTS, shop.id, False, after_id, NEWS_SHOWN)
    return tuple(AlertView(**row) for row in rows)


async def forget_closed_alerts(limit: int = 1_000) -> int:
    """Delete alerts that were closed a month ago; returns how many."""
    async with db.transaction(db.every_tenant(reason="forget price alerts of a month ago")):
        return await db.execute(
            """delete from price_alerts where ctid in (
                   select ctid from price_alerts
                   where closed_at < platform_now() - interval '30 days' limit $1)""",
            limit,
        )
