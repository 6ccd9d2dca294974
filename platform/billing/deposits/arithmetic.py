"""How much a seller must put down, and for how long it lasts: pure arithmetic.

required = base + k x open exposure x (invalid rate / target), within bounds (domain 4, E11). What
can still be claimed weighs more where more of it was bad before.
"""

from dataclasses import dataclass
from typing import Final

from kernel.money import BASIS_POINTS

LEAST_SALES: Final = 20
"""With fewer sales in the window a rate says nothing: then it counts as the target."""
WARNED_AT_HOURS: Final = (24, 3, 0)
"""For so many hours or fewer a deposit lasts, and its party is told; 0: it is too low now."""


@dataclass(frozen=True, slots=True)
class DepositTerms:
    """A policy: amounts in minor units; `exposure_bp` is k. By itself it asks for nothing."""

    base_minor: int = 0
    exposure_bp: int = 0
    target_rate_bp: int = 100
    least_minor: int = 0
    most_minor: int = 0
    grace_minor: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a party could still be claimed for, by how much that grows in an hour, and how many of
    its pieces in the window were sold and bad."""

    exposure_minor: int
    growth_minor_per_hour: int
    sold: int
    faults: int

    @property
    def invalid_rate_bp(self) -> int:
        """Bad pieces of those sold, in basis points, rounded up; 0 where nothing was sold."""
        if not self.sold:
            return 0
        return min(BASIS_POINTS, -(-self.faults * BASIS_POINTS // self.sold))


def weighed_minor(amount_minor: int, terms: DepositTerms, measured: Measured) -> int:
    """k x amount x (invalid rate / target), rounded up: what so much exposure asks for."""
    known = measured.sold >= LEAST_SALES
    rate_bp = measured.invalid_rate_bp if known else terms.target_rate_bp
    return -(-amount_minor * terms.exposure_bp * rate_bp // (BASIS_POINTS * terms.target_rate_bp))


def required_minor(terms: DepositTerms, measured: Measured) -> int:
    """How much there must be, in minor units."""
    wanted = terms.base_minor + weighed_minor(measured.exposure_minor, terms, measured)
    return min(max(wanted, terms.least_minor), terms.most_minor)


def is_short(*, free_minor: int, required_minor: int, grace_minor: int) -> bool:
    """Whether less is there than asked for, by more than the grace."""
    return free_minor + grace_minor < required_minor


def lasts_hours(terms: DepositTerms, measured: Measured, *, free_minor: int) -> int | None:
    """For how many whole hours the deposit is enough at today's pace; None: for as long as one can
    see, because exposure does not grow, or has reached the most that is ever asked for."""
    allowed_minor = free_minor + terms.grace_minor
    if allowed_minor >= terms.most_minor:
        return None
    spare_minor = allowed_minor - required_minor(terms, measured)
    if spare_minor < 0:
        return 0
    growing_minor = weighed_minor(max(measured.growth_minor_per_hour, 0), terms, measured)
    return spare_minor // growing_minor if growing_minor else None


def warned_at(lasts: int | None) -> int | None:
    """The nearest of `WARNED_AT_HOURS` that has been reached; None: there is time."""
    reached = [hours for hours in WARNED_AT_HOURS if lasts is not None and lasts <= hours]
    return min(reached) if reached else None
