"""Price rules: for whom one is, what it covers and what it charges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from kernel.money import BASIS_POINTS


class Audience(StrEnum):
    """Whom a rule prices for: the owner's child shops, or the buyers of the owner's own shop."""

    WHOLESALE = "WHOLESALE"
    RETAIL = "RETAIL"


class ForKind(StrEnum):
    """Whom of its audience a rule is for; `for_id` names it, unless the rule is for everyone.

    GRADE     the owner's children of one grade
    CHILD     one child of the owner (密价, a secret price)
    TIER      the shop's customers of one membership tier
    CUSTOMER  one customer of the shop (密价)
    PROMOTION everyone, while the promotion runs
    """

    EVERYONE = "EVERYONE"
    GRADE = "GRADE"
    CHILD = "CHILD"
    TIER = "TIER"
    CUSTOMER = "CUSTOMER"
    PROMOTION = "PROMOTION"


class Scope(StrEnum):
    """What a rule covers; `target_id` is a SKU, a category, or None for the whole catalogue."""

    SKU = "SKU"
    CATEGORY = "CATEGORY"
    DEFAULT = "DEFAULT"


class RuleKind(StrEnum):
    """How a rule makes a price: out of the owner's own cost, or of the SKU's face value."""

    PERCENT_OVER_COST = "PERCENT_OVER_COST"
    FIXED_OVER_COST = "FIXED_OVER_COST"
    PERCENT_OF_FACE = "PERCENT_OF_FACE"
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
    """One row of a tenant's price book that is in force.

    `value` is in basis points for PERCENT_OVER_COST and PERCENT_OF_FACE, in minor units for
    FIXED_OVER_COST and ABSOLUTE, and not looked at for PASS_THROUGH. Amounts are in the path's
    currency. The rule prices lines of `min_quantity` pieces and more; more than one only on a SKU.
    `runs_since` is when the rule's promotion began. A window is no part of a rule here: who reads
    the book leaves out what is not in force.
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
    for_kind: ForKind = ForKind.EVERYONE
    for_id: UUID | None = None
    min_quantity: int = 1
    runs_since: datetime | None = None

    def __post_init__(self) -> None:
        if self.unit_minor < 1:
            raise ValueError("a price is rounded to a unit of at least 1 minor unit")
        if (self.target_id is None) != (self.scope is Scope.DEFAULT):
            raise ValueError("a rule has a target unless it covers the whole catalogue")
        if (self.for_id is None) != (self.for_kind is ForKind.EVERYONE):
            raise ValueError("a rule names whom it is for unless it is for everyone")
        if self.min_quantity < 1 or (self.min_quantity > 1 and self.scope is not Scope.SKU):
            raise ValueError("only a rule on a SKU begins at more than one piece")

    def can_price(self, face_value_minor: int | None) -> bool:
        """Say whether a price of goods with this face value comes out of the rule at all."""
        return face_value_minor is not None or self.kind is not RuleKind.PERCENT_OF_FACE


# What each kind charges, exactly: an amount in ten-thousandths of a minor unit made of the rule's
# value, the owner's cost and the SKU's face value. A rule that prices by face value is never asked
# where there is none (`PriceRule.can_price`).
Charge = Callable[[int, int, int], int]
_EXACT_CHARGE: Final[dict[RuleKind, Charge]] = {
    RuleKind.PERCENT_OVER_COST: lambda value, cost, _face: cost * (BASIS_POINTS + value),
    RuleKind.FIXED_OVER_COST: lambda value, cost, _face: (cost + value) * BASIS_POINTS,
    RuleKind.PERCENT_OF_FACE: lambda value, _cost, face: face * value,
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

    `cost_minor` is what the piece costs the rule's owner; the rule can price this face value. The
    price is computed exactly and rounded once, by the rule's own rounding, whatever its kind. It
    may come out below cost or below zero: that is for the guards to say.
    """
    exact = _EXACT_CHARGE[rule.kind](rule.value, cost_minor, face_value_minor or 0)
    return _ROUND[rule.rounding](exact, rule.unit_minor)
