"""What a customer sees of the own points: how many, until when, and how they came and went."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import cursors, db
from promotions.points.arithmetic import PointsTerms
from promotions.points.purses import TERMS, terms_of
from tenants.directory import Shop

SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Balance:
    """A customer's points, and those of them that end within `SOON`."""

    terms: PointsTerms
    points: int
    ending_soon: int
    next_end_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of a lot."""

    at: datetime
    kind: str
    points: int
    order_no: str | None
    reason: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """A page of movements, the newest first."""

    rows: tuple[Entry, ...]
    cursors: tuple[str, ...]
    has_next: bool


_BALANCE: Final = f"""
select {TERMS}, coalesce(sum(lot.left_points), 0)::bigint as points,
       coalesce(sum(lot.left_points) filter (
           where lot.expires_at <= platform_now() + $2::interval), 0)::bigint as ending_soon,
       min(lot.expires_at) as next_end_at
from points_programs program
left join points_lots lot on lot.tenant_id = program.tenant_id and lot.customer_id = $1::uuid
     and lot.left_points > 0 and lot.expires_at > platform_now()
where program.tenant_id = current_tenant_id()
group by program.tenant_id
"""
_PAGE: Final = """
select move.number, move.moved_at, move.kind, move.points, orders.no as order_no, move.reason,
       lot.expires_at
from (select * from points_moves
      where tenant_id = current_tenant_id() and customer_id = $1::uuid
        and ($3::bigint is null or number < $3)
      order by number desc limit $2) as move
join points_lots lot on lot.tenant_id = move.tenant_id and lot.id = move.lot_id
left join orders on orders.id = move.order_id and orders.tenant_id = move.tenant_id
order by move.number desc
"""


async def balance_of(shop: Shop, customer_id: UUID) -> Balance | None:
    """A customer's points; None, and nothing asked, where the shop has no program."""
    if not shop.has_points:
        return None
    rows = await db.read(_scope(shop), _BALANCE, customer_id, SOON)
    if not rows:
        return None
    row = rows[0]
    return Balance(terms_of(row), row["points"], row["ending_soon"], row["next_end_at"])


async def entries_page(
    shop: Shop, customer_id: UUID, *, first: int | None, after: str | None
) -> EntriesPage:
    """A page of how a customer's points came and went; nothing is asked without a program."""
    size, about = cursors.page_size(first), f"points:{customer_id}"
    place = cursors.read(after, tenant_id=shop.id, about=about)
    if not shop.has_points:
        return EntriesPage((), (), has_next=False)
    rows = await db.read(_scope(shop), _PAGE, customer_id, size + 1, place[0] if place else None)
    shown = rows[:size]
    return EntriesPage(
        rows=tuple(Entry(*tuple(row)[1:]) for row in shown),
        cursors=tuple(
            cursors.write([row["number"]], tenant_id=shop.id, about=about) for row in shown
        ),
        has_next=len(rows) > size,
    )


def _scope(shop: Shop) -> db.Scope:
    return db.core_scope(shop.id, path=shop.path)
