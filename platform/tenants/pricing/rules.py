"""Price rules: what one charges, and which one of a tenant's applies to a SKU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.money import BASIS_POINTS


class Audience(StrEnum):
    """Whom a rule prices for: the owner's child shops, or the buyers of the owner's own shop."""

    WHOLESALE = "WHOLESALE"
    RETAIL = "RETAIL"


class Scope(StrEnum):
    """What a rule covers; `target_id` is a SKU, a category, or None for the whole catalogue."""

    SKU = "SKU"
    CATEGORY = "CATEGORY"
    DEFAULT = "DEFAULT"


class RuleKind(StrEnum):
    """How a rule makes a price out of the owner's own cost."""

    PERCENT_OVER_COST = "PERCENT_OVER_COST"
    FIXED_OVER_COST = "FIXED_OVER_COST"
    ABSOLUTE = "ABSOLUTE"
    PASS_THROUGH = "PASS_THROUGH"  # noqa: S105 - the trade's word for "no markup", not a secret


class Rounding(StrEnum):
    """How an exact price becomes a price in whole minor units.

    NONE       to the nearest minor unit, halves up; `unit_minor` is not looked at
    HALF_UP    to the nearest multiple of `unit_minor`, halves up
    UP         to the next multiple of `unit_minor`, never down
    ENDING_9   to the next price whose last digit, counted in `unit_minor`, is 9, never down:
               with a unit of 10 (0.10) 12.34 becomes 12.90 and 12.91 becomes 13.90
    """

    NONE = "NONE"
    HALF_UP = "HALF_UP"
    UP = "UP"
    ENDING_9 = "ENDING_9"


@dataclass(frozen=True, slots=True)
class PriceRule:
    """One row of a tenant's price book.

    `value` is in basis points for PERCENT_OVER_COST, in minor units for FIXED_OVER_COST and
    ABSOLUTE, and not looked at for PASS_THROUGH. Amounts are in the path's currency.
    Raises `ValueError` for a rule that no price could come from; a rule that merely prices
    too low is for the guards.
    """

    id: UUID
    owner_id: UUID
    audience: Audience
    scope: Scope
    target_id: UUID | None
    kind: RuleKind
    value: int
    rounding: Rounding = Rounding.NONE
    unit_minor: int = 1

    def __post_init__(self) -> None:
        if self.unit_minor < 1:
            raise ValueError("a price is rounded to a unit of at least 1 minor unit")
        if (self.target_id is None) != (self.scope is Scope.DEFAULT):
            raise ValueError("a rule has a target unless it covers the whole catalogue")


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """A tenant's rules for one audience, laid out to be asked for one SKU after another."""

    by_sku: Mapping[UUID | None, PriceRule]
    by_category: Mapping[UUID | None, PriceRule]
    default: PriceRule | None

    @classmethod
    def of(cls, rules: Iterable[PriceRule]) -> RuleBook:
        """Lay out the rules of one owner and one audience.

        The order of `rules` does not matter; were two to cover the same target, the one with the
        smaller id counts. Raises `ValueError` when rules of two owners or audiences are mixed.
        """
        by_target: dict[Scope, dict[UUID | None, PriceRule]] = {scope: {} for scope in Scope}
        books = set()
        for rule in sorted(rules, key=lambda rule: rule.id.int, reverse=True):
            books.add((rule.owner_id, rule.audience))
            by_target[rule.scope][rule.target_id] = rule
        if len(books) > 1:
            raise ValueError("a rule book holds the rules of one owner for one audience")
        return cls(
            by_sku=by_target[Scope.SKU],
            by_category=by_target[Scope.CATEGORY],
            default=by_target[Scope.DEFAULT].get(None),
        )


Matcher = Callable[[RuleBook, UUID, Sequence[UUID]], PriceRule | None]


def _on_the_sku(rules: RuleBook, sku_id: UUID, _path: Sequence[UUID]) -> PriceRule | None:
    return rules.by_sku.get(sku_id) if rules.by_sku else None


def _on_the_nearest_category(
    rules: RuleBook, _sku_id: UUID, category_path: Sequence[UUID]
) -> PriceRule | None:
    if rules.by_category:
        for category_id in category_path:
            if (rule := rules.by_category.get(category_id)) is not None:
                return rule
    return None


def _on_the_whole_catalogue(
    rules: RuleBook, _sku_id: UUID, _path: Sequence[UUID]
) -> PriceRule | None:
    return rules.default


#: Who is asked first: the order *is* the policy. A secret price for one child on the SKU, a
#: secret rule for it on category or catalogue, its grade's price on the SKU and its grade's rule
#: on category or catalogue take their seats in front of these three, in that order.
MATCHERS: Final[tuple[Matcher, ...]] = (
    _on_the_sku,
    _on_the_nearest_category,
    _on_the_whole_catalogue,
)


def most_specific(
    rules: RuleBook, *, sku_id: UUID, category_path: Sequence[UUID]
) -> PriceRule | None:
    """Find the rule that prices a SKU, or None when cost passes through.

    A rule on the SKU beats one on a category, a near category beats a far one, and any of them
    beats the default. `category_path` runs from the product's own category up to the top one.
    The cheapest of all candidates is not looked for: one forgotten cheap row would then undercut
    all the others, and nobody could explain a price.
    """
    for matcher in MATCHERS:
        if (rule := matcher(rules, sku_id, category_path)) is not None:
            return rule
    return None


# What each kind charges, exactly: an amount in ten-thousandths of a minor unit made of the rule's
# value, the owner's cost and the SKU's face value (None where it has none). A kind that prices
# by face value is one line here.
Charge = Callable[[int, int, int | None], int]
_EXACT_CHARGE: Final[dict[RuleKind, Charge]] = {
    RuleKind.PERCENT_OVER_COST: lambda value, cost, _face: cost * (BASIS_POINTS + value),
    RuleKind.FIXED_OVER_COST: lambda value, cost, _face: (cost + value) * BASIS_POINTS,
    RuleKind.ABSOLUTE: lambda value, _cost, _face: value * BASIS_POINTS,
    RuleKind.PASS_THROUGH: lambda _value, cost, _face: cost * BASIS_POINTS,
}


def _to_the_nearest(exact: int, step: int) -> int:
    return (2 * exact + step) // (2 * step)


def _round_none(exact: int, _unit_minor: int) -> int:
    return _to_the_nearest(exact, BASIS_POINTS)


def _round_half_up(exact: int, unit_minor: int) -> int:
    return _to_the_nearest(exact, unit_minor * BASIS_POINTS) * unit_minor


def _round_up(exact: int, unit_minor: int) -> int:
    return -(-exact // (unit_minor * BASIS_POINTS)) * unit_minor


def _round_ending_9(exact: int, unit_minor: int) -> int:
    """Prices ending in 9 are one unit short of a multiple of ten units: round up and step back."""
    tens = -(-(exact + unit_minor * BASIS_POINTS) // (10 * unit_minor * BASIS_POINTS))
    return (10 * tens - 1) * unit_minor


_ROUND: Final[dict[Rounding, Callable[[int, int], int]]] = {
    Rounding.NONE: _round_none,
    Rounding.HALF_UP: _round_half_up,
    Rounding.UP: _round_up,
    Rounding.ENDING_9: _round_ending_9,
}


def charge_minor(rule: PriceRule, *, cost_minor: int, face_value_minor: int | None) -> int:
    """Return what a rule charges, in minor units, for one piece.

    `cost_minor` is what the piece costs the rule's owner. The price is computed exactly and
    rounded once, by the rule's own rounding, whatever its kind. It may come out below cost or
    below zero: that is for the guards to say.
    """
    exact = _EXACT_CHARGE[rule.kind](rule.value, cost_minor, face_value_minor)
    return _ROUND[rule.rounding](exact, rule.unit_minor)
