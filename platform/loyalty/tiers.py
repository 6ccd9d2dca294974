"""A shop's membership tiers: what it takes to reach one, and what it brings.

The discount of a tier is a price rule like any other, for the tier and the whole catalogue: here it
is only written and read in the words of a discount, off the face value (98 折 is 200 bp).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from offers.price_desk.changes import Change
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.own_rules import OwnRules
from offers.price_desk.rule_rows import delete_rules, write_rules
from offers.price_desk.rules import rule_change, sitting_at
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, RuleKind, Scope

MAX_TIERS: Final = 20
MAX_TIERS_EVER: Final = 1_000
"""With those that were taken away, whose rows stay for the customers' history."""
LONGEST_NAME: Final = 40
MAX_SPENT_MINOR: Final = 1_000_000_000_000
MAX_DISCOUNT_BP: Final = 9_000
WHOLE_BP: Final = 10_000

_TURN: Final = "select from tenants where id = $1 for no key update"
_MAKE: Final = """
insert into membership_tiers (tenant_id, id, name, rank, spent_minor, window_days, grace_days,
                              max_unpaid_orders, priority)
select $1, $2, $3, $4, $5, $6, $7, $8, $9
from (select count(*) as ever, count(*) filter (where retired_at is null) as live
      from membership_tiers where tenant_id = $1) as there
where there.live < $10 and there.ever < $11"""
_CHANGE: Final = """
update membership_tiers
set name = $3, rank = $4, spent_minor = $5, window_days = $6, grace_days = $7,
    max_unpaid_orders = $8, priority = $9
where tenant_id = $1 and id = $2 and retired_at is null"""
_TIERS: Final = """
select tier.id, tier.name, tier.rank, tier.spent_minor, tier.window_days, tier.grace_days,
       tier.max_unpaid_orders, tier.priority, 10000 - rule.value as discount_bp
from membership_tiers tier
left join price_rules rule
     on rule.tenant_id = tier.tenant_id and rule.tier_id = tier.id and rule.scope = 'DEFAULT'
        and rule.kind = 'PERCENT_OF_FACE' and rule.value < 10000
        and rule.starts_at is null and rule.ends_at is null
where tier.tenant_id = $1 and tier.retired_at is null and ($2::uuid is null or tier.id = $2)
order by tier.rank"""
_FORGET_DISCOUNT: Final = """
delete from price_rules
where tenant_id = $1 and tier_id = $2 and scope = 'DEFAULT' and kind = 'PERCENT_OF_FACE'
  and starts_at is null and ends_at is null"""
_IN_USE: Final = """
select case
    when exists (select from price_rules where tenant_id = $1 and tier_id = $2) then 'PRICES'
    when exists (select from coupons where tenant_id = $1 and $2 = any (tier_ids)
                                       and status = 'ACTIVE' and ends_at > platform_now())
        then 'COUPONS'
end"""
_RETIRE: Final = """
update membership_tiers set retired_at = platform_now()
where tenant_id = $1 and id = $2 and retired_at is null"""


class TierInUse(Refusal):
    """Prices or coupons are for this tier; `details` say which of them."""

    code = "VALIDATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierDraft:
    """A tier as it is wished for: reached by `spent_minor` within `window_days`, in the shop's
    currency, and kept `grace_days` longer; without both it is given by hand alone.

    A discount in basis points of the face value becomes the tier's price for the whole catalogue;
    0 takes that away, and None leaves prices as they are.
    """

    name: str
    rank: int
    spent_minor: int | None = None
    window_days: int | None = None
    grace_days: int = 0
    max_unpaid_orders: int | None = None
    priority: int = 0
    discount_bp: int | None = None

    def __post_init__(self) -> None:
        """Raise `Invalid` for what no tier may say; the field is the API's."""
        name = self.name
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
        if not 1 <= self.rank <= 100:
            raise Invalid("A rank is 1 to 100.", field="rank")
        self._check_threshold()
        self._check_benefits()

    def _check_threshold(self) -> None:
        if (self.spent_minor is None) != (self.window_days is None):
            raise Invalid("A threshold is an amount and a number of days.", field="windowDays")
        if self.spent_minor is not None and not 1 <= self.spent_minor <= MAX_SPENT_MINOR:
            raise Invalid("A threshold is out of range.", field="spent")
        if self.window_days is not None and not 1 <= self.window_days <= 1_095:
            raise Invalid("A window is 1 to 1095 days.", field="windowDays")
        if not 0 <= self.grace_days <= 365:
            raise Invalid("A grace period is 0 to 365 days.", field="graceDays")
        if self.grace_days and self.spent_minor is None:
            raise Invalid("Only a tier that is reached has a grace period.", field="graceDays")

    def _check_benefits(self) -> None:
        if self.max_unpaid_orders is not None and not 21 <= self.max_unpaid_orders <= 200:
            raise Invalid("A tier allows 21 to 200 unpaid orders.", field="maxUnpaidOrders")
        if not 0 <= self.priority <= 100:
            raise Invalid("A priority is 0 to 100.", field="priority")
        if self.discount_bp is not None and not 0 <= self.discount_bp <= MAX_DISCOUNT_BP:
            raise Invalid(f"A discount is 0 to {MAX_DISCOUNT_BP} basis points.", field="discountBp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A tier as everybody in the shop sees it; amounts in minor units, None where it has none."""

    id: UUID
    name: str
    rank: int
    spent_minor: int | None
    window_days: int | None
    grace_days: int
    max_unpaid_orders: int | None
    priority: int
    discount_bp: int | None


async def upsert_tier(shop: Shop, draft: TierDraft, *, tier_id: UUID | None = None) -> Tier:
    """Make a tier, or change the one with this id; who reaches it now follows in a moment.

    Raises `NotFound` for an id that is not the shop's, `Invalid` for a name or rank that another
    tier has, and with a discount what `require_guards` raises.
    """
    written_id = tier_id or new_id()

    def change_of(before: OwnRules) -> Change:
        return _discount_change(shop, before, draft, written_id)

    async def write(change: Change) -> None:
        await _write_tier(shop, draft, written_id, is_new=tier_id is None)
        await delete_rules(shop, list(change.drop))
        await write_rules(shop, change.put)

    if draft.discount_bp is None:
        async with db.transaction(db.core_scope(shop.id, path=shop.path)):
            await db.execute(_TURN, shop.id)
            await write(Change())
    else:
        await write_guarded(shop, change_of=change_of, write=write)
    return await tier_by_id(shop, written_id)


def _discount_change(shop: Shop, before: OwnRules, draft: TierDraft, tier_id: UUID) -> Change:
    """What the discount changes in the shop's rules; a price of another kind is replaced by a
    discount, and stays where there is to be none."""
    assert draft.discount_bp is not None
    wished = RuleDraft(
        audience=Audience.RETAIL,
        for_kind=ForKind.TIER,
        for_id=tier_id,
        scope=Scope.DEFAULT,
        kind=RuleKind.PERCENT_OF_FACE,
        value=WHOLE_BP - draft.discount_bp,
    )
    if draft.discount_bp:
        return replace(rule_change(shop, before, wished), field="discountBp")
    sitting = sitting_at(before, wished.as_rule(rule_id=tier_id, owner_id=shop.id))
    if sitting is None or sitting.rule.kind is not RuleKind.PERCENT_OF_FACE:
        return Change(field="discountBp")
    return Change(drop=frozenset({sitting.rule.id}), field="discountBp")


async def _write_tier(shop: Shop, draft: TierDraft, tier_id: UUID, *, is_new: bool) -> None:
    values = (
        shop.id,
        tier_id,
        draft.name,
        draft.rank,
        draft.spent_minor,
        draft.window_days,
        draft.grace_days,
        draft.max_unpaid_orders,
        draft.priority,
    )
    try:
        if not is_new:
            if not await db.execute(_CHANGE, *values):
                raise _no_such_tier()
        elif not await db.execute(_MAKE, *values, MAX_TIERS, MAX_TIERS_EVER):
            raise Invalid(f"A shop has at most {MAX_TIERS} tiers.", field="name")
    except asyncpg.UniqueViolationError as error:
        field = "rank" if "rank" in (error.constraint_name or "") else "name"
        raise Invalid("Another tier has this name or rank.", field=field) from None


async def remove_tier(shop: Shop, tier_id: UUID) -> None:
    """Take a tier away, with its discount. Whoever has it is moved in a moment to what was earned,
    given or not; the history keeps its name.

    Raises `TierInUse` while other prices or coupons are for it, and `NotFound`.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await db.execute(_TURN, shop.id)
        await db.execute(_FORGET_DISCOUNT, shop.id, tier_id)
        used_by = await db.fetch_value(_IN_USE, shop.id, tier_id)
        if used_by is not None:
            raise TierInUse(
                "Prices or coupons are for this tier.", field="tierId", details={"by": used_by}
            )
        if not await db.execute(_RETIRE, shop.id, tier_id):
            raise _no_such_tier()


async def tiers_of(shop: Shop) -> list[Tier]:
    """The shop's tiers, the lowest first."""
    return await _tiers(shop, None)


async def tier_by_id(shop: Shop, tier_id: UUID) -> Tier:
    """One tier of the shop; raises `NotFound`."""
    found = await find_tier(shop, tier_id)
    if found is None:
        raise _no_such_tier()
    return found


async def find_tier(shop: Shop, tier_id: UUID | None) -> Tier | None:
    """A tier that somebody has; None for no tier, and for one that was taken away."""
    found = await _tiers(shop, tier_id) if tier_id is not None else []
    return found[0] if found else None


async def _tiers(shop: Shop, tier_id: UUID | None) -> list[Tier]:
    scope = db.core_scope(shop.id, path=shop.path)
    return [_tier(row) for row in await db.read(scope, _TIERS, shop.id, tier_id)]


def _tier(row: Mapping[str, Any]) -> Tier:
    return Tier(**row)


def _no_such_tier() -> NotFound:
    return NotFound("There is no such tier.", field="tierId")
