"""When a share of a delivered line becomes available: pure arithmetic.

What waits longest decides: the warranty of the sold listing, or the party's own term with what a
card adds to it. A trusted supplier waits less once its key is redeemed: `redeeming.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from orders.split import PartyKind

CARD_METHODS: Final = frozenset({"CARD", "UNIONPAY", "KLARNA", "AFFIRM", "AFTERPAY"})
"""Payment methods whose money may be taken back for months: cards, and instalments that a channel
finances."""
MAX_HOURS: Final = 8_760


@dataclass(frozen=True, slots=True)
class Terms:
    """How long earnings wait after delivery, in hours; `card_hours` more where a card has paid.

    With `redeemed_hours` a supplier is trusted: so long after a redemption, if that is earlier.
    """

    hold_hours: int
    card_hours: int = 0
    redeemed_hours: int | None = None


DEFAULTS: Final = {
    PartyKind.SUPPLIER: Terms(7 * 24),
    PartyKind.TENANT: Terms(7 * 24),
    PartyKind.AFFILIATE: Terms(15 * 24, card_hours=14 * 24),
}


def available_at(
    *, delivered_at: datetime, terms: Terms, warranty_hours: int, method: str
) -> datetime:
    """Say when a share that was delivered then may be used."""
    own_hours = terms.hold_hours + (terms.card_hours if method in CARD_METHODS else 0)
    return delivered_at + timedelta(hours=max(warranty_hours, own_hours))
