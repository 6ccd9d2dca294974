"""The postings of redeem vouchers: money is set aside when codes are made, and moves on."""

from billing.ledger import Account, Entry, credit, debit


def funded(*, funder: Account, batch: Account, amount_minor: int) -> list[Entry]:
    """Whoever gives a batch away sets all of its worth aside."""
    return [debit(funder, amount_minor), credit(batch, amount_minor)]


def redeemed(*, batch: Account, wallet: Account, amount_minor: int) -> list[Entry]:
    """A code's worth goes to the wallet of whoever redeems it."""
    return [debit(batch, amount_minor), credit(wallet, amount_minor)]


def unredeemed(*, batch: Account, to_funder: list[Entry], amount_minor: int) -> list[Entry]:
    """What nobody has redeemed goes back to where it came from, by these credits."""
    return [debit(batch, amount_minor), *to_funder]
