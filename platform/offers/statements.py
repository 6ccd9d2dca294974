"""The SQL of this room: a page of products with everything that stands on its shelf, at once.

One statement reads one moment: the products, their SKUs, the offers of each, what is in stock, and
the versions of the catalogue that the prices must be computed at. A row is an offer; a product or
SKU without one is a row of its own, with nulls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal

from exchange.rates import FRESH_RATES
from offers.counting import ENDING, pool
from offers.product_orders import Sort, ordered_products
from tenants.versions import VERSION_OF_OWNER, VERSIONS_OF_PATH

Row = Mapping[str, Any]
Filter = Literal["CATEGORY", "IDS", "SLUG", "ID"]


class Detail(Enum):
    """How much is wanted: which products there are and no more; the products without a shelf; with
    prices and stock; with SKUs and all their words."""

    PLACES = "PLACES"
    PRODUCTS = "PRODUCTS"
    PRICES = "PRICES"
    SKUS = "SKUS"


@dataclass(frozen=True, slots=True)
class PageShape:
    """What a page's statement is made of; two pages of one shape differ in their values only."""

    filters: tuple[Filter, ...] = ()
    sort: Sort = "POSITION"
    own_order: bool = False
    """True where the shop has places of its own for some products."""
    follows: bool = False
    """True for a page after a cursor."""
    described: bool = True
    """False where nobody reads the descriptions."""
    detail: Detail = Detail.SKUS
    signed_in: bool = False
    """True where a customer asks, whose prices may be others."""


# What makes a customer's `BuyerClass`. The fence says of which shop.
_CLASS_OF_CUSTOMER = """
(select tier_id from customers where id = {customer}) as tier_id,
exists (select from price_rules where customer_id = {customer}) as has_secret_prices
"""
# What is the platform's, and the same in every shop.
_GOODS = """
s.id as sku_id, s.product_id, s.code, s.face_value_minor, s.face_currency, s.min_remaining_days,
s.position as sku_position, c.path as category_path, l.id as listing_id, l.supplier_id,
u.commission_bp, l.supply_price_minor, l.currency, l.priority, l.warranty_hours, l.min_retail_minor,
l.max_retail_minor, l.by_hand
"""
_WORDS_OF_GOODS = """
s.name_zh as sku_name_zh, s.name_en as sku_name_en, s.region, s.delivery_mode,
s.scope_of_use_zh, s.scope_of_use_en, s.validity_days, s.usage_rules_zh, s.usage_rules_en,
s.redeem_steps_zh, s.redeem_steps_en, s.max_per_order, s.form_fields::text as form_fields,
s.manual_minutes
"""
_WORST_AFFILIATE = """
(select coalesce(max(rate_bp + second_bp + third_bp), 0) from affiliate_programs
 where tenant_id = {tenant} and status = 'ACTIVE') as worst_affiliate_bp
"""
_FIGURES = "figures.sold, figures.faults, figures.typical_seconds"
_ITS_FIGURES = "left join offer_figures figures on figures.listing_id = l.id"
_OFFER = f"""
{_GOODS}, limits.floor_minor, limits.net_floor_minor, limits.ceiling_minor, {_WORST_AFFILIATE},
pool.stock, pool.still_seconds
"""
_WORDS = f""", {_WORDS_OF_GOODS},
coalesce((select own.title_override from tenant_listings own
          where own.sku_id = s.id and own.tenant_id = {{tenant}}), '') as title_override
"""
_NOT_HIDDEN = """
not exists (select from tenant_listings hidden
            where hidden.sku_id = s.id and not hidden.visible and hidden.tenant_id = any ($1))
"""
_ON_SALE = f"""
{ENDING.format(days="s.min_remaining_days")}
join supplier_listings l on l.sku_id = s.id and l.status = 'ACTIVE'
join suppliers u on u.id = l.supplier_id and u.status = 'ACTIVE'
left join lateral (
    select max(floor_minor) as floor_minor, min(ceiling_minor) as ceiling_minor,
           max(floor_minor) filter (where applies_to = 'NET') as net_floor_minor
    from price_limits where sku_id = s.id and tenant_id = any ($1)
) as limits on true
{{places}}
{{pool}}
where s.status = 'ACTIVE' and {_NOT_HIDDEN}
"""
# From the cheapest supply to the dearest, as offers of one price are shown.
_ORDER: Final = "sku_position, sku_id, supply_price_minor, priority desc, listing_id"

# A product is shown when at least one of its SKUs is listed all the way down the path.
_LISTED = f"""
exists (select from skus s where s.product_id = p.id and s.status = 'ACTIVE'
        and exists (select from supplier_listings l
                    where l.sku_id = s.id and l.status = 'ACTIVE')
        and {_NOT_HIDDEN})
"""
_OF_CATEGORY = """
p.category_id in (select c.id from categories c join categories top on top.id = any (c.path)
                  where top.slug = {value})
"""
_FILTERS: Final[dict[Filter, str]] = {
    "CATEGORY": _OF_CATEGORY,
    "IDS": "p.id = any ({value}::uuid[])",
    "SLUG": "p.slug = {value}",
    "ID": "p.id = {value}::uuid",
}


@lru_cache(maxsize=200)
def page_statement(shape: PageShape) -> str:
    """The statement of a page. Its values in this order: the path, the number of products and one
    more, one for each filter, the two keys of the place if it follows one; then, for a shelf, the
    tenant, and the bound of the stock; for a customer, at last, the customer.

    The versions of the path stand in the first row, which is there even if no product is.
    """
    numbers = iter(range(3, 11))
    where = ["p.status = 'ACTIVE'", _LISTED]
    where += [_FILTERS[name].format(value=f"${next(numbers)}") for name in shape.filters]
    found = ordered_products(
        shape.sort,
        own_order=shape.own_order,
        described=shape.described,
        where=where,
        place=(f"${next(numbers)}", f"${next(numbers)}") if shape.follows else None,
    )
    shelf, order = "", ""
    if shape.detail in (Detail.PRICES, Detail.SKUS):
        tenant, bound = (f"${next(numbers)}" for _ in range(2))
        offer, its_figures = _OFFER.format(tenant=tenant), ""
        if shape.detail is Detail.SKUS:
            offer, its_figures = f"{offer}{_WORDS.format(tenant=tenant)}, {_FIGURES}", _ITS_FIGURES
        counted = pool(bound=f"{bound}::integer")
        shelf = f"""
            left join lateral (
                select {offer} from skus s join categories c on c.id = page.category_id
                {_ON_SALE.format(places=its_figures, pool=counted)}
                  and s.product_id = page.id and page.place < $2
            ) as shelf on true"""
        order = f", {_ORDER}"
    columns = "page.*, shelf.*" if shelf else "page.*"
    if shape.detail is Detail.PLACES:
        columns = "page.id, page.key"
    if shape.signed_in:
        columns = f"{_CLASS_OF_CUSTOMER.format(customer=f'${next(numbers)}')}, {columns}"
    return f"""
        select case when coalesce(page.place, 1) = 1 then {VERSIONS_OF_PATH} end as versions,
               {columns}
        from (select) as always
        left join (
            {found}
        ) as page (id, category_id, slug, name_zh, name_en, platform, position,
                   description_zh, description_en, key, place) on true {shelf}
        order by page.place{order}"""


_PLACES = """
left join unnest($5::uuid[], $6::bigint[]) as taken (listing_id, position)
     on taken.listing_id = l.id
"""
_POOL_FROM_PLACES = pool(bound="$3::integer", from_position="taken.position")
_SKUS_BY_ID: Final = f"""
select {VERSIONS_OF_PATH} as versions, (select platform_now()) as read_at, p.slug as product_slug,
       {(_OFFER + _WORDS).format(tenant="$2")} {{of_customer}}
from skus s join products p on p.id = s.product_id and p.status = 'ACTIVE'
join categories c on c.id = p.category_id
{_ON_SALE.format(places=_PLACES, pool=_POOL_FROM_PLACES)}
  and s.id = any ($4::uuid[])
order by {_ORDER}"""
SKUS_BY_ID: Final = _SKUS_BY_ID.format(of_customer="")
"""The shelf of these SKUs. Values: the path, the tenant, the bound of the stock, the
ids, and the listings of which it is known where keys were taken last, with these positions."""
SKUS_BY_ID_FOR_CUSTOMER: Final = _SKUS_BY_ID.format(
    of_customer=f", {_CLASS_OF_CUSTOMER.format(customer='$7')}"
)
"""The same with what makes a customer's class. One more value: the customer."""

GOODS: Final = f"""
select (select {VERSION_OF_OWNER} from catalogue_versions known
        where known.owner_id = platform_id()) as version,
       p.id, p.category_id, p.slug, p.name_zh, p.name_en, p.platform, p.position,
       p.description_zh, p.description_en, offered.*
from products p
left join lateral (
    select {_GOODS}, {_WORDS_OF_GOODS}, {_FIGURES}
    from skus s join categories c on c.id = p.category_id
    join supplier_listings l on l.sku_id = s.id and l.status = 'ACTIVE'
    join suppliers u on u.id = l.supplier_id and u.status = 'ACTIVE'
    {_ITS_FIGURES}
    where s.product_id = p.id and s.status = 'ACTIVE'
) as offered on true
where p.id = any ($1::uuid[]) and p.status = 'ACTIVE'
order by p.id, {_ORDER}"""
"""Everything that the platform says of these products, whatever shop shows them."""

OWN_TERMS: Final = f"""
select {VERSIONS_OF_PATH} as versions, {_WORST_AFFILIATE.format(tenant="$2")},
       {FRESH_RATES} as rates,
       array(select distinct sku_id from tenant_listings
             where not visible and tenant_id = any ($1)) as hidden,
       titled.sku_ids as titled, titled.titles, limited.sku_ids as limited, limited.floors,
       limited.ceilings
from (select array_agg(sku_id) as sku_ids, array_agg(title_override) as titles
      from tenant_listings where tenant_id = $2 and title_override <> '') as titled,
     (select array_agg(sku_id) as sku_ids, array_agg(floor_minor) as floors,
             array_agg(ceiling_minor) as ceilings
      from (select sku_id, max(floor_minor) as floor_minor, min(ceiling_minor) as ceiling_minor
            from price_limits where tenant_id = any ($1) group by sku_id) as limits) as limited
offset 0"""
"""What a shop and the shops above it say of the goods, but for their price rules; and the rates at
which foreign supplies are bought. Values: the path
and the tenant. Its `offset` keeps the fence that is put around it above all of it."""
