"""The worker's part of webhooks in this process: hand on, send, and wait for what was sent."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from kernel import db, outbox
from kernel.ids import new_id
from kernel.outbox import EventType
from listeners import plant_endpoint
from notifications.delivering import Dispatcher
from notifications.handing_on import hand_on
from world import World


@dataclass
class PostOffice:
    """Hands on and sends when it is told to."""

    owner: asyncpg.Connection = field(repr=False)
    world: World = field(repr=False)
    dispatcher: Dispatcher

    async def deliver(self, *, rounds: int = 20) -> None:
        """Hand on what is new, and send what is due until nothing is."""
        await hand_on()
        for _ in range(rounds):
            begun = await self.dispatcher.send_webhooks()
            await self.dispatcher.finish()
            if not begun:
                return
        raise AssertionError(f"something is still due after {rounds} rounds")

    async def listener(self, url: str, *events: str, slot: int = 1) -> UUID:
        """An endpoint of the world's shop."""
        return await plant_endpoint(
            self.owner,
            self.world.shop.id,
            url=url,
            event_types=events or ("balance.low",),
            slot=slot,
        )

    async def tell(self, *, object_id: UUID | None = None, **facts: int | str) -> bool:
        """Something that the world's shop is told."""
        async with db.transaction(db.core_scope()):
            return await outbox.tell(
                EventType.BALANCE_LOW,
                tenant_id=self.world.shop.id,
                object_id=object_id or new_id(),
                facts=facts,
            )

    async def states(self) -> list[str]:
        """Every delivery's status, in the order of the events."""
        rows = await self.owner.fetch("select status from webhook_deliveries order by number, id")
        return [row["status"] for row in rows]

    async def attempts(self) -> list[dict[str, Any]]:
        """Every attempt, in order."""
        rows = await self.owner.fetch(
            """select a.* from webhook_attempts a join webhook_deliveries d
               on d.id = a.delivery_id order by d.number, a.number"""
        )
        return [dict(row) for row in rows]

    async def endpoint(self, endpoint_id: UUID) -> dict[str, Any]:
        """An endpoint's row."""
        row = await self.owner.fetchrow(
            "select * from webhook_endpoints where id = $1", endpoint_id
        )
        return dict(row)

    async def later(self, interval: str) -> None:
        """Let time pass."""
        await self.world.shift_clock(interval)
