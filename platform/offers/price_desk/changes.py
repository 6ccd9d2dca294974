"""A change of a shop's prices before it is written: what it puts, what it takes away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from offers.price_desk.goods import DeskSku, Touched
from offers.price_desk.own_rules import DeskRule, LayerKey, OwnRules
from tenants.pricing import Audience, ForKind, PriceRule, Scope

EVERYONES: tuple[LayerKey, LayerKey] = (
    (Audience.WHOLESALE, ForKind.EVERYONE, None),
    (Audience.RETAIL, ForKind.EVERYONE, None),
)


class RetailRange(NamedTuple):
    """A floor and a ceiling on the retail price, in minor units; None sets none."""

    floor_minor: int | None
    ceiling_minor: int | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """Rules put and dropped, retail ranges of SKUs, and another least margin, all at once."""

    put: tuple[DeskRule, ...] = ()
    drop: frozenset[UUID] = frozenset()
    ranges: Mapping[UUID, RetailRange] = field(default_factory=dict)
    min_margin_minor: int | None = None
    field: str = "value"
    """The input that a refusal names."""

    def rules_after(self, before: OwnRules) -> OwnRules:
        """The shop's rules after the change."""
        return before.changed(put=self.put, drop=self.drop)

    def touched(self, before: OwnRules) -> Touched:
        """The goods whose prices may be others after the change."""
        if self.min_margin_minor is not None:
            return Touched.all()
        rules = [one.rule for one in self._rules(before)]
        return Touched(
            everything=any(rule.scope is Scope.DEFAULT for rule in rules),
            sku_ids=_targets(rules, Scope.SKU) | frozenset(self.ranges),
            category_ids=_targets(rules, Scope.CATEGORY),
        )

    def touched_layers(self, before: OwnRules) -> set[LayerKey]:
        """For whom prices may be others after the change, in the shop and for its children."""
        keys = {one.layer for one in self._rules(before)}
        present = {*EVERYONES, *(one.layer for one in before.rules.values())}
        if self.ranges:
            keys |= {key for key in present if key[0] is Audience.RETAIL}
        if self.min_margin_minor is not None:
            keys |= {key for key in present if key[0] is Audience.WHOLESALE}
        return keys

    @property
    def is_of_rules_alone(self) -> bool:
        """True where no range and no margin changes: what is asked by other rules stays."""
        return not self.ranges and self.min_margin_minor is None

    def names(self, sku: DeskSku) -> bool:
        """Say whether the change puts a rule on exactly this SKU."""
        return sku.id in self._named

    @cached_property
    def _named(self) -> frozenset[UUID | None]:
        return frozenset(one.rule.target_id for one in self.put)

    def ranged(self, sku: DeskSku) -> DeskSku:
        """The SKU with the retail range that would hold: the shop's and those of all above it."""
        own = self.ranges.get(sku.id)
        if own is None:
            return sku
        floors = (own.floor_minor, sku.row["floor_above_minor"])
        ceilings = (own.ceiling_minor, sku.row["ceiling_above_minor"])
        row = {
            **sku.row,
            "floor_minor": max((one for one in floors if one is not None), default=None),
            "ceiling_minor": min((one for one in ceilings if one is not None), default=None),
        }
        return replace(sku, row=row)

    def _rules(self, before: OwnRules) -> list[DeskRule]:
        gone = [before.rules[one] for one in self.drop if one in before.rules]
        replaced = [before.rules[one.rule.id] for one in self.put if one.rule.id in before.rules]
        return [*self.put, *gone, *replaced]


def _targets(rules: Iterable[PriceRule], scope: Scope) -> frozenset[UUID]:
    found = (rule.target_id for rule in rules if rule.scope is scope)
    return frozenset(target_id for target_id in found if target_id is not None)
