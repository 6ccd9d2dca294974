"""Quick buys inside this process, and what must be true of them afterwards."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from billing import payments
from billing.payment_methods.base import ChannelReport
from kernel import db
from kernel.ids import new_id
from offers.quotes import Wish
from orders import paying
from orders.checkout import Buyer, OrderMade
from tenants.directory import Shop
from world import Goods

PRICE_MINOR = 11_000
"""What the world's third-level shop asks for one key."""


async def quick_buy(
    shop: Shop,
    goods: Goods,
    *,
    quantity: int = 1,
    customer_id: UUID | None = None,
    method: str | None = None,
    idempotency_key: str | None = None,
) -> OrderMade:
    """Buy as a guest, or as a customer; with `method="WALLET"` it is paid and delivered at once."""
    return await paying.quick_buy(
        shop=shop,
        buyer=Buyer(customer_id),
        wish=Wish(goods.sku_id, quantity),
        expected_total_minor=PRICE_MINOR * quantity,
        contact=None,
        affiliate_code=None,
        method=method,
        idempotency_key=idempotency_key or new_id().hex,
    )


async def promised_twice(owner: asyncpg.Connection) -> list[UUID]:
    """Keys that stand in more than one living order: each of them is oversold."""
    rows = await owner.fetch(
        """select key_id from (
               select unnest(line.key_ids) as key_id from order_lines line
               join orders on orders.id = line.order_id
               where orders.payment_status in ('PENDING', 'PAID')) as promised
           group by key_id having count(*) > 1"""
    )
    return [row["key_id"] for row in rows]


async def key_statuses(owner: asyncpg.Connection, goods: Goods) -> dict[str, int]:
    """How many keys of these goods are in which state."""
    rows = await owner.fetch(
        """select status, count(*) as number from keys where supplier_listing_id = $1
           group by status""",
        goods.listing_id,
    )
    return {row["status"]: row["number"] for row in rows}


async def quantities(owner: asyncpg.Connection, orders: Sequence[OrderMade]) -> list[int]:
    """How many keys each of these orders holds or has, as its line says."""
    rows = await owner.fetch(
        "select cardinality(key_ids) as number from order_lines where order_id = any ($1)",
        [order.order_id for order in orders],
    )
    return [row["number"] for row in rows]


async def open_card_payment(shop: Shop, order: OrderMade, *, amount_minor: int) -> ChannelReport:
    """Start a card payment of an order, and give what the channel will say once it is paid."""
    payment_id = new_id()
    intent = f"pi_{payment_id.hex}"
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await payments.open_payment(
            payments.draft(
                payment_id=payment_id,
                tenant_id=shop.id,
                purpose="ORDER",
                order_id=order.order_id,
                customer_id=None,
                method="CARD",
                currency=shop.currency,
                channel_minor=amount_minor,
                wallet_minor=0,
            )
        )
        await payments.asked(payment_id, provider_ref=intent)
    return ChannelReport(
        provider="stripe",
        event_id=f"evt_{payment_id.hex}",
        kind="payment_intent.succeeded",
        state="SUCCEEDED",
        provider_ref=intent,
        payment_id=payment_id,
        amount_minor=amount_minor,
        currency=shop.currency,
    )
