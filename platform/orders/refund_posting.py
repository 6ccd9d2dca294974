"""What a refund posts (E7): who gives the money, out of which stage, and where it goes.

Inside the transaction of a use case, with the order and what its line has earned locked.
"""

from collections.abc import Sequence
from uuid import UUID

from billing import accounts, debts, ledger, payout_gate, trade_moves
from billing.ledger import Account, credit, debit, merged
from kernel.ids import new_id
from orders import clawback, funding, postings
from orders.earnings import drawing, rows
from orders.earnings.drawing import Drawing
from orders.earnings.rows import Earning
from orders.points_refunds import PointsBack
from orders.records import Funding, Order


async def post_refund(
    refund_id: UUID,
    order: Order,
    taken: clawback.Reversal,
    earned: Sequence[Earning],
    amount_minor: int,
    backs: Sequence[tuple[Account, int]],
    to_funders: Sequence[tuple[Funding, int]],
    points: PointsBack,
    *,
    on_credit: bool,
) -> None:
    """Take from everybody what the refund takes; what is missing becomes a debt, if it may."""
    currency, posting_id = order.currency, new_id()
    noted = [account for account, _ in backs] if order.at_cost else []
    drawn = await draw(order, taken, earned, noted, points, on_credit=on_credit)
    due = accounts.refund_due(currency)
    entries = merged(drawn.entries)
    entries += merged(
        [
            *(credit(funding.account_of(one, currency), minor) for one, minor in to_funders),
            debit(accounts.points(order.tenant_id, currency), points.taken_minor),
        ]
    )
    entries.append(credit(due, amount_minor))
    if points.withheld_minor:
        entries.append(debit(due, points.withheld_minor))
    for account, minor in backs:
        entries.append(debit(due, minor))
        entries.append(credit(account, minor))
    for account, minor in backs if order.at_cost else ():
        back = trade_moves.move(
            posting_id=posting_id,
            account=account,
            kind="REFUND",
            amount_minor=minor,
            order_id=order.id,
        )
        await trade_moves.note(back, account=account)
    await ledger.post(
        entries,
        kind="E7_REFUND",
        idempotency_key=f"refund:{refund_id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
        posting_id=posting_id,
    )
    await rows.write_stages(drawn.changed(earned))
    await rows.write_ahead(drawn.ahead)


async def draw(
    order: Order,
    taken: clawback.Reversal,
    earned: Sequence[Earning],
    noted: Sequence[Account],
    points: PointsBack,
    *,
    on_credit: bool,
) -> Drawing:
    """Lock what everybody has, and draw the claims out of it; the shop gets its points back.

    Without credit it is a gift out of what the shop has earned. Raises `InsufficientBalance` where
    that is too little, `InDebt` and `PayoutsStopped` where the shop may give nothing away.
    """
    taken, shops_minor = clawback.less_for_shop(taken, order, amount_minor=points.shops_minor)
    drawn_on = drawing.drawn_on(taken.claims, earned, order.currency)
    shop = [row for row in earned if row.party_id == order.tenant_id]
    indebted = [row.debt for row in shop if row.is_matured and shops_minor]
    balances, debts_minor = await debts.lock_balances_and_debts([*drawn_on, *noted], indebted)
    held = {account: balances[account] for account in drawn_on}
    wanted_minor = taken.taken_minor
    if not on_credit and drawn_on and sum(held.values()) < wanted_minor:
        raise ledger.InsufficientBalance(
            "The shop has not earned as much: an operator decides.",
            field="amount",
            details={"available": sum(held.values())},
        )
    if not on_credit and drawn_on:
        await payout_gate.require_free_to_give("TENANT", order.tenant_id)
    drawn = drawing.draw_all(taken.claims, currency=order.currency, held=held, rows=earned)
    if shops_minor and shop:
        drawn.give(shop[0], shops_minor, debt_minor=debts_minor.get(shop[0].debt, 0))
    elif shops_minor:
        account = postings.earned_account("WHOLESALE_MARGIN", None, order.currency)
        drawn.entries.append(credit(account, shops_minor))
    return drawn
