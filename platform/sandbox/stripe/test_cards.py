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


@dataclass(frozen=True)
class Dispute:
    """What becomes of a charge: its holder's bank asks, or takes the money back."""

    reason: str
    inquiry: bool = False


@dataclass(frozen=True, kw_only=True)
class TestCard:
    """A card by its last four digits: who made it, whether it authenticates, why it declines,
    and whether its holder disputes what it has paid."""

    __test__ = False  # the name is Stripe's; it is no test class

    brand: str
    last4: str
    authenticates: bool = False
    decline: Decline | None = None
    dispute: Dispute | None = None
    declines_when_kept: bool = False


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
DISPUTED = TestCard(brand="visa", last4="0259", dispute=Dispute("fraudulent"))
NOT_RECEIVED = TestCard(brand="visa", last4="2685", dispute=Dispute("product_not_received"))
INQUIRY = TestCard(brand="visa", last4="1976", dispute=Dispute("fraudulent", inquiry=True))

# "Attaching this card succeeds, but attempts to charge the customer fail": here, once it is kept.
FAILS_WHEN_KEPT = TestCard(brand="visa", last4="0341", declines_when_kept=True)
UNIONPAY = TestCard(brand="unionpay", last4="0005")

PAYMENT_METHODS = {
    "pm_card_visa": VISA,
    "pm_card_mastercard": TestCard(brand="mastercard", last4="4444"),
    "pm_card_unionpay": UNIONPAY,
    "pm_card_authenticationRequired": AUTHENTICATES,
    "pm_card_threeDSecure2Required": TestCard(brand="visa", last4="3220", authenticates=True),
    "pm_card_chargeCustomerFail": FAILS_WHEN_KEPT,
    "pm_card_chargeDeclined": DECLINED,
    "pm_card_visa_chargeDeclined": DECLINED,
    "pm_card_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "pm_card_visa_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "pm_card_visa_chargeDeclinedLostCard": LOST_CARD,
    "pm_card_chargeDeclinedExpiredCard": EXPIRED_CARD,
    "pm_card_chargeDeclinedProcessingError": PROCESSING_ERROR,
    "pm_card_createDispute": DISPUTED,
    "pm_card_createDisputeProductNotReceived": NOT_RECEIVED,
    "pm_card_createDisputeInquiry": INQUIRY,
}

TOKENS = {
    "tok_visa": VISA,
    "tok_mastercard": PAYMENT_METHODS["pm_card_mastercard"],
    "tok_unionpay": PAYMENT_METHODS["pm_card_unionpay"],
    "tok_chargeDeclined": DECLINED,
    "tok_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
    "tok_chargeDeclinedExpiredCard": EXPIRED_CARD,
    "tok_createDispute": DISPUTED,
    "tok_createDisputeProductNotReceived": NOT_RECEIVED,
    "tok_createDisputeInquiry": INQUIRY,
}

#: What a buyer may pick on a page, the usual one first.
OF_PAGES = (VISA, AUTHENTICATES, FAILS_WHEN_KEPT, UNIONPAY)

_BY_LAST4 = {card.last4: card for card in (*PAYMENT_METHODS.values(), *TOKENS.values())}


def by_last4(last4: str) -> TestCard:
    """Give the test card with these digits: its behaviour follows from them."""
    return _BY_LAST4[last4]
