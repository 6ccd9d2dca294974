"""A shop's trade balance and its book, for showing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing import accounts
from kernel import cursors, db
from kernel.scope import Scope

_ABOUT = "trade ledger"


@dataclass(frozen=True, slots=True)
class TradeMove:
    """One movement: how much, and what the balance came to, in minor units."""

    kind: str
    amount_minor: int
    balance_minor: int
    currency: str
    moved_at: datetime
    order_no: str | None
    other_slug: str | None
    bank_reference: str | None


@dataclass(frozen=True, slots=True)
class TradePage:
    """A page of movements, the newest first."""

    rows: tuple[TradeMove, ...]
    cursors: tuple[str, ...]
    has_next: bool


_PAGE = """
select move.number, move.kind, move.amount_minor, move.balance_minor, move.currency, move.moved_at,
       orders.no as order_no, other.slug as other_slug, move.bank_reference
from (select * from trade_moves
      where tenant_id = $1 and ($3::bigint is null or number < $3)
      order by number desc limit $2) as move
left join orders on orders.id = move.order_id and orders.tenant_id = move.tenant_id
left join tenants other on other.id = move.other_tenant_id
order by move.number desc
"""


async def trade_page(
    scope: Scope, tenant_id: UUID, *, first: int | None, after: str | None
) -> TradePage:
    """A page of a shop's movements, in its core scope."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=tenant_id, about=_ABOUT)
    rows = await db.read(scope, _PAGE, tenant_id, size + 1, place[0] if place else None)
    shown = rows[:size]
    return TradePage(
        rows=tuple(TradeMove(*tuple(row)[1:]) for row in shown),
        cursors=tuple(
            cursors.write([row["number"]], tenant_id=tenant_id, about=_ABOUT) for row in shown
        ),
        has_next=len(rows) > size,
    )


@dataclass(frozen=True, slots=True)
class TradeBalance:
    """What the shop has prepaid, and below what it wants to be told (None: never). Minor units."""

    held_minor: int
    low_balance_minor: int | None


async def trade_balance(tenant_id: UUID, currency: str) -> TradeBalance:
    """A shop's trade balance. Needs a core transaction."""
    row = await db.fetch_row(
        """select -ledger_balance($1) as held_minor,
                  (select low_balance_minor from trade_settings where tenant_id = $2)""",
        accounts.trade(tenant_id, currency).id,
        tenant_id,
    )
    assert row is not None
    return TradeBalance(*row)


async def set_low_balance_threshold(tenant_id: UUID, threshold_minor: int | None) -> None:
    """Say below which balance the shop wants to be told; None for never."""
    await db.execute(
        """insert into trade_settings (tenant_id, low_balance_minor) values ($1, $2)
           on conflict (tenant_id) do update set low_balance_minor = excluded.low_balance_minor""",
        tenant_id,
        threshold_minor,
    )


@dataclass(frozen=True, slots=True)
class LowBalance:
    """The balance has gone below the shop's threshold: both as they were then, in minor units."""

    id: UUID
    threshold_minor: int
    balance_minor: int
    currency: str
    raised_at: datetime


async def newest_low_balance(scope: Scope, tenant_id: UUID) -> LowBalance | None:
    """The last time that the balance went below its threshold; None where it never did."""
    rows = await db.read(
        scope,
        """select id, threshold_minor, balance_minor, currency, raised_at from low_balance_alerts
           where tenant_id = $1 order by raised_at desc, id desc limit 1""",
        tenant_id,
    )
    return LowBalance(*rows[0]) if rows else None
