"""Rows about the ways to pay."""

from typing import Final

from schema.field_table.roles import BUYERS, CUSTOMERS, EVERYONE

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("PaymentMethodOption", EVERYONE, "code label modes countries topsUp"),
    ("Order", BUYERS, "paymentMethods"),
    ("Mutation", CUSTOMERS, "savedCardRemove"),
    ("Customer", CUSTOMERS, "savedCards"),
    ("SavedCard", CUSTOMERS, "id brand last4 expiresMonth expiresYear"),
    ("SavedCardsChanged", CUSTOMERS, "savedCards"),
)
