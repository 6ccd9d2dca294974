"""Pages of products as one shop shows them: rows of the catalogue, without prices.

Prices and stock come from `offers.shelf`, and only for whoever asks for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from kernel import cursors, db
from kernel.errors import Invalid
from tenants.directory import Shop

Sort = Literal["POSITION", "NAME"]
MAX_IDS = 100


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One product as it stands in the catalogue."""

    id: UUID
    category_id: UUID
    slug: str
    name_zh: str
    name_en: str
    description_zh: str
    description_en: str
    platform: str
    position: int


@dataclass(frozen=True, slots=True)
class ProductPage:
    """A page of products, the cursor of each, and whether more follow."""

    rows: tuple[ProductRow, ...]
    cursors: tuple[str, ...]
    has_next: bool


# A product is shown when at least one of its SKUs is listed all the way down the path.
_LISTED = """
exists (select 1 from skus s where s.product_id = p.id and s.status = 'ACTIVE'
        and exists (select 1 from supplier_listings l
                    where l.sku_id = s.id and l.status = 'ACTIVE')
        and not exists (select 1 from tenant_listings hidden
                        where hidden.sku_id = s.id and not hidden.visible
                          and hidden.tenant_id = any ($1)))
"""
_COLUMNS = """p.id, p.category_id, p.slug, p.name_zh, p.name_en, p.description_zh,
              p.description_en, p.platform, p.position"""
_KEYS = {
    "POSITION": ("p.position", "integer"),
    "NAME": ("p.name_zh", "text"),
}


async def products(
    shop: Shop,
    *,
    category_slug: str | None = None,
    ids: Sequence[UUID] | None = None,
    sort: Sort = "POSITION",
    first: int | None = None,
    after: str | None = None,
) -> ProductPage:
    """A page of the shop's products: of a category and all below it, of these ids, or of all.

    One statement. Raises `Invalid` for a page size or cursor that is none.
    """
    if ids is not None and len(ids) > MAX_IDS:
        raise Invalid(f"At most {MAX_IDS} ids.", field="ids")
    size = cursors.page_size(first)
    about = f"products:{sort}:{category_slug or ''}"
    place = cursors.read(after, tenant_id=shop.id, about=about)
    key, kind = _KEYS[sort]
    values: list[Any] = [list(shop.path), size + 1]
    where = ["p.status = 'ACTIVE'", _LISTED]
    if category_slug is not None:
        values.append(category_slug)
        where.append(
            f"""p.category_id in (select c.id from categories c join categories top
                                  on top.id = any (c.path) where top.slug = ${len(values)})"""
        )
    if ids is not None:
        values.append(list(ids))
        where.append(f"p.id = any (${len(values)})")
    if place is not None:
        values += [place[0], UUID(place[1])]
        where.append(f"({key}, p.id) > (${len(values) - 1}::{kind}, ${len(values)}::uuid)")
    sql = f"""select {_COLUMNS} from products p where {" and ".join(where)}
              order by {key}, p.id limit $2"""
    rows = [ProductRow(**row) for row in await db.fetch(sql, *values)]
    return _page(shop, rows, size, sort, about)


def _page(shop: Shop, rows: Sequence[ProductRow], size: int, sort: Sort, about: str) -> ProductPage:
    shown = tuple(rows[:size])
    marks = tuple(
        cursors.write(
            [row.position if sort == "POSITION" else row.name_zh, str(row.id)],
            tenant_id=shop.id,
            about=about,
        )
        for row in shown
    )
    return ProductPage(shown, marks, len(rows) > size)


async def product(
    shop: Shop, *, slug: str | None = None, product_id: UUID | None = None
) -> ProductRow | None:
    """One product by slug or id, if the shop shows it."""
    row = await db.fetch_row(
        f"""select {_COLUMNS} from products p
            where p.status = 'ACTIVE' and {_LISTED} and (p.slug = $2 or p.id = $3)""",
        list(shop.path),
        slug,
        product_id,
    )
    return ProductRow(**row) if row is not None else None
