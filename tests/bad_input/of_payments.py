"""Bad input about the ways to pay."""

from typing import Final

from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, other_kind
from kernel.ids import new_id, public_id

PAYMENTS: Final = [
    Bad("paymentStart", "no such mode", MALFORMED, {"method": "CARD", "mode": "PIGEON"}),
    Bad("paymentStart", "a wallet on a page", REFUSED, {"method": "WALLET", "mode": "HOSTED"}),
    Bad("paymentStart", "a method that the shop has not", REFUSED, {"method": "UNIONPAY"}),
    Bad("paymentStart", "a method that is switched off", REFUSED, {"method": "STABLECOIN"}),
    Bad("walletTopUp", "in instalments", REFUSED, {"method": "KLARNA"}),
    Bad("tradeBalanceTopUp", "in instalments", REFUSED, {"method": "AFFIRM"}),
    Bad("tradeBalanceTopUp", "a method that is switched off", REFUSED, {"method": "STABLECOIN"}),
    Bad("paymentStart", "a wallet that is to be kept", REFUSED,
        {"method": "WALLET", "saveCard": True}, by="CUSTOMER"),
    Bad("paymentStart", "a guest's card that is to be kept", REFUSED,
        {"method": "CARD", "saveCard": True}, by="ANONYMOUS"),
    Bad("paymentStart", "nobody's card", UNKNOWN,
        {"method": "CARD", "savedCardId": lambda _: public_id("crd", new_id())}, by="CUSTOMER"),
    Bad("paymentStart", "another shop's customer's card", UNKNOWN,
        {"method": "CARD", "savedCardId": lambda ask: ask.town.at("rival").card_ids[0]},
        by="CUSTOMER"),
    Bad("paymentStart", "a card's id of another kind", UNKNOWN,
        {"method": "CARD", "savedCardId": other_kind}, by="CUSTOMER"),
    Bad("savedCardRemove", "another's", UNKNOWN,
        {"cardId": lambda ask: ask.town.at("rival").card_ids[0]}),
    Bad("savedCardRemove", "an id of another kind", UNKNOWN, {"cardId": other_kind}),
]  # fmt: skip
