"""What speaks against a payout: each rule by itself, and which of them forbid it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.payouts.checks import Facts, Reason, blocking, reasons_of

NOW = datetime(2026, 7, 1, tzinfo=UTC)
USUAL = Facts(
    now=NOW,
    amount_minor=30_000,
    method_live=True,
    method_ready=True,
    method_usable_at=NOW - timedelta(days=9),
    block=None,
    paid_before=3,
    largest_paid_minor=10_000,
    others_with_holder=0,
)


def test_nothing_speaks_against_a_usual_payout() -> None:
    assert reasons_of(USUAL) == ()


@pytest.mark.parametrize(
    ("differs", "reason", "forbids"),
    [
        ({"method_live": False}, Reason.METHOD_GONE, True),
        ({"method_ready": False}, Reason.METHOD_NOT_READY, True),
        ({"method_usable_at": NOW + timedelta(seconds=1)}, Reason.METHOD_TOO_NEW, True),
        ({"block": "STOPPED"}, Reason.STOPPED, True),
        ({"block": "FROZEN"}, Reason.FROZEN, True),
        ({"block": "IN_DEBT"}, Reason.IN_DEBT, True),
        ({"paid_before": 0, "largest_paid_minor": 0}, Reason.FIRST_PAYOUT, False),
        ({"amount_minor": 30_001}, Reason.UNUSUAL_AMOUNT, False),
        ({"others_with_holder": 1}, Reason.HOLDER_SHARED, False),
    ],
)
def test_each_reason_is_found_by_its_own_fact(
    differs: dict[str, Any], reason: Reason, forbids: bool
) -> None:
    found = reasons_of(replace(USUAL, **differs))

    assert found == (reason,)
    assert blocking(found) == ((reason,) if forbids else ())
