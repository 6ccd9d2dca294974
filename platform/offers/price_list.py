"""What one shop asks one class of buyers, at the versions of its path: computed once and kept."""

from collections.abc import Sequence

from offers.price_memory import Prices, prices_at
from offers.prices import Limits, price_offer
from offers.statements import Row
from tenants.directory import Shop
from tenants.path_terms import BuyerClass, PathTerms, path_terms
from tenants.pricing import Broken, Priced


class PriceList:
    """Prices of offers, by the rows that a page or a sale has read of them."""

    def __init__(self, shop: Shop, terms: PathTerms, prices: Prices) -> None:
        self._shop = shop
        self._terms = terms
        self._prices = prices

    def price(self, row: Row, *, quantity: int = 1) -> Priced | Broken:
        """Give the price of a piece of an offer in a line of so many."""
        reached = self._terms.reached_break(row["sku_id"], quantity)
        key = (row["listing_id"], reached)
        known = self._prices.get(key)
        if known is None:
            limits = Limits(
                row["floor_minor"],
                row["ceiling_minor"],
                row["worst_affiliate_bp"],
                row["net_floor_minor"],
            )
            known = self._prices[key] = price_offer(
                row, limits, self._terms, quantity=reached, shop_slug=self._shop.slug
            )
        return known

    def at_cost(self, row: Row, *, quantity: int = 1) -> Priced | None:
        """What a piece of an offer costs the shop itself, as its price; None where nobody above
        can sell it. What the shop makes of that cost for its buyers is no matter here."""
        costs = self.price(row, quantity=quantity).costs
        return Priced(costs, costs[-1]) if costs else None

    def breaks_on(self, row: Row) -> tuple[int, ...]:
        """The numbers of pieces, above one, from which on a SKU may cost something else."""
        return self._terms.breaks_on(row["sku_id"])


async def price_list(shop: Shop, versions: Sequence[int], buyer: BuyerClass) -> PriceList | None:
    """The prices of a shop for a class of buyers at these versions; None where they are history."""
    terms = await path_terms(shop, versions, buyer)
    if terms is None:
        return None
    return PriceList(shop, terms, prices_at((shop.id, buyer), versions))
