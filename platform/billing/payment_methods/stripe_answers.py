"""What Stripe's answers say, read as the JSON that they are.

What does not read as an answer to the question has said nothing: `ChannelUnavailable`, for the
money may have moved all the same, and the question can be asked again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from billing.payment_methods.base import ChannelUnavailable, Started
from kernel.log import get_logger

log = get_logger(__name__)
Kind = TypeVar("Kind")


@contextmanager
def reading() -> Iterator[None]:
    """Raise `ChannelUnavailable` where an answer lacks something, or has something else there."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as strange:
        log.error("channel_answer_strange", error=type(strange).__name__)
        raise ChannelUnavailable("a strange answer") from None


def as_object(answer: Any) -> dict[str, Any]:
    """The answer, which is a JSON object."""
    with reading():
        return _of_type(dict, answer)


def livemode(intent: dict[str, Any]) -> bool:
    """Whether the money is real."""
    with reading():
        return _of_type(bool, intent["livemode"])


def started(intent: dict[str, Any]) -> Started:
    """Where the buyer goes on."""
    with reading():
        _of_type(str, intent["status"])
        return Started(
            _of_type(str, intent["id"]), _action_url(intent["next_action"]), intent["client_secret"]
        )


def refunded(made: dict[str, Any]) -> tuple[str, bool]:
    """The refund's own id, and whether it is done."""
    with reading():
        return _of_type(str, made["id"]), refund_status(made) == "succeeded"


def refund_status(made: dict[str, Any]) -> str:
    """Stripe's word for how a refund stands."""
    with reading():
        return _of_type(str, made["status"])


def _action_url(action: dict[str, Any] | None) -> str | None:
    if action is None:
        return None
    for kind, key in (
        ("redirect_to_url", "url"),
        ("alipay_handle_redirect", "url"),
        ("wechat_pay_display_qr_code", "hosted_instructions_url"),
    ):
        details = action.get(kind)
        if details is not None:
            url: str | None = details.get(key)
            return url
    return None


def _of_type(kind: type[Kind], said: Any) -> Kind:
    if not isinstance(said, kind):
        raise TypeError
    return said
