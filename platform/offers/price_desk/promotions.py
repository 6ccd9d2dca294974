"""Promotions: for a time, other prices for a set of SKUs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers.price_desk.changes import Change
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.own_rules import DeskRule, OwnRules
from offers.price_desk.rule_rows import write_rules
from offers.price_desk.targets import require_skus
from offers.price_desk.writing import write_guarded
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, Rounding, RuleKind, Scope

MAX_PROMOTIONS: Final = 100
"""That have not ended; so many are listed, too."""
MAX_SKUS: Final = 100
LONGEST_NAME: Final = 80

_WRITE: Final = """
insert into promotions as known (tenant_id, id, name, starts_at, ends_at)
select $1, $2, $3, coalesce($4, platform_now()), $5
where $6 or (select count(*) from promotions
             where tenant_id = $1 and (ends_at is null or ends_at > platform_now())) < $7
on conflict (id) do update set
    name = excluded.name, ends_at = excluded.ends_at, starts_at = coalesce($4, known.starts_at)
where known.tenant_id = $1"""
_PAUSE: Final = """
update promotions set status = $3 where tenant_id = $1 and id = $2"""
_ONE: Final = """
select id, name, starts_at, ends_at, status, (select count(*) from price_rules r
       where r.tenant_id = p.tenant_id and r.promotion_id = p.id) as skus
from promotions p where tenant_id = $1 and ($2::uuid is null or id = $2)
order by coalesce(ends_at <= platform_now(), false), starts_at desc, id limit $3"""


@dataclass(frozen=True, slots=True)
class PromotionView:
    """A promotion as its shop sees it, and for how many SKUs it is."""

    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime | None
    status: str
    skus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionLine:
    """What one SKU costs meanwhile; `value` in basis points or minor units by its kind."""

    sku_id: UUID
    kind: RuleKind
    value: int
    rounding: Rounding = Rounding.HALF_UP
    unit_minor: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionDraft:
    """A promotion as it is wished for; its lines are all that it will have."""

    name: str
    lines: tuple[PromotionLine, ...]
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        name = self.name
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
        if not 1 <= len(self.lines) <= MAX_SKUS:
            raise Invalid(f"A promotion is for 1 to {MAX_SKUS} SKUs.", field="lines")
        if len({line.sku_id for line in self.lines}) != len(self.lines):
            raise Invalid("The same SKU stands there twice.", field="skuId")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise Invalid("A promotion ends after it starts.", field="endsAt")


async def upsert_promotion(
    shop: Shop, draft: PromotionDraft, *, promotion_id: UUID | None = None
) -> PromotionView:
    """Make a promotion, or change the one with this id.

    Raises `NotFound` for an id or a SKU that is not the shop's, and what `require_guards` raises.
    """
    await require_skus(shop, [line.sku_id for line in draft.lines])
    known = None if promotion_id is None else await promotion_by_id(shop, promotion_id)
    written_id = promotion_id or new_id()

    def change_of(before: OwnRules) -> Change:
        old = _rules_of(before, written_id)
        put = _rules(shop, draft, written_id, known, old)
        gone = {one.rule.id for one in old.values()} - {one.rule.id for one in put}
        return Change(put=put, drop=frozenset(gone), field="lines")

    async def write(change: Change) -> None:
        times = (draft.starts_at, draft.ends_at)
        values = (shop.id, written_id, draft.name, *times, known is not None, MAX_PROMOTIONS)
        if not await db.execute(_WRITE, *values):
            raise Invalid(
                f"A shop has at most {MAX_PROMOTIONS} promotions: end one first.", field="name"
            )
        await _drop_lines(shop, written_id, change.put)
        await write_rules(shop, change.put)

    await write_guarded(shop, change_of=change_of, write=write)
    return await promotion_by_id(shop, written_id)


async def pause_promotion(shop: Shop, promotion_id: UUID, *, paused: bool) -> PromotionView:
    """Pause a promotion, or let it run again if its prices are still right.

    Raises `NotFound`, and to run again what `require_guards` raises.
    """
    await promotion_by_id(shop, promotion_id)

    def change_of(before: OwnRules) -> Change:
        rules = () if paused else tuple(_rules_of(before, promotion_id).values())
        return Change(put=tuple(replace(one, running=True) for one in rules), field="promotionId")

    async def write(change: Change) -> int:
        return await db.execute(_PAUSE, shop.id, promotion_id, "PAUSED" if paused else "RUNNING")

    await write_guarded(shop, change_of=change_of, write=write)
    return await promotion_by_id(shop, promotion_id)


async def promotion_by_id(shop: Shop, promotion_id: UUID) -> PromotionView:
    """One promotion of the shop; raises `NotFound`."""
    found = await _promotions(shop, promotion_id)
    if not found:
        raise NotFound("There is no such promotion.", field="promotionId")
    return found[0]


async def promotions_of(shop: Shop) -> list[PromotionView]:
    """The shop's promotions: those that have not ended, then the others, the latest first."""
    return await _promotions(shop, None)


async def _promotions(shop: Shop, promotion_id: UUID | None) -> list[PromotionView]:
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _ONE, shop.id, promotion_id, MAX_PROMOTIONS)
    return [PromotionView(**row) for row in rows]


def _rules_of(before: OwnRules, promotion_id: UUID) -> dict[UUID | None, DeskRule]:
    """The promotion's rules as they are, by SKU."""
    return {
        one.rule.target_id: one
        for one in before.rules.values()
        if one.rule.for_kind is ForKind.PROMOTION and one.rule.for_id == promotion_id
    }


def _rules(
    shop: Shop,
    draft: PromotionDraft,
    promotion_id: UUID,
    known: PromotionView | None,
    old: dict[UUID | None, DeskRule],
) -> tuple[DeskRule, ...]:
    starts_at = draft.starts_at or (known.starts_at if known is not None else None)
    rules = []
    for line in draft.lines:
        wished = RuleDraft(
            audience=Audience.RETAIL,
            for_kind=ForKind.PROMOTION,
            for_id=promotion_id,
            scope=Scope.SKU,
            target_id=line.sku_id,
            kind=line.kind,
            value=line.value,
            rounding=line.rounding,
            unit_minor=line.unit_minor,
        )
        sitting = old.get(line.sku_id)
        rule_id = sitting.rule.id if sitting is not None else new_id()
        rule = wished.as_rule(rule_id=rule_id, owner_id=shop.id).rule
        rules.append(DeskRule(rule, starts_at, draft.ends_at))
    return tuple(rules)


async def _drop_lines(shop: Shop, promotion_id: UUID, kept: Sequence[DeskRule]) -> None:
    """Take away whatever else the promotion priced, what has ended included."""
    await db.execute(
        """delete from price_rules
           where tenant_id = $1 and promotion_id = $2 and id <> all ($3::uuid[])""",
        shop.id,
        promotion_id,
        [one.rule.id for one in kept],
    )
