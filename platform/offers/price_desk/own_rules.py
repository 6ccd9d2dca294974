"""A shop's own price rules as it wrote them, with their windows: what a change is made to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import UUID

from kernel import db
from kernel.turns import made_in_turns
from offers.price_desk.goods import DeskSku
from offers.statements import Row
from tenants.directory import Shop
from tenants.price_books import rule_of
from tenants.pricing import (
    Audience,
    ForKind,
    Layer,
    PriceRule,
    Scope,
)
from tenants.versions import VERSIONS_OF_PATH

LayerKey = tuple[Audience, ForKind, UUID | None]

_OWN_RULES: Final = f"""
select {VERSIONS_OF_PATH} as versions, platform_now() as now, own.*
from (select) as always left join (
    select r.id, r.audience, r.for_kind, r.for_id, r.scope, r.target_id, r.kind, r.value,
           r.rounding, r.unit_minor, r.min_quantity,
           coalesce(r.starts_at, p.starts_at) as starts_at,
           coalesce(r.ends_at, p.ends_at) as ends_at, p.starts_at as runs_since,
           coalesce(p.status, 'RUNNING') = 'RUNNING' as running
    from price_rules r left join promotions p on p.tenant_id = r.tenant_id and p.id = r.promotion_id
    where r.tenant_id = $2
      and (coalesce(r.ends_at, p.ends_at) is null
           or coalesce(r.ends_at, p.ends_at) > platform_now())
) as own on true"""
"""Values: the path and the shop. What has ended prices nothing any more and is not read."""


@dataclass(frozen=True, slots=True)
class DeskRule:
    """A rule and the time in which it is asked; None has no end to that side."""

    rule: PriceRule
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    running: bool = True
    """False while the rule's promotion is paused."""

    @property
    def layer(self) -> LayerKey:
        """Whom the rule is for."""
        return (self.rule.audience, self.rule.for_kind, self.rule.for_id)

    @property
    def always(self) -> bool:
        """True for a rule that no time takes away."""
        return self.starts_at is None and self.ends_at is None and self.running

    def in_force(self, now: datetime) -> bool:
        """Say whether the rule is asked at a moment."""
        begun = self.starts_at is None or self.starts_at <= now
        return self.running and begun and (self.ends_at is None or now < self.ends_at)


def seat_of(one: DeskRule) -> tuple[object, ...]:
    """Name the place that a rule takes: one rule for each at any moment."""
    rule = one.rule
    starts_at = None if rule.for_kind is ForKind.PROMOTION else one.starts_at
    return (*one.layer, rule.scope, rule.target_id, rule.min_quantity, starts_at)


@dataclass(frozen=True)
class OwnRules:
    """All of a shop's rules that price something, now or later, at one version of the shop."""

    version: int
    now: datetime
    rules: Mapping[UUID, DeskRule]

    def changed(self, *, put: Iterable[DeskRule], drop: Iterable[UUID]) -> "OwnRules":
        """What they would be after a change."""
        rules = dict(self.rules)
        for rule_id in drop:
            rules.pop(rule_id, None)
        rules |= {one.rule.id: one for one in put}
        return OwnRules(self.version, self.now, rules)

    @cached_property
    def layers(self) -> "dict[LayerKey, DeskLayer]":
        """Lay the rules out by whom they are for."""
        return {key: DeskLayer(rules) for key, rules in self._by_layer.items()}

    @cached_property
    def _by_layer(self) -> "dict[LayerKey, list[DeskRule]]":
        found: dict[LayerKey, list[DeskRule]] = defaultdict(list)
        for one in self.rules.values():
            found[one.layer].append(one)
        return found

    @cached_property
    def by_seat(self) -> "dict[tuple[object, ...], DeskRule]":
        """Find the rules by the place that each takes."""
        return {seat_of(one): one for one in self.rules.values()}

    def in_force(self, layer: LayerKey) -> list[PriceRule]:
        """The rules of a layer that are asked now."""
        rules = self._by_layer.get(layer, ())
        return [one.rule for one in rules if one.in_force(self.now)]

    def promotions_in_force(self) -> Layer:
        """What every running promotion asks now."""
        return Layer.of(
            one.rule
            for one in self.rules.values()
            if one.rule.for_kind is ForKind.PROMOTION and one.in_force(self.now)
        )


class DeskLayer:
    """The rules for one and the same buyers or children, those of other times included."""

    def __init__(self, rules: Iterable[DeskRule]) -> None:
        self._by_target: dict[tuple[Scope, UUID | None], list[DeskRule]] = defaultdict(list)
        for one in rules:
            self._by_target[one.rule.scope, one.rule.target_id].append(one)

    def candidates(self, sku: DeskSku, face_value_minor: int | None) -> "Iterator[Candidate]":
        """Every rule that prices the SKU at some time, from some quantity, and until which.

        A rule without a window hides what is less specific; one with a window hides it for a time
        only, so both may price. A paused promotion prices at no time, and is tried when it runs
        again. Ends with None where at last nobody is sure to be asked.
        """
        places = [(Scope.SKU, sku.id)]
        places += [(Scope.CATEGORY, category_id) for category_id in sku.category_path]
        below: int | None = None  # from here on a more specific rule is always asked
        for place in [*places, (Scope.DEFAULT, None)]:
            found = [
                one
                for one in self._by_target.get(place, ())
                if one.running and one.rule.can_price(face_value_minor)
            ]
            steady = sorted({one.rule.min_quantity for one in found if one.always})
            for one in found:
                least = one.rule.min_quantity
                ends = [end for end in (*steady, below) if end is not None and end > least]
                if below is None or least < below:
                    yield Candidate(one.rule, least, min(ends, default=None))
            if steady:
                below = steady[0] if below is None else min(below, steady[0])
            if below == 1:
                return
        yield Candidate(None, 1, below)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule that may price a SKU for lines of `least` pieces up to, not including, `below`.

    No rule at all stands for cost passed on, or for the parent's suggestion.
    """

    rule: PriceRule | None
    least: int
    below: int | None

    def quantities(self, breaks: Iterable[int]) -> list[int]:
        """The numbers of pieces at which its price may differ."""
        return [
            self.least,
            *(
                one
                for one in breaks
                if one > self.least and (self.below is None or one < self.below)
            ),
        ]


async def read_own_rules(shop: Shop) -> OwnRules:
    """Read what the shop has written, in one statement."""
    scope = db.core_scope(shop.id, path=shop.path)
    rows = await db.read(scope, _OWN_RULES, list(shop.path), shop.id)
    written = (row for row in rows if row["id"] is not None)
    rules = await made_in_turns(lambda row: _desk_rule(row, shop.id), written)
    return OwnRules(own_version(rows[0]), rows[0]["now"], {one.rule.id: one for one in rules})


def own_version(row: Row) -> int:
    """The shop's own version among those of its path; the platform's stands behind it."""
    version: int = row["versions"][-2]
    return version


def _desk_rule(row: Row, owner_id: UUID) -> DeskRule:
    return DeskRule(rule_of(owner_id, row), row["starts_at"], row["ends_at"], row["running"])
