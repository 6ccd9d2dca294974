"""What the tests of earnings look at: a party's money by stage, and the worker's two sweeps."""

from uuid import UUID

from entrypoints import sweeps
from kernel import db
from kernel.ids import new_id
from orders.earnings import holding
from sales import Purchase, SalesDesk

FEE_MINOR = 66
"""Of 110.00 by card; the shop bears it."""
STAGES = {
    "L:PARTY:PENDING": "pending",
    "L:PARTY:HOLD": "held",
    "L:PARTY:AVAILABLE": "available",
    "L:DEPOSIT:FREE": "deposit",
    "A:RECV": "owed",
}


async def sold(desk: SalesDesk, method: str = "CARD") -> Purchase:
    """One key, sold and delivered for 110.00: T2 earns 20.00 less the fee, T1 5.00."""
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=11_000 if method == "WALLET" else 0)
    return await (await desk.order(by=buyer)).paid(method)


async def days_pass(desk: SalesDesk, days: float) -> None:
    """So long after now the worker looks at what was earned."""
    await desk.world.shift_clock(f"{days * 86_400} seconds")
    await sweep()


async def sweep() -> None:
    """What the worker does about earnings."""
    await sweeps.note_earnings()
    await sweeps.mature_earnings()


async def of_party(desk: SalesDesk, party_id: UUID) -> dict[str, int]:
    """A party's money by stage, in minor units; what is zero is left out."""
    rows = await desk.owner.fetch(
        """select account.code, abs(sum(entry.amount_minor))::bigint as minor
           from ledger_accounts account
           join ledger_entries entry on entry.account_id = account.id
           where account.owner_id = $1 group by 1 having sum(entry.amount_minor) <> 0""",
        party_id,
    )
    return {STAGES[row["code"]]: row["minor"] for row in rows}


async def held_by(
    purchase: Purchase, case_id: UUID | None = None, *, line_id: UUID | None = None
) -> UUID:
    """Hold what an order, or one line of it, has earned; returns the case."""
    case_id = case_id or new_id()
    async with db.transaction(db.core_scope(purchase.shop.id)):
        await holding.hold(purchase.id, line_id, case_id, "dispute")
    return case_id


async def released(shop_id: UUID, case_id: UUID) -> int:
    """End the case's holds in a shop; returns how much moved."""
    async with db.transaction(db.core_scope(shop_id)):
        return await holding.release(case_id)
