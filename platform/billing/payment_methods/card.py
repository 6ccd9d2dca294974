"""Card payments through Stripe. The card is entered on the channel's page, never on ours."""

from dataclasses import replace
from urllib.parse import quote
from uuid import UUID

from billing.payment_methods import stripe_customers, stripe_intents
from billing.payment_methods.base import Ask, KeptCard, Started
from billing.payment_methods.stripe_method import StripeMethod
from kernel.settings import settings


class Card(StripeMethod):
    """A bank card; 3-D Secure is the channel's second factor."""

    code = "CARD"
    stripe_type = "card"
    fee_bp = 60
    label_zh = "银行卡"
    label_en = "Bank card"

    async def start_intent(self, ask: Ask) -> Started:
        """Make an unconfirmed intent: the page that takes the card confirms it. With a kept card it
        is confirmed at once; the buyer is there, so the bank may still ask."""
        if ask.card is None:
            return _with_page(await super().start_intent(ask), ask)
        words = {"customer": ask.card.customer_ref}
        if ask.card.card_ref is None:
            words["setup_future_usage"] = "on_session"
            started = await stripe_intents.create(ask, method_type="card", words=words)
            return _with_page(started, ask)
        confirm = {"confirm": True, "payment_method": ask.card.card_ref, **words}
        return await stripe_intents.create(ask, method_type="card", confirm=confirm)

    async def resume_intent(self, ask: Ask, provider_ref: str) -> Started:
        """The page of the intent that was made before."""
        return _with_page(await super().resume_intent(ask, provider_ref), ask)

    async def make_customer(self, customer_id: UUID) -> str:
        """Make Stripe's customer."""
        return await stripe_customers.make(customer_id)

    async def kept_card(self, provider_ref: str) -> KeptCard | None:
        """The card of a paid intent."""
        return await stripe_customers.card_of(provider_ref)

    async def forget_card(self, card_ref: str) -> None:
        """Detach it."""
        await stripe_customers.detach(card_ref)


def _with_page(started: Started, ask: Ask) -> Started:
    page = settings().stripe_card_page
    if not page or started.action_url is not None:
        return started
    url = page.format(
        intent=started.provider_ref,
        client_secret=started.client_secret,
        return_url=quote(ask.return_url, safe=""),
    )
    return replace(started, action_url=url)
