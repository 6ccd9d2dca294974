"""Codes that nobody has issued, counted by who tries them: a shop's own code is a word, and words
are guessed. Honest codes cost nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from identity.attempts import count_attempt, require_few, subscriber
from kernel import db
from kernel.errors import RateLimited, Refusal

GUESSES: Final = 60
"""Of one subscriber, over all shops: whole dormitories stand behind an address, and mistype."""
WINDOW_SECONDS: Final = 15 * 60


async def require_few_guesses(ip: str) -> None:
    """Raise `RateLimited` for an address from which too many codes were tried lately.

    Asked before any code is looked at: who has guessed too often learns nothing from the next one,
    good or not. In a transaction the codes were looked at before.
    """
    if not db.inside_transaction():
        with _about_the_codes():
            await require_few(**_counter(ip))


async def count_guesses(ip: str, refused: Sequence[tuple[str, Refusal]]) -> None:
    """Count those of the refused codes that there are not; raises `RateLimited`."""
    for _, refusal in refused:
        if refusal.details.get("reason") == "UNKNOWN" and not db.inside_transaction():
            with _about_the_codes():
                await count_attempt(**_counter(ip))


@contextmanager
def _about_the_codes() -> Iterator[None]:
    """The goods can be bought all the same, without codes."""
    try:
        yield
    except RateLimited as refusal:
        refusal.field = "couponCodes"
        raise


def _counter(ip: str) -> dict[str, Any]:
    return {
        "scope": "coupon-code",
        "subject": subscriber(ip),
        "limit": GUESSES,
        "window_seconds": WINDOW_SECONDS,
    }
