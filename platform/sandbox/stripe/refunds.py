"""Refunds: never more than was captured, at once or after a while, sometimes failing."""

from typing import Any

from sandbox.stripe import charges, disputes, timers
from sandbox.stripe.currencies import is_countable, written
from sandbox.stripe.errors import BadParameter, RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.ids import new_id
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]


def create(work: Work, params: Params) -> Json:
    """Pay money back to the buyer, all that is left unless told how much.

    Raises BadParameter when no payment is named, RefusedByState when there is less to refund.
    """
    charge = _charge_to_refund(work, params)
    if work.faults.plan.short_for_refunds:
        raise RefusedByState(
            "Insufficient funds in your Stripe balance to refund this amount.",
            message_code="insufficient_balance_for_refund",
        )
    disputes.refuse_refund_of(work, charge)
    amount_minor = _amount_to_refund(charge, params)
    fault = work.faults.plan.refund_pending
    refund = _new_refund(work, params, charge=charge, amount_minor=amount_minor)
    refund["status"] = "pending" if fault else "succeeded"
    refund["balance_transaction"] = charges.record_refund(work, refund)["id"]
    work.store.insert(refund)
    _add_to_charge(work, charge, amount_minor=amount_minor)
    emit(work, "refund.created", refund)
    emit(work, "charge.refunded", charge)
    disputes.note_refund(work, charge)
    if fault is not None:
        timers.set_timer(work, noun="refund", object_id=refund["id"], fault=fault)
    return refund


def update(work: Work, params: Params, *, refund_id: str) -> Json:
    """Change the refund's metadata."""
    refund = work.store.get(kind="refund", object_id=refund_id)
    previous = {"metadata": refund["metadata"]}
    if "metadata" in params:
        refund["metadata"] = merged_metadata(refund["metadata"], params["metadata"])
    work.store.save(refund)
    emit(work, "refund.updated", refund, previous=previous)
    return refund


def end_pending(work: Work, *, refund_id: str, succeeded: bool) -> None:
    """End a pending refund; a failed one gives the money back to the shop."""
    refund = work.store.get(kind="refund", object_id=refund_id)
    if refund["status"] != "pending":
        return
    refund["status"] = "succeeded" if succeeded else "failed"
    if not succeeded:
        entry = charges.record_refund(work, refund, returned=True)
        refund |= {"failure_reason": "declined", "failure_balance_transaction": entry["id"]}
        _add_to_charge(work, work.charge(refund["charge"]), amount_minor=-refund["amount"])
    work.store.save(refund)
    emit(work, "refund.updated", refund, previous={"status": "pending"})
    if not succeeded:
        emit(work, "refund.failed", refund)


def _charge_to_refund(work: Work, params: Params) -> Json:
    if "payment_intent" not in params and "charge" not in params:
        raise BadParameter(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    charge_id = params.get("charge")
    if "payment_intent" in params:
        intent = work.store.get(
            kind="payment_intent", object_id=params["payment_intent"], param="payment_intent"
        )
        if charge_id is not None and charge_id != intent["latest_charge"]:
            raise BadParameter(
                "The charge does not belong to the provided payment_intent.", param="charge"
            )
        charge_id = intent["latest_charge"]
    charge = work.charge(charge_id) if charge_id else None
    if charge is None or not charge["captured"]:
        raise RefusedByState(
            "This PaymentIntent does not have a successful charge to refund.",
            param="payment_intent",
        )
    return charge


def _amount_to_refund(charge: Json, params: Params) -> int:
    left_minor: int = charge["amount_captured"] - charge["amount_refunded"]
    if left_minor == 0:
        raise RefusedByState(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount_minor: int = params.get("amount", left_minor)
    if amount_minor > left_minor:
        asked = written(amount_minor=amount_minor, currency=charge["currency"])
        left = written(amount_minor=left_minor, currency=charge["currency"])
        raise RefusedByState(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    if not is_countable(amount_minor=amount_minor, currency=charge["currency"]):
        raise BadParameter(
            f"The last digit of an amount in {charge['currency']} must be 0.", param="amount"
        )
    return amount_minor


def _new_refund(work: Work, params: Params, *, charge: Json, amount_minor: int) -> Json:
    return {
        "id": new_id("re_3"),
        "object": "refund",
        "amount": amount_minor,
        "charge": charge["id"],
        "created": work.created,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "destination_details": {"type": charge["payment_method_details"]["type"]},
        "metadata": merged_metadata({}, params.get("metadata")),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "transfer_reversal": None,
    }


def _add_to_charge(work: Work, charge: Json, *, amount_minor: int) -> None:
    charge["amount_refunded"] += amount_minor
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    work.store.save(charge)
