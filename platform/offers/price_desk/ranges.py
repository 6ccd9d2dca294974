"""Floors and ceilings that a shop sets on a SKU's retail price, for itself and all below it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.money import MAX_AMOUNT_MINOR
from offers.price_desk.changes import Change, RetailRange
from offers.price_desk.own_rules import OwnRules
from offers.price_desk.targets import require_skus
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop

AppliesTo = Literal["LIST", "NET"]

_SET = """
insert into price_limits (tenant_id, sku_id, floor_minor, ceiling_minor, applies_to)
values ($1, $2, $3, $4, $5)
on conflict (tenant_id, sku_id) do update set
    floor_minor = excluded.floor_minor, ceiling_minor = excluded.ceiling_minor,
    applies_to = excluded.applies_to"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeDraft:
    """The range of one SKU in minor units; with neither end none is set any more.

    The floor is on the list price, or on what the buyer pays after all discounts, too (NET).
    """

    sku_id: UUID
    floor_minor: int | None = None
    ceiling_minor: int | None = None
    applies_to: AppliesTo = "LIST"

    def __post_init__(self) -> None:
        for field, amount in (("floor", self.floor_minor), ("ceiling", self.ceiling_minor)):
            if amount is not None and not 1 <= amount <= MAX_AMOUNT_MINOR:
                raise Invalid("A floor or ceiling is at least one minor unit.", field=field)
        if self.floor_minor is not None and self.ceiling_minor is not None:
            if self.floor_minor > self.ceiling_minor:
                raise Invalid("The floor is above the ceiling.", field="ceiling")


async def set_range(shop: Shop, draft: RangeDraft) -> None:
    """Set or take away a range; the shop's own price must keep it.

    Raises `NotFound` for a SKU that does not reach the shop, and what `require_guards` raises.
    """
    await require_skus(shop, [draft.sku_id])
    wished = RetailRange(draft.floor_minor, draft.ceiling_minor)
    field = "ceiling" if draft.floor_minor is None else "floor"

    def change_of(before: OwnRules) -> Change:
        return Change(ranges={draft.sku_id: wished}, field=field)

    async def write(change: Change) -> int:
        if wished == (None, None):
            return await db.execute(
                "delete from price_limits where tenant_id = $1 and sku_id = $2",
                shop.id,
                draft.sku_id,
            )
        return await db.execute(_SET, shop.id, draft.sku_id, *wished, draft.applies_to)

    await write_guarded(shop, change_of=change_of, write=write)
