"""Lines of the bank that bring the platform's own money: a channel's payout, or a payout or refund
of ours that has come back.

Whatever comes is booked when its line is imported, before anybody knows what it is. Where the
ledger had booked the same money for what it is, it has it twice: then the line is taken for that.
"""

from typing import Final

from billing import accounts, ledger
from billing.bank import lines
from billing.ledger import Entry
from billing.postings import bank as postings
from kernel import db
from kernel.errors import Refusal
from reconciliation.items import Item

BROUGHT: Final = """
exists (select from bank_lines line
        where line.state = 'WAITING' and line.amount_minor = {minor}
          and line.currency::text = {currency}
          and (line.names = {reference}
               or ({category} = 'PAYOUT' and line.names is null and line.payment_id is null)))
"""
"""Whether a line that waits has brought so much: it names what it is for, or is for a channel's
payout, which says nothing that we know."""
_LINE: Final = """
select id from bank_lines
where state = 'WAITING' and amount_minor = $1 and currency = $2
  and (names = $3 or ($4 = 'PAYOUT' and names is null and payment_id is null))
order by id limit 1
"""


class NoSuchLine(Refusal):
    """No line that waits has brought this money (any more)."""

    code = "WRONG_STATE"


async def take(item: Item, *, actor: str) -> list[Entry]:
    """Use the line that has brought what the ledger has twice, inside the transaction that decides
    the item; returns what mirrors the second booking. Raises `NoSuchLine`, `LineUsed`."""
    amount_minor = item.our_minor - item.their_minor
    line_id = await db.fetch_value(
        _LINE, amount_minor, item.currency, item.reference, item.category
    )
    if line_id is None:
        raise NoSuchLine("No line of the bank's brings this money.", field="decision")
    known_before = postings.known_before(accounts.bank(item.currency), amount_minor=amount_minor)
    await ledger.open_accounts(known_before)  # a settlement takes the line after it has posted
    await lines.use(line_id, as_state="OWN", payment_id=None, by=actor)
    return known_before
