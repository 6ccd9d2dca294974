"""The shelf: SKUs of one shop with price, stock and the offers behind them.

`Offer` and `ShelfSku` may be shown to a buyer. `Sourcing` is what stands behind an offer (costs
down the path, supplier, commission); it goes to the order that freezes it and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from billing.payment_methods import dearest_fee_bp
from kernel import db
from kernel.log import get_logger
from kernel.settings import settings
from tenants.directory import Shop
from tenants.price_books import path_levels
from tenants.pricing import Broken, PathLevel, Priced, PriceInputs, most_specific, price

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sourcing:
    """What an offer costs every level, and whose keys it sells. Never shown to a buyer."""

    supplier_listing_id: UUID
    supplier_id: UUID
    supplier_commission_bp: int
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One seller's offer of a SKU: what a piece costs the buyer, and how many there are."""

    id: UUID
    unit_price_minor: int
    stock: int
    warranty_hours: int


@dataclass(frozen=True, slots=True)
class ShelfSku:
    """One SKU as a shop sells it, its offers from the cheapest to the dearest."""

    id: UUID
    product_id: UUID
    row: Mapping[str, Any]
    currency: str
    offers: tuple[Offer, ...]
    sourcing: Mapping[UUID, Sourcing]

    @property
    def stock(self) -> int:
        """Pieces that one order can have: the largest single offer's."""
        return max(offer.stock for offer in self.offers)

    def offer_for(self, quantity: int, offer_id: UUID | None = None) -> Offer | None:
        """The buyer's choice, or the cheapest offer that covers the quantity."""
        if offer_id is not None:
            return next((offer for offer in self.offers if offer.id == offer_id), None)
        return next((offer for offer in self.offers if offer.stock >= quantity), None)

    @property
    def display_offer(self) -> Offer:
        """The offer whose price is shown: the cheapest that has a key, else the cheapest."""
        return self.offer_for(1) or self.offers[0]


_SKUS = """
select s.*, p.category_id, c.path as category_path, p.slug as product_slug,
       coalesce(own.title_override, '') as title_override,
       o.*, m.floor_minor, m.ceiling_minor,
       (select coalesce(max(rate_bp), 0) from affiliate_programs
        where tenant_id = $2 and status = 'ACTIVE') as worst_affiliate_bp
from skus s
join products p on p.id = s.product_id and p.status = 'ACTIVE'
join categories c on c.id = p.category_id
left join tenant_listings own on own.sku_id = s.id and own.tenant_id = $2
join lateral (
    select array_agg(l.id order by l.supply_price_minor, l.priority desc, l.id) as listing_ids,
           array_agg(l.supplier_id
                     order by l.supply_price_minor, l.priority desc, l.id) as supplier_ids,
           array_agg(u.commission_bp
                     order by l.supply_price_minor, l.priority desc, l.id) as commissions,
           array_agg(l.supply_price_minor
                     order by l.supply_price_minor, l.priority desc, l.id) as supply_prices,
           array_agg(l.warranty_hours
                     order by l.supply_price_minor, l.priority desc, l.id) as warranties,
           array_agg(l.min_retail_minor
                     order by l.supply_price_minor, l.priority desc, l.id) as min_retails,
           array_agg(l.max_retail_minor
                     order by l.supply_price_minor, l.priority desc, l.id) as max_retails,
           array_agg(free_keys(l.id, s.min_remaining_days, $4)
                     order by l.supply_price_minor, l.priority desc, l.id) as stocks
    from supplier_listings l join suppliers u on u.id = l.supplier_id and u.status = 'ACTIVE'
    where l.sku_id = s.id and l.status = 'ACTIVE' and l.currency = $3
) o on o.listing_ids is not null
left join lateral (
    select max(floor_minor) as floor_minor, min(ceiling_minor) as ceiling_minor
    from price_limits where sku_id = s.id and tenant_id = any ($1)
) m on true
where s.status = 'ACTIVE' and {which}
  and not exists (select 1 from tenant_listings hidden
                  where hidden.sku_id = s.id and not hidden.visible
                    and hidden.tenant_id = any ($1))
order by s.position, s.id
"""
_BY_PRODUCT = _SKUS.format(which="s.product_id = any ($5)")
_BY_SKU = _SKUS.format(which="s.id = any ($5)")


async def skus_of_products(shop: Shop, product_ids: Sequence[UUID]) -> dict[UUID, list[ShelfSku]]:
    """The SKUs that the shop sells of each product. Two statements, however many products."""
    shelf: dict[UUID, list[ShelfSku]] = {product_id: [] for product_id in product_ids}
    for sku in await _read(shop, _BY_PRODUCT, product_ids, stock_bound=settings().low_stock_bound):
        shelf[sku.product_id].append(sku)
    return shelf


async def skus_by_id(
    shop: Shop, sku_ids: Sequence[UUID], *, stock_bound: int
) -> dict[UUID, ShelfSku]:
    """The SKUs among these that the shop sells; stock is exact up to the bound."""
    return {sku.id: sku for sku in await _read(shop, _BY_SKU, sku_ids, stock_bound=stock_bound)}


async def _read(shop: Shop, sql: str, ids: Sequence[UUID], *, stock_bound: int) -> list[ShelfSku]:
    if not ids:
        return []
    rows = await db.fetch(sql, list(shop.path), shop.id, shop.currency, stock_bound, list(ids))
    levels = await path_levels(shop, sku_ids=[row["id"] for row in rows])
    fee_bp = dearest_fee_bp(shop.payment_methods)
    shelf = (_priced(shop, row, levels, fee_bp) for row in rows)
    return [sku for sku in shelf if sku.offers]


def _priced(
    shop: Shop, row: Mapping[str, Any], levels: tuple[PathLevel, ...], fee_bp: int
) -> ShelfSku:
    offers: list[Offer] = []
    sourcing: dict[UUID, Sourcing] = {}
    for index, listing_id in enumerate(row["listing_ids"]):
        result = _price_offer(row, index, levels, fee_bp)
        if isinstance(result, Broken):
            # One broken rule hides one offer, it never breaks the list. The log is the alert.
            log.warning(
                "price_hidden",
                tenant=shop.slug,
                sku=row["code"],
                guard=result.guard,
                level=result.level,
            )
            continue
        offers.append(
            Offer(
                listing_id,
                result.retail_minor,
                row["stocks"][index],
                row["warranties"][index],
            )
        )
        sourcing[listing_id] = Sourcing(
            listing_id, row["supplier_ids"][index], row["commissions"][index], result.costs
        )
    offers.sort(key=lambda offer: offer.unit_price_minor)
    return ShelfSku(row["id"], row["product_id"], row, shop.currency, tuple(offers), sourcing)


def _price_offer(
    row: Mapping[str, Any], index: int, levels: tuple[PathLevel, ...], fee_bp: int
) -> Priced | Broken:
    floors = (row["floor_minor"], row["min_retails"][index])
    ceilings = (row["ceiling_minor"], row["max_retails"][index])
    # The path is stored top first; the nearest category must be asked first.
    category_path = tuple(reversed(row["category_path"]))
    inputs = PriceInputs(
        sku_id=row["id"],
        category_path=category_path,
        face_value_minor=row["face_value_minor"],
        supply_price_minor=row["supply_prices"][index],
        levels=levels,
        floor_minor=max((floor for floor in floors if floor is not None), default=None),
        ceiling_minor=min((ceiling for ceiling in ceilings if ceiling is not None), default=None),
        worst_affiliate_bp=row["worst_affiliate_bp"],
        dearest_channel_fee_bp=fee_bp,
    )
    return price(replace(inputs, suggested_retail_minor=_suggested_retail(inputs)))


def _suggested_retail(inputs: PriceInputs) -> int | None:
    """What the parent's own shop asks; asked only where the shop has no rule of its own."""
    *above, shop = inputs.levels
    own = most_specific(shop.retail_rules, sku_id=inputs.sku_id, category_path=inputs.category_path)
    if own is not None or not above:
        return None
    parent = replace(inputs, levels=tuple(above), floor_minor=None, ceiling_minor=None)
    result = price(replace(parent, suggested_retail_minor=_suggested_retail(parent)))
    return result.retail_minor if isinstance(result, Priced) else None
