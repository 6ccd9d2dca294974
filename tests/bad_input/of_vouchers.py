"""Bad input of whoever makes vouchers, and of whoever redeems them."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_amount, of_any_key, other_kind
from isolation.slots import Ask
from kernel.ids import new_id, public_id

NOT_GOOD: Final = frozenset({"VOUCHER_NOT_APPLICABLE"})


def _theirs(ask: Ask) -> str:
    return ask.town.at("rival").voucher_batches["STAFF_OWNER"]


def _platforms(ask: Ask) -> str:
    return ask.caller.own.voucher_batches["OPERATOR"]


def _of_any_batch(mutation: str) -> list[Bad]:
    return [
        Bad(mutation, "no such batch", UNKNOWN,
            {"batchId": lambda _: public_id("vob", new_id())}),
        Bad(mutation, "another shop's batch", UNKNOWN, {"batchId": _theirs}),
        Bad(mutation, "the platform's batch", UNKNOWN, {"batchId": _platforms}),
        Bad(mutation, "an id of another kind", UNKNOWN, {"batchId": other_kind}),
    ]  # fmt: skip


VOUCHERS: Final = [
    *of_any_key("voucherBatchCreate"),
    *of_any_amount("voucherBatchCreate", "value"),
    Bad("voucherBatchCreate", "worth nothing", REFUSED, {"value.amountMinor": 0}),
    Bad("voucherBatchCreate", "more than was earned", {"INSUFFICIENT_BALANCE"},
        {"value.amountMinor": 5_000_000}),
    Bad("voucherBatchCreate", "an empty budget", {"INSUFFICIENT_BALANCE"},
        {"fromBudget": True, "value.amountMinor": 5_000_000}),
    Bad("voucherBatchCreate", "no codes", REFUSED, {"count": 0}),
    Bad("voucherBatchCreate", "fewer than none", REFUSED, {"count": -1}),
    Bad("voucherBatchCreate", "2^31 codes", MALFORMED, {"count": 2**31}),
    Bad("voucherBatchCreate", "more than at once", REFUSED, {"count": 10_001}),
    Bad("voucherBatchCreate", "no name", REFUSED, {"name": ""}),
    Bad("voucherBatchCreate", "an endless name", REFUSED, {"name": "n" * 10_000}),
    Bad("voucherBatchCreate", "over before it begins", REFUSED,
        {"endsAt": "2025-01-01T00:00:00Z"}),
    Bad("voucherBatchCreate", "for ever", REFUSED, {"endsAt": "2099-01-01T00:00:00Z"}),
    Bad("voucherBatchCreate", "a time without a zone", REFUSED,
        {"startsAt": "2026-01-01T00:00:00"}),
    Bad("voucherBatchCreate", "none for each customer", REFUSED, {"mostPerCustomer": 0}),
    *_of_any_batch("voucherBatchBlock"),
    *_of_any_batch("voucherBatchVoid"),
    Bad("voucherRedeem", "no code", NOT_GOOD, {"code": ""}),
    Bad("voucherRedeem", "an endless code", NOT_GOOD, {"code": "A" * 10_000}),
    Bad("voucherRedeem", "a code that there is not", NOT_GOOD, {"code": "2222222222222222"}),
    Bad("voucherRedeem", "another shop's code", NOT_GOOD,
        {"code": lambda ask: ask.town.at("rival").voucher_codes[1]}),
]  # fmt: skip
