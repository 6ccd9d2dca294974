"""Rows about deposits: what is put down, held, and asked for."""

from typing import Final

from schema.field_table.roles import FINANCE, OPERATORS, SUPPLIERS

#: Who puts deposits down: the shop's finance, and suppliers.
_PARTIES: Final = FINANCE | SUPPLIERS
_READERS: Final = _PARTIES | OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", _READERS, "deposit depositHolds"),
    ("Mutation", _PARTIES, "depositTopUp depositPutDown"),
    ("Mutation", OPERATORS, "depositCredit depositHold depositHoldEnd depositRelease"),
    ("Mutation", OPERATORS, "depositPolicySet"),
    ("Deposit", _READERS, "partyId free held required shortBy base grace exposure"),
    ("Deposit", _READERS, "exposurePerHour sold invalidRateBp runsOutAt measuredAt"),
    ("DepositHold", _READERS, "id caseId amount deducted state reason endedReason heldAt endedAt"),
    ("DepositHoldEdge", _READERS, "cursor node"),
    ("DepositHoldConnection", _READERS, "edges pageInfo"),
    ("DepositChanged", _READERS, "deposit"),
    ("DepositHoldChanged", OPERATORS, "hold"),
    ("Query", OPERATORS, "fastRefunds"),
    ("Mutation", OPERATORS, "fastRefundAccept fastRefundDecide"),
    ("FastRefund", OPERATORS, "id orderNo lineId supplierId kind state amount takenBack"),
    ("FastRefund", OPERATORS, "acceptedAt decideBy decidedAt silent reason rejectedBefore"),
    ("FastRefundEdge", OPERATORS, "cursor node"),
    ("FastRefundConnection", OPERATORS, "edges pageInfo"),
    ("FastRefundChanged", OPERATORS, "fastRefund"),
    ("DepositPolicyChanged", OPERATORS, "partyKind partyId"),
)
