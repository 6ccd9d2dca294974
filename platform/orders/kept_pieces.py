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
        shop, wanted, stock_bound=_ANY_STOCK, customer_id=order.customer_id
    )
    of_few, of_all = (_piece_minor(skus.get(one), order, line) for one in wanted)
    if of_all is not None and (of_few is None or of_few > of_all):
        raise Invalid(
            "So few pieces cost more each: give back all of the line, or keep more of it.",
            field="quantity",
        )


def _piece_minor(sku: ShelfSku | None, order: Order, line: Line) -> int | None:
    """What a piece of the line's offer costs now whoever has paid; None where it is not sold."""
    if sku is None:
        return None
    listing_id = line.supplier_listing_id
    if order.at_cost:
        behind = sku.sourcing.get(listing_id)
        return None if behind is None else behind.costs[-1]
    return next((one.unit_price_minor for one in sku.offers if one.id == listing_id), None)
