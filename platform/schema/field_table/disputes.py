"""Rows about disputes: a shop's finance staff sees its own, operators answer and decide."""

from typing import Final

from schema.field_table.roles import FINANCE, OPERATORS

_READERS: Final = FINANCE | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", _READERS, "disputes"),
    ("Query", OPERATORS, "dispute"),
    ("Mutation", OPERATORS, "disputeEvidenceSubmit disputeDecide chargebackLiabilitySet"),
    ("DisputeConnection", _READERS, "edges pageInfo"),
    ("DisputeEdge", _READERS, "cursor node"),
    ("Dispute", _READERS, "id orderNo state reason amount fee liability goods openedAt dueAt"),
    ("Dispute", _READERS, "isOver answer"),
    ("Dispute", OPERATORS, "evidence"),
    ("DisputeEvidence", OPERATORS, "paid refunded customerSince lines log reveals"),
    ("DisputeLine", OPERATORS, "name quantity returnedQuantity deliveryMode commitments"),
    ("DisputeFact", OPERATORS, "at what details"),
    ("DisputeReveal", OPERATORS, "at serial commitment actor channel ip userAgent"),
    ("DisputeChanged", OPERATORS, "dispute"),
    ("ChargebackLiabilityChanged", OPERATORS, "tenantId liability"),
)
