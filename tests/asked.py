"""What is asked of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from kernel import db


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of the block, without what opens and ends transactions."""
    asked: list[str] = []
    token = db.statement_log.set(asked)
    try:
        yield asked
    finally:
        db.statement_log.reset(token)
