"""Trade balances in tests: money planted as an operator credits it, and purchases at cost."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from billing import accounts
from offers.at_cost import CostWish
from orders import purchasing, trade_funding
from orders.purchasing import Bought, PurchaseWish
from orders.reveal import Witness
from sales import key
from tenants.directory import Shop
from world import Goods, ShopAt

COST_MINOR = 9_000
"""What the world's third-level shop pays for a key; its parent pays 8500, the platform 8000."""
STAFF = Witness(actor="staff:owner", ip="192.0.2.7", user_agent="tests")


async def credit(shop: Shop, amount_minor: int, *, reference: str | None = None) -> None:
    """A bank transfer has come, and an operator has seen it."""
    await trade_funding.credit_bank_transfer(
        shop=shop,
        actor="operator:test",
        amount_minor=amount_minor,
        bank_reference=reference or key(),
        idempotency_key=key(),
    )


async def buy(
    shop: Shop,
    goods: Goods,
    quantity: int = 1,
    *,
    most_total_minor: int | None = None,
    idempotency_key: str | None = None,
    lines: Sequence[CostWish] | None = None,
    **more: Any,
) -> Bought:
    """Buy at cost, for as much as it costs unless said otherwise."""
    wish = PurchaseWish(
        lines=tuple(lines or [CostWish(goods.sku_id, quantity)]),
        most_total_minor=most_total_minor or COST_MINOR * quantity,
        **more,
    )
    return await purchasing.purchase_at_cost(
        shop=shop, wish=wish, witness=STAFF, idempotency_key=idempotency_key or key()
    )


async def transfer(
    shop: Shop, child: ShopAt, amount_minor: int, *, idempotency_key: str | None = None
) -> None:
    """Move money to a child."""
    await trade_funding.transfer_to_child(
        shop=shop,
        actor="staff:owner",
        child_slug=child.slug,
        amount_minor=amount_minor,
        idempotency_key=idempotency_key or key(),
    )


async def held_minor(owner: asyncpg.Connection, tenant_id: UUID) -> int:
    """What a shop's trade balance holds, added up from the ledger's entries."""
    held: int = await owner.fetchval(
        """select coalesce(-sum(amount_minor), 0)::bigint from ledger_entries
           where account_id = $1""",
        accounts.trade(tenant_id, "CNY").id,
    )
    return held


async def moves(owner: asyncpg.Connection, tenant_id: UUID) -> list[tuple[str, int, int]]:
    """The balance's book: kind, amount and balance of every movement, the oldest first."""
    rows = await owner.fetch(
        """select kind, amount_minor, balance_minor from trade_moves where tenant_id = $1
           order by number""",
        tenant_id,
    )
    return [tuple(row) for row in rows]
