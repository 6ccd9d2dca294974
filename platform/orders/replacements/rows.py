"""The rows of replacements: which key stands for which, and for which shares of the line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from orders import records
from orders.records import Order, ShareRow

_OF_SUPPLY: Final = ("SUPPLY", "SUPPLIER_COMMISSION")


class AlreadyReplaced(Refusal):
    """There is another key for this one already."""

    code = "ALREADY_REPLACED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A key in a buyer's hands. Its shares are a replacement's, or (two times None) the line's."""

    id: UUID
    line_id: UUID
    key_id: UUID
    listing_id: UUID
    supplier_id: UUID
    supply_share_id: UUID | None
    commission_share_id: UUID | None
    replaced_by: UUID | None
    returned_at: datetime | None

    @property
    def shares(self) -> tuple[UUID | None, UUID | None]:
        """Which shares the key stands for."""
        return (self.supply_share_id, self.commission_share_id)


_DELIVERIES: Final = """
select handed.id, handed.line_id, handed.key_id, key.supplier_listing_id as listing_id,
       listing.supplier_id, moved.supply_share_id, moved.commission_share_id, handed.replaced_by,
       handed.returned_at
from delivered_keys handed
join keys key on key.id = handed.key_id
join supplier_listings listing on listing.id = key.supplier_listing_id
left join key_replacements moved
    on (moved.tenant_id, moved.new_delivery_id) = (handed.tenant_id, handed.id)
where handed.order_id = $1 and handed.tenant_id = $2
order by handed.id
"""


async def deliveries_of(order: Order) -> list[Delivery]:
    """All keys that a locked order was ever given."""
    rows = await db.fetch(_DELIVERIES, order.id, order.tenant_id)
    return [_delivery(row) for row in rows]


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(**row)


def in_hand(deliveries: Sequence[Delivery], line_id: UUID) -> list[Delivery]:
    """The keys of a line that its buyer has now."""
    return [one for one in deliveries if one.line_id == line_id and one.returned_at is None]


async def shares_of(bad: Delivery, order: Order, all_keys: Sequence[Delivery]) -> list[ShareRow]:
    """The shares that the supply of a key has brought, with those of the pieces beside it."""
    shares = [one for one in await records.shares_of(order.id) if one.line_id == bad.line_id]
    if any(bad.shares):
        return [share for share in shares if share.id in bad.shares]
    moved = {share_id for one in all_keys for share_id in one.shares}
    return [share for share in shares if share.role in _OF_SUPPLY and share.id not in moved]


async def hand_over(bad: Delivery, order: Order, *, new_id: UUID, key_id: UUID) -> None:
    """Give the buyer another key for a bad one. Raises `AlreadyReplaced`."""
    await db.execute(
        """insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
           values ($1, $2, $3, $4, $5, platform_now())""",
        order.tenant_id,
        new_id,
        order.id,
        bad.line_id,
        key_id,
    )
    replaced = await db.execute(
        """update delivered_keys set replaced_by = $3, returned_at = platform_now()
           where tenant_id = $1 and id = $2 and returned_at is null""",
        order.tenant_id,
        bad.id,
        new_id,
    )
    if not replaced:
        raise already_replaced()


def already_replaced() -> AlreadyReplaced:
    """The refusal for a key that was replaced."""
    return AlreadyReplaced("There is another key for this one already.", field="keyId")


@dataclass(frozen=True, slots=True)
class Moved:
    """What a replacement by another supplier has moved, in minor units."""

    posting_id: UUID
    supply_share_id: UUID | None
    commission_share_id: UUID | None
    given_up_minor: int
    cover_minor: int


async def insert(
    order: Order,
    bad: Delivery,
    *,
    replacement_id: UUID,
    new_delivery_id: UUID,
    to_listing_id: UUID,
    moved: Moved | None,
    reason: str,
    actor: str,
) -> None:
    """Write a replacement; the new key stands for the old one's shares, or for those that moved."""
    supply_share_id, commission_share_id = bad.shares
    if moved is not None:
        supply_share_id, commission_share_id = moved.supply_share_id, moved.commission_share_id
    await db.execute(
        """insert into key_replacements
               (tenant_id, id, order_id, line_id, old_delivery_id, new_delivery_id,
                from_listing_id, to_listing_id, supplier_id, supply_share_id, commission_share_id,
                given_up_minor, cover_minor, reason, replaced_for, posting_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)""",
        order.tenant_id,
        replacement_id,
        order.id,
        bad.line_id,
        bad.id,
        new_delivery_id,
        bad.listing_id,
        to_listing_id,
        bad.supplier_id,
        supply_share_id,
        commission_share_id,
        moved.given_up_minor if moved else 0,
        moved.cover_minor if moved else 0,
        reason,
        actor,
        moved.posting_id if moved else None,
    )


_MOVE: Final = """
with given_up as (
    update line_shares set reversed_minor = reversed_minor + part.minor
    from unnest($3::uuid[], $4::bigint[]) as part (id, minor)
    where line_shares.order_id = $2 and line_shares.id = part.id
)
insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                         amount_minor, currency)
select $1, made.id, $2, $5, made.party_kind, made.party_id, made.role, made.minor, $6
from unnest($7::uuid[], $8::text[], $9::uuid[], $10::text[], $11::bigint[])
     as made (id, party_kind, party_id, role, minor)
"""


async def move_shares(
    order: Order,
    line_id: UUID,
    given_up: Sequence[tuple[ShareRow, int]],
    made: Sequence[ShareRow],
) -> None:
    """Take what shares give up, and write those that stand in their place."""
    await db.execute(
        _MOVE,
        order.tenant_id,
        order.id,
        [share.id for share, _ in given_up],
        [minor for _, minor in given_up],
        line_id,
        order.currency,
        [share.id for share in made],
        [share.party_kind for share in made],
        [share.party_id for share in made],
        [share.role for share in made],
        [share.amount_minor for share in made],
    )
