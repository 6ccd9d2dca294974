"""What Stripe's answers say, read as the JSON that they are.

What does not read as an answer to the question has said nothing: `ChannelUnavailable`, for the
money may have moved all the same, and the question can be asked again.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

from billing.payment_methods.base import ChannelRefused, ChannelUnavailable, Started
from kernel.log import get_logger
from kernel.money import MAX_AMOUNT_MINOR

_WORD: Final = re.compile(r"[!-~]{1,255}")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
log = get_logger(__name__)
Kind = TypeVar("Kind")


class ForgedEvent(ChannelRefused):
    """A webhook that the channel did not send for us, or that cannot be read."""


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


def text(said: Any) -> str:
    """A text; inside `reading`."""
    return _of_type(str, said)


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


def word(text: Any) -> str:
    """An id or a type, which is written down; `ForgedEvent` for what is none."""
    if not isinstance(text, str) or _WORD.fullmatch(text) is None:
        raise ForgedEvent("not an id or a type")
    return text


def amount(amount_minor: Any, *, at_least: int) -> int:
    """An amount that money can have; `ForgedEvent` for what is none."""
    if type(amount_minor) is not int or not at_least <= amount_minor <= MAX_AMOUNT_MINOR:
        raise ForgedEvent("not an amount")
    return amount_minor


def currency(code: Any) -> str:
    """A currency in our spelling; `ForgedEvent` for what is none."""
    if not isinstance(code, str) or _CURRENCY.fullmatch(code) is None:
        raise ForgedEvent("not a currency")
    return code.upper()


def payment_id(said: Any) -> UUID | None:
    """What we told the channel to remember of our payment; None where it names none of ours."""
    try:
        return UUID(said["metadata"]["payment_id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


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
