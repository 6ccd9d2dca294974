"""Card payments through Stripe. The card is entered on the channel's page, never on ours."""

from dataclasses import replace
from urllib.parse import quote

from billing.payment_methods import stripe_intents
from billing.payment_methods.base import Ask, Started
from billing.payment_methods.stripe_method import StripeMethod
from kernel.settings import settings


class Card(StripeMethod):
    """A bank card; 3-D Secure is the channel's second factor."""

    code = "CARD"
    fee_bp = 60
    label_zh = "银行卡"
    label_en = "Bank card"

    async def start(self, ask: Ask) -> Started:
        """Make an unconfirmed intent: the page that takes the card confirms it."""
        started = await stripe_intents.create(ask, method_type="card", confirm={})
        return _with_page(started, ask)

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        """The page of the intent that was made before."""
        return _with_page(await stripe_intents.resume(provider_ref), ask)


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
