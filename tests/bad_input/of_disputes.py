"""Bad input of whoever answers banks, and says who bears what."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, other_kind
from kernel.ids import new_id, public_id

_NO_CASE: Final = {"disputeId": lambda _: public_id("dsp", new_id())}
_OTHERS: Final = {"disputeId": lambda ask: public_id("dsp", ask.town.at("rival").dispute)}

DISPUTES: Final = [
    Bad("disputeEvidenceSubmit", "no such dispute", UNKNOWN, _NO_CASE),
    Bad("disputeEvidenceSubmit", "another shop's", UNKNOWN, _OTHERS),
    Bad("disputeEvidenceSubmit", "a product's id", UNKNOWN, {"disputeId": other_kind}),
    Bad("disputeEvidenceSubmit", "an endless statement", REFUSED, {"statement": "s" * 5_001}),
    Bad("disputeEvidenceSubmit", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("disputeDecide", "no such dispute", UNKNOWN, _NO_CASE),
    Bad("disputeDecide", "another shop's", UNKNOWN, _OTHERS),
    Bad("disputeDecide", "neither good nor bad", MALFORMED, {"goods": "SO_SO"}),
    Bad("disputeDecide", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("chargebackLiabilitySet", "no such tenant", UNKNOWN,
        {"tenantId": lambda _: public_id("ten", new_id())}),
    Bad("chargebackLiabilitySet", "an endless reason", REFUSED, {"reason": "r" * 501}),
    Bad("chargebackLiabilitySet", "nobody", MALFORMED, {"liability": "NOBODY"}),
    Bad("chargebackLiabilitySet", "the shop itself", {"FORBIDDEN"}, by="STAFF_OWNER"),
]  # fmt: skip
