"""What every payment method is: a name, a fee, and a channel that can be asked."""

from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

ChannelState = Literal["PENDING", "SUCCEEDED", "FAILED", "CANCELED"]


class ChannelUnavailable(Exception):
    """The channel did not answer, or asks to come back later; nothing is known."""


class ChannelRefused(Exception):
    """The channel understood and said no; asking the same again will not help."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a channel for one payment; `payment_id` is the idempotency key."""

    payment_id: UUID
    amount_minor: int
    currency: str
    description: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Started:
    """The channel's answer: its own id, and where the buyer goes on (None: nothing to do)."""

    provider_ref: str
    action_url: str | None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What a channel says of one payment, by webhook, poll or return: one shape for all three.

    `payment_id` is what we told the channel when we asked; None where it names none of ours.
    """

    provider: str
    event_id: str
    kind: str
    state: ChannelState
    provider_ref: str
    payment_id: UUID | None
    amount_minor: int
    currency: str


class PaymentMethod(Protocol):
    """One way to pay. A new one is a file here and a line in the list."""

    @property
    def code(self) -> str:
        """The method's name in the schema and in the tables."""

    @property
    def provider(self) -> str:
        """Whose channel it is."""

    @property
    def fee_bp(self) -> int:
        """What the channel keeps, in basis points."""

    @property
    def label_zh(self) -> str:
        """For people, in Chinese."""

    @property
    def label_en(self) -> str:
        """For people, in English."""

    async def start(self, ask: Ask) -> Started:
        """Ask the channel; the same payment asks the same question however often it is called."""

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        """Where the buyer goes on with a payment that the channel knows already."""

    async def look(self, provider_ref: str) -> ChannelReport:
        """What the channel says of the payment now."""

    async def cancel(self, provider_ref: str) -> None:
        """Tell the channel that we no longer want the money; it may be too late."""

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int
    ) -> tuple[str, bool]:
        """Give money back; returns the channel's id of the refund and whether it is done."""

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        """The refund if the channel has it already: asked before any second try."""

    async def look_refund(self, refund_ref: str) -> bool | None:
        """True when the refund is done, False when it failed, None while it is open."""
