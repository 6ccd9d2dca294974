"""When a program was last heard of: noted after its request, and at most once a minute."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.background import Background
from kernel.clock import monotonic_seconds

EVERY_SECONDS: Final = 60.0
_CLIENTS: Final = 10_000

# Another process may have noted it meanwhile.
_NOTE: Final = """
insert into api_client_uses (tenant_id, client_id, used_at) values ($1, $2, platform_now())
on conflict (tenant_id, client_id) do update set used_at = excluded.used_at
where api_client_uses.used_at <= excluded.used_at - interval '1 minute'
"""


class ClientUses:
    """Notes uses in the background: no request waits for it, and a failure is only logged."""

    def __init__(self) -> None:
        self._noted: dict[UUID, float] = {}
        self._writing = Background("noting_client_uses")

    def note(self, tenant_id: UUID, client_id: UUID) -> None:
        """Say that a program was heard of now."""
        now = monotonic_seconds()
        if now - self._noted.get(client_id, -EVERY_SECONDS) < EVERY_SECONDS:
            return
        if len(self._noted) >= _CLIENTS:
            self._noted.clear()
        self._noted[client_id] = now
        self._writing.begin(_write(tenant_id, client_id))

    async def all_noted(self) -> None:
        """Wait until everything so far is written."""
        await self._writing.all_done()

    def forget(self) -> None:
        """Note every program anew (tests)."""
        self._noted.clear()


async def _write(tenant_id: UUID, client_id: UUID) -> None:
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(_NOTE, tenant_id, client_id)


client_uses = ClientUses()
