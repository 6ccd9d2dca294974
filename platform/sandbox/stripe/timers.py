"""What the provider will do by itself later: end a pending refund, settle a payment."""

from sandbox.stripe.faults import Undecided
from sandbox.stripe.work import Work

_NOT_BEFORE_CLEARED_SECONDS = 10 * 365 * 86_400.0


def set_timer(work: Work, *, noun: str, object_id: str, fault: Undecided) -> None:
    """This function will write down that the object ends as the fault says, when it says."""
    wait_seconds = _NOT_BEFORE_CLEARED_SECONDS if fault.seconds is None else fault.seconds
    work.store.rows(
        "INSERT INTO timers (due_at, step, object_id) VALUES (?, ?, ?)",
        work.now + wait_seconds,
        f"{noun}.{fault.outcome}",
        object_id,
    )


def take_due(work: Work) -> list[tuple[str, str]]:
    """This function will take the timers that have run out: (step, object id), the oldest first."""
    rows = work.store.rows(
        "SELECT id, step, object_id FROM timers WHERE due_at <= ? ORDER BY due_at, id", work.now
    )
    for row in rows:
        work.store.rows("DELETE FROM timers WHERE id = ?", row["id"])
    return [(row["step"], row["object_id"]) for row in rows]


def end_all(work: Work) -> None:
    """This function will let every timer run out now."""
    work.store.rows("UPDATE timers SET due_at = ?", work.now)
