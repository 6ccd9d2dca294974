"""Who is thanked for an order, among those who could be: a pure rule over what was found.

A code that the buyer has typed beats a click. Of clicks the last counts, or where the first one's
program says so, the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from affiliates.commission import Rate


class Rule(StrEnum):
    """By what an affiliate is thanked for an order, or why nobody is."""

    CODE = "CODE"
    FIRST_TOUCH = "FIRST_TOUCH"
    LAST_CLICK = "LAST_CLICK"
    OWN_ORDER = "OWN_ORDER"
    EXPIRED = "EXPIRED"
    NOT_FIRST_ORDER = "NOT_FIRST_ORDER"
    NO_PROGRAM = "NO_PROGRAM"


THANKED = frozenset({Rule.CODE, Rule.FIRST_TOUCH, Rule.LAST_CLICK})
_BY_CLICK = frozenset({Rule.FIRST_TOUCH, Rule.LAST_CLICK})


@dataclass(frozen=True, slots=True)
class Upline:
    """Who has brought an affiliate, and earns so many basis points with it."""

    affiliate_id: UUID
    rate_bp: int
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An affiliate by whom the buyer may have come, with the terms of its program as they are now.

    `is_open`: the affiliate is active and the program pays. `rates` are what the wanted goods earn
    where that differs from the program's own rate. `uplines` are who brought the affiliate, nearest
    first, as far as the program pays them.
    """

    by: Rule
    affiliate_id: UUID
    customer_id: UUID | None
    is_open: bool
    rate: Rate
    window_days: int
    first_touch: bool
    first_order_only: bool
    link_id: UUID | None = None
    click_id: UUID | None = None
    clicked_at: datetime | None = None
    rates: Mapping[UUID, Rate] | None = None
    uplines: tuple[Upline, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The affiliate that was asked about, and the rule that has decided."""

    rule: Rule
    candidate: Candidate
    passed_over: Candidate | None = None
    """By whom the buyer had come as well, by a click: the last one of another affiliate's."""

    @property
    def is_thanked(self) -> bool:
        """True where the affiliate earns by the order."""
        return self.rule in THANKED


def decide(
    candidates: Sequence[Candidate],
    *,
    customer_id: UUID | None,
    has_ordered: bool,
    now: datetime,
) -> Verdict | None:
    """Say who is thanked; None where nobody could have been.

    The strongest claim is decided alone, and is not handed on: whoever uses a code of their own
    thanks nobody, whatever they have clicked before. Only a first touch that does not count, for
    want of a program that asks for it, leaves the last click its turn.
    """
    for candidate in sorted(candidates, key=_strength):
        if candidate.by is Rule.FIRST_TOUCH and not candidate.first_touch:
            continue
        rule = _rule_for(candidate, customer_id, has_ordered, now)
        return Verdict(rule, candidate, _another(candidates, candidate))
    return None


def _another(candidates: Sequence[Candidate], chosen: Candidate) -> Candidate | None:
    others = [
        (one.clicked_at, place)
        for place, one in enumerate(candidates)
        if one.clicked_at is not None and one.affiliate_id != chosen.affiliate_id
    ]
    return candidates[max(others)[1]] if others else None


def _rule_for(
    candidate: Candidate, customer_id: UUID | None, has_ordered: bool, now: datetime
) -> Rule:
    if not candidate.is_open:
        return Rule.NO_PROGRAM
    own = {candidate.customer_id, *(one.customer_id for one in candidate.uplines)}
    if customer_id is not None and customer_id in own:
        return Rule.OWN_ORDER
    if candidate.by in _BY_CLICK and _is_over(candidate, now):
        return Rule.EXPIRED
    if candidate.first_order_only and has_ordered:
        return Rule.NOT_FIRST_ORDER
    return candidate.by


def _is_over(candidate: Candidate, now: datetime) -> bool:
    at = candidate.clicked_at
    return at is None or now - at > timedelta(days=candidate.window_days)


def _strength(candidate: Candidate) -> int:
    return list(Rule).index(candidate.by)
