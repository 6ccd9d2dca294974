"""Bad input of whoever corrects the ledger."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_key, other_kind
from kernel.ids import new_id, public_id

ACCOUNTANTS: Final = [
    *of_any_key("ledgerAdjust"),
    Bad("ledgerAdjust", "no moves", REFUSED, {"moves": []}),
    Bad("ledgerAdjust", "nothing at all", REFUSED, {"moves.amountMinor": 0}),
    Bad("ledgerAdjust", "less than nothing", REFUSED, {"moves.amountMinor": -1}),
    Bad("ledgerAdjust", "2^53", MALFORMED, {"moves.amountMinor": 2**53}),
    Bad("ledgerAdjust", "an account that nobody corrects", MALFORMED, {"moves.debit": "WALLET"}),
    Bad("ledgerAdjust", "a party's account without a party", REFUSED,
        {"moves.debit": "AVAILABLE"}),
    Bad("ledgerAdjust", "a party of the platform's account", REFUSED,
        {"moves.debitPartyId": lambda _: public_id("ten", new_id())}),
    Bad("ledgerAdjust", "no such party", UNKNOWN,
        {"moves.debit": "AVAILABLE",
         "moves.debitPartyId": lambda _: public_id("ten", new_id())}),
    Bad("ledgerAdjust", "an id of another kind", UNKNOWN,
        {"moves.debit": "AVAILABLE", "moves.debitPartyId": other_kind}),
    Bad("ledgerAdjust", "no currency", REFUSED, {"currency": "yuan"}),
    Bad("ledgerAdjust", "no reason", REFUSED, {"reason": ""}),
    Bad("ledgerAdjust", "a reason with control characters", REFUSED,
        {"reason": "the bank took\x1b a fee"}),
    Bad("ledgerAdjust", "a reason of 501 characters", REFUSED, {"reason": "r" * 501}),
    Bad("ledgerAdjustDecide", "no such correction", UNKNOWN,
        {"id": lambda _: public_id("adj", new_id())}),
    Bad("ledgerAdjustDecide", "an id of another kind", UNKNOWN, {"id": other_kind}),
]  # fmt: skip
