"""Orders that an affiliate has brought, as it sees them: counted, and the newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db

_ABOUT: Final = "conversions"


@dataclass(frozen=True, slots=True)
class Conversion:
    """A paid order, by which rule it thanks the affiliate, and with how much; minor units.

    `commission_minor` is what was promised: what became of it is said by the commission's state.
    """

    order_id: UUID
    order_no: str
    rule: str
    link_id: UUID | None
    sub_id: str
    noted_at: datetime
    currency: str
    paid_minor: int
    commission_minor: int


@dataclass(frozen=True, slots=True)
class ConversionPage:
    """Some conversions, each with its cursor."""

    rows: tuple[Conversion, ...]
    cursors: tuple[str, ...]
    has_next: bool


_PAGE: Final = """
select attribution.order_id, orders.no as order_no, attribution.rule, link.id as link_id,
       coalesce(link.sub_id, '') as sub_id, attribution.noted_at, orders.currency,
       orders.total_minor as paid_minor,
       coalesce((select sum(share.amount_minor) from line_shares share
                 where share.order_id = orders.id and share.party_id = attribution.affiliate_id
                   and share.role = 'AFFILIATE'), 0)::bigint as commission_minor
from attributions attribution
join orders on (orders.id, orders.tenant_id) = (attribution.order_id, attribution.tenant_id)
    and orders.affiliate_id = attribution.affiliate_id and orders.payment_status = 'PAID'
left join affiliate_links link on link.id = attribution.link_id
where attribution.tenant_id = current_tenant_id() and attribution.affiliate_id = $1
  and attribution.noted_at is not null
  and ($2::timestamptz is null or (attribution.noted_at, attribution.order_id) < ($2, $3::uuid))
order by attribution.noted_at desc, attribution.order_id desc limit $4
"""


async def conversions(
    *, tenant_id: UUID, affiliate_id: UUID, first: int | None, after: str | None
) -> ConversionPage:
    """A page of an affiliate's conversions. Raises `Invalid` for a page size or cursor that is
    none."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=tenant_id, about=_ABOUT)
    rows = await db.read(
        db.core_scope(tenant_id),
        _PAGE,
        affiliate_id,
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_conversion(row) for row in rows[:size])
    marks = tuple(
        cursors.write(
            [one.noted_at.isoformat(), str(one.order_id)], tenant_id=tenant_id, about=_ABOUT
        )
        for one in shown
    )
    return ConversionPage(shown, marks, len(rows) > size)


async def newest_conversion(*, tenant_id: UUID, affiliate_id: UUID) -> Conversion | None:
    """The one that was counted last; None where there is none."""
    page = await conversions(tenant_id=tenant_id, affiliate_id=affiliate_id, first=1, after=None)
    return page.rows[0] if page.rows else None


def _conversion(row: Mapping[str, Any]) -> Conversion:
    return Conversion(**row)
