"""What a customer has in points, and on which terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import db
from promotions.points.arithmetic import PointsTerms
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class Purse:
    """A customer's points that have not ended, under the shop's terms."""

    terms: PointsTerms
    balance: int


TERMS: Final = "is_on, earn_bp, point_minor, lasts_days, most_bp, least_points"
_PURSE: Final = f"""
select {TERMS},
       (select coalesce(sum(left_points), 0)::bigint from points_lots
        where tenant_id = program.tenant_id and customer_id = $1::uuid and left_points > 0
          and expires_at > platform_now()) as balance
from points_programs program where tenant_id = current_tenant_id()
"""


async def purse_of(shop: Shop, customer_id: UUID) -> Purse | None:
    """Read a customer's points in one statement; None, and nothing asked, where the shop has no
    program."""
    if not shop.has_points:
        return None
    rows = await db.read(db.core_scope(shop.id, path=shop.path), _PURSE, customer_id)
    return Purse(terms_of(rows[0]), rows[0]["balance"]) if rows else None


def terms_of(row: Mapping[str, Any]) -> PointsTerms:
    """The terms in a row that has the columns of `TERMS`."""
    return PointsTerms(**{name: row[name] for name in TERMS.split(", ")})
