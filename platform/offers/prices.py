"""One offer's price in one shop, out of what was read of both."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.payment_methods import dearest_fee_bp
from kernel.log import get_logger
from offers.statements import Row
from tenants.price_books import TenantBook
from tenants.pricing import Broken, PathLevel, Priced, PriceInputs, price, with_suggestions

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a path says of one SKU beside its rules, in minor units and basis points."""

    floor_minor: int | None
    ceiling_minor: int | None
    worst_affiliate_bp: int


def price_offer(
    row: Row, limits: Limits, books: tuple[TenantBook, ...], *, shop_slug: str
) -> Priced | Broken:
    """Compute a price. One broken rule hides one offer, it never breaks the list."""
    levels = tuple(book.level for book in books)
    result = _computed(row, limits, levels, books[-1].payment_methods)
    if isinstance(result, Broken):  # the log is the alert
        log.warning(
            "price_hidden",
            tenant=shop_slug,
            sku=row["code"],
            guard=result.guard,
            level=result.level,
        )
    return result


def _computed(
    row: Row, limits: Limits, levels: tuple[PathLevel, ...], payment_methods: Sequence[str]
) -> Priced | Broken:
    floors = (limits.floor_minor, row["min_retail_minor"])
    ceilings = (limits.ceiling_minor, row["max_retail_minor"])
    inputs = PriceInputs(
        sku_id=row["sku_id"],
        # The path is stored top first; the nearest category must be asked first.
        category_path=tuple(reversed(row["category_path"])),
        face_value_minor=row["face_value_minor"],
        supply_price_minor=row["supply_price_minor"],
        levels=levels,
        floor_minor=max((floor for floor in floors if floor is not None), default=None),
        ceiling_minor=min((ceiling for ceiling in ceilings if ceiling is not None), default=None),
        worst_affiliate_bp=limits.worst_affiliate_bp,
        dearest_channel_fee_bp=dearest_fee_bp(payment_methods),
    )
    return price(with_suggestions(inputs))
