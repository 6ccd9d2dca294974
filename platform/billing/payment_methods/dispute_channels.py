"""Whom to ask about disputes, by provider: the one list."""

from typing import Final

from billing.payment_methods import stripe_api
from billing.payment_methods.disputes import DisputeChannel
from billing.payment_methods.stripe_disputes import StripeDisputes

DISPUTE_CHANNELS: Final[dict[str, DisputeChannel]] = {stripe_api.PROVIDER: StripeDisputes()}
