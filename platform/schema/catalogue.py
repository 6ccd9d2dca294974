"""What a shop shows: itself, its categories, products, SKUs, prices, stock and offers.

No type here has a field that holds a cost or a supplier.
"""

from enum import Enum
from typing import Any
from uuid import UUID

import strawberry

from catalog.queries import CategoryRow, all_categories
from kernel import db
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from kernel.settings import settings
from offers import catalogue, shelf
from offers.catalogue import ProductRow
from offers.shelf import ShelfSku
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.money import Money, amount
from schema.payment_methods import PaymentMethodOption, offered_methods


@strawberry.type(description="The shop that answers at this address.")
class Storefront:
    """One tenant as its buyers see it."""

    name: str
    locale: str
    currency: str
    support_contact: str
    open: bool
    payment_methods: list[PaymentMethodOption]


@strawberry.type
class Category:
    """One category; `parentId` makes the tree."""

    id: strawberry.ID
    parent_id: strawberry.ID | None
    slug: str
    name: str


@strawberry.type(description="What one piece costs the buyer.")
class PriceView:
    """The price of the offer that is bought unless the buyer chooses another."""

    amount: Money


@strawberry.type(description="Pieces that can be bought now in one order.")
class StockView:
    """Exact up to a bound; `more` says that there are at least so many."""

    quantity: int
    more: bool


@strawberry.type(description="One seller's offer of a SKU. Sellers are not named.")
class Offer:
    """A price, a stock and how long the seller answers for a key."""

    id: strawberry.ID
    price: Money
    stock: StockView
    warranty_hours: int


@strawberry.enum
class DeliveryMode(Enum):
    """How goods reach the buyer; AUTO_KEY within seconds, the others are not sold yet."""

    AUTO_KEY = "AUTO_KEY"
    SHARED_KEY = "SHARED_KEY"
    DIRECT_TOPUP = "DIRECT_TOPUP"
    MANUAL = "MANUAL"
    PHYSICAL = "PHYSICAL"


@strawberry.type(description="One thing that can be bought: a card of one face value and region.")
class Sku:
    """A SKU with its rules, as this shop sells it."""

    id: strawberry.ID
    code: str
    name: str
    face_value: Money | None
    region: str
    delivery_mode: DeliveryMode
    scope_of_use: str
    validity_days: int | None
    usage_rules: list[str]
    redeem_steps: list[str]
    max_per_order: int
    price: PriceView
    stock: StockView
    offers: list[Offer]


@strawberry.type
class Product:
    """A product and the SKUs of it that this shop sells."""

    id: strawberry.ID
    slug: str
    name: str
    description: str
    platform: str
    category_id: strawberry.ID
    price: PriceView | None = strawberry.field(description="From: the cheapest SKU's price.")
    stock: StockView
    skus: list[Sku] = strawberry.field(metadata={"assumed_size": 5})


@strawberry.type
class ProductEdge:
    """A product and the cursor that continues after it."""

    cursor: str
    node: Product


@strawberry.type
class ProductConnection:
    """A page of products."""

    edges: list[ProductEdge]
    page_info: PageInfo


@strawberry.enum
class ProductSort(Enum):
    """The order of a list."""

    POSITION = "POSITION"
    NAME = "NAME"


@strawberry.input
class ProductFilter:
    """A category and all below it, or these ids."""

    category_slug: str | None = None
    ids: list[strawberry.ID] | None = None


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

    @strawberry.field(
        description="All categories, parents first.", metadata={"assumed_size": 50}
    )
    async def categories(self, info: Info) -> list[Category]:
        """This function will list the category tree."""
        async with db.transaction(info.context.core(), read_only=True):
            rows = await all_categories()
        return [_category(row, info.context) for row in rows]

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
            ProductEdge(cursor=cursor, node=_product(row, shelves.get(row.id, []), context))
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
        return _product(row, shelves.get(row.id, []), context)


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


def _category(row: CategoryRow, context: Context) -> Category:
    return Category(
        id=strawberry.ID(public_id("cat", row.id)),
        parent_id=strawberry.ID(public_id("cat", row.parent_id)) if row.parent_id else None,
        slug=row.slug,
        name=context.words(row.name_zh, row.name_en),
    )


def _product(row: ProductRow, skus: list[ShelfSku], context: Context) -> Product:
    shown = [_sku(sku, context) for sku in skus]
    cheapest = min(
        (sku.display_offer.unit_price_minor for sku in skus), default=None
    )
    return Product(
        id=strawberry.ID(public_id("prd", row.id)),
        slug=row.slug,
        name=context.words(row.name_zh, row.name_en),
        description=context.words(row.description_zh, row.description_en),
        platform=row.platform,
        category_id=strawberry.ID(public_id("cat", row.category_id)),
        price=None
        if cheapest is None
        else PriceView(amount=amount(cheapest, context.shop.currency)),
        stock=stock_view(max((sku.stock for sku in skus), default=0)),
        skus=shown,
    )


def stock_view(quantity: int) -> StockView:
    """This function will say how many there are, and whether that is only the bound."""
    return StockView(quantity=quantity, more=quantity >= settings().low_stock_bound)


def _sku(sku: ShelfSku, context: Context) -> Sku:
    row = sku.row
    return Sku(
        id=strawberry.ID(public_id("sku", sku.id)),
        code=row["code"],
        name=row["title_override"] or context.words(row["name_zh"], row["name_en"]),
        face_value=None
        if row["face_value_minor"] is None
        else amount(row["face_value_minor"], row["face_currency"]),
        region=row["region"],
        delivery_mode=DeliveryMode(row["delivery_mode"]),
        scope_of_use=context.words(row["scope_of_use_zh"], row["scope_of_use_en"]),
        validity_days=row["validity_days"],
        usage_rules=row["usage_rules_en" if context.english else "usage_rules_zh"],
        redeem_steps=row["redeem_steps_en" if context.english else "redeem_steps_zh"],
        max_per_order=row["max_per_order"],
        price=PriceView(amount=amount(sku.display_offer.unit_price_minor, sku.currency)),
        stock=stock_view(sku.stock),
        offers=[
            Offer(
                id=strawberry.ID(public_id("ofr", offer.id)),
                price=amount(offer.unit_price_minor, sku.currency),
                stock=stock_view(offer.stock),
                warranty_hours=offer.warranty_hours,
            )
            for offer in sku.offers
        ],
    )
