"""Reading the shop: its categories and its products."""

from typing import TypedDict
from uuid import UUID

import strawberry

from catalog.queries import all_categories
from kernel.errors import Invalid
from kernel.ids import parse_id
from offers import catalogue
from offers.catalogue import Reading
from offers.statements import Detail
from schema.catalogue_types import (
    Category,
    Product,
    ProductConnection,
    ProductFilter,
    ProductSort,
    ProductWriter,
    category_type,
    product_connection,
)
from schema.context import Context, Info
from schema.look_ahead import Selected, selected
from schema.offer_types import OfferSort


@strawberry.type
class CatalogueQuery:
    """The public part of a shop."""

    @strawberry.field(description="All categories, parents first.", metadata={"assumed_size": 50})
    async def categories(self, info: Info) -> list[Category]:
        """List the category tree."""
        return [category_type(row, info.context) for row in await all_categories()]

    @strawberry.field(description="Products of the shop, a page at a time.")
    async def products(
        self,
        info: Info,
        filter: ProductFilter | None = None,
        sort: ProductSort = ProductSort.POSITION,
        first: int = 20,
        after: str | None = None,
    ) -> ProductConnection:
        """Read one page; prices and stock only if they are asked for."""
        context = info.context
        wanted = filter or ProductFilter()
        asked = selected(info)
        page = await catalogue.products(
            context.shop,
            category_slug=wanted.category_slug,
            ids=None if wanted.ids is None else [parse_id("prd", text) for text in wanted.ids],
            sort=sort.value,
            first=first,
            after=after,
            **_reading(asked.below("edges", "node"), context),
        )
        return product_connection(page, asked, context)

    @strawberry.field(description="One product by its slug or its id; null when not sold here.")
    async def product(
        self,
        info: Info,
        slug: str | None = None,
        id: strawberry.ID | None = None,
        offer_sort: OfferSort | None = None,
    ) -> Product | None:
        """Read one product with its SKUs, their offers from the cheapest on or as asked."""
        if (slug is None) == (id is None):
            raise Invalid("Ask for a product by its slug or by its id.", field="slug")
        context, asked = info.context, selected(info)
        found = await catalogue.product(
            context.shop,
            slug=slug,
            product_id=parse_id("prd", id, field="id") if id is not None else None,
            **_reading(asked, context),
        )
        if found is None:
            return None
        return ProductWriter(asked, context, offer_sort=offer_sort).write(found)


class _Reading(TypedDict):
    """How much of a product is read."""

    detail: Detail
    described: bool
    reading: Reading
    customer_id: UUID | None
    with_breaks: bool


def _reading(asked: Selected, context: Context) -> _Reading:
    """No price wanted, no price computed; no SKU wanted, none of its words read. Who has a token
    is shown what there is now, and a customer its own prices."""
    detail = Detail.PRODUCTS
    if asked.has("skus"):
        detail = Detail.SKUS
    elif asked.has("price") or asked.has("stock"):
        detail = Detail.PRICES
    reading = Reading.PUBLIC if context.caller is None else Reading.EXACT
    return {
        "detail": detail,
        "described": asked.has("description"),
        "reading": reading,
        "customer_id": context.customer_id,
        "with_breaks": asked.below("skus").has("quantityPrices"),
    }
