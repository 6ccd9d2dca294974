"""What every payment method is: a name, a fee, what it takes, and a channel that can be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

ChannelState = Literal["PENDING", "SUCCEEDED", "FAILED", "CANCELED"]
Mode = Literal["ELEMENTS", "HOSTED"]
"""On the shop's own page with the channel's script, or on a page of the channel's."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most amount of one currency, in minor units, both included."""

    least_minor: int
    most_minor: int


Terms = Mapping[str, Bounds]
"""What a method takes, by currency."""


class ChannelUnavailable(Exception):
    """The channel did not answer, or asks to come back later; nothing is known."""


class ChannelShort(ChannelUnavailable):
    """Our balance at the channel is too small: it has done nothing, and remembers that answer. A
    later question takes a key of its own."""


class ChannelRefused(Exception):
    """The channel understood and said no; asking the same again will not help."""


class ChannelDeclined(ChannelRefused):
    """The buyer's bank said no: another card may do."""


@dataclass(frozen=True, slots=True)
class CardWish:
    """A payment for a customer whom the channel knows: with a card that it keeps for that one, or,
    without `card_ref`, with one that it is to keep."""

    customer_ref: str
    card_ref: str | None = None


@dataclass(frozen=True, slots=True)
class KeptCard:
    """A card that a channel keeps for a customer; of its number only the last digits."""

    card_ref: str
    customer_ref: str
    fingerprint: str
    brand: str
    last4: str
    expires_month: int
    expires_year: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a channel for one payment; `payment_id` is the idempotency key."""

    payment_id: UUID
    amount_minor: int
    currency: str
    description: str
    return_url: str
    mode: Mode = "ELEMENTS"
    card: CardWish | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a buyer fills into a bank transfer; the amount in minor units."""

    holder: str
    bank: str
    number: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What a channel says of one payment, by webhook, poll or return: one shape for all three.

    `payment_id` is what we told the channel when we asked; None where it names none of ours.
    `provider_ref` is what the payment is to be called from now on, and `also_known_as` the other
    id that it has where it has two: a session's page was asked for, and an intent pays.
    """

    provider: str
    event_id: str
    kind: str
    state: ChannelState
    provider_ref: str
    payment_id: UUID | None
    amount_minor: int
    currency: str
    also_known_as: str | None = None

    @property
    def refs(self) -> list[str]:
        """The ids by which the payment may be known to us."""
        return [ref for ref in (self.provider_ref, self.also_known_as) if ref is not None]


@dataclass(frozen=True, slots=True)
class Hint:
    """A channel says that something of ours has changed there: it is time to look."""

    object_ref: str


@dataclass(frozen=True, slots=True)
class Started:
    """The channel's answer: its own id, and where the buyer goes on (None: nothing to do), or what
    to transfer.

    `report` is what a webhook would say, where the channel has the money already.
    """

    provider_ref: str
    action_url: str | None
    client_secret: str | None = None
    transfer: Transfer | None = None
    report: ChannelReport | None = None


class CardKeeper(Protocol):
    """A method whose channel keeps cards for customers."""

    async def make_customer(self, customer_id: UUID) -> str:
        """Make the channel's customer for one of ours, once however often it is asked."""

    async def kept_card(self, provider_ref: str) -> KeptCard | None:
        """The card that a payment has left with its customer."""

    async def forget_card(self, card_ref: str) -> None:
        """Have the channel forget a card."""


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
    def modes(self) -> tuple[Mode, ...]:
        """How it can be paid; the first is the one that nobody has to ask for."""

    @property
    def countries(self) -> tuple[str, ...]:
        """Where its buyers live, as ISO 3166 codes; empty for everywhere."""

    @property
    def is_on(self) -> bool:
        """Whether the platform's settings let anybody pay with it."""

    def takes_all_of(self, currency: str) -> bool:
        """Whether the amount does not matter."""

    @property
    def tops_up(self) -> bool:
        """Whether balances may be filled with it: not with credit."""

    def takes(self, currency: str, amount_minor: int | None = None) -> bool:
        """Whether so much can be paid with it; without an amount, whether any can."""

    def step_minor(self, currency: str) -> int:
        """Every amount that is paid or given back is a multiple of so many minor units."""

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
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
    ) -> tuple[str, bool]:
        """Give money back; returns the channel's id of the refund and whether it is done.

        Raises `ChannelShort` where our balance there is too small; `asks` says how often it has.
        """

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        """The refund if the channel has it already: asked before any second try."""

    async def look_refund(self, refund_ref: str) -> bool | None:
        """True when the refund is done, False when it failed, None while it is open."""
