"""Which one of a tenant's price rules applies: most specific first, never the cheapest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from tenants.pricing.rules import Audience, ForKind, PriceRule, Scope

_EVER_SINCE: Final = datetime.min.replace(tzinfo=UTC)


class Asked(NamedTuple):
    """What is to be priced.

    `category_path` runs from the product's own category up to the top one; `face_value_minor` is
    None where the goods have none in the path's currency; `quantity` is the line's.
    """

    sku_id: UUID
    category_path: Sequence[UUID]
    face_value_minor: int | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A tenant's rules for one and the same buyers or children, laid out to be asked."""

    by_sku: Mapping[UUID | None, tuple[PriceRule, ...]]
    """Of each SKU from the most pieces down; those of a newer promotion before an older one's."""
    by_category: Mapping[UUID | None, tuple[PriceRule, ...]]
    default: tuple[PriceRule, ...]

    @classmethod
    def of(cls, rules: Iterable[PriceRule]) -> Layer:
        """Lay out rules; their order does not matter.

        Were two to take the same seat, the one with the smaller id would be asked first.
        """
        seats: dict[Scope, dict[UUID | None, list[PriceRule]]] = {
            scope: defaultdict(list) for scope in Scope
        }
        for rule in sorted(rules, key=_place):
            seats[rule.scope][rule.target_id].append(rule)
        laid = {
            scope: {target: tuple(found) for target, found in by_target.items()}
            for scope, by_target in seats.items()
        }
        return cls(laid[Scope.SKU], laid[Scope.CATEGORY], laid[Scope.DEFAULT].get(None, ()))


def _place(rule: PriceRule) -> tuple[Any, ...]:
    age = (rule.runs_since or _EVER_SINCE) - _EVER_SINCE
    return (-age, rule.for_id.int if rule.for_id else 0, -rule.min_quantity, rule.id.int)


Matcher = Callable[[Layer, Asked], PriceRule | None]


def _first_that_prices(rules: Iterable[PriceRule], asked: Asked) -> PriceRule | None:
    for rule in rules:
        if rule.min_quantity <= asked.quantity and rule.can_price(asked.face_value_minor):
            return rule
    return None


def _on_the_sku(layer: Layer, asked: Asked) -> PriceRule | None:
    rules = layer.by_sku.get(asked.sku_id)
    return None if rules is None else _first_that_prices(rules, asked)


def _on_the_nearest_category(layer: Layer, asked: Asked) -> PriceRule | None:
    for category_id in asked.category_path:
        rules = layer.by_category.get(category_id)
        if rules is not None and (rule := _first_that_prices(rules, asked)) is not None:
            return rule
    return None


def _on_the_whole_catalogue(layer: Layer, asked: Asked) -> PriceRule | None:
    return _first_that_prices(layer.default, asked)


#: Who is asked first: the order *is* the policy (domain 2, steps 2 and 3). Where nobody answers,
#: cost passes through, or the parent's suggestion holds.
MATCHERS: Final[Mapping[Audience, tuple[tuple[ForKind, Matcher], ...]]] = {
    Audience.WHOLESALE: (
        (ForKind.CHILD, _on_the_sku),
        (ForKind.CHILD, _on_the_nearest_category),
        (ForKind.CHILD, _on_the_whole_catalogue),
        (ForKind.GRADE, _on_the_sku),
        (ForKind.GRADE, _on_the_nearest_category),
        (ForKind.GRADE, _on_the_whole_catalogue),
        (ForKind.EVERYONE, _on_the_sku),
        (ForKind.EVERYONE, _on_the_nearest_category),
        (ForKind.EVERYONE, _on_the_whole_catalogue),
    ),
    Audience.RETAIL: (
        (ForKind.CUSTOMER, _on_the_sku),
        (ForKind.CUSTOMER, _on_the_nearest_category),
        (ForKind.CUSTOMER, _on_the_whole_catalogue),
        (ForKind.TIER, _on_the_sku),
        (ForKind.TIER, _on_the_nearest_category),
        (ForKind.TIER, _on_the_whole_catalogue),
        (ForKind.PROMOTION, _on_the_sku),
        (ForKind.EVERYONE, _on_the_sku),
        (ForKind.EVERYONE, _on_the_nearest_category),
        (ForKind.EVERYONE, _on_the_whole_catalogue),
    ),
}
_HAS_RULES_FOR: Final[Mapping[Matcher, Callable[[Layer], bool]]] = {
    _on_the_sku: lambda layer: bool(layer.by_sku),
    _on_the_nearest_category: lambda layer: bool(layer.by_category),
    _on_the_whole_catalogue: lambda layer: bool(layer.default),
}


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """What a tenant asks of one child, or of one buyer: who is asked, in order.

    Layers may be shared by the books of many; a layer that has nothing to say has no step.
    """

    steps: tuple[tuple[Matcher, Layer], ...] = ()

    @classmethod
    def of_layers(cls, audience: Audience, layers: Mapping[ForKind, Layer]) -> RuleBook:
        """Put the layers that concern one child or buyer into the order of `MATCHERS`."""
        return cls(
            tuple(
                (matcher, layer)
                for for_kind, matcher in MATCHERS[audience]
                if (layer := layers.get(for_kind)) is not None and _HAS_RULES_FOR[matcher](layer)
            )
        )

    @classmethod
    def of(cls, rules: Iterable[PriceRule]) -> RuleBook:
        """Lay out the rules of one owner that concern one child or buyer.

        Raises `ValueError` when rules of two owners or audiences are mixed, or such as no one
        child or buyer has both of: two grades, two children, two tiers, two customers.
        """
        layers: dict[ForKind, list[PriceRule]] = defaultdict(list)
        books, seats = set(), set()
        for rule in rules:
            books.add((rule.owner_id, rule.audience))
            if rule.for_kind is not ForKind.PROMOTION:
                seats.add((rule.for_kind, rule.for_id))
            layers[rule.for_kind].append(rule)
        if len(books) > 1 or len(seats) != len({for_kind for for_kind, _ in seats}):
            raise ValueError("a rule book holds one owner's rules for one child or buyer")
        if not books:
            return cls()
        [(_, audience)] = books
        return cls.of_layers(
            audience, {for_kind: Layer.of(found) for for_kind, found in layers.items()}
        )

    def breaks_on(self, sku_id: UUID) -> set[int]:
        """Find the numbers of pieces, above one, at which another rule on the SKU may apply."""
        return {
            rule.min_quantity
            for matcher, layer in self.steps
            if matcher is _on_the_sku
            for rule in layer.by_sku.get(sku_id, ())
            if rule.min_quantity > 1
        }


def most_specific(rules: RuleBook, asked: Asked) -> PriceRule | None:
    """Find the rule that prices what is asked, or None.

    A secret price beats a grade or tier, and either of them what is for everyone; for one and the
    same buyers a rule on the SKU beats one on a category, the highest reached number of pieces a
    lower one, a near category a far one, and any of them the default. The cheapest of all
    candidates is not looked for: one forgotten cheap row would then undercut all the others, and
    nobody could explain a price.
    """
    for matcher, layer in rules.steps:
        if (rule := matcher(layer, asked)) is not None:
            return rule
    return None
