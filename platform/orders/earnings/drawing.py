"""What a refund draws from a party, stage by stage: pure arithmetic (E7).

A share gives back out of its own stage first: what is held of it, what is pending, what it has
brought. What is missing comes from the rest of the party's money: pending, then available, then the
deposit; and what none of them covers becomes a debt. So no account goes below zero.

Pending money that is taken for another share is *drawn ahead*: the party's other shares go on as
they were, and whichever matures first makes it good. Of a party, what is pending and what was
drawn ahead are together what its shares say is pending, after every step.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit
from billing.postings.earnings import became_available
from orders.clawback import Claim
from orders.earnings.rows import Earning


def sources(claim: Claim, currency: str) -> tuple[Account, ...]:
    """The party's accounts in the order in which they are drawn on, after the share's own stage:
    in this currency, where the claim has none of its own."""
    assert claim.party_id is not None
    currency = claim.currency or currency
    pending = accounts.party_pending(claim.party_id, currency)
    available = accounts.party_available(claim.party_id, currency)
    if claim.of_earnings:
        return (pending, available)
    deposit = accounts.deposit_free(claim.party_id, currency)
    if claim.at_once:
        return (deposit, available, pending)
    if claim.deposit_first:
        return (deposit, pending, available)
    return (pending, available, deposit)


def drawn_on(claims: Sequence[Claim], rows: Iterable[Earning], currency: str) -> list[Account]:
    """Every account that may be debited, to be locked."""
    found = {
        account
        for claim in claims
        if claim.party_id is not None
        for account in sources(claim, currency)
    }
    claimed = {claim.share_id for claim in claims}
    found |= {row.held for row in rows if row.share_id in claimed and row.held_minor}
    return sorted(found, key=lambda account: account.id)


@dataclass
class Drawing:
    """Draws claims out of what accounts hold and shares still have, in minor units.

    `left` is what the accounts hold and `rows` are the shares; both as they are afterwards.
    """

    currency: str
    left: dict[Account, int]
    rows: dict[UUID, Earning]
    entries: list[Entry] = field(default_factory=list)
    ahead: dict[Account, int] = field(default_factory=lambda: defaultdict(int))
    """What was drawn ahead of each pending account; less than zero: what it needs no more."""

    def draw(self, claim: Claim) -> None:
        """Take one claim, whole: what is missing becomes a debt."""
        currency = claim.currency or self.currency
        if claim.bought is not None:
            self._undo_exchange(claim, claim.bought, currency)
        if claim.party_id is None:
            if claim.bought is None:
                revenue = accounts.revenue(claim.role, currency)
                self.entries.append(debit(revenue, claim.amount_minor))
            return
        owed_minor = claim.amount_minor
        row = self.rows.get(claim.share_id) if claim.share_id else None
        if row is not None:
            owed_minor = self._out_of_own_stage(row, owed_minor)
        for account in sources(claim, self.currency):
            taken_minor = self._take(account, owed_minor)
            owed_minor -= taken_minor
            if account.code == "L:PARTY:PENDING":
                self.ahead[account] += taken_minor
        if owed_minor:
            debt = accounts.receivable(claim.party_id, currency)
            self.entries.append(debit(debt, owed_minor))

    def _undo_exchange(self, claim: Claim, bought: str, currency: str) -> None:
        """Take the bridge back: the platform's side gives the order's money, the supplier's side
        takes what that had bought."""
        bridge = accounts.exchange(bought, currency)
        entry = debit if claim.party_id is None else credit
        self.entries.append(entry(bridge, claim.amount_minor))

    def give(self, row: Earning, amount_minor: int, *, debt_minor: int) -> None:
        """Credit a share with so much more; what is available repays a debt first."""
        row = self.rows[row.share_id]
        if row.is_matured:
            self.entries += became_available(
                row.party_id, self.currency, amount_minor=amount_minor, debt_minor=debt_minor
            )
            row = replace(row, available_minor=row.available_minor + amount_minor)
        else:
            self.entries.append(credit(row.pending, amount_minor))
            row = replace(row, pending_minor=row.pending_minor + amount_minor)
        self.rows[row.share_id] = row

    def changed(self, before: Iterable[Earning]) -> list[Earning]:
        """The rows that are not what they were."""
        return [self.rows[row.share_id] for row in before if self.rows[row.share_id] != row]

    def _out_of_own_stage(self, row: Earning, wanted_minor: int) -> int:
        """Take a share's own money, and return what is still owed. It has that much less even where
        the account is short, which then had been drawn ahead or paid out."""
        held_minor = min(wanted_minor, row.held_minor)
        pending_minor = min(wanted_minor - held_minor, row.pending_minor)
        available_minor = min(wanted_minor - held_minor - pending_minor, row.available_minor)
        self.rows[row.share_id] = replace(
            row,
            held_minor=row.held_minor - held_minor,
            pending_minor=row.pending_minor - pending_minor,
            available_minor=row.available_minor - available_minor,
        )
        taken_minor = self._take(row.held, held_minor) + self._take(row.available, available_minor)
        taken_of_pending_minor = self._take(row.pending, pending_minor)
        self.ahead[row.pending] += taken_of_pending_minor - pending_minor
        return wanted_minor - taken_minor - taken_of_pending_minor

    def _take(self, account: Account, wanted_minor: int) -> int:
        taken_minor = min(wanted_minor, max(self.left.get(account, 0), 0))
        if taken_minor:
            self.entries.append(debit(account, taken_minor))
            self.left[account] -= taken_minor
        return taken_minor


def draw_all(
    claims: Sequence[Claim],
    *,
    currency: str,
    held: Mapping[Account, int],
    rows: Iterable[Earning] = (),
) -> Drawing:
    """Draw every claim out of what the accounts hold."""
    drawing = Drawing(currency, dict(held), {row.share_id: row for row in rows})
    for claim in claims:
        drawing.draw(claim)
    return drawing
