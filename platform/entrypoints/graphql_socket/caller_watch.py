"""Whether a socket's caller may still do what it did when the socket was opened."""

import asyncio
from collections.abc import Callable
from typing import Final

from identity.tokens import Caller
from kernel.errors import Forbidden
from kernel.log import get_logger
from schema.context import Context, caller_of

LOOK_AGAIN_SECONDS: Final = 2.0
"""How long a socket lives on with a caller who may do something else than when it was opened."""

_log = get_logger(__name__)


class CallerWatch:
    """Keeps looking at a caller who sees others' affairs: staff, a program, an operator.

    What a customer watches asks for the customer itself (`schema/order_events.py`).
    """

    __slots__ = ("_context", "_lost", "_looking", "has_lost")

    def __init__(self, context: Context, *, lost: Callable[[], None]) -> None:
        self._context = context
        self._lost = lost
        self._looking: asyncio.Task[None] | None = None
        self.has_lost = False

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What runs for it."""
        return [] if self._looking is None else [self._looking]

    async def current(self) -> Caller | None:
        """Ask who holds the token now; `Forbidden` when nobody does any more."""
        context = self._context
        return await caller_of(context.token, context.shop, ip=context.ip)

    async def require_unchanged(self) -> None:
        """Raise `Forbidden` for a caller who is not the one that opened the socket any more."""
        if self._is_watched and await self.current() != self._context.caller:
            raise Forbidden("This token speaks for less than it did.")

    def begin(self) -> None:
        """Look from now on, as soon as it is known who asks."""
        if self._looking is None and self._is_watched:
            self._looking = asyncio.create_task(self._look())

    @property
    def _is_watched(self) -> bool:
        caller = self._context.caller
        return caller is not None and caller.kind != "CUSTOMER"

    async def _look(self) -> None:
        while not self.has_lost:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            try:
                await self.require_unchanged()
            except Forbidden:
                self.has_lost = True
            except Exception as error:  # the database is away: what is watched waits for it, too
                _log.warning("socket.caller_not_asked", error_class=type(error).__name__)
        self._lost()
