"""Where the account's objects live: one SQLite file that survives kill -9, or memory."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from sandbox.stripe.errors import NoSuchObject
from sandbox.stripe.wire import Json

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    intent_id TEXT,
    charge_id TEXT,
    source_id TEXT,
    type TEXT,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (intent_id) WHERE intent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS answers (
    idempotency_key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'held', 'lost', 'acknowledged')),
    due_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, due_at);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    attempted_at REAL NOT NULL,
    status_code INTEGER,
    error TEXT
);
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    due_at REAL,
    step TEXT NOT NULL,
    object_id TEXT NOT NULL
);
"""

# Filters a list may use, and the column each of them reads.
_COLUMNS = {
    "payment_intent": "intent_id",
    "charge": "charge_id",
    "source": "source_id",
    "currency": "json_extract(body, '$.currency')",
    "destination": "json_extract(body, '$.destination')",
    "transfer_group": "json_extract(body, '$.transfer_group')",
}
_SEQ_OF_CURSOR = "(SELECT seq FROM objects WHERE id = ?)"
_BOUNDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


@dataclass(frozen=True, kw_only=True)
class Page:
    """Which objects a list asks for; newest first, `limit` of them."""

    kind: str
    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] = field(default_factory=dict)
    matching: Mapping[str, str] = field(default_factory=dict)
    types: tuple[str, ...] = ()


class Store:
    """The account's state. Every change happens inside `transaction()`."""

    def __init__(self, path: Path | None) -> None:
        # The server may be started in one thread and run in another; it is used by one at a time.
        self._connection = sqlite3.connect(
            str(path) if path else ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        # WAL with NORMAL outlives a killed process; only a power cut may lose the last moments.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what its block writes, or nothing when the block raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """Run one statement and give its rows."""
        return self._connection.execute(statement, values).fetchall()

    def insert(self, body: Json) -> Json:
        """Store a new object of the kind that its `object` names."""
        self.rows(
            "INSERT INTO objects (id, kind, created, intent_id, charge_id, source_id, type, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            body["id"],
            body["object"],
            body["created"],
            body.get("payment_intent"),
            body.get("charge"),
            body.get("source"),
            body.get("type"),
            orjson.dumps(body).decode(),
        )
        return body

    def save(self, body: Json) -> Json:
        """Write the object's new body over its old one."""
        self.rows(
            "UPDATE objects SET body = ? WHERE id = ?", orjson.dumps(body).decode(), body["id"]
        )
        return body

    def forget(self, object_id: str) -> None:
        """Forget an object, as if it had never been."""
        self.rows("DELETE FROM objects WHERE id = ?", object_id)

    def find_any(self, object_id: str) -> Json | None:
        """Give the object with this id, of whatever kind, or None."""
        rows = self.rows("SELECT body FROM objects WHERE id = ?", object_id)
        return orjson.loads(rows[0]["body"]) if rows else None

    def find(self, *, kind: str, object_id: str) -> Json | None:
        """Give the object, or None."""
        rows = self.rows("SELECT body FROM objects WHERE id = ? AND kind = ?", object_id, kind)
        return orjson.loads(rows[0]["body"]) if rows else None

    def get(self, *, kind: str, object_id: str, param: str = "id") -> Json:
        """Give the object, or raise NoSuchObject naming the parameter."""
        body = self.find(kind=kind, object_id=object_id)
        if body is None:
            raise NoSuchObject(kind=kind, object_id=object_id, param=param)
        return body

    def page(self, page: Page) -> tuple[list[Json], bool]:
        """Give one page of objects, and whether more follow.

        Raises NoSuchObject when a cursor names nothing of the kind.
        """
        conditions, values = self._conditions(page)
        order = "ASC" if page.ending_before else "DESC"
        # The conditions are made of this file's own words; what the caller gave is bound.
        statement = (
            f"SELECT body FROM objects WHERE {' AND '.join(conditions)}"
            f" ORDER BY seq {order} LIMIT ?"
        )
        rows = self.rows(statement, *values, page.limit + 1)
        bodies = [orjson.loads(row["body"]) for row in rows[: page.limit]]
        return (bodies[::-1] if page.ending_before else bodies), len(rows) > page.limit

    def _conditions(self, page: Page) -> tuple[list[str], list[Any]]:
        conditions, values = ["kind = ?"], [page.kind]
        for name, value in page.matching.items():
            conditions.append(f"{_COLUMNS.get(name, name)} = ?")
            values.append(value)
        for bound, moment in page.created.items():
            conditions.append(f"created {_BOUNDS[bound]} ?")
            values.append(str(moment))
        if page.types:
            conditions.append("(" + " OR ".join("type GLOB ?" for _ in page.types) + ")")
            values.extend(page.types)
        cursors = {"starting_after": ("<", page.starting_after)}
        cursors["ending_before"] = (">", page.ending_before)
        for param, (sign, cursor) in cursors.items():
            if cursor is not None:
                self.get(kind=page.kind, object_id=cursor, param=param)
                conditions.append(f"seq {sign} {_SEQ_OF_CURSOR}")
                values.append(cursor)
        return conditions, values
