"""What a channel says of a dispute, in one shape for its webhook and for a look at it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

DisputeState = Literal["INQUIRY", "NEEDS_RESPONSE", "UNDER_REVIEW", "WON", "LOST", "CLOSED"]
"""How far a dispute is. An INQUIRY takes no money, and CLOSED is one that came to nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeReport:
    """A dispute as it was when the channel spoke: the whole of it, not what has changed.

    Amounts in minor units of `currency`; the fee is what the channel takes for the dispute, and
    `fee_back_minor` what of it came back.
    """

    provider: str
    event_id: str
    kind: str
    provider_ref: str
    payment_ref: str
    state: DisputeState
    amount_minor: int
    currency: str
    reason: str
    is_withdrawn: bool
    is_reinstated: bool
    fee_minor: int
    fee_back_minor: int
    opened_at: datetime
    due_at: datetime | None


class DisputeChannel(Protocol):
    """How a provider is asked about disputes, and answered."""

    async def look(self, provider_ref: str) -> DisputeReport:
        """The dispute as it stands now."""

    def since(self, moment: datetime) -> AsyncIterator[DisputeReport]:
        """All disputes that were opened since, the newest first."""

    async def answer(
        self, *, provider_ref: str, words: Mapping[str, str], idempotency_key: str
    ) -> None:
        """Hand our evidence in: once, and for good."""
