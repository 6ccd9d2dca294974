"""An order as a message to a tenant's program shows it: what that tenant may know, and no more.

Read in the tenant's own scope and as its own party: row-level security keeps others' orders,
shares and costs away whatever a message asks for.
"""

from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.ids import public_id

_OWN: Final = """
select o.no, o.status, o.version, o.currency, o.total_minor, o.refunded_minor, o.created_at,
       o.expires_at, o.paid_at, o.delivered_at,
       array(select row(l.id, l.sku_id, l.quantity, l.unit_price_minor::bigint, l.net_minor::bigint,
                        l.refunded_minor, l.returned_quantity)
             from order_lines l where l.order_id = o.id order by l.id) as lines,
       (select coalesce(sum(s.amount_minor - s.reversed_minor), 0)::bigint from line_shares s
        where s.order_id = o.id and s.party_id = $2) as own_share_minor
from orders o where o.id = $1
"""
_OWN_SHARE: Final = """
select coalesce(sum(amount_minor - reversed_minor), 0)::bigint as own_share_minor
from line_shares where order_id = $1 and party_id = $2
"""


async def own_order(tenant_id: UUID, order_id: UUID) -> dict[str, Any] | None:
    """An order of the tenant's own shop, as it is now; amounts in minor units."""
    scope = db.shop_scope(tenant_id, party_id=tenant_id)
    rows = await db.read(scope, _OWN, order_id, tenant_id)
    if not rows:
        return None
    row = rows[0]
    return {
        "id": public_id("ord", order_id),
        "no": row["no"],
        "status": row["status"],
        "version": row["version"],
        "currency": row["currency"],
        "totalMinor": row["total_minor"],
        "refundedMinor": row["refunded_minor"],
        "ownShareMinor": row["own_share_minor"],
        "createdAt": row["created_at"],
        "expiresAt": row["expires_at"],
        "paidAt": row["paid_at"],
        "deliveredAt": row["delivered_at"],
        "lines": [_line(line) for line in row["lines"]],
    }


def _line(line: Any) -> dict[str, Any]:
    line_id, sku_id, quantity, unit_minor, net_minor, refunded_minor, returned = line
    return {
        "id": public_id("lin", line_id),
        "skuId": public_id("sku", sku_id),
        "quantity": quantity,
        "unitPriceMinor": unit_minor,
        "netMinor": net_minor,
        "refundedMinor": refunded_minor,
        "returnedQuantity": returned,
    }


async def own_share_minor(tenant_id: UUID, order_id: UUID) -> int:
    """What a tenant earns of an order in a shop below it, in minor units."""
    scope = db.shop_scope(tenant_id, party_id=tenant_id)
    [row] = await db.read(scope, _OWN_SHARE, order_id, tenant_id)
    share: int = row["own_share_minor"]
    return share
