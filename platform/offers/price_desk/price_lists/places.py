"""Where the rules of a price list sit: places as people name them, and as rules do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import NotFound
from kernel.ids import parse_id, public_id
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
    ListedFor.CUSTOMER: (Audience.RETAIL, ForKind.CUSTOMER),
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
where parent_id = $1 and (id = any ($2::uuid[]) or slug = any ($3::text[]))
union all
select 'CUSTOMER', id, null from customers
where tenant_id = $1 and id = any ($2::uuid[] || $4::uuid[])"""


@dataclass(frozen=True, slots=True)
class Names:
    """What the shop calls its grades, its tiers, its direct children and its customers."""

    by_id: Mapping[UUID, str]
    ids: Mapping[tuple[ListedFor, str], UUID]

    def place_of(self, one: DeskRule) -> ListedPlace | None:
        """Name a rule's place; None where a price list has none: of promotions."""
        listed_for = _LISTED.get((one.rule.audience, one.rule.for_kind))
        if listed_for is None:
            return None
        for_id = one.rule.for_id
        whom = "" if for_id is None else self.by_id[for_id]
        return ListedPlace(listed_for, whom, one.rule.min_quantity, one.starts_at)

    def draft_at(
        self, place: ListedPlace, scope: Scope, target_id: UUID | None, rule: ListedRule | None
    ) -> RuleDraft:
        """Draft what a row asks of its goods; without a rule, something that would sit there."""
        audience, for_kind = _FOR[place.listed_for]
        said = rule or ListedRule(RuleKind.PASS_THROUGH, 0)
        return RuleDraft(
            audience=audience,
            for_kind=for_kind,
            for_id=self.ids[place.listed_for, place.whom] if place.listed_for.is_named else None,
            scope=scope,
            target_id=target_id,
            kind=said.kind,
            value=said.value,
            rounding=said.rounding,
            unit_minor=said.unit_minor,
            min_quantity=place.from_quantity,
            starts_at=place.starts_at,
            ends_at=said.ends_at,
        )


async def names_of(shop: Shop, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Names:
    """Read those of the shop's grades, tiers, direct children and customers that are named so or
    so; a customer's name is its id."""
    scope = db.core_scope(shop.id, path=shop.path)
    customer_ids = [found for name in names if (found := _customer_id(name)) is not None]
    rows = await db.read(scope, _NAMES, shop.id, list(ids), list(names), customer_ids)
    called = {row["id"]: row["name"] or public_id("cus", row["id"]) for row in rows}
    return Names(
        called,
        {(ListedFor(row["listed_for"]), called[row["id"]]): row["id"] for row in rows},
    )


def _customer_id(name: str) -> UUID | None:
    try:
        return parse_id("cus", name)
    except NotFound:
        return None


def listed(one: DeskRule) -> ListedRule:
    """What a rule asks, as a price list says it."""
    rule = one.rule
    return ListedRule(rule.kind, rule.value, rule.rounding, rule.unit_minor, one.ends_at)
