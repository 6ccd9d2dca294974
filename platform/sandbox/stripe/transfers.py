"""Transfers to connected accounts: never more than the balance holds, and back again."""

from typing import Any

from sandbox.stripe import balance, balance_entries
from sandbox.stripe.currencies import is_countable, written
from sandbox.stripe.errors import BadParameter, RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]


def create(work: Work, params: Params) -> Json:
    """Move a part of the balance to a connected account.

    Raises RefusedByState for an account that takes no transfers, and with `balance_insufficient`
    while the balance has less.
    """
    account = work.store.get(kind="account", object_id=params["destination"], param="destination")
    if account["capabilities"].get("transfers") != "active":
        raise RefusedByState(
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    amount_minor, currency = params["amount"], params["currency"].lower()
    if not is_countable(amount_minor=amount_minor, currency=currency):
        raise BadParameter(f"The last digit of an amount in {currency} must be 0.", param="amount")
    if amount_minor > balance.available_minor(work, currency):
        raise RefusedByState(
            "You have insufficient available funds in your Stripe account.",
            code="balance_insufficient",
        )
    transfer = _new_transfer(work, params, amount_minor=amount_minor, currency=currency)
    entry = balance_entries.write(
        work,
        kind="transfer",
        amount_minor=-amount_minor,
        currency=currency,
        source=transfer["id"],
        description=transfer["description"],
    )
    transfer["balance_transaction"] = entry["id"]
    work.store.insert(transfer)
    emit(work, "transfer.created", transfer)
    return transfer


def reverse(work: Work, params: Params, *, transfer_id: str) -> Json:
    """Take a transfer back, all that is left of it unless told how much."""
    transfer = work.store.get(kind="transfer", object_id=transfer_id, param="id")
    left_minor = transfer["amount"] - transfer["amount_reversed"]
    amount_minor = params.get("amount", left_minor)
    if not 0 < amount_minor <= left_minor:
        left = written(amount_minor=left_minor, currency=transfer["currency"])
        raise RefusedByState(f"Only {left} of this transfer can be reversed.", param="amount")
    reversal: Json = {
        "id": new_id("trr_1"),
        "object": "transfer_reversal",
        "amount": amount_minor,
        "balance_transaction": None,
        "created": work.created,
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": merged_metadata({}, params.get("metadata")),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    entry = balance_entries.write(
        work,
        kind="transfer_refund",
        amount_minor=amount_minor,
        currency=transfer["currency"],
        source=reversal["id"],
        description=transfer["description"],
    )
    reversal["balance_transaction"] = entry["id"]
    work.store.insert(reversal)
    transfer["amount_reversed"] += amount_minor
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    work.store.save(transfer)
    emit(work, "transfer.reversed", transfer)
    return reversal


def _new_transfer(work: Work, params: Params, *, amount_minor: int, currency: str) -> Json:
    return {
        "id": new_id("tr_1"),
        "object": "transfer",
        "amount": amount_minor,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": work.created,
        "currency": currency,
        "description": params.get("description"),
        "destination": params["destination"],
        "destination_payment": new_id("py_1"),
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "reversed": False,
        "source_transaction": None,
        "source_type": "card",
        "transfer_group": params.get("transfer_group"),
    }
