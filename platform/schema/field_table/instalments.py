"""Rows about paying in parts."""

from typing import Final

from schema.field_table.roles import CUSTOMERS, FINANCE, OPERATORS, SHOPS_ORDER_READERS, STAFF

_SEEN: Final = CUSTOMERS | SHOPS_ORDER_READERS | OPERATORS
_TERMS: Final = STAFF | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", _SEEN, "instalments"),
    ("Query", _TERMS, "instalmentTerms"),
    ("Mutation", CUSTOMERS, "instalmentStart instalmentPay"),
    ("Mutation", FINANCE | OPERATORS, "instalmentPlanEnd"),
    ("Mutation", OPERATORS, "instalmentTermsSet"),
    ("Mutation", FINANCE, "instalmentsOffer"),
    ("OrderInstalments", _SEEN, "offers plan"),
    ("InstalmentOffer", _SEEN, "parts amounts fee intervalDays"),
    ("InstalmentPlan", _SEEN, "state release fee owed nextAmount parts"),
    ("Instalment", _SEEN, "part amount state dueAt paidAt"),
    ("InstalmentTermsWritten", FINANCE | OPERATORS, "terms"),
    (
        "InstalmentTerms",
        _TERMS,
        "isOffered mostParts firstBp intervalDays graceDays feeBp feeBy leastAmount mostOpen",
    ),
    ("InstalmentTerms", _TERMS, "release"),
)
