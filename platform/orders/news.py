"""Telling who watches an order, a balance or conversions that something has changed. Lost news cost
a moment."""

from uuid import UUID

from kernel import valkey


def channel(tenant_id: UUID, order_id: UUID) -> str:
    """The name under which one order's news go out; the tenant is part of it."""
    return f"order:{tenant_id}:{order_id}"


async def order_changed(tenant_id: UUID, order_id: UUID) -> None:
    """Announce a change after its commit."""
    await valkey.announce(channel(tenant_id, order_id), "changed")


def conversion_channel(affiliate_id: UUID) -> str:
    """The name under which the news of an affiliate's conversions go out."""
    return f"conversion:{affiliate_id}"


async def conversion_recorded(affiliate_id: UUID) -> None:
    """Announce after its commit that an order was counted."""
    await valkey.announce(conversion_channel(affiliate_id), "recorded")


def balance_channel(tenant_id: UUID) -> str:
    """The name under which the news of a shop's trade balance go out."""
    return f"trade-balance:{tenant_id}"


async def balance_changed(tenant_id: UUID) -> None:
    """Announce after its commit that a trade balance has become less."""
    await valkey.announce(balance_channel(tenant_id), "changed")
