"""Bad input of operators who look after the books."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, other_kind
from isolation.documents import OMIT
from kernel.ids import new_id, public_id

RECONCILIATION: Final = [
    Bad("reconcileRun", "a day that is not over", REFUSED, {"day": "2999-01-01"}),
    Bad("reconcileRun", "a day before there were any", REFUSED, {"day": "1999-01-01"}),
    Bad("reconcileRun", "no such day", MALFORMED, {"day": "2026-02-30"}),
    Bad("reconcileRun", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("reconciliationItemResolve", "no such item", UNKNOWN,
        {"itemId": lambda _: public_id("rit", new_id())}),
    Bad("reconciliationItemResolve", "an id of another kind", UNKNOWN, {"itemId": other_kind}),
    Bad("reconciliationItemResolve", "no such decision", MALFORMED, {"decision": "FORGET"}),
    Bad("reconciliationItemResolve", "no reason", REFUSED, {"reason": ""}),
    Bad("reconciliationItemResolve", "a blank reason", REFUSED, {"reason": "  "}),
    Bad("reconciliationItemResolve", "an endless reason", REFUSED, {"reason": "r" * 501}),
    Bad("reconciliationItemResolve", "accepted without a reason", REFUSED,
        {"decision": "ACCEPT", "reason": OMIT}),
    Bad("reconciliationItemResolve", "a fix that takes a person", REFUSED,
        {"decision": "SUGGESTED_FIX"}),
    Bad("reconciliationItemResolve", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("payoutGateSet", "less than nothing", REFUSED, {"threshold.amountMinor": -1}),
    Bad("payoutGateSet", "2^53", MALFORMED, {"threshold.amountMinor": 2**53}),
    Bad("payoutGateSet", "a currency in which nobody sells", REFUSED,
        {"threshold.currency": "XAU"}),
    Bad("payoutGateSet", "no currency", REFUSED, {"threshold.currency": "yuan"}),
    Bad("payoutGateSet", "a shop's own staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
]  # fmt: skip
