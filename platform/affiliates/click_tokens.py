"""The click that a buyer's browser keeps: signed, of one shop, and telling nobody anything.

A browser keeps two touches: the first that led it here and the last. Which of them counts is the
program's choice, when something is bought. The token is not a secret of anybody's: what it proves
is that the shop itself has seen the click, and when.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson

from kernel import crypto

KEPT_SECONDS: Final = 365 * 24 * 3600
"""As long as the longest window of a program."""
_LONGEST: Final = 600  # characters
_PURPOSE: Final = "affiliate-click"


@dataclass(frozen=True, slots=True)
class Touch:
    """One click: whose, by which link (None: by the affiliate's own code), and when."""

    click_id: UUID
    affiliate_id: UUID
    link_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Touches:
    """What led a browser to the shop, first and last."""

    first: Touch
    last: Touch


def write_touches(touches: Touches, *, tenant_id: UUID) -> str:
    """The token that a browser keeps, good in this shop only."""
    both = [_as_json(touches.first), _as_json(touches.last)]
    return crypto.sign(_PURPOSE, orjson.dumps([str(tenant_id), *both]))


def read_touches(token: str | None, *, tenant_id: UUID) -> Touches | None:
    """What a token says; None for one that this shop did not write."""
    if not token or len(token) > _LONGEST:
        return None
    raw = crypto.unsign(_PURPOSE, token)
    if raw is None:
        return None
    tenant, first, last = orjson.loads(raw)
    return Touches(_touch(first), _touch(last)) if tenant == str(tenant_id) else None


def _as_json(touch: Touch) -> list[str | int | None]:
    link = touch.link_id.hex if touch.link_id else None
    return [touch.click_id.hex, touch.affiliate_id.hex, link, int(touch.at.timestamp())]


def _touch(said: list[str]) -> Touch:
    click, affiliate, link, at = said
    return Touch(
        UUID(click),
        UUID(affiliate),
        UUID(link) if link else None,
        datetime.fromtimestamp(int(at), UTC),
    )
