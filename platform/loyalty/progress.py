"""How far a customer has come, and how it got there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from loyalty.standing import MoveReason
from loyalty.tiers import Tier, tiers_of
from tenants.directory import Shop

_ABOUT: Final = "tier changes"

_STANDING: Final = """
select buyer.tier_id as held_id, buyer.given_tier_id is not null as is_given,
       buyer.given_tier_until, step.tier_id, step.spent_minor, step.holds_until
from customers buyer
left join lateral tier_measures(buyer.tenant_id, buyer.id, platform_now()) as step on true
where buyer.tenant_id = $1 and buyer.id = $2"""
_CHANGES: Final = """
select moved.id, moved.happened_at, moved.reason, gone.name as from_tier, come.name as to_tier,
       moved.spent_minor, moved.window_days, moved.given_until, moved.actor
from customer_tier_changes moved
left join membership_tiers gone on gone.id = moved.from_tier_id
left join membership_tiers come on come.id = moved.to_tier_id
where moved.tenant_id = $1 and moved.customer_id = $2 and ($3::uuid is null or moved.id < $3)
order by moved.id desc limit $4"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a customer stands on the ladder; amounts in minor units of the shop's currency.

    `spent_minor` is what counts for the next tier, or for the present one at the top; without a
    ladder it is None. `holds_until` is when the present tier would be lost without another
    purchase; None for one that was given for good.
    """

    tier: Tier | None
    is_given: bool
    holds_until: datetime | None
    next_tier: Tier | None
    spent_minor: int | None
    window_days: int | None
    missing_minor: int | None


@dataclass(frozen=True, slots=True)
class TierChange:
    """One step of a customer's history, and the sum that decided it."""

    id: UUID
    happened_at: datetime
    reason: MoveReason
    from_tier: str | None
    to_tier: str | None
    spent_minor: int | None
    window_days: int | None
    given_until: datetime | None
    actor: str


@dataclass(frozen=True, slots=True)
class TierHistory:
    """Some of a customer's changes, the latest first."""

    changes: tuple[TierChange, ...]
    has_next: bool
    end_cursor: str | None


async def progress_of(shop: Shop, customer_id: UUID) -> Progress:
    """Say where a customer of the shop stands; raises `NotFound`."""
    tiers = await tiers_of(shop)
    rows = await db.read(db.core_scope(shop.id, path=shop.path), _STANDING, shop.id, customer_id)
    if not rows:
        raise NotFound("There is no such customer.", field="customerId")
    steps = {row["tier_id"]: row for row in rows if row["tier_id"] is not None}
    held_id, is_given = rows[0]["held_id"], rows[0]["is_given"]
    tier = next((one for one in tiers if one.id == held_id), None)
    following = _next(tiers, tier, steps)
    counted = following or (tier if tier is not None and tier.id in steps else None)
    spent_minor = steps[counted.id]["spent_minor"] if counted else None
    return Progress(
        tier=tier,
        is_given=is_given,
        holds_until=_holds_until(rows[0], steps),
        next_tier=following,
        spent_minor=spent_minor,
        window_days=counted.window_days if counted else None,
        missing_minor=_missing_minor(following, spent_minor),
    )


def _next(
    tiers: list[Tier], held: Tier | None, steps: Mapping[UUID, Mapping[str, Any]]
) -> Tier | None:
    """The lowest tier above the present one that can be reached."""
    rank = held.rank if held else 0
    return next((one for one in tiers if one.rank > rank and one.id in steps), None)


def _holds_until(
    buyer: Mapping[str, Any], steps: Mapping[UUID, Mapping[str, Any]]
) -> datetime | None:
    """When the present tier ends: as the shop has said, or as the purchases that made it age."""
    if buyer["is_given"]:
        until: datetime | None = buyer["given_tier_until"]
        return until
    step = steps.get(buyer["held_id"])
    return step["holds_until"] if step else None


def _missing_minor(following: Tier | None, spent_minor: int | None) -> int | None:
    if following is None or following.spent_minor is None or spent_minor is None:
        return None
    return max(0, following.spent_minor - spent_minor)


async def tier_history(
    shop: Shop, customer_id: UUID, *, first: int | None, after: str | None
) -> TierHistory:
    """A page of a customer's changes; of nobody's customer there are none.

    Raises `Invalid` for a page size or a cursor that is none.
    """
    size = cursors.page_size(first)
    about = f"{_ABOUT} of {customer_id}"
    seen = cursors.read(after, tenant_id=shop.id, about=about)
    place = UUID(seen[0]) if seen else None
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _CHANGES, shop.id, customer_id, place, size + 1)
    changes = tuple(TierChange(**row) for row in rows[:size])
    end = cursors.write([str(changes[-1].id)], tenant_id=shop.id, about=about) if changes else None
    return TierHistory(changes, len(rows) > size, end)
