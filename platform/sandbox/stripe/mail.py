"""The account's outgoing mail: which event is owed to the webhook, when, and how it went."""

import sqlite3

from sandbox.stripe.store import Store
from sandbox.stripe.wire import Json

_FIRST_RETRY_SECONDS = 0.5
_LONGEST_RETRY_SECONDS = 30.0


def retry_delay_seconds(*, attempts: int) -> float:
    """Tell how long to wait after the given number of failed attempts."""
    return min(_FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 10), _LONGEST_RETRY_SECONDS)


def owe(store: Store, *, event_id: str, state: str, due_at: float) -> None:
    """Write down one delivery of an event, due at a time in seconds."""
    store.rows(
        "INSERT INTO deliveries (event_id, state, due_at) VALUES (?, ?, ?)",
        event_id,
        state,
        due_at,
    )


def due(store: Store, *, now: float, limit: int) -> list[sqlite3.Row]:
    """Give the deliveries whose time has come, the oldest first."""
    return store.rows(
        "SELECT id, event_id, attempts FROM deliveries WHERE state = 'pending' AND due_at <= ?"
        " ORDER BY due_at, id LIMIT ?",
        now,
        limit,
    )


def next_due_at(store: Store, *, after: float) -> float | None:
    """Tell when the next waiting delivery or timer is due, if there is one."""
    rows = store.rows(
        "SELECT min(due_at) AS due_at FROM ("
        " SELECT due_at FROM deliveries WHERE state = 'pending' AND due_at > ?"
        " UNION ALL SELECT due_at FROM timers)",
        after,
    )
    moment: float | None = rows[0]["due_at"]
    return moment


def held(store: Store) -> list[sqlite3.Row]:
    """Give the deliveries held back, the newest first: out of order."""
    return store.rows(
        "SELECT id, event_id, attempts FROM deliveries WHERE state = 'held' ORDER BY id DESC"
    )


def release_held(store: Store, *, now: float) -> int:
    """Let the held deliveries go, and tell how many they were."""
    released = store.rows(
        "UPDATE deliveries SET state = 'pending', due_at = ? WHERE state = 'held' RETURNING id",
        now,
    )
    return len(released)


def record_attempt(
    store: Store,
    *,
    delivery: sqlite3.Row,
    attempted_at: float,
    status_code: int | None,
    error: str | None,
) -> None:
    """Write how an attempt went and what follows from it: done, or later."""
    acknowledged = status_code is not None and 200 <= status_code < 300
    attempts = delivery["attempts"] + 1
    store.rows(
        "INSERT INTO attempts (delivery_id, event_id, attempted_at, status_code, error)"
        " VALUES (?, ?, ?, ?, ?)",
        delivery["id"],
        delivery["event_id"],
        attempted_at,
        status_code,
        error,
    )
    store.rows(
        "UPDATE deliveries SET state = ?, attempts = ?, due_at = ? WHERE id = ?",
        "acknowledged" if acknowledged else "pending",
        attempts,
        attempted_at + retry_delay_seconds(attempts=attempts),
        delivery["id"],
    )


def waiting(store: Store, *, event_id: str) -> int:
    """Count the deliveries of an event that no 2xx has answered yet."""
    rows = store.rows(
        "SELECT count(*) AS number FROM deliveries WHERE event_id = ? AND state <> 'acknowledged'",
        event_id,
    )
    return int(rows[0]["number"])


def history(
    store: Store, *, after: int = 0, limit: int = 1_000, event_id: str | None = None
) -> list[Json]:
    """Give the attempts after the one numbered `after`, in their order."""
    rows = store.rows(
        "SELECT a.id, a.delivery_id, a.event_id, o.type AS event_type, a.attempted_at,"
        " a.status_code, a.error,"
        " json_extract(o.body, '$.data.object.id') AS object_id"
        " FROM attempts a JOIN objects o ON o.id = a.event_id"
        " WHERE a.id > ? AND (? IS NULL OR a.event_id = ?) ORDER BY a.id LIMIT ?",
        after,
        event_id,
        event_id,
        limit,
    )
    return [
        {**dict(row), "acknowledged": row["status_code"] is not None and row["status_code"] < 300}
        for row in rows
    ]


def states(store: Store) -> dict[str, int]:
    """Count the deliveries by state."""
    rows = store.rows("SELECT state, count(*) AS number FROM deliveries GROUP BY state")
    return {row["state"]: row["number"] for row in rows}
