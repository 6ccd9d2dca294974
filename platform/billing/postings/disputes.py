"""What a dispute posts (E10): the money that a bank has taken, and who it is taken from.

`A:DISPUTE` of the case holds what the channel has taken and nobody has borne yet. Amounts in minor
units.
"""

from uuid import UUID

from billing import accounts
from billing.ledger import Account, Entry, credit, debit, merged


def withdrawn(
    *, case_id: UUID, provider: str, currency: str, amount_minor: int, fee_minor: int
) -> list[Entry]:
    """The channel takes the disputed amount and its fee out of our balance."""
    return merged(
        [
            debit(accounts.dispute(case_id, currency), amount_minor),
            debit(accounts.expense("DISPUTE_FEE", currency), fee_minor),
            credit(accounts.gateway(provider, currency), amount_minor + fee_minor),
        ]
    )


def reinstated(
    *, case_id: UUID, provider: str, currency: str, amount_minor: int, fee_back_minor: int
) -> list[Entry]:
    """The dispute is won, and the channel gives back the amount and, if it does, the fee."""
    return merged(
        [
            debit(accounts.gateway(provider, currency), amount_minor + fee_back_minor),
            credit(accounts.dispute(case_id, currency), amount_minor),
            credit(accounts.expense("DISPUTE_FEE", currency), fee_back_minor),
        ]
    )


def balance_taken(case_id: UUID, balance: Account, amount_minor: int) -> list[Entry]:
    """What was topped up with disputed money is taken back as far as it is still there."""
    return [
        debit(balance, amount_minor),
        credit(accounts.dispute(case_id, balance.currency), amount_minor),
    ]


def balance_returned(case_id: UUID, balance: Account, amount_minor: int) -> list[Entry]:
    """The mirror: the dispute was won."""
    return [
        debit(accounts.dispute(case_id, balance.currency), amount_minor),
        credit(balance, amount_minor),
    ]


def lost(
    *,
    case_id: UUID,
    currency: str,
    drawn: list[Entry],
    owed_to_buyer_minor: int,
    claimed_minor: int,
    rest_minor: int,
    fee_minor: int,
) -> list[Entry]:
    """The bank keeps the money. What it has paid the buyer is owed to him no more.

    `drawn` are the debits of those who bear it: `claimed_minor` for the order's lines,
    `rest_minor` for what no line has, and `fee_minor` that is recovered. `owed_to_buyer_minor` was
    owed already, by refunds that the dispute has overtaken.
    """
    due = accounts.refund_due(currency)
    paid_minor = claimed_minor + owed_to_buyer_minor
    return [
        *merged(drawn),
        # Not netted: a lost dispute is a refund that the bank has paid.
        *([credit(due, claimed_minor)] if claimed_minor else []),
        *([debit(due, paid_minor)] if paid_minor else []),
        *merged(
            [
                credit(accounts.dispute(case_id, currency), paid_minor + rest_minor),
                credit(accounts.revenue("DISPUTE_RECOVERY", currency), fee_minor),
            ]
        ),
    ]
