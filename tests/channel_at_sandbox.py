"""The product's payment methods, pointed at a sandbox of the channel."""

import pytest

from billing.payment_methods import METHODS, stripe_api
from billing.payment_methods.base import Ask, PaymentMethod, Started
from billing.payment_methods.stripe_wire import StripeWire
from kernel.ids import new_id
from kernel.settings import settings
from sandbox_desk import API_KEY, WEBHOOK_SECRET, Desk


async def leave() -> None:
    """Close the client of the product, and forget the settings of the test."""
    transport = stripe_api.client()._requestor._client
    assert isinstance(transport, StripeWire)
    await transport.close_async()
    stripe_api.client.cache_clear()
    settings.cache_clear()


def point_at(url: str, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in {
        "KAMENG_STRIPE_API_URL": url,
        "KAMENG_STRIPE_API_KEY": API_KEY,
        "KAMENG_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "KAMENG_STRIPE_TIMEOUT_SECONDS": "60",
        "KAMENG_STRIPE_CARD_PAGE": f"{url}/card/{{intent}}?back={{return_url}}",
        **more,
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    stripe_api.client.cache_clear()


def an_ask(amount_minor: int = 10_500) -> Ask:
    return Ask(new_id(), amount_minor, "CNY", "shop K1", "https://shop.example/orders/1?a=b&c=d")


async def paid(desk: Desk, code: str = "ALIPAY") -> tuple[PaymentMethod, Ask, Started]:
    """A payment that its buyer has approved."""
    method, ask = METHODS[code], an_ask()
    started = await method.start(ask)
    (await desk.approve(started.provider_ref)).raise_for_status()
    return method, ask, started
