"""Rows about money by bank."""

from typing import Final

from schema.field_table.roles import BUYERS, FINANCE, OPERATORS, SUPPLIERS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", OPERATORS, "bankLines bankStatement bankRefunds failedRefunds"),
    ("Mutation", OPERATORS, "bankStatementUploadStart paymentMatch bankLineReturn"),
    ("Mutation", OPERATORS, "bankRefundSettle"),
    ("BankTransferDetails", BUYERS | FINANCE | SUPPLIERS, "holder bank number reference amount"),
    ("BankLineConnection", OPERATORS, "edges pageInfo"),
    ("BankLineEdge", OPERATORS, "cursor node"),
    ("BankLine", OPERATORS, "id bankId bookedOn amount message senderName senderAccount state"),
    ("BankLine", OPERATORS, "paymentId decidedBy createdAt"),
    ("BankLineChanged", OPERATORS, "line"),
    ("BankStatement", OPERATORS, "id state lines newLines problems"),
    ("BankStatementProblem", OPERATORS, "line column code"),
    ("BankStatementAddress", OPERATORS, "url statementId expiresAt"),
    ("BankRefundFile", OPERATORS, "count content"),
    ("BankRefundSettled", OPERATORS, "refundId"),
    ("FailedRefundConnection", OPERATORS, "edges pageInfo"),
    ("FailedRefundEdge", OPERATORS, "cursor node"),
    ("FailedRefund", OPERATORS, "id orderNo method reason amount createdAt"),
)
