"""An affiliate's own view of its program and earnings."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel import db


async def affiliate_by_id(affiliate_id: UUID) -> Mapping[str, Any] | None:
    """The affiliate with its program's rate; in a transaction of its shop."""
    return await db.fetch_row(
        """select a.code, a.name, p.rate_bp from affiliates a
           join affiliate_programs p on p.id = a.program_id
           where a.id = $1 and a.tenant_id = current_tenant_id()""",
        affiliate_id,
    )


async def earned_shares(affiliate_id: UUID, limit: int = 50) -> list[Mapping[str, Any]]:
    """The newest commissions, in a shop transaction of this party: it sees no other's share."""
    return await db.fetch(
        """select o.no, s.amount_minor, s.reversed_minor, s.currency, e.available_at,
                  case when s.reversed_minor = s.amount_minor then 'CANCELED'
                       when e.open_holds > 0 then 'HELD'
                       when e.matured_at is not null then 'AVAILABLE' else 'PENDING' end as state
           from line_shares s join orders o on o.id = s.order_id
           left join earnings e on (e.order_id, e.share_id) = (s.order_id, s.id)
           where s.party_id = $1 and o.fulfilment_status = 'DELIVERED'
           order by s.id desc limit $2""",
        affiliate_id,
        limit,
    )
