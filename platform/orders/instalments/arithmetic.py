"""The parts of a plan, and how much of the goods they have paid for: pure, in minor units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kernel.money import BASIS_POINTS, largest_remainder, share_bp_ceil

Release = Literal["BY_SHARE", "AT_END", "AT_START"]
"""When the goods are handed over: piece by piece as they are paid for, with the last part, or with
the first one, which is credit of the platform's."""
LEAST_PARTS: Final = 2
MOST_PARTS: Final = 12


def fee_minor(*, total_minor: int, fee_bp: int) -> int:
    """The plan's fee on an order, rounded up."""
    return share_bp_ceil(amount_minor=total_minor, bp=fee_bp)


def part_amounts(*, owed_minor: int, parts: int, first_bp: int) -> list[int]:
    """Divide what is owed: the first part is at least its share, rounded up, the others are equal,
    by largest remainder. Together they are exactly what is owed.

    Raises `ValueError` where a part would be nothing.
    """
    first_minor = -(-owed_minor * first_bp // BASIS_POINTS)
    others = largest_remainder(total=owed_minor - first_minor, weights=[1] * (parts - 1))
    amounts = [first_minor, *others]
    if min(amounts) < 1:
        raise ValueError("a part of a plan is at least one minor unit")
    return amounts


@dataclass(frozen=True, slots=True)
class Goods:
    """A line as a plan sees it: what the buyer pays for all of it, and how many pieces it has."""

    paid_minor: int
    quantity: int


def covered_minor(*, total_minor: int, fee_minor: int, owed_minor: int) -> int:
    """How much of the goods' price is not owed any more, where a fee is owed with it; down."""
    return (total_minor + fee_minor - owed_minor) * total_minor // (total_minor + fee_minor)


def pieces_released(goods: Sequence[Goods], *, covered_minor: int, release: Release) -> list[int]:
    """How many pieces of each line are the buyer's, the first lines first: nobody ever has pieces
    for more than was paid, unless all of them come with the first part."""
    total_minor = sum(line.paid_minor for line in goods)
    if release == "AT_START" or covered_minor >= total_minor:
        return [line.quantity for line in goods]
    released, left_minor = [], 0 if release == "AT_END" else covered_minor
    for line in goods:
        if line.paid_minor <= left_minor:
            released.append(line.quantity)
            left_minor -= line.paid_minor
        else:
            released.append(line.quantity * left_minor // line.paid_minor)
            left_minor = 0
    return released


def kept_minor(goods: Goods, *, handed: int) -> int:
    """What the pieces of a line cost that were handed over, rounded up: as much as had to be paid
    for them."""
    return -(-goods.paid_minor * handed // goods.quantity)
