"""Pages of products as one shop shows them, with what stands on their shelf, in one statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import Invalid
from kernel.settings import settings
from offers.shelf import Row, ShelfSku, read_shelf
from offers.statements import Detail, Filter, PageShape, Sort, page_statement
from tenants.directory import Shop

MAX_IDS: Final = 100


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One product as it stands in the catalogue, and the SKUs of it that the shop sells."""

    row: Row
    skus: Sequence[ShelfSku]
    """Empty when the shelf was not asked for."""

    @property
    def id(self) -> UUID:
        """The product's id."""
        product_id: UUID = self.row["id"]
        return product_id

    @property
    def slug(self) -> str:
        """The product's name in addresses."""
        slug: str = self.row["slug"]
        return slug

    @property
    def position(self) -> int:
        """Its place in the shop's own order."""
        position: int = self.row["position"]
        return position


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A page of products, and whether more follow."""

    rows: Sequence[ProductRow]
    has_next: bool
    tenant_id: UUID
    sort: Sort
    about: str

    def cursor(self, row: ProductRow) -> str:
        """Where a page begins that follows after this product. Signed: it costs something."""
        key = row.row["position" if self.sort == "POSITION" else "name_zh"]
        return cursors.write([key, str(row.id)], tenant_id=self.tenant_id, about=self.about)

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
) -> ProductPage:
    """A page of the shop's products: of a category and all below it, of these ids, or of all.

    One statement. Raises `Invalid` for a page size or cursor that is none.
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
        follows=place is not None,
        described=described,
        detail=detail,
    )
    found = await _read(shop, shape, size + 1, values)
    return ProductPage(found[:size], len(found) > size, shop.id, sort, about)


async def product(
    shop: Shop,
    *,
    slug: str | None = None,
    product_id: UUID | None = None,
    detail: Detail = Detail.SKUS,
    described: bool = True,
) -> ProductRow | None:
    """One product by slug or id, if the shop shows it. One statement."""
    wanted: tuple[Filter, Any] = ("SLUG", slug) if slug is not None else ("ID", product_id)
    shape = PageShape(filters=(wanted[0],), described=described, detail=detail)
    found = await _read(shop, shape, 2, [wanted[1]])
    return found[0] if found else None


async def _read(
    shop: Shop, shape: PageShape, one_more_than_size: int, values: Sequence[Any]
) -> list[ProductRow]:
    """The products of a page and the one that tells that more follow."""
    statement = page_statement(shape)
    values = [list(shop.path), one_more_than_size, *values]
    if shape.detail is Detail.PRODUCTS:
        scope = db.core_scope(shop.id, path=shop.path)
        rows: Sequence[Row] = await db.read(scope, statement, *values)
        return [ProductRow(row, ()) for row in rows if row["id"] is not None]
    values += [shop.id, shop.currency, settings().low_stock_bound]
    rows, skus = await read_shelf(shop, statement, *values)
    shelves: dict[UUID, list[ShelfSku]] = defaultdict(list)
    for sku in skus:
        shelves[sku.product_id].append(sku)
    firsts = {row["id"]: row for row in reversed(rows) if row["id"] is not None}
    return [ProductRow(row, shelves[product_id]) for product_id, row in reversed(firsts.items())]
