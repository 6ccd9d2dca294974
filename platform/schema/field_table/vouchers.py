"""Rows about redeem vouchers."""

from typing import Final

from schema.field_table.roles import COUPON_ISSUERS, CUSTOMERS

#: Whoever gives the shop's or the platform's money away.
VOUCHER_ISSUERS: Final = COUPON_ISSUERS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", VOUCHER_ISSUERS, "voucherBatches"),
    ("Mutation", VOUCHER_ISSUERS, "voucherBatchCreate voucherBatchBlock voucherBatchVoid"),
    ("Mutation", CUSTOMERS, "voucherRedeem"),
    ("VoucherBatchConnection", VOUCHER_ISSUERS, "edges pageInfo"),
    ("VoucherBatchEdge", VOUCHER_ISSUERS, "cursor node"),
    ("VoucherBatch", VOUCHER_ISSUERS, "id name funder value count redeemed owed startsAt endsAt"),
    ("VoucherBatch", VOUCHER_ISSUERS, "mostPerCustomer state"),
    ("VoucherBatchCreated", VOUCHER_ISSUERS, "batch content"),
    ("VoucherBatchChanged", VOUCHER_ISSUERS, "batch"),
    ("VoucherRedeemed", CUSTOMERS, "amount wallet"),
)
