"""Planned deaths: the crash tests kill the process at every one of these points.

Outside a test environment a point does nothing.
"""

import os
import signal
from typing import Final

from kernel.settings import settings

#: Every point that the code passes; `tests/faults/` sweeps this list and compares it with the code.
CRASH_POINTS: Final = (
    "checkout.priced",
    "checkout.placed",
    "checkout.paid",
    "checkout.committed",
    "purchase.made",
    "transfer.posted",
    "transfer.committed",
    "payment.entered",
    "payment.opened",
    "payment.committed",
    "payment.asked",
    "payment.noted",
    "card.customer_made",
    "card.looked",
    "card.kept",
    "card.detached",
    "settlement.heard",
    "settlement.found",
    "settlement.locked",
    "settlement.read",
    "settlement.settled",
    "settlement.recorded",
    "settlement.committed",
    "reveal.marked",
    "reveal.committed",
    "refund.written",
    "refund.committed",
    "refund.sent",
    "refund.done",
    "fast_refund.written",
    "fast_refund.committed",
    "fast_refund.decided",
    "instalments.opened",
    "instalments.ended",
    "instalments.defaulted",
    "replacement.written",
    "replacement.committed",
    "earnings.noting",
    "earnings.matured",
    "earnings.committed",
    "compensation.paid",
    "dispute.heard",
    "dispute.recorded",
    "dispute.committed",
    "dispute.answered",
    "dispute.answer_sent",
    "manual.looked",
    "manual.delivered",
    "manual.committed",
    "manual.ended",
    "bank.written",
    "bank.matched",
    "bank.settled",
    "voucher.taken",
    "voucher.committed",
    "voucher.closed",
    "expiry.released",
    "expiry.committed",
    "price_import.claimed",
    "price_import.noted",
    "price_import.written",
    "price_import.committed",
    "reconciliation.claimed",
    "reconciliation.fetched",
    "reconciliation.noted",
    "reconciliation.heard",
    "reconciliation.decided",
    "payout_account.made",
    "payout.reserved",
    "payout.requested",
    "payout.checked",
    "payout.batched",
    "payout.posted",
    "payout.committed",
    "payout.sending",
    "payout.sent",
    "payout.noted",
    "statement.claimed",
    "statement.read",
    "statement.kept",
    "statement.ended",
    "statement.committed",
    "webhook.handing_on",
    "webhook.claimed",
    "webhook.sent",
    "webhook.noted",
)


def crash_point(name: str) -> None:
    """Die at once, as by SIGKILL, if the test environment asks for it at this point."""
    config = settings()
    if config.crash_at == name and config.environment == "test":
        os.kill(os.getpid(), signal.SIGKILL)
