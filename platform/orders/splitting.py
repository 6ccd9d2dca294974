"""E2 of one line that has waited in escrow: everybody's share, the moment it is earned."""

from billing import ledger
from orders import foreign_supply, postings, records
from orders.records import Line, Order


async def split_line(order: Order, line: Line) -> None:
    """Move a line's money out of escrow to everyone who has earned. The ledger takes it once."""
    shares = [share for share in await records.shares_of(order.id) if share.line_id == line.id]
    own, foreign = foreign_supply.parted(shares)
    entries = postings.delivered(
        currency=order.currency,
        shares=[(share.role, share.party_id, share.amount_minor) for share in own],
        fee_minor=line.channel_fee_minor,
        shop_id=None if len(order.path) == 1 else order.tenant_id,
        bought_minor=sum(one.exchange.amount_minor for one in foreign),
    )
    for one in foreign:
        entries += foreign_supply.owed_entries(one)
    await ledger.post(
        ledger.merged(entries),
        kind="E2_DELIVERY",
        idempotency_key=f"delivery:{line.id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )
