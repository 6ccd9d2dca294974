"""What the provider pays to the platform's bank account, and what it charges beside payments."""

from sandbox.stripe import balance_entries
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work


def pay_out(work: Work, *, amount_minor: int, currency: str) -> Json:
    """Pay a part of the balance to the bank, as automatic payouts do."""
    payout: Json = {
        "id": new_id("po_3"),
        "object": "payout",
        "amount": amount_minor,
        "arrival_date": work.created,
        "automatic": True,
        "balance_transaction": None,
        "created": work.created,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "failure_balance_transaction": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "status": "paid",
        "type": "bank_account",
    }
    entry = balance_entries.write(
        work,
        kind="payout",
        amount_minor=-amount_minor,
        currency=currency,
        source=payout["id"],
        description="STRIPE PAYOUT",
    )
    payout["balance_transaction"] = entry["id"]
    work.store.insert(payout)
    emit(work, "payout.paid", payout)
    return payout


def charge_fee(work: Work, *, amount_minor: int, currency: str) -> Json:
    """Charge the account for something that is no payment: its entry names no source."""
    return balance_entries.write(
        work,
        kind="stripe_fee",
        amount_minor=-amount_minor,
        currency=currency,
        source=None,
        description="Radar for Fraud Teams",
    )


def top_up(work: Work, *, amount_minor: int, currency: str) -> Json:
    """Take money in from the platform's bank account."""
    topup: Json = {
        "id": new_id("tu_1"),
        "object": "topup",
        "amount": amount_minor,
        "balance_transaction": None,
        "created": work.created,
        "currency": currency,
        "livemode": False,
        "status": "succeeded",
    }
    entry = balance_entries.write(
        work,
        kind="topup",
        amount_minor=amount_minor,
        currency=currency,
        source=topup["id"],
        description="STRIPE TOP-UP",
    )
    topup["balance_transaction"] = entry["id"]
    return work.store.insert(topup)
