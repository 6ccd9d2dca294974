"""What a shop shows of the goods that reach it, what it calls them, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from offers.product_orders import MOST_OWN_PLACE
from tenants.directory import Shop

MAX_LISTINGS: Final = 100
LONGEST_TITLE: Final = 200

# Nothing is written unless each of the SKUs reaches this shop: the others look like none. Nor is
# what stands there already: a list that goes out and comes back changes nothing.
WRITE_LISTINGS: Final = """
with wanted as (
    select * from unnest($2::uuid[], $3::boolean[], $4::boolean[], $5::text[], $7::integer[])
        as wanted (sku_id, visible, sets_title, title, position)
), reaching as (
    select wanted.* from wanted join skus s on s.id = wanted.sku_id and s.status = 'ACTIVE'
    where not exists (select from tenant_listings hidden
                      where hidden.sku_id = s.id and not hidden.visible
                        and hidden.tenant_id = any ($6::uuid[]))
), writable as (
    select * from reaching where (select count(*) from wanted) = (select count(*) from reaching)
), changed as (
    update tenant_listings known
    set visible = coalesce(writable.visible, known.visible),
        title_override = case when writable.sets_title then nullif(writable.title, '')
                              else known.title_override end,
        position = nullif(coalesce(writable.position, known.position), 0)
    from writable
    where known.tenant_id = $1 and known.sku_id = writable.sku_id
      and (known.visible <> writable.visible
           or writable.sets_title and coalesce(known.title_override, '') <> writable.title
           or coalesce(known.position, 0) <> writable.position)
), made as (
    insert into tenant_listings (tenant_id, sku_id, visible, title_override, position)
    select $1, sku_id, coalesce(visible, true), nullif(title, ''), nullif(position, 0)
    from writable
    where (visible is false or title <> '' or position > 0)
      and not exists (select from tenant_listings known
                      where known.tenant_id = $1 and known.sku_id = writable.sku_id)
)
select count(*) as found from writable"""
"""Values: the shop, then SKUs, whether each is shown (null: as it is), whether a title is set, and
the titles; then the shops above; then the places (null: as it is, 0: none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingDraft:
    """One SKU's place in the shop. None leaves a part as it is; an empty title takes it away, and
    so does a position of 0."""

    sku_id: UUID
    visible: bool | None = None
    title: str | None = None
    position: int | None = None

    def __post_init__(self) -> None:
        title = self.title or ""
        if len(title) > LONGEST_TITLE or not title.isprintable() or title != title.strip():
            raise Invalid(
                f"A title has at most {LONGEST_TITLE} printable characters.", field="title"
            )
        if self.position is not None and not 0 <= self.position <= MOST_OWN_PLACE:
            raise Invalid(f"A position is 1 to {MOST_OWN_PLACE}, or 0.", field="position")


async def upsert_listings(shop: Shop, drafts: Sequence[ListingDraft]) -> None:
    """Show, hide, name and place SKUs of the shop, all or none.

    Hiding one takes it off every shop below, too. Raises `Invalid` for more than 100 or for one
    that is there twice, `NotFound` for one that does not reach this shop.
    """
    if not 1 <= len(drafts) <= MAX_LISTINGS:
        raise Invalid(f"1 to {MAX_LISTINGS} listings at once.", field="listings")
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await db.execute("select from tenants where id = $1 for no key update", shop.id)
        await write_listings(shop, drafts)


async def write_listings(shop: Shop, drafts: Sequence[ListingDraft]) -> None:
    """Write listings in the open transaction of the shop's core scope, in which the shop's turn
    has been taken: nobody else writes listings of its."""
    if len({draft.sku_id for draft in drafts}) != len(drafts):
        raise Invalid("The same SKU stands there twice.", field="skuId")
    found: int = await db.fetch_value(
        WRITE_LISTINGS,
        shop.id,
        [draft.sku_id for draft in drafts],
        [draft.visible for draft in drafts],
        [draft.title is not None for draft in drafts],
        [draft.title or "" for draft in drafts],
        list(shop.path[:-1]),
        [draft.position for draft in drafts],
    )
    if found != len(drafts):
        raise NotFound("There is no such SKU.", field="skuId")
