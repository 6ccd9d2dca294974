"""Bad input of operators at the desk of the platform's bank."""

from typing import Final

from bad_input.rows import REFUSED, UNKNOWN, Bad, other_kind
from isolation.slots import Ask
from kernel.ids import new_id, parse_id, public_id

STAFF: Final = frozenset({"FORBIDDEN"})


def _by_card(ask: Ask) -> str:
    """A payment of the town's that is not by bank."""
    return public_id("pay", ask.town.by_card)


def _returned(ask: Ask) -> str:
    """A refund's id is no line's."""
    return public_id("bkl", parse_id("ref", ask.town.bank.refund_id))


BANK: Final = [
    Bad("bankStatementUploadStart", "a shop's own staff", STAFF, by="STAFF_OWNER"),
    Bad("paymentMatch", "no such line", UNKNOWN, {"lineId": lambda _: public_id("bkl", new_id())}),
    Bad("paymentMatch", "an id of another kind", UNKNOWN, {"lineId": other_kind}),
    Bad("paymentMatch", "a transfer back for a line", UNKNOWN, {"lineId": _returned}),
    Bad("paymentMatch", "no such payment", UNKNOWN,
        {"paymentId": lambda _: public_id("pay", new_id())}),
    Bad("paymentMatch", "a payment by card", REFUSED, {"paymentId": _by_card}),
    Bad("paymentMatch", "a guest's payment into a wallet", REFUSED,
        {"paymentId": _by_card, "toWallet": True}),
    Bad("paymentMatch", "a shop's own staff", STAFF, by="STAFF_OWNER"),
    Bad("bankLineReturn", "no such line", UNKNOWN,
        {"lineId": lambda _: public_id("bkl", new_id())}),
    Bad("bankLineReturn", "a shop's own staff", STAFF, by="STAFF_OWNER"),
    Bad("bankRefundSettle", "no such refund", UNKNOWN,
        {"refundId": lambda _: public_id("ref", new_id())}),
    Bad("bankRefundSettle", "a stranger's money into a wallet", REFUSED, {"toWallet": True}),
    Bad("bankRefundSettle", "a shop's own staff", STAFF, by="STAFF_OWNER"),
]  # fmt: skip
