"""A line whose supplier is owed in another currency: what its shares say, and what they post.

Such a line has two shares for its supply: the supplier's SUPPLY in its own currency, and the
platform's EXCHANGE in the order's, which has bought that. They move together: in whole, in the
proportion of the order's rate, and the last refund of the one clears the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing import accounts
from billing.ledger import Entry, credit, debit
from orders.records import ShareRow

EXCHANGE = "EXCHANGE"


@dataclass(frozen=True, slots=True)
class Bought:
    """The two shares of one line."""

    supply: ShareRow
    exchange: ShareRow

    def back_minor(self, part_minor: int) -> int:
        """What the supplier gives back, in its own currency, when so much of the exchange does."""
        reversed_minor = self.exchange.reversed_minor + part_minor
        due_minor = self.supply.amount_minor * reversed_minor // self.exchange.amount_minor
        return due_minor - self.supply.reversed_minor


def bought_of(shares: Sequence[ShareRow]) -> Bought | None:
    """The foreign supply of one line; None where it is in the order's currency."""
    exchange = next((share for share in shares if share.role == EXCHANGE), None)
    if exchange is None:
        return None
    supply = next(share for share in shares if share.role == "SUPPLY")
    return Bought(supply, exchange)


def parted(shares: Iterable[ShareRow]) -> tuple[list[ShareRow], list[Bought]]:
    """The shares of lines in the order's currency, and the foreign supplies among them."""
    by_line: dict[UUID, list[ShareRow]] = {}
    for share in shares:
        by_line.setdefault(share.line_id, []).append(share)
    foreign = [found for of_line in by_line.values() if (found := bought_of(of_line)) is not None]
    theirs = {share.id for found in foreign for share in (found.supply, found.exchange)}
    return [one for of_line in by_line.values() for one in of_line if one.id not in theirs], foreign


def owed_entries(bought: Bought) -> list[Entry]:
    """The second half of E2 in two currencies: what the order's money has bought is owed."""
    supply, exchange = bought.supply, bought.exchange
    assert supply.party_id is not None
    return [
        credit(accounts.exchange(supply.currency, exchange.currency), exchange.amount_minor),
        debit(accounts.exchange(exchange.currency, supply.currency), supply.amount_minor),
        credit(accounts.party_pending(supply.party_id, supply.currency), supply.amount_minor),
    ]
