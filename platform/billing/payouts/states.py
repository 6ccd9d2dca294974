"""The life of a payout (domain 5, docs/decisions/0067)."""

from enum import StrEnum
from typing import Final


class PayoutState(StrEnum):
    """How far a payout is. The database holds which follows which (`check_payout_transition`)."""

    REQUESTED = "REQUESTED"
    CHECKING = "CHECKING"
    HELD = "HELD"
    APPROVED = "APPROVED"
    BATCHED = "BATCHED"
    SENT = "SENT"
    PAID = "PAID"
    FAILED = "FAILED"
    RETURNED = "RETURNED"
    REJECTED = "REJECTED"
    CANCELED = "CANCELED"


RESERVED: Final = (
    PayoutState.REQUESTED,
    PayoutState.CHECKING,
    PayoutState.HELD,
    PayoutState.APPROVED,
    PayoutState.BATCHED,
)
"""The amount lies in the party's RESERVED."""
OPEN: Final = (*RESERVED, PayoutState.SENT)


class MethodKind(StrEnum):
    """How a party is paid."""

    STRIPE_ACCOUNT = "STRIPE_ACCOUNT"
    BANK_ACCOUNT = "BANK_ACCOUNT"
