"""Stripe's test payment methods, and what an attempt with each of them does.

Names and numbers: https://docs.stripe.com/testing
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """Why a bank says no."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class TestCard:
    """A card by its last four digits: who made it, whether it authenticates, why it declines."""

    __test__ = False  # the name is Stripe's; it is no test class

    brand: str
    last4: str
    authenticates: bool = False
    decline: Decline | None = None


_DECLINED = "Your card was declined."
GENERIC_DECLINE = Decline("card_declined", "generic_decline", _DECLINED)

VISA = TestCard(brand="visa", last4="4242")
AUTHENTICATES = TestCard(brand="visa", last4="3184", authenticates=True)
DECLINED = TestCard(brand="visa", last4="0002", decline=GENERIC_DECLINE)
INSUFFICIENT_FUNDS = TestCard(
    brand="visa",
    last4="9995",
    decline=Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
)
LOST_CARD = TestCard(
    brand="visa", last4="9987", decline=Decline("card_declined", "lost_card", _DECLINED)
)
EXPIRED_CARD = TestCard(
    brand="visa", last4="0069", decline=Decline("expired_card", None, "Your card has expired.")
)
PROCESSING_ERROR = TestCard(
    brand="visa",
    last4="0119",
    decline=Decline(
        "processing_error",
        None,
        "An error occurred while processing your card. Try again in a little bit.",
    ),
)

PAYMENT_METHODS = {
    "pm_card_visa": VISA,
    "pm_card_mastercard": TestCard(brand="mastercard", last4="4444"),
    "pm_card_unionpay": TestCard(brand="unionpay", last4="0005"),
    "pm_card_authenticationRequired": AUTHENTICATES,
    "pm_card_threeDSecure2Required": TestCard(brand="visa", last4="3220", authenticates=True),
    "pm_card_chargeDeclined": DECLINED,
    "pm_card_visa_chargeDeclined": DECLINED,
    "pm_card_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "pm_card_visa_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "pm_card_visa_chargeDeclinedLostCard": LOST_CARD,
    "pm_card_chargeDeclinedExpiredCard": EXPIRED_CARD,
    "pm_card_chargeDeclinedProcessingError": PROCESSING_ERROR,
}

TOKENS = {
    "tok_visa": VISA,
    "tok_mastercard": PAYMENT_METHODS["pm_card_mastercard"],
    "tok_unionpay": PAYMENT_METHODS["pm_card_unionpay"],
    "tok_chargeDeclined": DECLINED,
    "tok_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "tok_chargeDeclinedExpiredCard": EXPIRED_CARD,
}

_BY_LAST4 = {card.last4: card for card in (*PAYMENT_METHODS.values(), *TOKENS.values())}


def by_last4(last4: str) -> TestCard:
    """Give the test card with these digits: its behaviour follows from them."""
    return _BY_LAST4[last4]
