"""Charges and the balance transactions behind them: what was taken, what it cost."""

from sandbox.stripe.currencies import ZERO_DECIMAL
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

# The account's price list: 2.9 % and 30 minor units, rounded half up, never more than the charge.
_FEE_PER_MILLE = 29
_FEE_FIXED_MINOR = 30
_PAYOUT_DELAY_SECONDS = 2 * 86_400

_OUTCOME_PAID = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}


def fee_minor(*, amount_minor: int, currency: str) -> int:
    """Give the processing fee: (amount · 29 + 500) ÷ 1000 + 30 minor units."""
    fixed = 0 if currency in ZERO_DECIMAL else _FEE_FIXED_MINOR
    return min(amount_minor, (amount_minor * _FEE_PER_MILLE + 500) // 1_000 + fixed)


def open_charge(work: Work, *, intent: Json, method: Json, status: str) -> Json:
    """Record an attempt to charge the intent: succeeded, pending or failed."""
    charge = {
        "id": new_id("ch_3" if method["type"] == "card" else "py_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "KAMENG SANDBOX",
        "captured": False,
        "created": work.created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _OUTCOME_PAID if status == "succeeded" else None,
        "paid": status == "succeeded",
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": method["type"], method["type"]: method[method["type"]]},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    return work.store.insert(charge)


def capture(work: Work, charge: Json, *, amount_minor: int) -> Json:
    """Take the money of an authorized charge, less the fee."""
    entry = _balance_transaction(
        work,
        kind="charge" if charge["id"].startswith("ch_") else "payment",
        amount_minor=amount_minor,
        fee=fee_minor(amount_minor=amount_minor, currency=charge["currency"]),
        of=charge,
    )
    charge |= {
        "status": "succeeded",
        "paid": True,
        "outcome": _OUTCOME_PAID,
        "captured": True,
        "amount_captured": amount_minor,
        "balance_transaction": entry["id"],
    }
    return work.store.save(charge)


def fail(work: Work, charge: Json, *, code: str, decline_code: str | None, message: str) -> Json:
    """Record why the charge came to nothing."""
    charge |= {
        "status": "failed",
        "paid": False,
        "failure_code": code,
        "failure_message": message,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "declined_by_network",
            "reason": decline_code or code,
            "risk_level": "normal",
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        },
    }
    return work.store.save(charge)


def record_refund(work: Work, refund: Json, *, returned: bool = False) -> Json:
    """Write the balance entry of a refund, or of its money coming back."""
    sign = 1 if returned else -1
    kind = "refund_failure" if returned else "refund"
    return _balance_transaction(
        work, kind=kind, amount_minor=sign * refund["amount"], fee=0, of=refund
    )


def _balance_transaction(work: Work, *, kind: str, amount_minor: int, fee: int, of: Json) -> Json:
    details = {
        "amount": fee,
        "application": None,
        "currency": of["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return work.store.insert(
        {
            "id": new_id("txn_3"),
            "object": "balance_transaction",
            "amount": amount_minor,
            "available_on": work.created + _PAYOUT_DELAY_SECONDS,
            "balance_type": "payments",
            "created": work.created,
            "currency": of["currency"],
            "description": of["description"] if of["object"] == "charge" else "REFUND",
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [details] if fee else [],
            "net": amount_minor - fee,
            "reporting_category": "charge" if kind == "payment" else kind,
            "source": of["id"],
            "status": "pending",
            "type": kind,
        }
    )
