"""Disputes: a cardholder's bank takes a charge back, hears the shop, and decides.

States, events and fields: https://docs.stripe.com/api/disputes and
https://docs.stripe.com/disputes/how-disputes-work. An inquiry (`warning_…`) moves no money; every
other dispute takes its amount and a fee out of the balance when it opens.
"""

from typing import Any

from sandbox.stripe import charges
from sandbox.stripe.errors import RefusedByState
from sandbox.stripe.events import emit
from sandbox.stripe.evidence import EMPTY, OUTCOMES
from sandbox.stripe.ids import new_id
from sandbox.stripe.metadata import merged_metadata
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]

FEE_MINOR = 1_500
_TIME_TO_ANSWER_SECONDS = 9 * 86_400
_OPEN = ("needs_response", "under_review")
_WARNINGS = ("warning_needs_response", "warning_under_review")
_ANSWERABLE = ("needs_response", "warning_needs_response")
_UNDER_REVIEW = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
}


def open_dispute(
    work: Work,
    charge: Json,
    *,
    amount_minor: int | None = None,
    reason: str = "fraudulent",
    inquiry: bool = False,
    due_by: int | None = None,
) -> Json:
    """Dispute a charge, or a part of it.

    Raises RefusedByState for one that was not captured, or for more than it took.
    """
    amount_minor = charge["amount_captured"] if amount_minor is None else amount_minor
    if not charge["captured"] or not 0 < amount_minor <= charge["amount_captured"]:
        raise RefusedByState(f"Charge {charge['id']} cannot be disputed for this amount.")
    dispute = work.store.insert(
        {
            "id": new_id("du_1"),
            "object": "dispute",
            "amount": amount_minor,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": work.created,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict(EMPTY),
            "evidence_details": {
                "due_by": work.created + _TIME_TO_ANSWER_SECONDS if due_by is None else due_by,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": inquiry,
            "livemode": False,
            "metadata": {},
            "network_reason_code": None,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": _method_details(charge),
            "reason": reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
        }
    )
    _note_on_charge(work, charge, dispute)
    if not inquiry:
        _withdraw(work, dispute)
    emit(work, "charge.dispute.created", dispute)
    if not inquiry:
        emit(work, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def update(work: Work, params: Params, *, dispute_id: str) -> Json:
    """Keep evidence and, unless `submit` is false, hand it in: that is done once.

    Raises RefusedByState once evidence was handed in, or where the time for it is over.
    """
    dispute = _get(work, dispute_id)
    if "evidence" in params or "submit" in params:
        _require_answerable(work, dispute)
    if "metadata" in params:
        dispute["metadata"] = merged_metadata(dispute["metadata"], params["metadata"])
    if "evidence" in params:
        dispute["evidence"] |= {name: text or None for name, text in params["evidence"].items()}
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"].values())
    if params.get("submit", "evidence" in params):
        dispute["evidence_details"]["submission_count"] += 1
        dispute["status"] = _UNDER_REVIEW[dispute["status"]]
    work.store.save(dispute)
    emit(work, "charge.dispute.updated", dispute)
    outcome = OUTCOMES.get(dispute["evidence"]["uncategorized_text"] or "")
    if outcome is not None and dispute["status"] in ("under_review", "warning_under_review"):
        return decide(work, dispute_id=dispute_id, won=outcome == "won")
    return dispute


def close(work: Work, *, dispute_id: str) -> Json:
    """Give up: the dispute is lost.

    Raises RefusedByState once it is decided, or where evidence was handed in.
    """
    dispute = _get(work, dispute_id)
    if dispute["status"] not in _ANSWERABLE:
        raise RefusedByState("This dispute is already closed.", code="dispute_already_closed")
    return decide(work, dispute_id=dispute_id, won=False)


def decide(work: Work, *, dispute_id: str, won: bool, fee_back: bool = True) -> Json:
    """End a dispute as the bank does; with `fee_back` its fee comes back with a won one.

    Raises RefusedByState once it is decided.
    """
    dispute = _get(work, dispute_id)
    if dispute["status"] in _WARNINGS:
        return _end(work, dispute, "warning_closed")
    if dispute["status"] not in _OPEN:
        raise RefusedByState("This dispute is already closed.", code="dispute_already_closed")
    if not won:
        return _end(work, dispute, "lost")
    dispute["balance_transactions"].append(
        charges.record_dispute(
            work, dispute, fee_minor=-FEE_MINOR if fee_back else 0, returned=True
        )
    )
    _end(work, dispute, "won")
    emit(work, "charge.dispute.funds_reinstated", dispute)
    return dispute


def escalate(work: Work, *, dispute_id: str) -> Json:
    """An inquiry becomes a dispute: the money is taken now.

    Raises RefusedByState for what is no open inquiry.
    """
    dispute = _get(work, dispute_id)
    if dispute["status"] not in _WARNINGS:
        raise RefusedByState("Only an open inquiry can be escalated.")
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    _withdraw(work, dispute)
    emit(work, "charge.dispute.updated", dispute)
    emit(work, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def refuse_refund_of(work: Work, charge: Json) -> None:
    """Raise RefusedByState for a charge whose money the bank has taken back."""
    if charge.get("_dispute") is None:
        return
    dispute = _get(work, charge["_dispute"])
    if not dispute["is_charge_refundable"]:
        raise RefusedByState(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )


def note_refund(work: Work, charge: Json) -> None:
    """An inquiry ends by itself when the charge is refunded in full."""
    if charge.get("_dispute") is None or not charge["refunded"]:
        return
    dispute = _get(work, charge["_dispute"])
    if dispute["status"] in _WARNINGS:
        _end(work, dispute, "warning_closed")


def _get(work: Work, dispute_id: str) -> Json:
    return work.store.get(kind="dispute", object_id=dispute_id, param="dispute")


def _require_answerable(work: Work, dispute: Json) -> None:
    details = dispute["evidence_details"]
    if details["submission_count"] or dispute["status"] not in _ANSWERABLE:
        raise RefusedByState(
            "This dispute cannot be updated: its evidence has been submitted, or it is closed.",
            code="dispute_evidence_already_submitted",
        )
    if work.now > details["due_by"]:
        raise RefusedByState("The time to answer this dispute is over.")


def _end(work: Work, dispute: Json, status: str) -> Json:
    # A lost charge stays charged back; one that was won may be refunded again.
    dispute |= {"status": status, "is_charge_refundable": status != "lost"}
    work.store.save(dispute)
    emit(work, "charge.dispute.closed", dispute)
    return dispute


def _withdraw(work: Work, dispute: Json) -> None:
    entry = charges.record_dispute(work, dispute, fee_minor=FEE_MINOR, returned=False)
    dispute["balance_transactions"].append(entry)
    work.store.save(dispute)


def _note_on_charge(work: Work, charge: Json, dispute: Json) -> None:
    charge |= {"disputed": True, "_dispute": dispute["id"]}
    work.store.save(charge)


def _method_details(charge: Json) -> Json | None:
    details = charge["payment_method_details"]
    if details["type"] != "card":
        return {"type": details["type"]}
    card = {"brand": details["card"]["brand"], "case_type": "chargeback"}
    return {"type": "card", "card": {**card, "network_reason_code": "10"}}
