"""Pages of products as one shop shows them, with what stands on their shelf."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from kernel import cursors, db
from kernel.errors import Invalid
from kernel.settings import settings
from offers.product_orders import Sort
from offers.remembered_pages import remembered_page
from offers.shelf import ProductRow, ShelfSku, key_of, read_shelf
from offers.statements import Detail, Filter, PageShape, Row, page_statement
from tenants.directory import Shop

MAX_IDS: Final = 100


class Reading(Enum):
    """For whom a page is read."""

    PUBLIC = "PUBLIC"
    """Stock may be known from a moment ago, until somebody announces that it has moved."""
    EXACT = "EXACT"
    """Stock that is scarce is counted now."""
    SOURCED = "SOURCED"
    """And what stands behind each offer is read with it."""


class _Asker(NamedTuple):
    """Who asks for a page, and what of it."""

    reading: Reading
    customer_id: UUID | None
    with_breaks: bool


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A page of products, and whether more follow."""

    rows: Sequence[ProductRow]
    has_next: bool
    tenant_id: UUID
    about: str

    def cursor(self, row: ProductRow) -> str:
        """Where a page begins that follows after this product. Signed: it costs something."""
        place = [row.key, str(row.id)]
        return cursors.write(place, tenant_id=self.tenant_id, about=self.about)

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last product; None on an empty page."""
        return self.cursor(self.rows[-1]) if self.rows else None


async def products(
    shop: Shop,
    *,
    category_slug: str | None = None,
    ids: Sequence[UUID] | None = None,
    sort: Sort = "POSITION",
    first: int | None = None,
    after: str | None = None,
    detail: Detail = Detail.SKUS,
    described: bool = True,
    reading: Reading = Reading.SOURCED,
    customer_id: UUID | None = None,
    with_breaks: bool = False,
) -> ProductPage:
    """A page of the shop's products: of a category and all below it, of these ids, or of all.

    At the prices of the customer who asks, else at everybody's; `with_breaks`, and with SKUs, also
    at those for more pieces than one. One statement, and others for what is not known. Raises
    `Invalid` for a page size or cursor that is none.
    """
    if ids is not None and len(ids) > MAX_IDS:
        raise Invalid(f"At most {MAX_IDS} ids.", field="ids")
    size = cursors.page_size(first)
    about = f"products:{sort}:{category_slug or ''}"
    place = cursors.read(after, tenant_id=shop.id, about=about)
    wanted: list[tuple[Filter, Any]] = []
    if category_slug is not None:
        wanted.append(("CATEGORY", category_slug))
    if ids is not None:
        wanted.append(("IDS", list(ids)))
    values = [value for _, value in wanted]
    if place is not None:
        values += [place[0], UUID(place[1])]
    shape = PageShape(
        filters=tuple(name for name, _ in wanted),
        sort=sort,
        own_order=shop.own_order and sort == "POSITION",
        follows=place is not None,
        described=described,
        detail=detail,
        signed_in=customer_id is not None,
    )
    asker = _Asker(reading, customer_id, with_breaks)
    found, has_next = await _read(shop, shape, values, asker, size=size)
    return ProductPage(found, has_next, shop.id, about)


async def product(
    shop: Shop,
    *,
    slug: str | None = None,
    product_id: UUID | None = None,
    detail: Detail = Detail.SKUS,
    described: bool = True,
    reading: Reading = Reading.SOURCED,
    customer_id: UUID | None = None,
    with_breaks: bool = False,
) -> ProductRow | None:
    """One product by slug or id, if the shop shows it, at the prices of a page (`products`).

    One statement, and others for what is not known.
    """
    wanted: tuple[Filter, Any] = ("SLUG", slug) if slug is not None else ("ID", product_id)
    shape = PageShape(
        filters=(wanted[0],),
        described=described,
        detail=detail,
        signed_in=customer_id is not None,
    )
    asker = _Asker(reading, customer_id, with_breaks)
    found, _ = await _read(shop, shape, [wanted[1]], asker, size=1)
    return found[0] if found else None


async def _read(
    shop: Shop, shape: PageShape, values: Sequence[Any], asker: _Asker, *, size: int
) -> tuple[list[ProductRow], bool]:
    """The products of a page, and whether more follow."""
    if shape.detail is Detail.PRODUCTS:
        scope = db.core_scope(shop.id, path=shop.path)
        statement = page_statement(replace(shape, signed_in=False))
        rows: Sequence[Row] = await db.read(scope, statement, list(shop.path), size + 1, *values)
        found = [ProductRow(row, (), key_of(row)) for row in rows if row["id"] is not None]
    else:
        if asker.reading is not Reading.SOURCED:
            remembered = await remembered_page(
                shop,
                shape,
                values,
                size=size,
                exact=asker.reading is Reading.EXACT,
                customer_id=asker.customer_id,
                with_breaks=asker.with_breaks,
            )
            if remembered is not None:
                return remembered
        found = await _read_whole(shop, shape, values, asker, size=size)
    return found[:size], len(found) > size


async def _read_whole(
    shop: Shop, shape: PageShape, values: Sequence[Any], asker: _Asker, *, size: int
) -> list[ProductRow]:
    """The products of a page with their shelf, and the one that tells that more follow."""
    rows, skus = await read_shelf(
        shop,
        page_statement(shape),
        *[list(shop.path), size + 1, *values, shop.id],
        settings().low_stock_bound,
        customer_id=asker.customer_id,
        with_breaks=asker.with_breaks,
    )
    shelves: dict[UUID, list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        shelves[sku.product_id].append(sku)
    firsts = {row["id"]: row for row in reversed(rows) if row["id"] is not None}
    return [
        ProductRow(row, shelves[product_id], key_of(row))
        for product_id, row in reversed(firsts.items())
    ]
