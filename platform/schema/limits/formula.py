"""A cost as a formula over the request's variables: numbers, sums and products, nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Variables = Mapping[str, Any]

# Keeps the answer's number inside 32 bits, which is all that GraphQL and some encoders take.
CEILING = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Size:
    """How many items a list may have: a number, or more if one of these variables says so."""

    at_least: int
    variables: tuple[tuple[str, int], ...] = ()
    """Each with the size that it stands for while the request leaves it out."""

    def value(self, variables: Variables) -> int:
        size = self.at_least
        for name, default in self.variables:
            size = max(size, size_of(variables.get(name), default))
        return size


@dataclass(frozen=True, slots=True)
class Cost:
    """`constant + Σ size × cost`; a branch without variables is folded into the constant."""

    constant: int = 0
    parts: tuple[tuple[Size, "Cost"], ...] = ()

    def plus(self, other: "Cost") -> "Cost":
        return Cost(self.constant + other.constant, self.parts + other.parts)

    def times(self, size: Size) -> "Cost":
        if not size.variables and not self.parts:
            return Cost(self.constant * size.at_least)
        return Cost(0, ((size, self),))

    def value(self, variables: Variables) -> int:
        return self.constant + sum(
            size.value(variables) * part.value(variables) for size, part in self.parts
        )


def total(costs: Iterable[Cost]) -> Cost:
    """Add costs up."""
    constant = 0
    parts: list[tuple[Size, Cost]] = []
    for cost in costs:
        constant += cost.constant
        parts.extend(cost.parts)
    return Cost(constant, tuple(parts))


def larger(one: Size, other: Size) -> Size:
    """Return a size that is at least both."""
    return Size(max(one.at_least, other.at_least), one.variables + other.variables)


def size_of(value: object, default: int) -> int:
    """Read a variable's value as a size, or return the default."""
    if isinstance(value, list | tuple):
        return max(1, len(value))
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= CEILING:
        return int(value)
    return default
