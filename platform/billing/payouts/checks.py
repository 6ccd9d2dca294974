"""What speaks against a payout, or asks for a second look: small pure rules with their names.

A rule that blocks is decided again at the moment of approval; the others are for who reads them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

UNUSUAL_TIMES: Final = 3
"""So many times the largest payout before is unusual."""


class Reason(StrEnum):
    """Why somebody should look."""

    METHOD_GONE = "METHOD_GONE"
    METHOD_NOT_READY = "METHOD_NOT_READY"
    METHOD_TOO_NEW = "METHOD_TOO_NEW"
    STOPPED = "STOPPED"
    FROZEN = "FROZEN"
    IN_DEBT = "IN_DEBT"
    FIRST_PAYOUT = "FIRST_PAYOUT"
    UNUSUAL_AMOUNT = "UNUSUAL_AMOUNT"
    HOLDER_SHARED = "HOLDER_SHARED"


BLOCKING: Final = frozenset(
    {
        Reason.METHOD_GONE,
        Reason.METHOD_NOT_READY,
        Reason.METHOD_TOO_NEW,
        Reason.STOPPED,
        Reason.FROZEN,
        Reason.IN_DEBT,
    }
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a payout and its party; amounts in minor units of one currency."""

    now: datetime
    amount_minor: int
    method_live: bool
    method_ready: bool
    method_usable_at: datetime
    block: str | None
    """What `payout_block` of the database says."""
    paid_before: int
    largest_paid_minor: int
    others_with_holder: int


Rule = Callable[[Facts], bool]

RULES: Final[tuple[tuple[Reason, Rule], ...]] = (
    (Reason.METHOD_GONE, lambda facts: not facts.method_live),
    (Reason.METHOD_NOT_READY, lambda facts: not facts.method_ready),
    (Reason.METHOD_TOO_NEW, lambda facts: facts.method_usable_at > facts.now),
    (Reason.STOPPED, lambda facts: facts.block == Reason.STOPPED),
    (Reason.FROZEN, lambda facts: facts.block == Reason.FROZEN),
    (Reason.IN_DEBT, lambda facts: facts.block == Reason.IN_DEBT),
    (Reason.FIRST_PAYOUT, lambda facts: facts.paid_before == 0),
    (
        Reason.UNUSUAL_AMOUNT,
        lambda facts: 0 < facts.largest_paid_minor * UNUSUAL_TIMES < facts.amount_minor,
    ),
    (Reason.HOLDER_SHARED, lambda facts: facts.others_with_holder > 0),
)


def reasons_of(facts: Facts) -> tuple[Reason, ...]:
    """Every reason that holds, in the order of the rules."""
    return tuple(reason for reason, holds in RULES if holds(facts))


def blocking(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Those with which nothing is paid."""
    return tuple(reason for reason in reasons if reason in BLOCKING)
