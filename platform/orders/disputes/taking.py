"""Taking what a lost dispute claims out of what parties hold; the shop gets its points back."""

from collections.abc import Sequence

from billing import accounts, debts
from billing.ledger import Entry, credit
from orders.clawback import Claim
from orders.earnings import drawing, noting, rows
from orders.earnings.drawing import Drawing
from orders.earnings.rows import Earning
from orders.records import Line, Order


async def locked_earnings(order: Order | None, lines: Sequence[Line]) -> list[Earning]:
    """What the lines have earned, locked; before anything is written of them."""
    if order is None:
        return []
    return await noting.lock_earnings(order.id, [line.id for line in lines])


async def draw(
    claims: Sequence[Claim],
    earned: Sequence[Earning],
    *,
    currency: str,
    order: Order | None,
    shops_minor: int,
) -> Drawing:
    """Draw the claims, each out of its own share first: what nobody has becomes a debt.

    `shops_minor` are points' worth that the shop gets back beyond what is claimed of it.
    """
    drawn_on = drawing.drawn_on(claims, earned, currency)
    # With them whatever the end of the case, and of what is not delivered, moves afterwards: all
    # accounts are locked in one go.
    more = {account for row in earned for account in (row.pending, row.available, row.held)}
    more |= {accounts.deposit_free(row.party_id, currency) for row in earned}
    shop = [row for row in earned if order is not None and row.party_id == order.tenant_id]
    balances, debts_minor = await debts.lock_balances_and_debts(
        list(more.union(drawn_on)), list({row.debt for row in earned})
    )
    held = {account: balances[account] for account in drawn_on}
    drawn = drawing.draw_all(claims, currency=currency, held=held, rows=earned)
    if shops_minor and shop:
        drawn.give(shop[0], shops_minor, debt_minor=debts_minor.get(shop[0].debt, 0))
    elif shops_minor:
        drawn.entries.append(_to_the_root(currency, shops_minor))
    return drawn


async def write(drawn: Drawing, earned: Sequence[Earning]) -> None:
    """Write what the shares have left."""
    await rows.write_stages(drawn.changed(earned))
    await rows.write_ahead(drawn.ahead)


def _to_the_root(currency: str, amount_minor: int) -> Entry:
    return credit(accounts.revenue("WHOLESALE_MARGIN", currency), amount_minor)
