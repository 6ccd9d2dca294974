"""One offer's price in one shop for one buyer, out of what was read of all three."""

from dataclasses import dataclass

from billing.payment_methods import dearest_fee_bp
from kernel.log import get_logger
from kernel.money import payable_step_minor
from offers.statements import Row
from tenants.path_terms import PathTerms
from tenants.pricing import Broken, Priced, PriceInputs, price, with_suggestions

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a path says of one SKU beside its rules, in minor units and basis points."""

    floor_minor: int | None
    ceiling_minor: int | None
    worst_affiliate_bp: int
    net_floor_minor: int | None = None


def price_offer(
    row: Row, limits: Limits, terms: PathTerms, *, quantity: int = 1, shop_slug: str
) -> Priced | Broken:
    """Compute what a piece costs in a line of so many. One broken rule hides one offer, it never
    breaks the list."""
    result = price(with_suggestions(_inputs(row, limits, terms, quantity=quantity)))
    if isinstance(result, Broken):  # the log is the alert
        log.warning(
            "price_hidden",
            tenant=shop_slug,
            sku=row["code"],
            quantity=quantity,
            guard=result.guard,
            level=result.level,
        )
    return result


def _inputs(row: Row, limits: Limits, terms: PathTerms, *, quantity: int) -> PriceInputs:
    floors = (limits.floor_minor, row["min_retail_minor"])
    ceilings = (limits.ceiling_minor, row["max_retail_minor"])
    return PriceInputs(
        sku_id=row["sku_id"],
        # The path is stored top first; the nearest category must be asked first.
        category_path=tuple(reversed(row["category_path"])),
        # An offer is sold in the path's currency only.
        face_value_minor=(
            row["face_value_minor"] if row["face_currency"] == row["currency"] else None
        ),
        supply_price_minor=row["supply_price_minor"],
        levels=terms.levels,
        floor_minor=max((floor for floor in floors if floor is not None), default=None),
        ceiling_minor=min((ceiling for ceiling in ceilings if ceiling is not None), default=None),
        cumulative_cap_bp=terms.cumulative_cap_bp,
        worst_affiliate_bp=limits.worst_affiliate_bp,
        dearest_channel_fee_bp=dearest_fee_bp(terms.payment_methods),
        quantity=quantity,
        net_floor_minor=limits.net_floor_minor,
        earning_depth=terms.earning_depth,
        retail_step_minor=payable_step_minor(row["currency"]),
    )
