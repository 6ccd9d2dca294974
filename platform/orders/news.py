"""Telling those who watch an order that it has changed. Lost news cost a moment, nothing else."""

from uuid import UUID

from kernel import valkey


def channel(tenant_id: UUID, order_id: UUID) -> str:
    """The name under which one order's news go out; the tenant is part of it."""
    return f"order:{tenant_id}:{order_id}"


async def order_changed(tenant_id: UUID, order_id: UUID) -> None:
    """Announce a change after its commit."""
    await valkey.announce(channel(tenant_id, order_id), "changed")
