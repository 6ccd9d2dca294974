"""Why a price is what it is: the steps that made it, which add up to it, and coupons on top.

A shop sees its own cost as one step, what it makes of it for its buyers and its direct children,
and the limits that hold; nothing of how its cost came about. An operator sees the whole chain
(domain 2, "Who may see what").
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from offers import shelf
from offers.price_desk.discount_steps import discounted
from offers.price_desk.evaluation import ground_of
from offers.price_desk.goods import Touched, read_portion
from offers.price_desk.guarding import RestlessPrices
from offers.price_desk.levels import Buyer, Child, retail_book, wholesale_book
from offers.price_desk.own_rules import read_own_rules
from offers.price_desk.price_steps import Case, PriceExplanation, explained
from offers.quotes import MAX_QUANTITY
from promotions.coupons import Holder
from tenants.directory import Shop
from tenants.queries import child_of

_READ_AGAIN: Final = 3


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """For whom the price is explained: buyers of the shop, with coupons that they name, or one
    direct child."""

    child_slug: str | None = None
    tier_id: UUID | None = None
    customer_id: UUID | None = None
    coupon_codes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.child_slug is not None and self.coupon_codes:
            raise Invalid("A child buys at cost, without coupons.", field="couponCodes")


async def explain_price(
    shop: Shop,
    *,
    sku_id: UUID,
    quantity: int,
    view: Viewpoint,
    whole_chain: bool,
    ip: str | None = None,
) -> PriceExplanation:
    """Explain what one piece of a line costs a buyer or a direct child.

    `whole_chain` is for operators alone. Raises `NotFound` for a SKU, child, tier or customer that
    is not the shop's, `Invalid` for a quantity that no line has, and the refusal of a coupon that
    is not good for the line; codes that are guessed from one address are counted (`ip`).
    """
    if not 1 <= quantity <= MAX_QUANTITY:
        raise Invalid(f"A line has 1 to {MAX_QUANTITY} pieces.", field="quantity")
    child = None if view.child_slug is None else await _child(shop, view.child_slug)
    buyer = await _buyer(shop, view)
    offer_id = await _shown_offer(shop, sku_id, quantity, view)
    for _ in range(_READ_AGAIN):
        own = await read_own_rules(shop)
        portion = await read_portion(shop, Touched(sku_ids=frozenset({sku_id})))
        if portion is None or not portion.skus[0].offers:
            raise NotFound("There is no such SKU.", field="skuId")
        ground = await ground_of(shop, portion)
        if ground is None or portion.versions[-2] != own.version:
            continue
        [sku] = portion.skus
        offer = next((one for one in sku.offers if one["listing_id"] == offer_id), sku.offers[0])
        book = retail_book(own, buyer) if child is None else wholesale_book(own, child)
        case = Case(ground, sku, offer, quantity, book, child is not None, whole_chain)
        holder = Holder(view.customer_id, ip=ip)
        return await discounted(explained(case), case, view.coupon_codes, holder)
    raise RestlessPrices("The prices were changed meanwhile: try again.")


async def _shown_offer(shop: Shop, sku_id: UUID, quantity: int, view: Viewpoint) -> UUID | None:
    """The offer that the shop's page or a quote of so many pieces would take."""
    line = (sku_id, quantity)
    found = await shelf.skus_by_id(shop, [line], stock_bound=quantity, customer_id=view.customer_id)
    sku = found.get(line)
    return None if sku is None else (sku.offer_for(quantity) or sku.display_offer).id


async def _child(shop: Shop, slug: str) -> Child:
    child = await child_of(shop.id, slug)
    return Child(child.id, child.grade_id)


async def _buyer(shop: Shop, view: Viewpoint) -> Buyer:
    """Who buys: a stranger, somebody of a tier, or a customer with the tier that it has."""
    if view.tier_id is None and view.customer_id is None:
        return Buyer()
    [row] = await db.read(
        db.core_scope(shop.id, path=shop.path),
        """select (select id from membership_tiers
                   where tenant_id = $1 and id = $2 and retired_at is null) as tier_id,
                  (select id from customers where tenant_id = $1 and id = $3) as customer_id,
                  (select tier_id from customers where tenant_id = $1 and id = $3) as own_tier_id
           offset 0""",
        shop.id,
        view.tier_id,
        view.customer_id,
    )
    if view.customer_id is not None and row["customer_id"] is None:
        raise NotFound("There is no such customer.", field="customerId")
    if view.tier_id is not None and row["tier_id"] is None:
        raise NotFound("There is no such tier.", field="tierId")
    return Buyer(tier_id=row["tier_id"] or row["own_tier_id"], customer_id=row["customer_id"])
