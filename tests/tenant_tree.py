"""A tree of tenants for tests of their lives, and how to look at it."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from kernel.ids import new_id
from tenants.life import TenantStatus
from world import ShopAt, World, plant_tenant

OPERATOR = "operator:test"


@dataclass
class Tree:
    """The world's root, agent and shop, and whatever else a test plants."""

    world: World

    @property
    def owner(self) -> asyncpg.Connection:
        """Who sees everything."""
        return self.world.owner

    async def plant(
        self, slug: str, *, below: ShopAt, status: str = "ACTIVE", on_parent_loss: str = "FREEZE"
    ) -> ShopAt:
        """A tenant in some state of its life."""
        shop = await plant_tenant(self.owner, slug, parent=below)
        await self.owner.execute(
            "update tenants set on_parent_loss = $2 where id = $1", shop.id, on_parent_loss
        )
        await put_into(self.owner, shop.id, status)
        return shop

    async def status(self, shop: ShopAt) -> str:
        """Where a tenant is in its life."""
        found: str = await self.owner.fetchval("select status from tenants where id = $1", shop.id)
        return found

    async def path(self, shop: ShopAt) -> tuple[UUID, ...]:
        """Where a tenant stands."""
        return tuple(await self.owner.fetchval("select path from tenants where id = $1", shop.id))

    async def closure(self, shop: ShopAt, path: tuple[UUID, ...] | None = None) -> str | None:
        """Why a shop sells nothing."""
        found: str | None = await self.owner.fetchval(
            "select shop_closure($1, $2)", shop.id, list(path) if path is not None else None
        )
        return found

    async def events(self, shop: ShopAt) -> list[tuple[str, str | None, str]]:
        """What has happened to a tenant, in order."""
        rows = await self.owner.fetch(
            """select change, from_status, to_status from tenant_events
               where tenant_id = $1 order by at, id""",
            shop.id,
        )
        return [tuple(row) for row in rows]


async def put_into(owner: asyncpg.Connection, tenant_id: UUID, status: str) -> None:
    """Set a state as if the tenant had always been in it, past the triggers."""
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            """update tenants set status = $2, orders_stopped = $2 = 'RESTRICTED',
                      payouts_frozen = false, restricted_by_parent = false,
                      closes_at = case when $2 = 'CLOSING' then now() + interval '30 days' end
               where id = $1""",
            tenant_id,
            status,
        )


ALL = tuple(TenantStatus)
NOBODY = new_id()
