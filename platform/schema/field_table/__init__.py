"""The frozen role × field table: every field of the schema, and who may ask for it.

A field that is not here is denied to everybody; a test holds the table against the schema.
Whose *rows* a caller sees is decided by the use cases and by row-level security, not here.
A row is a type, who, and its fields; a field that only some of them may see has a row of its own.
"""

from typing import Final

from schema.field_table import (
    bank,
    bookkeeping,
    deliveries,
    deposits,
    disputes,
    earnings,
    exchange,
    instalments,
    money,
    payments,
    payouts,
    prices,
    promotions,
    reconciliation,
    sales,
    shops,
    vouchers,
)

_ROWS: Final = (
    *bookkeeping.ROWS,
    *sales.ROWS,
    *deliveries.ROWS,
    *bank.ROWS,
    *vouchers.ROWS,
    *disputes.ROWS,
    *money.ROWS,
    *earnings.ROWS,
    *exchange.ROWS,
    *instalments.ROWS,
    *payments.ROWS,
    *payouts.ROWS,
    *deposits.ROWS,
    *prices.ROWS,
    *promotions.ROWS,
    *reconciliation.ROWS,
    *shops.ROWS,
)

GRANTS: Final[dict[str, frozenset[str]]] = {
    f"{type_name}.{field}": roles for type_name, roles, fields in _ROWS for field in fields.split()
}
