"""The town that tests ask for: built once by its people's own requests, then put back."""

import time
from copy import deepcopy
from dataclasses import replace
from typing import Final

import asyncpg

from isolation.api import Api
from isolation.neighbours import Neighbourhood, build_neighbourhood
from memories import forget_everything
from snapshots import Snapshot

OLD_SECONDS: Final = 150.0
"""From then on a town is built anew: its quotes are good for ten minutes, its orders for fifteen,
and whoever asks for it has work to do there."""


class Towns:
    """The last town that was built, as it was when nobody had asked anything of it yet."""

    def __init__(self) -> None:
        self._built: Neighbourhood | None = None
        self._rows: Snapshot | None = None
        self._built_at_seconds = 0.0

    async def town(self, owner: asyncpg.Connection, api: Api) -> Neighbourhood:
        """Put a town into a fresh database; nobody remembers another."""
        now_seconds = time.monotonic()
        if self._rows is None or now_seconds > self._built_at_seconds + OLD_SECONDS:
            self._built = await build_neighbourhood(owner, api)
            self._rows = await Snapshot.take(owner)
            self._built_at_seconds = now_seconds
        else:
            await self._rows.put_back(owner)
        await forget_everything()
        assert self._built is not None
        return _as_new(self._built, owner)


def _as_new(built: Neighbourhood, owner: asyncpg.Connection) -> Neighbourhood:
    """A copy that a test may change, seen through its own connection."""
    plain = replace(built.world, owner=owner, batch_ids=dict(built.world.batch_ids))
    return replace(built, owner=owner, world=plain, holdings=deepcopy(built.holdings))
