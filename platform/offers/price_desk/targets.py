"""Whom and what a change names: found among what is the shop's own, or not at all."""

from uuid import UUID

from kernel import db
from kernel.errors import NotFound
from tenants.directory import Shop


async def require_skus(shop: Shop, sku_ids: list[UUID], *, field: str = "skuId") -> None:
    """Raise `NotFound` unless each of these SKUs reaches the shop."""
    [row] = await db.read(
        db.core_scope(shop.id, path=shop.path),
        """select count(*) as found from skus s
           where s.id = any ($1::uuid[]) and s.status = 'ACTIVE'
             and not exists (select from tenant_listings hidden
                             where hidden.sku_id = s.id and not hidden.visible
                               and hidden.tenant_id = any ($2::uuid[]))""",
        sku_ids,
        list(shop.path[:-1]),
    )
    if row["found"] != len(set(sku_ids)):
        raise NotFound("There is no such SKU.", field=field)


async def category_by_slug(shop: Shop, slug: str) -> UUID:
    """The category of a slug; raises `NotFound`."""
    rows = await db.read(db.core_scope(shop.id), "select id from categories where slug = $1", slug)
    if not rows:
        raise NotFound("There is no such category.", field="categorySlug")
    found: UUID = rows[0]["id"]
    return found
