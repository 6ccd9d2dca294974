"""When a party's pending money becomes available: reads behind the party's own fence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db

FORECAST_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Expected:
    """So much becomes available at that moment, in minor units, unless something stops it."""

    at: datetime
    amount_minor: int


async def next_available(shop_id: UUID, party_id: UUID, currency: str) -> Expected | None:
    """What becomes available next; None where nothing is waited for."""
    rows = await db.read(
        db.shop_scope(shop_id, party_id=party_id),
        """select available_at as at, sum(pending_minor)::bigint as amount_minor from earnings
           where party_id = $1 and currency = $2 and available_at > platform_now()
             and matured_at is null and open_holds = 0 and pending_minor > 0
           group by available_at order by available_at limit 1""",
        party_id,
        currency,
    )
    return Expected(**rows[0]) if rows else None


async def forecast(shop_id: UUID, party_id: UUID, currency: str) -> Sequence[Expected]:
    """What becomes available in the next days, by the beginning (UTC) of each that has any."""
    rows = await db.read(
        db.shop_scope(shop_id, party_id=party_id),
        """select date_trunc('day', available_at, 'UTC') as at,
                  sum(pending_minor)::bigint as amount_minor
           from earnings
           where party_id = $1 and currency = $2 and available_at > platform_now()
             and available_at <= platform_now() + make_interval(days => $3)
             and matured_at is null and open_holds = 0 and pending_minor > 0
           group by 1 order by 1 limit $3 + 1""",
        party_id,
        currency,
        FORECAST_DAYS,
    )
    return [Expected(**row) for row in rows]
