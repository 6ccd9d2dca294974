"""What a piece of work asks of the database."""

from collections.abc import Awaitable

from kernel import db


async def statements(what: Awaitable[object]) -> list[str]:
    """What was asked, without what opens and ends transactions."""
    asked: list[str] = []
    token = db.statement_log.set(asked)
    try:
        await what
    finally:
        db.statement_log.reset(token)
    return asked
