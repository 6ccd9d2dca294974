"""Charges: what was taken, what it cost, and what was given back."""

from sandbox.stripe import balance_entries
from sandbox.stripe.config import SandboxConfig
from sandbox.stripe.currencies import ZERO_DECIMAL
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

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


def fee_minor(config: SandboxConfig, *, amount_minor: int, currency: str) -> int:
    """Give the processing fee by the account's price list, in minor units: a part, rounded half
    up, and a fixed amount, never more than the charge."""
    fixed = 0 if currency in ZERO_DECIMAL else config.fee_fixed_minor
    return min(amount_minor, (amount_minor * config.fee_bp + 5_000) // 10_000 + fixed)


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
    entry = balance_entries.write(
        work,
        kind="charge" if _is_by_card(charge["id"]) else "payment",
        amount_minor=amount_minor,
        fee_minor=fee_minor(work.config, amount_minor=amount_minor, currency=charge["currency"]),
        currency=charge["currency"],
        source=charge["id"],
        description=charge["description"],
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
    gone = "refund" if _is_by_card(refund["charge"]) else "payment_refund"
    return balance_entries.write(
        work,
        kind="refund_failure" if returned else gone,
        amount_minor=sign * refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        description="REFUND",
    )


def record_dispute(work: Work, dispute: Json, *, fee_minor: int, returned: bool) -> Json:
    """Write the balance entry of a dispute: what the bank has taken, or has given back.

    `fee_minor` is negative where it comes back, too.
    """
    return balance_entries.write(
        work,
        kind="adjustment",
        amount_minor=dispute["amount"] if returned else -dispute["amount"],
        currency=dispute["currency"],
        source=dispute["id"],
        description=f"Chargeback {'reversal' if returned else 'withdrawal'} of {dispute['charge']}",
        fee_minor=fee_minor,
        category="dispute_reversal" if returned else "dispute",
    )


def _is_by_card(charge_id: str) -> bool:
    return charge_id.startswith("ch_")
