"""What the provider will do by itself later: end a pending refund, settle a payment."""

from sandbox.stripe.faults import Undecided
from sandbox.stripe.work import Work


def set_timer(work: Work, *, noun: str, object_id: str, fault: Undecided) -> None:
    """Write down that the object ends as the fault says, when it says.

    A fault without a time ends with the faults: its timer has no due time until then.
    """
    work.store.rows(
        "INSERT INTO timers (due_at, step, object_id) VALUES (?, ?, ?)",
        None if fault.seconds is None else work.now + fault.seconds,
        f"{noun}.{fault.outcome}",
        object_id,
    )


def set_time(work: Work, *, step: str, object_id: str, due_at: float) -> None:
    """Write down what will happen to the object at a moment of its own."""
    work.store.rows(
        "INSERT INTO timers (due_at, step, object_id) VALUES (?, ?, ?)", due_at, step, object_id
    )


def are_due(work: Work) -> bool:
    """Tell whether a timer has run out; nothing is written for that."""
    return bool(work.store.rows("SELECT 1 FROM timers WHERE due_at <= ? LIMIT 1", work.now))


def take_due(work: Work) -> list[tuple[str, str]]:
    """Take the timers that have run out: (step, object id), the oldest first."""
    rows = work.store.rows(
        "SELECT id, step, object_id FROM timers WHERE due_at <= ? ORDER BY due_at, id", work.now
    )
    for row in rows:
        work.store.rows("DELETE FROM timers WHERE id = ?", row["id"])
    return [(row["step"], row["object_id"]) for row in rows]


def end_all(work: Work) -> None:
    """Let every timer of a fault run out now; a session's end is none."""
    work.store.rows("UPDATE timers SET due_at = ? WHERE step NOT LIKE 'session.%'", work.now)


def end_open_ended(work: Work) -> None:
    """Let the timers run out that waited for the end of their fault."""
    work.store.rows("UPDATE timers SET due_at = ? WHERE due_at IS NULL", work.now)
