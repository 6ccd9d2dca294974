"""What a payout costs, and how much it is at least: pure arithmetic on the platform's terms."""

from dataclasses import dataclass
from datetime import timedelta

from kernel.settings import settings


@dataclass(frozen=True, slots=True)
class PayoutTerms:
    """The platform's terms; amounts in minor units of whichever currency."""

    least_minor: int
    fee_minor: int
    fee_bp: int
    two_people_above_minor: int
    method_wait: timedelta
    grace: timedelta

    def fee_of(self, amount_minor: int) -> int:
        """The flat part, and basis points of the amount, rounded up."""
        return self.fee_minor - (-amount_minor * self.fee_bp // 10_000)

    def approvals_for(self, amount_minor: int) -> int:
        """How many operators have to say yes."""
        return 2 if amount_minor > self.two_people_above_minor else 1


def payout_terms() -> PayoutTerms:
    """The terms of the settings."""
    config = settings()
    return PayoutTerms(
        least_minor=config.payout_least_minor,
        fee_minor=config.payout_fee_minor,
        fee_bp=config.payout_fee_bp,
        two_people_above_minor=config.payout_two_people_minor,
        method_wait=timedelta(seconds=config.payout_method_wait_seconds),
        grace=timedelta(seconds=config.payout_grace_seconds),
    )
