"""What an affiliate's links have brought: by day, by link, and in all, in one round trip.

It is read from days that were folded as the clicks and the orders came, so a year of a million
clicks is some thousand rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.money import BASIS_POINTS

MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Figures:
    """Clicks, and what came of them; amounts in minor units.

    `orders` are those that were paid, whatever became of them; `commission_minor` is what they
    promised, before refunds.
    """

    clicks: int
    unique_clicks: int
    orders: int
    paid_minor: int
    commission_minor: int

    @property
    def conversion_bp(self) -> int:
        """Orders of 10,000 unique clicks, rounded down."""
        return self.orders * BASIS_POINTS // self.unique_clicks if self.unique_clicks else 0

    @property
    def per_click_minor(self) -> int:
        """What a unique click has earned, in minor units, rounded down."""
        return self.commission_minor // self.unique_clicks if self.unique_clicks else 0


@dataclass(frozen=True, slots=True)
class OfDay:
    """What one day (UTC) has brought."""

    day: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class OfLink:
    """What a link has brought; without a link: the affiliate's own code, and whom it recruited."""

    link_id: UUID | None
    code: str | None
    sub_id: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """What came in a time: in all, day by day, and link by link, the best first."""

    total: Figures
    days: tuple[OfDay, ...]
    links: tuple[OfLink, ...]


_REPORT: Final = """
with folded as materialized (
    select day, link_id, clicks, unique_clicks, orders, paid_minor, commission_minor
    from affiliate_days
    where tenant_id = current_tenant_id() and affiliate_id = $1 and day between $2 and $3
)
select summed.*, link.code, coalesce(link.sub_id, '') as sub_id
from (select day, link_id, grouping(day) = 1 as all_days, grouping(link_id) = 1 as all_links,
             coalesce(sum(clicks), 0)::bigint as clicks,
             coalesce(sum(unique_clicks), 0)::bigint as unique_clicks,
             coalesce(sum(orders), 0)::bigint as orders,
             coalesce(sum(paid_minor), 0)::bigint as paid_minor,
             coalesce(sum(commission_minor), 0)::bigint as commission_minor
      from folded group by grouping sets ((), (day), (link_id))) as summed
left join affiliate_links link on link.id = summed.link_id
order by day, commission_minor desc, clicks desc, link_id
"""


async def report(*, tenant_id: UUID, affiliate_id: UUID, first: date, last: date) -> Report:
    """Read what came from the first day to the last. Raises `Invalid` for more than a year."""
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise Invalid(f"A report is of 1 to {MOST_DAYS} days.", field="from")
    rows = await db.read(db.core_scope(tenant_id), _REPORT, affiliate_id, first, last)
    (total,) = [row for row in rows if row["all_days"] and row["all_links"]]
    return Report(
        _figures(total),
        tuple(OfDay(row["day"], _figures(row)) for row in rows if not row["all_days"]),
        tuple(
            OfLink(row["link_id"], row["code"], row["sub_id"], _figures(row))
            for row in rows
            if not row["all_links"]
        ),
    )


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(**{name: row[name] for name in Figures.__dataclass_fields__})
