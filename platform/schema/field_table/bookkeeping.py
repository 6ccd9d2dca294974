"""Rows about the audit log, corrections of the ledger, and statements."""

from typing import Final

from schema.field_table.roles import AFFILIATES, FINANCE, OPERATORS, OWNERS, SUPPLIERS

_AUDITORS: Final = OWNERS | OPERATORS
#: Whoever reads a party's money: its own, and an operator each.
_ACCOUNTANTS: Final = FINANCE | AFFILIATES | SUPPLIERS | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", _AUDITORS, "auditLog"),
    ("Query", OPERATORS, "auditHead ledgerAdjustments"),
    ("Mutation", OPERATORS, "ledgerAdjust ledgerAdjustDecide"),
    ("AuditEventConnection", _AUDITORS, "edges pageInfo"),
    ("AuditEventEdge", _AUDITORS, "cursor node"),
    ("AuditEvent", _AUDITORS, "happenedAt actor subject subjectId action before after"),
    # The numbers run over all tenants: they tell how much others do.
    ("AuditEvent", OPERATORS, "number sequence hash"),
    ("AuditHead", OPERATORS, "sequence hash sealedAt"),
    ("LedgerAdjustmentConnection", OPERATORS, "edges pageInfo"),
    ("LedgerAdjustmentEdge", OPERATORS, "cursor node"),
    ("LedgerAdjustment", OPERATORS, "id lines reason state proposedBy proposedAt decidedBy"),
    ("LedgerAdjustment", OPERATORS, "decidedAt"),
    ("LedgerAdjustmentLine", OPERATORS, "account partyId side amount"),
    ("LedgerAdjusted", OPERATORS, "adjustment"),
    ("Query", _ACCOUNTANTS, "statement statementFile statementFiles"),
    ("StatementFiles", _ACCOUNTANTS, "files"),
    ("Mutation", _ACCOUNTANTS, "statementAsk"),
    ("Statement", _ACCOUNTANTS, "since until currency accounts lines"),
    ("StatementAccount", _ACCOUNTANTS, "account opening in out closing kinds"),
    ("StatementKindTotal", _ACCOUNTANTS, "kind what in out entries"),
    ("StatementLineConnection", _ACCOUNTANTS, "edges pageInfo"),
    ("StatementLineEdge", _ACCOUNTANTS, "cursor node"),
    ("StatementLine", _ACCOUNTANTS, "postedAt account kind part what orderNo goods shareId amount"),
    ("StatementFile", _ACCOUNTANTS, "id state format since until currency rowsDone sizeBytes"),
    ("StatementFile", _ACCOUNTANTS, "sha256 problem url urlEndsAt"),
    ("StatementAsked", _ACCOUNTANTS, "file"),
)
