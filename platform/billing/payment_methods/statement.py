"""What a provider's statement of account says: every movement of our money there, one by one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

Category = Literal["PAYMENT", "REFUND", "DISPUTE", "TRANSFER", "PAYOUT", "FEE", "OTHER"]


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """One movement as the provider says it, in minor units; positive is money that came.

    `reference` is what has moved the money, by the provider's own id: whatever moves it back has
    the same. `own_id` is what we have called it ourselves, where the provider repeats that. What is
    charged for the account itself (FEE) is nothing before the fee.
    """

    id: str
    category: Category
    reference: str
    own_id: UUID | None
    amount_minor: int
    fee_minor: int
    currency: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Some entries, and the cursor behind which more follow; None: that was all."""

    entries: tuple[StatementEntry, ...]
    after: str | None


class Statement(Protocol):
    """Whoever can be asked for a statement of account."""

    @property
    def book(self) -> str:
        """The name of the account: of `A:GATEWAY:{book}`, or BANK."""

    @property
    def slack(self) -> timedelta:
        """How much later than in our books a movement may stand on it, and still be in order."""

    def is_open(self) -> bool:
        """Whether there is such an account, so that there is something to ask for."""

    async def page(self, *, since: datetime, until: datetime, after: str) -> StatementPage:
        """What has moved since then and before `until`, behind a cursor ('': from the beginning).

        Raises `ChannelUnavailable`, `ChannelRefused`.
        """
