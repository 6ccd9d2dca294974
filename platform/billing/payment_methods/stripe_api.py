"""Asking Stripe: one client a process, one way to sort its answers, one mode of money.

How a request is sent stands in `stripe_wire.py`. The API key decides whether money is real: an
answer whose `livemode` does not fit the key is refused like a forged one.
"""

from functools import lru_cache
from typing import Any, Final

import stripe

from billing.payment_methods import stripe_answers
from billing.payment_methods.base import (
    ChannelDeclined,
    ChannelRefused,
    ChannelShort,
    ChannelUnavailable,
)
from billing.payment_methods.stripe_answers import ForgedEvent
from billing.payment_methods.stripe_wire import StripeWire
from kernel.log import get_logger
from kernel.settings import settings

PROVIDER: Final = "stripe"
_EMPTY: Final = ("balance_insufficient", "insufficient_balance_for_refund")
_OUR_FAULT = ("api_key_expired", "platform_api_key_expired")
log = get_logger(__name__)


@lru_cache(maxsize=1)
def client() -> stripe.StripeClient:
    """The process's client; retries are ours (the poller), not the library's."""
    config = settings()
    return stripe.StripeClient(
        config.stripe_api_key.get_secret_value(),
        base_addresses={"api": config.stripe_api_url},
        http_client=StripeWire(timeout_seconds=config.stripe_timeout_seconds),
        max_network_retries=0,
    )


async def ask(method: str, path: str, **params: Any) -> dict[str, Any]:
    """Ask, give the answer's plain JSON, and sort what is none: try again, or give up.

    Raises `ChannelUnavailable` where nothing is known, `ChannelShort` where our balance there is
    too small, `ChannelDeclined` where the buyer's bank said no, `ChannelRefused` where asking again
    will not help.
    """
    try:
        answer = await client().raw_request_async(method, path, **params)
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise ChannelUnavailable(type(error).__name__) from None
    except stripe.APIError as error:
        raise ChannelUnavailable(type(error).__name__) from None
    except stripe.StripeError as error:
        word = _word(error)
        if word in _EMPTY:
            log.error("channel_balance_empty", error_code=word)
            raise ChannelShort(word) from None
        if error.http_status in (401, 403) or error.code in _OUR_FAULT:
            # A wrong key or an empty account is ours to mend: the payment or refund waits for it.
            log.error("channel_needs_us", status=error.http_status, error_code=error.code)
            raise ChannelUnavailable(type(error).__name__) from None
        if (error.http_status or 0) >= 500 or error.http_status == 409:
            raise ChannelUnavailable(type(error).__name__) from None
        raise _no(error) from None
    return stripe_answers.as_object(answer.data)


async def ask_in_our_mode(method: str, path: str, **params: Any) -> dict[str, Any]:
    """The same; an answer about the other mode's money is a refusal."""
    answer = await ask(method, path, **params)
    livemode = stripe_answers.livemode(answer)
    try:
        require_mode(livemode)
    except ForgedEvent as strange:
        raise ChannelRefused(str(strange)) from strange
    return answer


def require_mode(livemode: bool) -> None:
    """Raise `ForgedEvent` where money is real and the key is not, or the other way round."""
    key = settings().stripe_api_key.get_secret_value()
    if bool(livemode) != key.startswith(("sk_live_", "rk_live_")):
        raise ForgedEvent("an event of the other mode")


def _no(error: stripe.StripeError) -> ChannelRefused:
    word = _word(error)
    return ChannelDeclined(word) if isinstance(error, stripe.CardError) else ChannelRefused(word)


def _word(error: stripe.StripeError) -> str:
    """What the channel calls its no; a refund that its balance does not cover has no `code`."""
    said = error.json_body if isinstance(error.json_body, dict) else {}
    inner = said.get("error")
    word = error.code or (inner.get("message_code") if isinstance(inner, dict) else None)
    return word if isinstance(word, str) else type(error).__name__
