"""Bad input of whoever is paid out, and of who decides about it."""

from typing import Any, Final

from bad_input.rows import (
    MALFORMED,
    REFUSED,
    UNKNOWN,
    Bad,
    of_any_amount,
    of_any_key,
    other_kind,
)
from isolation.documents import OMIT
from kernel.ids import new_id, public_id

_STEP_UP: Final = {"STEP_UP_REQUIRED"}
_WRONG: Final = {"WRONG_CREDENTIALS"}


def _of_any_proof(mutation: str) -> list[Bad]:
    return [
        Bad(mutation, "no proof", MALFORMED, {"stepUpProof": OMIT}),
        Bad(mutation, "an empty proof", _STEP_UP, {"stepUpProof": ""}),
        Bad(mutation, "an endless proof", _STEP_UP, {"stepUpProof": "k" * 10_000}),
        Bad(mutation, "another's proof", _STEP_UP,
            {"stepUpProof": lambda ask: ask.town.at("rival").proof_for("STAFF_OWNER")}),
        Bad(mutation, "an old proof", _STEP_UP, clock="6 minutes"),
    ]  # fmt: skip


def _nobodys(kind: str) -> Any:
    return lambda _: public_id(kind, new_id())


PAYOUTS: Final = [
    Bad("stepUpStart", "no such purpose", MALFORMED, {"purpose": "EVERYTHING"}),
    Bad("stepUpConfirm", "the wrong password", _WRONG, {"password": "not it"}),
    Bad("stepUpConfirm", "an endless password", _WRONG, {"password": "p" * 10_000}),
    Bad("stepUpConfirm", "both answers", REFUSED, {"code": "12345678"}),
    Bad("stepUpConfirm", "no answer", REFUSED, {"password": OMIT}),
    Bad("stepUpConfirm", "nobody's challenge", _WRONG, {"challengeId": _nobodys("chl")}),
    Bad("stepUpConfirm", "another's challenge", _WRONG,
        {"challengeId": lambda ask: ask.town.at("rival").challenge_for("STAFF_OWNER")}),
    Bad("stepUpConfirm", "an id of another kind", UNKNOWN, {"challengeId": other_kind}),
    Bad("stepUpConfirm", "too late", _WRONG, clock="11 minutes"),
    *_of_any_proof("payoutMethodSet"),
    Bad("payoutMethodSet", "no account", REFUSED, {"bankAccount": None}),
    Bad("payoutMethodSet", "a bank account of the channel's", REFUSED, {"kind": "STRIPE_ACCOUNT"}),
    Bad("payoutMethodSet", "a short number", REFUSED, {"bankAccount.number": "1234567"}),
    Bad("payoutMethodSet", "an endless number", REFUSED, {"bankAccount.number": "9" * 10_000}),
    Bad("payoutMethodSet", "no holder", REFUSED, {"bankAccount.holder": " "}),
    Bad("payoutMethodSet", "a formula", REFUSED, {"bankAccount.holder": "=1+1"}),
    Bad("payoutMethodSet", "an endless bank", REFUSED, {"bankAccount.bank": "b" * 81}),
    Bad("payoutMethodLink", "support", {"FORBIDDEN"}, by="STAFF_SUPPORT"),
    *of_any_key("payoutRequest"),
    *of_any_amount("payoutRequest"),
    *_of_any_proof("payoutRequest"),
    Bad("payoutRequest", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("payoutRequest", "too little", REFUSED, {"amount.amountMinor": 9_999}),
    Bad("payoutRequest", "more than there is", {"INSUFFICIENT_BALANCE"},
        {"amount.amountMinor": 600_000_000}),
    Bad("payoutRequest", "read-only staff", {"FORBIDDEN"}, by="STAFF_READ_ONLY"),
    Bad("payoutCancel", "nobody's", UNKNOWN, {"payoutId": _nobodys("pyt")}),
    Bad("payoutCancel", "another shop's", UNKNOWN, {"payoutId":
        lambda ask: public_id("pyt", ask.town.at("rival").paid["TENANT"].payout_id)}),
    Bad("payoutCancel", "the affiliate's", UNKNOWN, {"payoutId":
        lambda ask: public_id("pyt", ask.caller.own.paid["AFFILIATE"].payout_id)}),
    Bad("payoutCancel", "an id of another kind", UNKNOWN, {"payoutId": other_kind}),
    *_of_any_proof("payoutReview"),
    Bad("payoutReview", "no payouts", REFUSED, {"payoutIds": []}),
    Bad("payoutReview", "101 payouts", REFUSED,
        {"payoutIds": lambda _: [public_id("pyt", new_id()) for _ in range(101)]}),
    Bad("payoutReview", "nobody's", UNKNOWN, {"payoutIds": lambda _: [public_id("pyt", new_id())]}),
    Bad("payoutReview", "what did not fail", {"WRONG_STATE"}, {"decision": "RETRY"}),
    Bad("payoutReview", "no such decision", MALFORMED, {"decision": "MAYBE"}),
    Bad("payoutReview", "no note", REFUSED, {"note": ""}),
    Bad("payoutReview", "an endless note", REFUSED, {"note": "n" * 201}),
    Bad("payoutReview", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("payoutHold", "nobody's", UNKNOWN, {"payoutId": _nobodys("pyt")}),
    Bad("payoutHold", "no reason", REFUSED, {"reason": " "}),
    Bad("payoutHold", "an endless reason", REFUSED, {"reason": "r" * 201}),
    Bad("payoutStop", "nobody", UNKNOWN, {"partyId": _nobodys("sup")}),
    Bad("payoutStop", "no party", UNKNOWN, {"partyId": other_kind}),
    Bad("payoutStop", "no reason", REFUSED, {"reason": ""}),
    Bad("payoutResume", "nobody", UNKNOWN, {"partyId": _nobodys("ten")}),
    Bad("payoutResume", "no party", UNKNOWN, {"partyId": other_kind}),
    Bad("payoutBatchCreate", "no currency", REFUSED, {"currency": "yuan"}),
    Bad("payoutBatchCreate", "nothing approved", UNKNOWN, {"currency": "USD"}),
    Bad("payoutBatchCreate", "no such way", MALFORMED, {"method": "BY_PIGEON"}),
    *_of_any_proof("payoutBatchSend"),
    Bad("payoutBatchSend", "nobody's", UNKNOWN, {"batchId": _nobodys("pyb")}),
    Bad("payoutBatchSend", "an id of another kind", UNKNOWN, {"batchId": other_kind}),
    *_of_any_proof("payoutBatchFile"),
    Bad("payoutBatchFile", "nobody's", UNKNOWN, {"batchId": _nobodys("pyb")}),
    *_of_any_proof("payoutBatchResult"),
    Bad("payoutBatchResult", "no lines", REFUSED, {"lines": []}),
    Bad("payoutBatchResult", "nobody's payout", UNKNOWN, {"lines.payoutId": _nobodys("pyt")}),
    Bad("payoutBatchResult", "a payout of no batch", UNKNOWN, {"lines.payoutId":
        lambda ask: public_id("pyt", ask.town.at("rival").paid["TENANT"].payout_id)}),
    Bad("payoutBatchResult", "nobody's batch", UNKNOWN, {"batchId": _nobodys("pyb")}),
    Bad("payoutBatchResult", "no such outcome", MALFORMED, {"lines.outcome": "LOST"}),
    Bad("payoutBatchResult", "no note", REFUSED, {"lines.note": " "}),
]  # fmt: skip
