"""Where a customer stands, without a database: gifts, steps of the ladder, and why one moves."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from loyalty.standing import Gift, Measure, Move, MoveReason, Standing, follow

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=3), NOW - timedelta(days=3)
SILVER, GOLD, VIP = (UUID(int=number) for number in (1, 2, 9))


def step(tier_id: UUID, until: datetime | None, *, spent_minor: int = 700) -> Measure:
    return Measure(tier_id, tier_id.int, 30, spent_minor, until)


@pytest.mark.parametrize(
    ("before", "ladder", "after", "reason"),
    [
        (Standing(), [], Standing(), None),
        (Standing(), [step(SILVER, None)], Standing(), None),
        (
            Standing(),
            [step(SILVER, LATER), step(GOLD, LATER)],
            Standing(None, GOLD, LATER),
            MoveReason.REACHED,
        ),
        (
            Standing(None, GOLD, NOW),
            [step(SILVER, LATER), step(GOLD, NOW)],
            Standing(None, SILVER, LATER),
            MoveReason.LAPSED,
        ),
        (Standing(None, GOLD, NOW), [step(GOLD, None)], Standing(), MoveReason.LAPSED),
        (Standing(None, GOLD, NOW), [], Standing(), MoveReason.RETIRED),
        (
            Standing(None, GOLD, NOW),
            [step(SILVER, LATER)],
            Standing(None, SILVER, LATER),
            MoveReason.RETIRED,
        ),
        # A gift wins while it lasts, over more and over less, and what is earned goes on below it.
        (
            Standing(Gift(SILVER, LATER)),
            [step(GOLD, LATER)],
            Standing(Gift(SILVER, LATER), GOLD, LATER),
            None,
        ),
        (
            Standing(Gift(VIP), GOLD, NOW),
            [step(SILVER, LATER)],
            Standing(Gift(VIP), SILVER, LATER),
            None,
        ),
        (
            Standing(Gift(SILVER, NOW), GOLD, NOW),
            [step(GOLD, LATER)],
            Standing(None, GOLD, LATER),
            MoveReason.GIFT_ENDED,
        ),
        (Standing(Gift(VIP, None, retired=True)), [], Standing(), MoveReason.RETIRED),
    ],
)
def test_a_standing_follows_from_the_ladder_and_the_gift(
    before: Standing, ladder: list[Measure], after: Standing, reason: MoveReason | None
) -> None:
    stands, move = follow(before, ladder, now=NOW)
    assert stands == after
    assert (move.reason if move else None) == reason
    assert follow(stands, ladder, now=NOW) == (stands, None)  # a second look moves nobody


def test_a_move_says_which_sum_decided_it() -> None:
    up = [step(SILVER, LATER, spent_minor=550), step(GOLD, None, spent_minor=600)]
    assert follow(Standing(), up, now=NOW)[1] == Move(MoveReason.REACHED, None, SILVER, 550, 30)
    down = [step(SILVER, LATER, spent_minor=550), step(GOLD, EARLIER, spent_minor=600)]
    before = Standing(None, GOLD, EARLIER)
    assert follow(before, down, now=NOW)[1] == Move(MoveReason.LAPSED, GOLD, SILVER, 600, 30)


def test_a_moment_that_is_early_enough_is_not_written_again() -> None:
    soon = NOW + timedelta(days=1)
    ladder = [step(GOLD, LATER)]
    assert follow(Standing(None, GOLD, soon), ladder, now=NOW)[0].due_at == soon
    assert follow(Standing(None, GOLD, LATER + timedelta(1)), ladder, now=NOW)[0].due_at == LATER
    assert follow(Standing(None, GOLD, NOW), ladder, now=NOW)[0].due_at == LATER
