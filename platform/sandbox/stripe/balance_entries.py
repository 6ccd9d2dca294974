"""Balance transactions: every movement of the account's balance, once, with what it cost."""

from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

_SETTLES_AFTER_SECONDS = 2 * 86_400
_SETTLES_AT_ONCE = (
    "payout",
    "payout_failure",
    "stripe_fee",
    "topup",
    "transfer",
    "transfer_refund",
)

# https://docs.stripe.com/reports/reporting-categories: what accountants group by.
_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "stripe_fee": "fee",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
}


def write(
    work: Work,
    *,
    kind: str,
    amount_minor: int,
    currency: str,
    source: str | None,
    description: str | None,
    fee_minor: int = 0,
    category: str | None = None,
) -> Json:
    """Write one movement, in minor units: positive is money that came.

    `kind` is Stripe's `type`. `category` says how accountants call it where the type does not: an
    `adjustment` is a "dispute" or a "dispute_reversal".
    """
    settles_after = 0 if kind in _SETTLES_AT_ONCE else _SETTLES_AFTER_SECONDS
    details = {
        "amount": fee_minor,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return work.store.insert(
        {
            "id": new_id("txn_3"),
            "object": "balance_transaction",
            "amount": amount_minor,
            "available_on": work.created + settles_after,
            "balance_type": "payments",
            "created": work.created,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee_minor,
            "fee_details": [details] if fee_minor else [],
            "net": amount_minor - fee_minor,
            "reporting_category": category or _CATEGORIES.get(kind, kind),
            "source": source,
            "status": "pending",
            "type": kind,
        }
    )
