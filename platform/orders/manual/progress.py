"""How far what a person delivers is, as its buyer and who delivers see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from identity.contact import open_field, seal_field
from kernel.crypto import Sealed

_COLUMN: Final = "manual_deliveries.words"


@dataclass(frozen=True, slots=True)
class Words:
    """What who delivers has last told the buyer, sealed for its line."""

    line_id: UUID
    sealed: Sealed

    def text(self) -> str:
        """Decrypt them: for the buyer, and for who has said them."""
        return open_field(self.sealed, row_id=self.line_id, column=_COLUMN)


@dataclass(frozen=True, slots=True)
class Progress:
    """One line's delivery. `due_at` is when it ends by itself if nothing is done: the promise, or,
    while the buyer is asked to correct something, the time to answer."""

    state: str
    minutes: int
    due_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    asked_fields: tuple[str, ...] = ()
    words: Words | None = None


def progress_of(line_id: UUID, row: Sequence[Any] | None) -> Progress | None:
    """Read a delivery's columns, in the order of `Progress` with the words' key before them."""
    if row is None:
        return None
    *columns, asked_fields, key_id, words = row
    said = None if words is None else Words(line_id, Sealed(key_id, words))
    return Progress(*[*columns, tuple(asked_fields), said])


def seal_words(text: str | None, *, line_id: UUID) -> Sealed | None:
    """Encrypt what is told to the buyer of a line; None for nothing."""
    return seal_field(text, row_id=line_id, column=_COLUMN) if text else None
