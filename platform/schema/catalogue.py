"""Reading the shop: itself, its categories and its products."""

from typing import Any
from uuid import UUID

import strawberry

from catalog.queries import all_categories
from kernel import db
from kernel.errors import Invalid
from kernel.ids import parse_id
from offers import catalogue, shelf
from offers.catalogue import ProductRow
from offers.shelf import ShelfSku
from schema.catalogue_types import (
    Category,
    Product,
    ProductConnection,
    ProductEdge,
    ProductFilter,
    ProductSort,
    Storefront,
    category_type,
    product_type,
)
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.payment_methods import offered_methods

_NEEDS_SHELF = {"price", "stock", "skus"}


@strawberry.type
class CatalogueQuery:
    """The public part of a shop."""

    @strawberry.field(description="The shop itself.")
    def storefront(self, info: Info) -> Storefront:
        """This function will describe the shop of the request."""
        shop = info.context.shop
        return Storefront(
            name=shop.name,
            locale=shop.locale,
            currency=shop.currency,
            support_contact=shop.support_contact,
            open=shop.open,
            payment_methods=offered_methods(info.context),
        )

    @strawberry.field(description="All categories, parents first.", metadata={"assumed_size": 50})
    async def categories(self, info: Info) -> list[Category]:
        """This function will list the category tree."""
        async with db.transaction(info.context.core(), read_only=True):
            rows = await all_categories()
        return [category_type(row, info.context) for row in rows]

    @strawberry.field(description="Products of the shop, a page at a time.")
    async def products(
        self,
        info: Info,
        filter: ProductFilter | None = None,
        sort: ProductSort = ProductSort.POSITION,
        first: int = 20,
        after: str | None = None,
    ) -> ProductConnection:
        """This function will read one page; prices and stock only if they are asked for."""
        context = info.context
        wanted = filter or ProductFilter()
        ids = None if wanted.ids is None else [parse_id("prd", text) for text in wanted.ids]
        async with db.transaction(context.core(), read_only=True):
            page = await catalogue.products(
                context.shop,
                category_slug=wanted.category_slug,
                ids=ids,
                sort=sort.value,
                first=first,
                after=after,
            )
            shelves = await _shelves(context, page.rows, _selected(info, "edges", "node"))
        edges = [
            ProductEdge(cursor=cursor, node=product_type(row, shelves.get(row.id, []), context))
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        return ProductConnection(
            edges=edges,
            page_info=PageInfo(
                has_next_page=page.has_next, end_cursor=page.cursors[-1] if edges else None
            ),
        )

    @strawberry.field(description="One product by its slug or its id; null when not sold here.")
    async def product(
        self, info: Info, slug: str | None = None, id: strawberry.ID | None = None
    ) -> Product | None:
        """This function will read one product with its SKUs."""
        if (slug is None) == (id is None):
            raise Invalid("Ask for a product by its slug or by its id.", field="slug")
        context = info.context
        product_id = parse_id("prd", id, field="id") if id is not None else None
        async with db.transaction(context.core(), read_only=True):
            row = await catalogue.product(context.shop, slug=slug, product_id=product_id)
            if row is None:
                return None
            shelves = await _shelves(context, (row,), _selected(info))
        return product_type(row, shelves.get(row.id, []), context)


async def _shelves(
    context: Context, rows: tuple[ProductRow, ...], selected: set[str]
) -> dict[UUID, list[ShelfSku]]:
    """No price wanted, no price computed."""
    if not selected & _NEEDS_SHELF:
        return {}
    return await shelf.skus_of_products(context.shop, [row.id for row in rows])


def _selected(info: Info, *path: str) -> set[str]:
    """The names of the fields that are selected below a path of this field."""
    fields: list[Any] = [
        selection for field in info.selected_fields for selection in field.selections
    ]
    for step in (*path, None):
        flat: list[Any] = []
        while fields:
            selection = fields.pop()
            inside = getattr(selection, "selections", [])
            is_field = hasattr(selection, "arguments")
            if is_field:
                flat.append(selection)
            else:
                fields.extend(inside)
        if step is None:
            return {selection.name for selection in flat}
        fields = [s for selection in flat if selection.name == step for s in selection.selections]
    return set()
