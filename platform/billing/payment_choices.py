"""What a buyer has chosen for a payment beside its method: the channel is asked it again alike."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from billing.payment_methods import METHODS
from billing.payment_methods.base import CardWish, Mode
from billing.payments import Payment
from billing.saved_cards import cards, channel_customers
from kernel import db


@dataclass(frozen=True, slots=True)
class Choice:
    """Nothing, in most payments: then the method's own first mode counts."""

    mode: Mode | None = None
    saves_card: bool = False
    saved_card_id: UUID | None = None

    @property
    def with_card(self) -> bool:
        """Whether a card is to be kept, or one that is kept pays."""
        return self.saves_card or self.saved_card_id is not None

    @property
    def content(self) -> dict[str, Any]:
        """The part of a request's content that it is recognised by."""
        return {
            **({"mode": self.mode} if self.mode else {}),
            **({"saveCard": True} if self.saves_card else {}),
            **({"savedCard": self.saved_card_id} if self.saved_card_id else {}),
        }

    def mode_of(self, method: str) -> Mode:
        """Where a payment by this method is made."""
        return self.mode or METHODS[method].modes[0]


NOTHING = Choice()


async def write(choice: Choice, *, payment: Payment) -> None:
    """Keep a choice with its payment; inside the transaction that writes the payment."""
    if choice == NOTHING:
        return
    await db.execute(
        """insert into payment_choices (payment_id, tenant_id, mode, customer_id, saves_card,
                                        saved_card_id, next_look_at)
           values ($1, $2, $3, $4, $5, $6, case when $5 then platform_now() end)""",
        payment.id,
        payment.tenant_id,
        choice.mode_of(payment.method),
        payment.customer_id if choice.with_card else None,
        choice.saves_card,
        choice.saved_card_id,
    )


async def of_payment(payment_id: UUID, *, tenant_id: UUID) -> Choice:
    """What was chosen for a payment; a round trip of its own."""
    rows = await db.read(
        db.core_scope(tenant_id),
        "select mode, saves_card, saved_card_id from payment_choices where payment_id = $1",
        payment_id,
    )
    return Choice(*tuple(rows[0])) if rows else NOTHING


async def card_wish(choice: Choice, *, payment: Payment) -> CardWish | None:
    """How the channel is told of the card; its customer is made first, where there is none.

    Asks the network. Raises `ChannelUnavailable`, `ChannelRefused`.
    """
    if not choice.with_card:
        return None
    assert payment.customer_id is not None
    customer_ref = await channel_customers.customer_ref(
        tenant_id=payment.tenant_id,
        customer_id=payment.customer_id,
        method=payment.method,
        provider=payment.provider,
    )
    if choice.saved_card_id is None:
        return CardWish(customer_ref)
    card_ref = await cards.ref_of(tenant_id=payment.tenant_id, card_id=choice.saved_card_id)
    return CardWish(customer_ref, card_ref)
