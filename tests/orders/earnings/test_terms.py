"""When a share becomes available: what waits longest decides."""

from datetime import UTC, datetime, timedelta

import pytest

from orders.earnings.terms import DEFAULTS, available_at
from orders.split import PartyKind

THEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "method", "warranty_hours", "days"),
    [
        (PartyKind.TENANT, "CARD", 24, 7),
        (PartyKind.SUPPLIER, "ALIPAY", 24, 7),
        (PartyKind.SUPPLIER, "WALLET", 30 * 24, 30),
        (PartyKind.AFFILIATE, "WALLET", 24, 15),
        (PartyKind.AFFILIATE, "CARD", 24, 29),
        (PartyKind.AFFILIATE, "CARD", 40 * 24, 40),
    ],
)
def test_the_longest_of_warranty_and_own_term_decides(
    kind: PartyKind, method: str, warranty_hours: int, days: int
) -> None:
    found = available_at(
        delivered_at=THEN, terms=DEFAULTS[kind], warranty_hours=warranty_hours, method=method
    )
    assert found == THEN + timedelta(days=days)
