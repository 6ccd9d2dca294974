"""Rows about what is earned: balances by stage, terms, and what a failed batch gives back."""

from typing import Final

from schema.field_table.roles import BALANCE_READERS, FINANCE, OPERATORS

_STAGES: Final = "pending available held reserved deposit owed nextAvailable forecast"
_ALL: Final = BALANCE_READERS | FINANCE | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", OPERATORS, "partyBalances batchCompensation"),
    ("Mutation", OPERATORS, "earningTermsSet batchCompensate"),
    ("TenantBalances", FINANCE, _STAGES),
    ("Balances", BALANCE_READERS | OPERATORS, _STAGES),
    ("ExpectedMoney", _ALL, "at amount"),
    ("EarningTermsWritten", OPERATORS, "party holdHours cardHours redeemedHours"),
    ("BatchCompensated", OPERATORS, "compensation"),
    (
        "BatchCompensation",
        OPERATORS,
        "batchId deliveredSince penaltyBp startedAt endedAt refunds refunded",
    ),
)
