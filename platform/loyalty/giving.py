"""Giving a customer a tier by hand: while the gift lasts it wins over what is earned."""

from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from loyalty.standing import MoveReason
from tenants.directory import Shop

_BUYER: Final = """
select tier_id, given_tier_id, given_tier_until, platform_now() as now from customers
where tenant_id = $1 and id = $2 for no key update"""
_GIVE: Final = """
update customers buyer
set given_tier_id = $3, given_tier_until = $4, tier_due_at = least(buyer.tier_due_at, $4)
where tenant_id = $1 and id = $2
  and ($3::uuid is null or exists (select from membership_tiers tier
                                   where tier.tenant_id = $1 and tier.id = $3
                                     and tier.retired_at is null for share))
returning tier_id"""
_REMEMBER: Final = """
insert into customer_tier_changes (tenant_id, id, customer_id, happened_at, reason, from_tier_id,
                                   to_tier_id, given_until, actor)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""


async def set_tier(
    shop: Shop, *, customer_id: UUID, tier_id: UUID | None, until: datetime | None, actor: str
) -> UUID | None:
    """Give a customer a tier, until a moment or for good; without a tier take the gift back.

    Returns the tier that holds now. Prices follow with the customer's next question. Raises
    `NotFound` for a customer or a tier that is not the shop's, and `Invalid` for an end that has
    passed or that is no gift's.
    """
    if tier_id is None and until is not None:
        raise Invalid("Only a tier that is given has an end.", field="until")
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        before = await db.fetch_row(_BUYER, shop.id, customer_id)
        if before is None:
            raise NotFound("There is no such customer.", field="customerId")
        if until is not None and until <= before["now"]:
            raise Invalid("A gift ends in the future.", field="until")
        if (before["given_tier_id"], before["given_tier_until"]) == (tier_id, until):
            held: UUID | None = before["tier_id"]
            return held
        given = await db.fetch_row(_GIVE, shop.id, customer_id, tier_id, until)
        if given is None:
            raise NotFound("There is no such tier.", field="tierId")
        await db.execute(
            _REMEMBER,
            shop.id,
            new_id(),
            customer_id,
            before["now"],
            MoveReason.WITHDRAWN if tier_id is None else MoveReason.GIVEN,
            before["tier_id"],
            given["tier_id"],
            until,
            actor,
        )
    tier: UUID | None = given["tier_id"]
    return tier
