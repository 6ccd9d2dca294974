"""On which tier a customer stands: pure rules over how far the customer has come on the ladder.

What was bought in a window that has held a tier's threshold keeps that tier until the window and
the tier's grace have passed (`tier_measures` in the database says when that is). A standing
therefore follows from the orders alone: looked at twice, late, or in another order it is the same,
and nothing is lowered a second time for what it was lowered for already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class MoveReason(StrEnum):
    """Why a customer came to another tier."""

    REACHED = "REACHED"
    LAPSED = "LAPSED"
    RETIRED = "RETIRED"
    GIVEN = "GIVEN"
    WITHDRAWN = "WITHDRAWN"
    GIFT_ENDED = "GIFT_ENDED"


@dataclass(frozen=True, slots=True)
class Measure:
    """One step of the ladder for one customer: what was spent there in its window until now, in
    minor units, and until when the step holds without another purchase; None: never reached."""

    tier_id: UUID
    rank: int
    window_days: int
    spent_minor: int
    holds_until: datetime | None


@dataclass(frozen=True, slots=True)
class Gift:
    """A tier that was given by hand; without an end it stays until it is taken back."""

    tier_id: UUID
    until: datetime | None = None
    retired: bool = False
    """The shop has taken this tier away from everybody."""

    def holds(self, now: datetime) -> bool:
        """Say whether the gift still wins over what was earned."""
        return not self.retired and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored of a customer; `due_at` is when the clock alone may change it."""

    gift: Gift | None = None
    earned_tier_id: UUID | None = None
    due_at: datetime | None = None

    @property
    def tier_id(self) -> UUID | None:
        """The tier that prices and limits are of: a gift wins over what was earned."""
        return self.gift.tier_id if self.gift is not None else self.earned_tier_id


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a customer's history, and the sum over so many days that decided it."""

    reason: MoveReason
    from_tier_id: UUID | None
    to_tier_id: UUID | None
    spent_minor: int | None = None
    window_days: int | None = None


def follow(
    before: Standing, ladder: Iterable[Measure], *, now: datetime
) -> tuple[Standing, Move | None]:
    """Say where a customer stands at a moment, and which move that is, if it is one."""
    steps = {step.tier_id: step for step in ladder}
    held = [step for step in steps.values() if step.holds_until and now < step.holds_until]
    earned = max(held, key=lambda step: step.rank, default=None)
    gift = before.gift if before.gift is not None and before.gift.holds(now) else None
    due_at = _due_at(before.due_at, earned, gift, now)
    after = Standing(gift, earned.tier_id if earned else None, due_at)
    return after, _move(before, after, steps)


def _due_at(
    known: datetime | None, earned: Measure | None, gift: Gift | None, now: datetime
) -> datetime | None:
    """When to look again. A moment that was written down before is early enough, and is kept:
    who buys every day need not have it moved every day."""
    ends = [earned.holds_until if earned else None, gift.until if gift else None]
    wanted = min((end for end in ends if end is not None), default=None)
    if known is not None and wanted is not None and now < known <= wanted:
        return known
    return wanted


def _move(before: Standing, after: Standing, steps: dict[UUID, Measure]) -> Move | None:
    way = (before.tier_id, after.tier_id)
    if before.gift is not None and after.gift is None:
        return Move(MoveReason.RETIRED if before.gift.retired else MoveReason.GIFT_ENDED, *way)
    if before.tier_id == after.tier_id:
        return None
    left, reached = (steps.get(tier_id) if tier_id else None for tier_id in way)
    if before.tier_id is not None and left is None:
        return Move(MoveReason.RETIRED, *way)
    if reached is not None and (left is None or reached.rank > left.rank):
        return Move(MoveReason.REACHED, *way, reached.spent_minor, reached.window_days)
    assert left is not None  # from nowhere one only comes up
    return Move(MoveReason.LAPSED, *way, left.spent_minor, left.window_days)
