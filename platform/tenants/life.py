"""The life of a tenant as data: states, changes between them, and who may make which.

APPLIED → KYC → DEPOSIT_DUE → ACTIVE ⇄ RESTRICTED → SUSPENDED → CLOSING → CLOSED, and
APPLIED → REJECTED → APPLIED (domain 5); who was accepted and never becomes known, or never pays, is
rejected, too. `tenants.standing` makes the changes; the database knows
the same pairs and refuses every other (`tenants_transition`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CLOSING_DAYS: Final = 30
"""How long a closing tenant still refunds and answers tickets."""


class TenantStatus(StrEnum):
    """Where a tenant is in its life."""

    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    KYC = "KYC"
    DEPOSIT_DUE = "DEPOSIT_DUE"
    ACTIVE = "ACTIVE"
    RESTRICTED = "RESTRICTED"
    SUSPENDED = "SUSPENDED"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"


class LifeChange(StrEnum):
    """What may happen to a tenant. MOVE, to another parent, leaves its status alone."""

    APPLY = "APPLY"
    APPLY_AGAIN = "APPLY_AGAIN"
    REJECT = "REJECT"
    ACCEPT = "ACCEPT"
    KYC_PASSED = "KYC_PASSED"
    OPEN = "OPEN"
    RESTRICT = "RESTRICT"
    RESTRICT_CHILD = "RESTRICT_CHILD"
    RESTRICT_DEPOSIT = "RESTRICT_DEPOSIT"
    SUSPEND = "SUSPEND"
    REOPEN = "REOPEN"
    CLOSE = "CLOSE"
    ASK_TO_CLOSE = "ASK_TO_CLOSE"
    END = "END"
    MOVE = "MOVE"


class Mover(StrEnum):
    """Who makes a change: an applicant, the owner, the parent's owner, the platform, the clock."""

    APPLICANT = "APPLICANT"
    OWNER = "OWNER"
    PARENT = "PARENT"
    OPERATOR = "OPERATOR"
    CLOCK = "CLOCK"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change: in which states, to which, by whom.

    Where `to` has two states, the tenant's restrictions decide: with one it is RESTRICTED, without
    one ACTIVE.
    """

    before: frozenset[TenantStatus]
    to: frozenset[TenantStatus]
    by: frozenset[Mover]


STANDING: Final = frozenset({TenantStatus.ACTIVE, TenantStatus.RESTRICTED})
"""Trades, or would but for a restriction. Every other tenant is lost, or not there yet."""
UNOPENED: Final = frozenset({TenantStatus.APPLIED, TenantStatus.KYC, TenantStatus.DEPOSIT_DUE})
"""Has asked to open, and waits for something."""


def _step(before: TenantStatus, to: TenantStatus, by: Mover) -> Transition:
    return Transition(frozenset({before}), frozenset({to}), frozenset({by}))


TRANSITIONS: Final[Mapping[LifeChange, Transition]] = {
    LifeChange.APPLY: Transition(
        frozenset(), frozenset({TenantStatus.APPLIED}), frozenset({Mover.APPLICANT})
    ),
    LifeChange.APPLY_AGAIN: _step(TenantStatus.REJECTED, TenantStatus.APPLIED, Mover.OWNER),
    LifeChange.REJECT: Transition(
        UNOPENED, frozenset({TenantStatus.REJECTED}), frozenset({Mover.OPERATOR})
    ),
    LifeChange.ACCEPT: _step(TenantStatus.APPLIED, TenantStatus.KYC, Mover.OPERATOR),
    LifeChange.KYC_PASSED: _step(TenantStatus.KYC, TenantStatus.DEPOSIT_DUE, Mover.OPERATOR),
    LifeChange.OPEN: _step(TenantStatus.DEPOSIT_DUE, TenantStatus.ACTIVE, Mover.OPERATOR),
    LifeChange.RESTRICT: Transition(STANDING, STANDING, frozenset({Mover.OPERATOR})),
    LifeChange.RESTRICT_CHILD: Transition(STANDING, STANDING, frozenset({Mover.PARENT})),
    LifeChange.RESTRICT_DEPOSIT: Transition(STANDING, STANDING, frozenset({Mover.CLOCK})),
    LifeChange.SUSPEND: Transition(
        STANDING, frozenset({TenantStatus.SUSPENDED}), frozenset({Mover.OPERATOR})
    ),
    LifeChange.REOPEN: Transition(
        frozenset({TenantStatus.SUSPENDED}), STANDING, frozenset({Mover.OPERATOR})
    ),
    LifeChange.CLOSE: Transition(
        STANDING | {TenantStatus.SUSPENDED},
        frozenset({TenantStatus.CLOSING}),
        frozenset({Mover.OPERATOR}),
    ),
    LifeChange.ASK_TO_CLOSE: Transition(
        STANDING, frozenset({TenantStatus.CLOSING}), frozenset({Mover.OWNER})
    ),
    LifeChange.END: _step(TenantStatus.CLOSING, TenantStatus.CLOSED, Mover.CLOCK),
}


def is_loss(change: LifeChange) -> bool:
    """Say whether the tenants below the changed one lose their parent by it."""
    transition = TRANSITIONS[change]
    return bool(transition.before & STANDING) and not transition.to & STANDING


def pairs() -> frozenset[tuple[TenantStatus, TenantStatus]]:
    """Every way from one state to another that some change takes."""
    return frozenset(
        (before, to)
        for transition in TRANSITIONS.values()
        for before in transition.before
        for to in transition.to
        if before is not to
    )
