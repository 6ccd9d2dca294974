"""What is kept of a line that was cheaper for being so many: it must still be so many.

Else whoever wants one piece orders a hundred at the price of a hundred, and gives 99 back unopened.
"""

from typing import Final

from kernel.errors import Invalid
from offers import shelf
from offers.shelf import ShelfSku
from orders.records import Line, Order
from tenants.directory import Shop

_ANY_STOCK: Final = 1


async def require_same_price(shop: Shop, order: Order, line: Line, *, kept: int) -> None:
    """Raise `Invalid` where so few pieces of the line's offer cost more each than all of it did.

    By the prices of now, for both numbers: what has become dearer as such, or is not sold any more,
    is no reason. In the shop's open core transaction.
    """
    if not 0 < kept < line.quantity:
        return
    wanted = [(line.sku_id, kept), (line.sku_id, line.quantity)]
    skus = await shelf.skus_by_id(
        shop,
        wanted,
        stock_bound=_ANY_STOCK,
        customer_id=order.customer_id,
        at_cost=order.at_cost,
    )
    of_few, of_all = (_piece_minor(skus.get(one), line) for one in wanted)
    if of_all is not None and (of_few is None or of_few > of_all):
        raise Invalid(
            "So few pieces cost more each: give back all of the line, or keep more of it.",
            field="quantity",
        )


def _piece_minor(sku: ShelfSku | None, line: Line) -> int | None:
    """What a piece of the line's offer costs now; None where it is not sold."""
    offers = () if sku is None else sku.offers
    ours = (one.unit_price_minor for one in offers if one.id == line.supplier_listing_id)
    return next(ours, None)
