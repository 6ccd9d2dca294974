"""Where the rules of a price list sit: places as people name them, and as rules do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.own_rules import DeskRule
from offers.price_desk.sheets.rule_cells import ListedFor, ListedPlace, ListedRule
from tenants.directory import Shop
from tenants.pricing import Audience, ForKind, RuleKind, Scope

_FOR: Final = {
    ListedFor.BUYERS: (Audience.RETAIL, ForKind.EVERYONE),
    ListedFor.CHILDREN: (Audience.WHOLESALE, ForKind.EVERYONE),
    ListedFor.GRADE: (Audience.WHOLESALE, ForKind.GRADE),
    ListedFor.CHILD: (Audience.WHOLESALE, ForKind.CHILD),
    ListedFor.TIER: (Audience.RETAIL, ForKind.TIER),
}
_LISTED: Final = {whom: listed for listed, whom in _FOR.items()}

_NAMES: Final = """
select 'GRADE' as listed_for, id, name from agent_grades
where tenant_id = $1 and (id = any ($2::uuid[]) or name = any ($3::text[]))
union all
select 'TIER', id, name from membership_tiers
where tenant_id = $1 and retired_at is null
  and (id = any ($2::uuid[]) or name = any ($3::text[]))
union all
select 'CHILD', id, slug from tenants
where parent_id = $1 and (id = any ($2::uuid[]) or slug = any ($3::text[]))"""


@dataclass(frozen=True, slots=True)
class Names:
    """What the shop calls its grades, its tiers and its direct children."""

    by_id: Mapping[UUID, str]
    ids: Mapping[tuple[ListedFor, str], UUID]

    def place_of(self, one: DeskRule) -> ListedPlace | None:
        """Name a rule's place; None where a price list has none: of single customers, and of
        promotions."""
        listed_for = _LISTED.get((one.rule.audience, one.rule.for_kind))
        if listed_for is None:
            return None
        for_id = one.rule.for_id
        whom = "" if for_id is None else self.by_id[for_id]
        return ListedPlace(listed_for, whom, one.rule.min_quantity, one.starts_at)

    def draft_at(self, place: ListedPlace, sku_id: UUID, rule: ListedRule | None) -> RuleDraft:
        """Draft what a row asks of a SKU; without a rule, something that would sit there."""
        audience, for_kind = _FOR[place.listed_for]
        said = rule or ListedRule(RuleKind.PASS_THROUGH, 0)
        return RuleDraft(
            audience=audience,
            for_kind=for_kind,
            for_id=self.ids[place.listed_for, place.whom] if place.listed_for.is_named else None,
            scope=Scope.SKU,
            target_id=sku_id,
            kind=said.kind,
            value=said.value,
            rounding=said.rounding,
            unit_minor=said.unit_minor,
            min_quantity=place.from_quantity,
            starts_at=place.starts_at,
            ends_at=said.ends_at,
        )


async def names_of(shop: Shop, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Names:
    """Read those of the shop's grades, tiers and direct children that are named so or so."""
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _NAMES, shop.id, list(ids), list(names))
    return Names(
        {row["id"]: row["name"] for row in rows},
        {(ListedFor(row["listed_for"]), row["name"]): row["id"] for row in rows},
    )


def listed(one: DeskRule) -> ListedRule:
    """What a rule asks, as a price list says it."""
    rule = one.rule
    return ListedRule(rule.kind, rule.value, rule.rounding, rule.unit_minor, one.ends_at)
