"""Coupon codes and points on the pages that buy: read, priced with, and codes kept until the order
is made.

A buyer agrees to a total that was shown: where codes or points are named that no shown total is
for, the page with the new total comes first.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from web.asking import Problem, Refused, act, ask
from web.forms import Form
from web.visit import Visit

CODES: Final = "coupons"
"""The form's field and the browser's cookie."""
_SEEN: Final = "seen_coupons"
POINTS: Final = "points"
_SEEN_POINTS: Final = "seen_points"
_KEEP_SECONDS: Final = 24 * 3600
_BETWEEN: Final = re.compile(r"[\s,;，；、]+")
_KEPT: Final = re.compile(r"[0-9A-Za-z-]{1,32}(\.[0-9A-Za-z-]{1,32}){0,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Priced:
    """What the goods cost with the coupons and points that were named; `problem` is why no coupon
    was tried."""

    quote: dict[str, Any]
    named: tuple[str, ...] = ()
    points: int = 0
    problem: Problem | None = None

    @property
    def good(self) -> list[str]:
        """The codes that take something off."""
        lines = self.quote["lines"]
        return list(dict.fromkeys(one["code"] for line in lines for one in line["discounts"]))

    @property
    def refused(self) -> list[tuple[str, str]]:
        """The other codes, each with the reason for people."""
        return [(one["code"], one["problem"]["message"]) for one in self.quote["refusedCoupons"]]


def codes_in(text: str) -> tuple[str, ...]:
    """Read codes as people write them beside each other."""
    return tuple(dict.fromkeys(code for code in _BETWEEN.split(text) if code))


def are_new(form: Form) -> bool:
    """True when the form names other codes or points than the total was shown for."""
    return codes_in(form.text(CODES)) != codes_in(form.text(_SEEN)) or (
        points_in(form) != (form.number(_SEEN_POINTS) or 0)
    )


def points_in(form: Form) -> int:
    """Read how many points the buyer wants to use."""
    return form.number(POINTS) or 0


async def priced(
    visit: Visit, lines: list[dict[str, Any]], codes: tuple[str, ...], points: int = 0
) -> Priced:
    """Ask for a price with these coupons and points, which only a customer of a shop that gives
    some can have; `Refused` for what cannot be bought even without."""
    points = points if may_have_points(visit) else 0
    wish = {"lines": lines, "redeemPoints": points or None}
    try:
        return Priced(await act(visit, "quote", **wish, couponCodes=list(codes)), codes, points)
    except Refused as no:
        if no.problem.field != "couponCodes":
            raise
        return Priced(await act(visit, "quote", **wish), codes, points, no.problem)


def may_have_points(visit: Visit) -> bool:
    """Whether the visitor is a customer of a shop that gives points."""
    return visit.context.customer_id is not None and visit.context.shop.has_points


async def offered(visit: Visit) -> list[dict[str, Any]]:
    """The coupons that the shop shows the signed-in customer; a guest is shown none."""
    if visit.context.customer_id is None:
        return []
    me = (await ask(visit, "coupons"))["me"]
    coupons: list[dict[str, Any]] = me["coupons"] if me else []
    return coupons


def kept(visit: Visit) -> tuple[str, ...]:
    """The codes that this browser keeps for its cart."""
    held = visit.cookie(CODES) or ""
    return tuple(held.split(".")) if _KEPT.fullmatch(held) else ()


def keep(visit: Visit, response: Response, codes: tuple[str, ...]) -> None:
    """Let the browser keep the codes for its cart, or forget those it has."""
    text = ".".join(codes)
    if _KEPT.fullmatch(text):
        visit.keep(response, CODES, text, ttl_seconds=_KEEP_SECONDS)
    elif visit.cookie(CODES) is not None:
        visit.drop(response, CODES)
