"""Bad input of every mutation: a clear refusal, never a crash, and nothing written."""

from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest
import stripe
from graphql import GraphQLEnumType

from bad_input.of_accountants import ACCOUNTANTS
from bad_input.of_affiliates import AFFILIATES
from bad_input.of_bank import BANK
from bad_input.of_coupons import COUPONS
from bad_input.of_deliveries import DELIVERIES
from bad_input.of_deposits import DEPOSITS
from bad_input.of_disputes import DISPUTES
from bad_input.of_earnings import EARNINGS
from bad_input.of_exchange import EXCHANGE
from bad_input.of_instalments import INSTALMENTS
from bad_input.of_payments import PAYMENTS
from bad_input.of_payouts import PAYOUTS
from bad_input.of_points import POINTS
from bad_input.of_prices import PRICES
from bad_input.of_reconciliation import RECONCILIATION
from bad_input.of_statements import STATEMENTS
from bad_input.of_tenants import TENANTS
from bad_input.of_trade import TRADE
from bad_input.of_vouchers import VOUCHERS
from bad_input.rows import MALFORMED, REFUSED, UNKNOWN, Bad, of_any_key, other_kind
from billing.payment_methods import stripe_api
from isolation.api import Answer, Api
from isolation.checksums import Checksum, Witness, changed
from isolation.documents import (
    OMIT,
    Leaf,
    Path,
    document,
    leaves_of,
    root_fields,
    variables,
)
from isolation.literals import document_with_literals
from isolation.matrix import in_good_order, make_good, make_ready
from isolation.neighbours import PASSWORD, Neighbourhood, cancel, renew
from isolation.slots import Ask, Caller, right_values
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from sandbox.stripe.config import SandboxConfig
from sandbox_desk import API_KEY, WEBHOOK_SECRET, listening_socket, sandbox_running, url_of
from schema.field_table import GRANTS

pytestmark = pytest.mark.engines

MUTATIONS: Final = {root.name: root for root in root_fields() if root.operation == "mutation"}
#: Who sends a right request, where it is not the customer.
_SENDERS: Final = {
    "refundCreate": "STAFF_FINANCE",
    "stockDeclare": "SUPPLIER",
    "linkCreate": "AFFILIATE",
    "appealCreate": "AFFILIATE",
    "keyReplace": "OPERATOR",
    **{
        name: "STAFF_OWNER" if "STAFF_OWNER" in GRANTS[f"Mutation.{name}"] else "OPERATOR"
        for name in MUTATIONS
        if "CUSTOMER" not in GRANTS[f"Mutation.{name}"]
        and name not in ("refundCreate", "stockDeclare", "linkCreate", "appealCreate", "keyReplace")
    },
}


def _paid(ask: Ask) -> str:
    return ask.caller.orders["delivered"].no


def _unpaid(ask: Ask) -> str:
    return ask.caller.orders["pending"].no


def _theirs(kind: str, what: str) -> Any:
    return lambda ask: getattr(ask.town.at("rival").customers[kind], what)


def _of_any_order(mutation: str) -> list[Bad]:
    """What is wrong with an order's number is wrong in every mutation of an order."""
    return [
        Bad(mutation, "no such order", UNKNOWN, {"orderNo": "K20250101-0000000000"}),
        Bad(mutation, "another shop's order", UNKNOWN, {"orderNo": _theirs("delivered", "no")}),
        Bad(mutation, "an id for a number", UNKNOWN, {"orderNo": other_kind}),
    ]


def _of_any_buyers_order(mutation: str) -> list[Bad]:
    guests = {"orderNo": lambda ask: ask.caller.own.guests["delivered"].no}
    return [
        *_of_any_order(mutation),
        Bad(mutation, "a guest's order without its token", UNKNOWN, guests),
        Bad(mutation, "a guest's order with a wrong token", UNKNOWN,
            {**guests, "guestToken": "kmg_" + "A" * 27}),
        Bad(mutation, "the guest's own without a token", UNKNOWN,
            {"guestToken": OMIT}, by="ANONYMOUS"),
    ]  # fmt: skip


def _of_any_guests_key(mutation: str) -> list[Bad]:
    short = {"idempotencyKey": "k" * 21}
    return [
        *of_any_key(mutation),
        Bad(mutation, "a guest's key that can be guessed", REFUSED, short, by="ANONYMOUS"),
    ]


def _of_any_webhook(mutation: str) -> list[Bad]:
    """What is wrong with a webhook's id is wrong wherever there is one."""
    theirs = {"webhookId": lambda ask: ask.town.at("rival").webhook_for("STAFF_OWNER").id}
    return [
        Bad(mutation, "no such webhook", UNKNOWN,
            {"webhookId": lambda _: public_id("whk", new_id())}),
        Bad(mutation, "another shop's webhook", UNKNOWN, theirs),
        Bad(mutation, "an id of another kind", UNKNOWN, {"webhookId": other_kind}),
    ]  # fmt: skip


def _owner(ask: Ask) -> str:
    return public_id("stf", ask.caller.own.people["STAFF_OWNER"].id)


def _of_any_member(mutation: str) -> list[Bad]:
    theirs = {"staffId": lambda ask: ask.town.at("rival").staff_id}
    nobodys = {"staffId": lambda _: public_id("stf", new_id())}
    return [
        Bad(mutation, "another shop's member", UNKNOWN, theirs),
        Bad(mutation, "no such member", UNKNOWN, nobodys),
        Bad(mutation, "an id of another kind", UNKNOWN, {"staffId": other_kind}),
    ]


def _of_any_program(mutation: str) -> list[Bad]:
    theirs = {"clientId": lambda ask: ask.town.at("rival").client_id}
    nobodys = {"clientId": lambda _: public_id("apc", new_id())}
    return [
        Bad(mutation, "another shop's program", UNKNOWN, theirs),
        Bad(mutation, "no such program", UNKNOWN, nobodys),
        Bad(mutation, "an id of another kind", UNKNOWN, {"clientId": other_kind}),
    ]


def _of_any_cart(mutation: str) -> list[Bad]:
    wrong, endless = "kmk_" + "A" * 27, "k" * 5_000
    return [
        Bad(mutation, "no such cart", UNKNOWN, {"cartToken": wrong}, by="ANONYMOUS"),
        Bad(mutation, "an endless token", UNKNOWN, {"cartToken": endless}, by="ANONYMOUS"),
        Bad(mutation, "a cart past its time", UNKNOWN, by="ANONYMOUS", clock="31 days"),
    ]


ROWS: Final = [
    *_of_any_guests_key("orderCreate"),
    Bad("orderCreate", "no quote at all", {"QUOTE_EXPIRED"}, {"quoteId": "nothing"}),
    Bad("orderCreate", "a forged quote", {"QUOTE_EXPIRED"},
        {"quoteId": lambda ask: _flipped(ask.caller.own.quote_id)}),
    Bad("orderCreate", "another shop's quote", {"QUOTE_EXPIRED"},
        {"quoteId": lambda ask: ask.town.at("rival").quote_id}),
    Bad("orderCreate", "a cursor for a quote", {"QUOTE_EXPIRED"},
        {"quoteId": lambda ask: ask.caller.own.cursors["products"]}),
    Bad("orderCreate", "a quote that has run out", {"QUOTE_EXPIRED"}, clock="11 minutes"),
    Bad("orderCreate", "a contact of 201 characters", REFUSED, {"contact": "c" * 201}),
    Bad("orderCreate", "a contact with control characters", REFUSED, {"contact": "a\x07b"}),
    *_of_any_guests_key("quickBuy"),
    Bad("quickBuy", "no pieces", REFUSED, {"quantity": 0}),
    Bad("quickBuy", "fewer than none", REFUSED, {"quantity": -1}),
    Bad("quickBuy", "more than an order may have", REFUSED, {"quantity": 501}),
    Bad("quickBuy", "10^9 pieces", REFUSED, {"quantity": 10**9}),
    Bad("quickBuy", "2^31 pieces", MALFORMED, {"quantity": 2**31}),
    Bad("quickBuy", "half a piece", MALFORMED, {"quantity": 0.5}),
    Bad("quickBuy", "more than there are", {"OUT_OF_STOCK"}, {"quantity": 500}),
    Bad("quickBuy", "another currency", REFUSED, {"expectedTotal.currency": "USD"}),
    Bad("quickBuy", "no currency at all", REFUSED, {"expectedTotal.currency": ""}),
    Bad("quickBuy", "an old price", {"PRICE_CHANGED"}, {"expectedTotal.amountMinor": 1}),
    Bad("quickBuy", "a negative price", {"PRICE_CHANGED"}, {"expectedTotal.amountMinor": -1}),
    Bad("quickBuy", "a price of 2^53", MALFORMED, {"expectedTotal.amountMinor": 2**53}),
    Bad("quickBuy", "a product's id for a SKU's", UNKNOWN, {"skuId": other_kind}),
    Bad("quickBuy", "no such SKU", UNKNOWN, {"skuId": lambda _: public_id("sku", new_id())}),
    Bad("quickBuy", "a malformed SKU", UNKNOWN, {"skuId": "sku_" + "U" * 26}),
    Bad("quickBuy", "a SKU that this shop hides", UNKNOWN,
        {"skuId": lambda ask: public_id("sku", ask.town.hidden.sku_id), "offerId": OMIT}),
    Bad("quickBuy", "another SKU's offer", UNKNOWN,
        {"offerId": lambda ask: public_id("ofr", ask.town.hidden.listing_id)}),
    Bad("quickBuy", "fewer points than none", REFUSED, {"redeemPoints": -1}),
    Bad("quickBuy", "more points than there are", {"POINTS_NOT_APPLICABLE"},
        {"redeemPoints": 10**9}),
    Bad("quickBuy", "2^31 points", MALFORMED, {"redeemPoints": 2**31}),
    Bad("quickBuy", "a guest's points", {"POINTS_NOT_APPLICABLE"}, {"redeemPoints": 10},
        by="ANONYMOUS"),
    Bad("quickBuy", "a guest's wallet", REFUSED, {"payment": "WALLET"}, by="ANONYMOUS"),
    Bad("quickBuy", "no such way to pay", MALFORMED, {"payment": "SHELLS"}),
    *[row for name in ("cartLinesAdd", "cartLinesUpdate", "cartLinesRemove")
      for row in _of_any_cart(name)],
    Bad("cartLinesAdd", "no pieces", REFUSED, {"lines.quantity": 0}),
    Bad("cartLinesAdd", "more than an order may have", REFUSED, {"lines.quantity": 501}),
    Bad("cartLinesAdd", "more than there are", {"OUT_OF_STOCK"}, {"lines.quantity": 490}),
    Bad("cartLinesAdd", "no such SKU", UNKNOWN,
        {"lines.skuId": lambda _: public_id("sku", new_id())}),
    Bad("cartLinesAdd", "a SKU that this shop hides", UNKNOWN,
        {"lines.skuId": lambda ask: public_id("sku", ask.town.hidden.sku_id),
         "lines.offerId": OMIT}),
    Bad("cartLinesUpdate", "no pieces", REFUSED, {"lines.quantity": 0}),
    Bad("cartLinesUpdate", "another's line", UNKNOWN,
        {"lines.cartLineId": lambda ask: ask.caller.own.cart_lines["ANONYMOUS"]}),
    Bad("cartLinesUpdate", "an id of another kind", UNKNOWN, {"lines.cartLineId": other_kind}),
    Bad("cartLinesRemove", "no lines", REFUSED, {"cartLineIds": []}),
    Bad("cartLinesRemove", "21 lines", REFUSED,
        {"cartLineIds": [public_id("ctl", new_id()) for _ in range(21)]}),
    Bad("cartLinesRemove", "an id of another kind", UNKNOWN,
        {"cartLineIds": lambda ask: [other_kind(ask)]}),
    Bad("cartLinesAdd", "too many fields", REFUSED,
        {"lines.form": [{"fieldName": f"f{n}", "value": "v"} for n in range(13)]}),
    Bad("orderCreate", "a field that the form has not", REFUSED,
        {"form.values.fieldName": "nothing"}),
    Bad("orderCreate", "words about goods that are not in the order", REFUSED,
        {"form.skuId": lambda _: public_id("sku", new_id())}),
    Bad("quickBuy", "a value of 201 characters", REFUSED, {"form.value": "v" * 201}),
    Bad("contactSave", "an address that is none", REFUSED, {"kind": "EMAIL", "value": "nobody"}),
    Bad("contactSave", "a number that is none", REFUSED, {"kind": "PHONE", "value": "12"}),
    Bad("contactSave", "nothing", REFUSED, {"value": " "}),
    Bad("contactSave", "201 characters", REFUSED, {"value": "v" * 201}),
    Bad("contactSave", "no such kind", MALFORMED, {"kind": "PIGEON"}),
    Bad("contactForget", "another's", UNKNOWN,
        {"contactId": lambda ask: ask.town.at("rival").contact_ids[0]}),
    Bad("contactForget", "an id of another kind", UNKNOWN, {"contactId": other_kind}),
    *_of_any_buyers_order("orderCancel"),
    Bad("orderCancel", "a paid order", REFUSED, {"orderNo": _paid}),
    *_of_any_buyers_order("paymentStart"),
    *of_any_key("paymentStart"),
    Bad("paymentStart", "an order whose time is over", {"HOLD_EXPIRED"}, clock="16 minutes"),
    Bad("paymentStart", "a paid order", REFUSED, {"orderNo": _paid}),
    Bad("paymentStart", "no such way to pay", MALFORMED, {"method": "SHELLS"}),
    Bad("paymentStart", "a guest's wallet", REFUSED, {"method": "WALLET"}, by="ANONYMOUS"),
    Bad("paymentStart", "less than nothing of the wallet", REFUSED,
        {"method": "CARD", "walletAmount.amountMinor": -1, "walletAmount.currency": "CNY"}),
    Bad("paymentStart", "more of the wallet than the total", REFUSED,
        {"method": "CARD", "walletAmount.amountMinor": 10**9, "walletAmount.currency": "CNY"}),
    Bad("paymentStart", "the wallet in another currency", REFUSED,
        {"method": "CARD", "walletAmount.amountMinor": 1, "walletAmount.currency": "USD"}),
    *_of_any_buyers_order("paymentRefresh"),
    *_of_any_buyers_order("keyReveal"),
    Bad("keyReveal", "an unpaid order", REFUSED, {"orderNo": _unpaid}),
    Bad("keyReveal", "no keys", UNKNOWN, {"deliveredKeyIds": []}),
    Bad("keyReveal", "another shop's key", UNKNOWN,
        {"deliveredKeyIds": lambda ask: list(ask.town.at("rival").customers["delivered"].key_ids)}),
    Bad("keyReveal", "its own key and another's", UNKNOWN,
        {"deliveredKeyIds": lambda ask: [
            ask.order.key_ids[0], ask.town.at("rival").customers["delivered"].key_ids[0]]}),
    Bad("keyReveal", "ids of another kind", UNKNOWN,
        {"deliveredKeyIds": lambda ask: [other_kind(ask)]}),
    *_of_any_buyers_order("keysExport"),
    Bad("keysExport", "an unpaid order", REFUSED, {"orderNo": _unpaid}),
    Bad("keysExport", "no such format", MALFORMED, {"format": "EXE"}),
    *_of_any_buyers_order("unrevealedReturn"),
    *of_any_key("unrevealedReturn"),
    Bad("unrevealedReturn", "no pieces", REFUSED, {"quantity": 0}),
    Bad("unrevealedReturn", "fewer than none", REFUSED, {"quantity": -1}),
    Bad("unrevealedReturn", "more than are unopened", {"ALREADY_REVEALED"}, {"quantity": 3}),
    Bad("unrevealedReturn", "10^9 pieces", {"ALREADY_REVEALED"}, {"quantity": 10**9}),
    Bad("unrevealedReturn", "2^31 pieces", MALFORMED, {"quantity": 2**31}),
    Bad("unrevealedReturn", "keys that were opened", {"ALREADY_REVEALED"},
        {"orderNo": _paid,
         "lineId": lambda ask: ask.caller.own.customers["delivered"].line_id}),
    Bad("unrevealedReturn", "another shop's line", UNKNOWN,
        {"lineId": _theirs("delivered", "line_id")}),
    Bad("unrevealedReturn", "an id of another kind", UNKNOWN, {"lineId": other_kind}),
    Bad("unrevealedReturn", "an unpaid order", REFUSED, {"orderNo": _unpaid}),
    *_of_any_order("refundCreate"),
    *of_any_key("refundCreate"),
    Bad("refundCreate", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("refundCreate", "less than nothing", REFUSED, {"amount.amountMinor": -1}),
    Bad("refundCreate", "one unit too much", REFUSED,
        {"amount.amountMinor": lambda ask: 2 * ask.unit_price_minor + 1}),
    Bad("refundCreate", "the largest amount there is", REFUSED, {"amount.amountMinor": 2**53 - 1}),
    Bad("refundCreate", "2^53", MALFORMED, {"amount.amountMinor": 2**53}),
    Bad("refundCreate", "another currency", REFUSED, {"amount.currency": "USD"}),
    Bad("refundCreate", "another shop's line", UNKNOWN,
        {"lineId": _theirs("delivered", "line_id")}),
    Bad("refundCreate", "an id of another kind", UNKNOWN, {"lineId": other_kind}),
    Bad("refundCreate", "an unpaid order", REFUSED,
        {"orderNo": lambda ask: ask.caller.own.customers["pending"].no}),
    Bad("refundCreate", "no such reason", MALFORMED, {"reason": "BAD_MOOD"}),
    Bad("signUp", "neither address nor number", REFUSED, {"email": OMIT, "phone": OMIT}),
    Bad("signUp", "an address that is none", REFUSED, {"email": "nobody"}),
    Bad("signUp", "a number that is none", REFUSED, {"email": OMIT, "phone": "12"}),
    Bad("signUp", "an address that has an account", REFUSED,
        {"email": lambda ask: ask.caller.own.email}),
    Bad("signUp", "a short password", REFUSED, {"password": "1234567"}),
    Bad("signUp", "an endless password", REFUSED, {"password": "p" * 5_000}),
    Bad("signUp", "a name of 81 characters", REFUSED, {"name": "n" * 81}),
    Bad("signUp", "a name with control characters", REFUSED, {"name": "a\x1bb"}),
    Bad("signIn", "a wrong password", {"FORBIDDEN"}, {"password": PASSWORD + "!"}),
    Bad("signIn", "no such account", {"FORBIDDEN"}, {"account": "nobody@example.com"}),
    Bad("signIn", "an account that is none", {"FORBIDDEN"}, {"account": "\x07"}),
    Bad("signIn", "an empty password", {"FORBIDDEN"}, {"password": ""}),
    Bad("passwordChange", "a wrong password", {"FORBIDDEN"}, {"currentPassword": "not mine"}),
    Bad("passwordChange", "a short password", REFUSED, {"newPassword": "1234567"}),
    Bad("passwordChange", "an endless password", REFUSED, {"newPassword": "p" * 5_000}),
    Bad("passwordChange", "nobody is signed in", {"FORBIDDEN"}, by="ANONYMOUS"),
    Bad("passwordResetAsk", "no such login", MALFORMED, {"login": "EMPEROR"}),
    Bad("passwordResetAsk", "one of the staff", {"FORBIDDEN"}, by="STAFF_OWNER"),
    Bad("passwordReset", "no such token", UNKNOWN, {"token": "kmp_" + "A" * 27}),
    Bad("passwordReset", "another shop's token", UNKNOWN,
        {"token": lambda ask: ask.town.at("rival").reset_token}),
    Bad("passwordReset", "a short password", REFUSED, {"newPassword": "1234567"}),
    Bad("passwordReset", "too late", UNKNOWN, clock="2 days"),
    Bad("signOut", "nobody is signed in", {"FORBIDDEN"}, by="ANONYMOUS"),
    *of_any_key("walletTopUp"),
    Bad("walletTopUp", "nothing", REFUSED, {"amount.amountMinor": 0}),
    Bad("walletTopUp", "less than nothing", REFUSED, {"amount.amountMinor": -1}),
    Bad("walletTopUp", "too much at once", REFUSED, {"amount.amountMinor": 5_000_001}),
    Bad("walletTopUp", "2^53", MALFORMED, {"amount.amountMinor": 2**53}),
    Bad("walletTopUp", "another currency", REFUSED, {"amount.currency": "USD"}),
    Bad("walletTopUp", "from the wallet itself", REFUSED, {"method": "WALLET"}),
    *_of_any_webhook("webhookUpsert"),
    Bad("webhookUpsert", "no address", {"ADDRESS_REFUSED"}, {"url": ""}),
    Bad("webhookUpsert", "an inner address", {"ADDRESS_REFUSED"}, {"url": "http://10.0.0.1/"}),
    Bad("webhookUpsert", "a file", {"ADDRESS_REFUSED"}, {"url": "file:///etc/passwd"}),
    Bad("webhookUpsert", "an address without an end", {"ADDRESS_REFUSED"},
        {"url": "http://127.0.0.1:9/" + "a" * 500}),
    Bad("webhookUpsert", "no events", REFUSED, {"eventTypes": []}),
    Bad("webhookUpsert", "101 events", REFUSED, {"eventTypes": ["ORDER_PAID"] * 101}),
    Bad("webhookUpsert", "no such event", MALFORMED, {"eventTypes": ["WEBHOOK_PING"]}),
    Bad("webhookUpsert", "a description of 201 characters", REFUSED, {"description": "d" * 201}),
    Bad("webhookUpsert", "keys that are not the program's", {"FORBIDDEN"}, {"sendsKeys": True},
        by="API_WEBHOOKS_WRITE"),
    *_of_any_webhook("webhookSecretRotate"),
    *_of_any_webhook("webhookDelete"),
    *_of_any_webhook("webhookTest"),
    Bad("webhookReplay", "nothing named", REFUSED, {"deliveryId": OMIT}),
    Bad("webhookReplay", "two things named", REFUSED,
        {"webhookId": lambda ask: ask.caller.own.webhook_for(ask.caller.role).id}),
    Bad("webhookReplay", "no such delivery", UNKNOWN,
        {"deliveryId": lambda _: public_id("wdl", new_id())}),
    Bad("webhookReplay", "another shop's delivery", UNKNOWN,
        {"deliveryId": lambda ask: ask.town.at("rival").webhook_for("STAFF_OWNER").delivery_id}),
    Bad("webhookReplay", "no time", MALFORMED, {"since": "yesterday"}),
    Bad("webhookReplay", "a time without a zone", REFUSED,
        {"deliveryId": OMIT,
         "webhookId": lambda ask: ask.caller.own.webhook_for(ask.caller.role).id,
         "since": "2026-01-01T00:00:00"}),
    Bad("webhookReplay", "a time before all time", REFUSED,
        {"deliveryId": OMIT,
         "webhookId": lambda ask: ask.caller.own.webhook_for(ask.caller.role).id,
         "since": "0001-01-01T00:00:00+14:00"}),
    Bad("staffSignIn", "a wrong password", {"FORBIDDEN"}, {"password": PASSWORD + "!"}),
    Bad("staffSignIn", "no such account", {"FORBIDDEN"}, {"account": "nobody@example.com"}),
    Bad("staffSignIn", "a customer's account", {"FORBIDDEN"},
        {"account": lambda ask: ask.caller.own.email}),
    Bad("staffSignIn", "another shop's member", {"FORBIDDEN"},
        {"account": lambda ask: ask.town.at("rival").staff_account}),
    Bad("staffInvite", "an account that is none", REFUSED, {"account": "nobody"}),
    Bad("staffInvite", "a member", REFUSED,
        {"account": lambda ask: ask.caller.own.staff_account}),
    Bad("staffInvite", "no role", REFUSED, {"roles": []}),
    Bad("staffInvite", "too many roles", REFUSED, {"roles": ["SUPPORT"] * 6}),
    Bad("staffInvite", "no such role", MALFORMED, {"roles": ["EMPEROR"]}),
    Bad("staffInvite", "a role below the owner's", {"FORBIDDEN"}, by="STAFF_FINANCE"),
    Bad("staffInvitationAccept", "no such token", UNKNOWN, {"token": "kmi_" + "A" * 27}),
    Bad("staffInvitationAccept", "another shop's token", UNKNOWN,
        {"token": lambda ask: ask.town.at("rival").invitation_tokens["CUSTOMER"]}),
    Bad("staffInvitationAccept", "a short password", REFUSED, {"password": "1234567"}),
    Bad("staffInvitationAccept", "no name", REFUSED, {"name": ""}),
    Bad("staffInvitationAccept", "too late", UNKNOWN, clock="8 days"),
    Bad("staffInvitationWithdraw", "another shop's", UNKNOWN,
        {"invitationId": lambda ask: ask.town.at("rival").invitation_id}),
    Bad("staffInvitationWithdraw", "an id of another kind", UNKNOWN,
        {"invitationId": other_kind}),
    *_of_any_member("staffSetRoles"),
    Bad("staffSetRoles", "no role", REFUSED, {"roles": []}),
    Bad("staffSetRoles", "the last owner steps down", REFUSED, {"staffId": _owner}),
    *_of_any_member("staffRemove"),
    Bad("staffRemove", "the last owner", REFUSED, {"staffId": _owner}),
    Bad("apiClientCreate", "no scope", REFUSED, {"scopes": []}),
    Bad("apiClientCreate", "too many scopes", REFUSED, {"scopes": ["API_PURCHASE"] * 21}),
    Bad("apiClientCreate", "no such scope", MALFORMED, {"scopes": ["API_EVERYTHING"]}),
    Bad("apiClientCreate", "no name", REFUSED, {"name": " "}),
    Bad("apiClientCreate", "no network", REFUSED, {"allowedNetworks": []}),
    Bad("apiClientCreate", "every network", REFUSED, {"allowedNetworks": ["0.0.0.0/0"]}),
    Bad("apiClientCreate", "an endless life", REFUSED, {"lifetimeDays": 731}),
    *_of_any_program("apiClientUpdate"),
    Bad("apiClientUpdate", "no scope", REFUSED, {"scopes": []}),
    *_of_any_program("apiClientRotate"),
    Bad("apiClientRotate", "an endless overlap", REFUSED, {"overlapHours": 169}),
    *_of_any_program("apiClientRevoke"),
    Bad("storefrontUpdate", "a picture without TLS", REFUSED,
        {"logoUrl": "http://pictures.example/logo.png"}),
    Bad("storefrontUpdate", "colours that nobody can read", REFUSED,
        {"theme.light.accent": "#ffff00"}),
    Bad("storefrontUpdate", "half a theme", MALFORMED, {"theme.light.onAccent": OMIT}),
    Bad("storefrontUpdate", "a contact of another kind", REFUSED, {"contacts.kind": "EMAIL"}),
    Bad("storefrontUpdate", "an endless text", REFUSED, {"texts.text": "x" * 1_001}),
    Bad("storefrontUpdate", "a text that hides something", REFUSED, {"texts.text": "a\u200bb"}),
    *COUPONS,
    *AFFILIATES,
    *BANK,
    *VOUCHERS,
    *DEPOSITS,
    *DELIVERIES,
    *ACCOUNTANTS,
    *PAYOUTS,
    *STATEMENTS,
    *POINTS,
    *PAYMENTS,
    *RECONCILIATION,
    *EXCHANGE,
    *EARNINGS,
    *INSTALMENTS,
    *PRICES,
    *TRADE,
    *DISPUTES,
    *TENANTS,
]  # fmt: skip

_TEXTS: Final = {
    "empty": "",
    "blank": " ",
    "10,000 characters": "x" * 10_000,
    "control characters": "\x01\x1f\x7f",
    "right to left": "\u202egnp",
    "half of SQL": "'; drop table orders; --",
    "outside the first plane": "\U0001f511",
    "a list": ["a", "b"],
    "an object": {"a": 1},
    "nothing": None,
    "left out": OMIT,
}
_NUMBERS: Final = {
    "0": 0, "-1": -1, "2^31": 2**31, "2^53": 2**53, "2^63": 2**63, "1.5": 1.5, "a text": "1",
    "true": True, "nothing": None, "left out": OMIT,
}  # fmt: skip
_CHOICES: Final = {"no such": "NO_SUCH", "a number": 1, "nothing": None, "left out": OMIT}

#: Where a strange value does no harm, and so is taken: what it is used for is said beside it. By
#: the name of the input, by the end of its way, or by all of it.
HARMLESS: Final = {
    "Mutation.fxRateSet(input.source)": {"half of SQL"},  # where somebody has read it
    "confirmChangeBp": {"0"},  # no change is agreed to
    "Mutation.instalmentTermsSet(input.feeBp)": {"0"},  # a plan may cost nothing
    "Mutation.instalmentTermsSet(input.leastAmount.amountMinor)": {"2^31"},  # hardly any order
    "maxUnitCost.amountMinor": {"2^31"},  # the buyer would pay more than it costs
    "maxTotal.amountMinor": {"2^31"},  # the same
    "clientReference": {"blank", "half of SQL", "outside the first plane"},  # the shop's own word
    "bankReference": {"half of SQL", "outside the first plane"},  # what the bank says
    "redeemPoints": {"0"},  # none
    "Mutation.listingUpsert(input.position)": {"0"},  # the first place
    "listings.position": {"0"},
    "earnBp": {"0"},  # a shop may give no points any more, or take none
    "mostBp": {"0"},
    "Mutation.pointsAdjust(input.points)": {"-1"},  # points are taken
    "newPassword": {"half of SQL"},
    "Mutation.passwordResetAsk(input.account)": set(_TEXTS),  # the answer is the same for all
    "Mutation.tierUpsert(input.spent.amountMinor)": {"2^31"},  # out of everybody's reach
    "graceDays": {"0"},
    "priority": {"0"},
    "discountBp": {"0"},
    "Mutation.manualDeliver(input.contents)": {"a list"},  # it is one, of two pieces
    "reason": {"empty", "blank", "half of SQL", "outside the first plane"},  # free text
    "title": {"empty", "half of SQL", "outside the first plane"},  # it goes, or is shown
    "Mutation.priceRuleUpsert(input.child)": set(_TEXTS),  # a rule for a tier names no child
    "Mutation.priceRuleUpsert(input.categorySlug)": set(_TEXTS),  # nor one of a SKU a category
    "Mutation.priceRuleUpsert(input.value)": {"2^31"},  # a high price is a price
    "lines.value": {"2^31"},  # the same
    "price.amountMinor": {"2^31"},
    "supplyPrice.amountMinor": {"2^31"},  # the same
    "warrantyHours": {"0"},  # none is promised
    "holdHours": {"0"},  # what is earned may be used at once
    "cardHours": {"0"},
    "penaltyBp": {"0"},  # the contract asks for none
    "Mutation.depositHold(input.amount.amountMinor)": {"2^31"},  # as much has just been put down
    "Mutation.disputeEvidenceSubmit(input.statement)": {
        "empty",
        "blank",
        "half of SQL",
        "outside the first plane",  # free text beside the records
    },
    "openFee.amountMinor": {"0", "2^31"},  # whoever has a grade to give says what it costs
    "expectedFee.amountMinor": {"0", "2^31"},  # of a grade without a fee it is the most, too
    "Mutation.leastMarginSet(input.amount.amountMinor)": {"0"},  # no margin is asked for
    "threshold.amountMinor": {"0", "2^31"},  # no alarm, or one at once
    "Mutation.tradeBalanceCredit(input.amount.amountMinor)": {"2^31"},  # a bank moves as much
    "Mutation.transferToChild(input.amount.amountMinor)": {"2^31"},  # which has just come
    "amountOff.amountMinor": {"2^31"},  # of dear goods
    "minimum.amountMinor": {"0", "2^31"},  # the same
    "holder": {"half of SQL", "outside the first plane"},  # a name
    "bank": {"half of SQL", "outside the first plane"},  # the same
    "prefix": {"empty", "blank"},  # codes without one
    "maxMarkupBp": {"0"},  # nothing may be added
    "Mutation.depositCredit(input.amount.amountMinor)": {"2^31"},  # a bank moves as much
    "base.amountMinor": {"0", "2^31"},  # what the operators ask for
    "least.amountMinor": {"0"},
    "most.amountMinor": {"2^31"},
    "grace.amountMinor": {"0", "2^31"},
    "exposureBp": {"0"},
    "deduct.amountMinor": {"0"},  # all of it is free again
    "depositDueMinor": {"0", "2^31"},  # what the operators agree on
    "note": {"half of SQL", "outside the first plane"},  # free text
    "message": {"half of SQL", "outside the first plane"},
    "Mutation.manualRefuse(input.reason)": {"half of SQL", "outside the first plane"},
    "moves.amountMinor": {"2^31"},  # a bank moves as much
    "Mutation.stockDeclare(input.quantity)": {"0"},  # nothing can be delivered
    "labelZh": {"blank", "half of SQL", "outside the first plane"},  # an operator's own words
    "labelEn": {"empty", "blank", "half of SQL", "outside the first plane"},
    "helpZh": {"empty", "blank", "half of SQL", "outside the first plane"},
    "helpEn": {"empty", "blank", "half of SQL", "outside the first plane"},
    "least": {"0", "-1"},  # of a number
    "most": {"0", "-1"},
    "pattern": {"empty"},
    "guestToken": set(_TEXTS),  # a customer has no need of it
    "cartToken": set(_TEXTS),  # nor of this one
    "affiliateCode": set(_TEXTS),  # nobody is thanked
    "affiliateClick": set(_TEXTS),  # the same
    "recruiterCode": set(_TEXTS),  # the same
    "subId": {"empty"},  # a link without one
    "rateBp": {"0"},  # nobody earns by these goods
    "secondBp": {"0"},
    "Mutation.appealCreate(input.text)": {"half of SQL", "outside the first plane"},  # free text
    "thirdBp": {"0"},
    "returnPath": set(_TEXTS),  # the buyer comes back to the shop's first page
    "contact": set(_TEXTS) - {"10,000 characters", "control characters", "blank"},  # free text
    "value": set(_TEXTS) - {"10,000 characters", "control characters"},  # free text
    "name": set(_TEXTS) - {"10,000 characters", "control characters", "right to left"},
    "password": {"half of SQL"},  # of an account that is being opened: any text is a password
    "email": {"empty"},  # the same as none
    "phone": {"empty"},
    "offerId": {"empty"},  # the buyer leaves the choice to us
    "idempotencyKey": set(_TEXTS) - {"empty", "10,000 characters"},  # any text is a key
    "description": {"empty", "blank", "half of SQL", "outside the first plane"},  # free text
    "overlapHours": {"0"},  # the old secret ends at once
    "text": {"empty", "blank", "half of SQL", "outside the first plane"},  # it goes, or is shown
}


#: Without a DNS nothing can be proved.
_NEEDS_A_DNS: Final = ("domainVerify",)
#: Mutations after which their order is no longer what it was.
_USES_UP: Final = ("orderCancel", "paymentStart", "unrevealedReturn", "manualDeliver",
                   "manualRefuse", "orderLineCancel", "keyReplace")  # fmt: skip


@pytest.fixture
async def channel(offline: Settings) -> AsyncIterator[None]:
    """A payment channel that takes everything: what is refused, we have refused."""
    listening = listening_socket()
    account = SandboxConfig(
        api_key=API_KEY, webhook_secret=WEBHOOK_SECRET, public_url=url_of(listening)
    )
    transport = stripe.HTTPXClient(verify_ssl_certs=False)  # plain HTTP, on this machine
    client = stripe.StripeClient(
        API_KEY, base_addresses={"api": account.public_url}, http_client=transport
    )
    with sandbox_running(account, listening), pytest.MonkeyPatch.context() as patch:
        patch.setattr(stripe_api, "client", lambda: client)
        yield
        await transport._client_async.aclose()


class Counter:
    """Sends requests of the shop's people and sees what they leave behind."""

    def __init__(self, town: Neighbourhood, api: Api, witness: Witness) -> None:
        self.town = town
        self.api = api
        self._witness = witness
        self._before: Checksum = {}

    async def look(self) -> None:
        """Remember what stands in the database."""
        self._before = await self._witness.everything()

    async def written(self) -> set[str]:
        """The tables that have changed since."""
        return changed(self._before, await self._witness.everything())

    def ask(self, mutation: str, role: str = "") -> Ask:
        """For whom a mutation's inputs are filled."""
        role = role or _SENDERS.get(mutation, "CUSTOMER")
        own = self.town.at("root" if role == "SUPPLIER" else "shop")
        people = self.town.at("root" if role in ("OPERATOR", "SUPPLIER") else "shop").people
        caller = Caller(role, own.shop, people.get(role), own)
        return Ask(self.town, MUTATIONS[mutation], caller)

    async def prepare(self, ask: Ask) -> dict[Path, Any]:
        """Let there be what a right request needs, and say what would be in it."""
        values = right_values(ask)
        await make_ready(ask, values)
        return values

    async def send(self, ask: Ask, values: dict[Path, Any], *, literal: bool = False) -> Answer:
        """Send a request; attempts are forgotten first, so that no limit answers for the input."""
        await self.town.owner.execute("delete from attempt_counters")
        given = variables(ask.root, values)
        if literal:
            text, given = document_with_literals(ask.root, given), {}
        else:
            text = document(ask.root, given, lambda name: _granted(name, ask.caller.role))
        return await self.api.ask(ask.caller.shop, text, given, by=ask.caller.person)


def _granted(name: str, role: str) -> bool:
    return role in GRANTS.get(name, frozenset())


@pytest.fixture
async def counter(
    channel: None, town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> AsyncIterator[Counter]:
    """The shop's counter, where requests come in."""
    yield Counter(town, api, await Witness.of(owner))


def test_every_mutation_has_bad_inputs() -> None:
    assert {bad.mutation for bad in ROWS} == set(MUTATIONS)


async def test_what_the_bad_inputs_differ_from_is_accepted(counter: Counter) -> None:
    for root in in_good_order(list(MUTATIONS.values())):
        ask = counter.ask(root.name)
        answer = await counter.send(ask, await counter.prepare(ask))
        await make_good(ask)
        if root.name in _NEEDS_A_DNS:
            assert answer.codes == {"DOMAIN_NOT_PROVED"}
        else:
            assert not answer.refused, f"{root.name}: {answer.body}"


@pytest.mark.sweep
async def test_each_bad_input_is_refused_and_writes_nothing(counter: Counter) -> None:
    for bad in sorted(ROWS, key=lambda bad: bool(bad.clock)):  # time does not go back
        ask = counter.ask(bad.mutation, bad.by)
        if bad.clock:  # from the moment at which all was well
            await counter.town.world.shift_clock("0 minutes")
        values = await counter.prepare(ask)
        if bad.clock:
            await counter.town.world.shift_clock(bad.clock)
        for path, value in bad.changes.items():
            values[("input", *path.split("."))] = value(ask) if callable(value) else value
        await counter.look()
        answer = await counter.send(ask, values)
        assert answer.codes == bad.codes, f"{bad}: {answer.body}"
        assert await counter.written() == set(), str(bad)
        await make_good(ask)


@pytest.mark.sweep
async def test_strange_values_of_every_input_are_refused_or_harmless(counter: Counter) -> None:
    for mutation in MUTATIONS.values():
        for leaf in leaves_of(mutation):
            for about, value in _strange_values(leaf).items():
                await _try_strange_value(counter, leaf, about, value)


async def _try_strange_value(counter: Counter, leaf: Leaf, about: str, value: Any) -> None:
    ask = counter.ask(leaf.root.name)
    await counter.prepare(ask)
    await counter.look()
    answer = await counter.send(ask, {**right_values(ask, by_leaf=leaf), leaf.path: value})
    written = await counter.written()
    await make_good(ask)
    where = f"{leaf.coordinate} = {about}: {answer.body}"
    assert answer.status < 500, where
    assert "INTERNAL" not in answer.codes, where
    assert "TENANT_RESTRICTED" not in answer.codes, where  # the shop's state had answered
    if answer.refused:
        assert written == set(), where
        return
    assert about in _harmless(leaf) or _optional(leaf, about), where
    if leaf.root.name in _USES_UP:
        await renew(counter.api, ask.caller.own, ask.order_name)
    if leaf.root.name in ("orderCreate", "quickBuy"):  # or there would soon be too many open ones
        await cancel(counter.api, ask.caller.own, answer.data["order"]["no"])


def _strange_values(leaf: Leaf) -> dict[str, Any]:
    if isinstance(leaf.kind, GraphQLEnumType):
        return _CHOICES
    return _NUMBERS if leaf.kind.name in ("Int", "MinorUnits") else _TEXTS


def _harmless(leaf: Leaf) -> set[str]:
    names = (leaf.name, ".".join(leaf.path[-2:]), leaf.coordinate)
    return set().union(*(HARMLESS.get(name, ()) for name in names))


def _optional(leaf: Leaf, about: str) -> bool:
    return about in ("nothing", "left out") and not leaf.required


async def test_no_character_that_cannot_be_stored_gets_in(counter: Counter) -> None:
    """JSON is guarded before it is parsed; a document has escapes of its own."""
    await counter.look()
    for mutation in MUTATIONS.values():
        for leaf in leaves_of(mutation):
            if leaf.kind.name in ("ID", "String"):
                for text in ("a\0b", "\ud800", "\udc00\ud800"):
                    await _try_unstorable(counter, leaf, text)
    assert await counter.written() == set()


async def _try_unstorable(counter: Counter, leaf: Leaf, text: str) -> None:
    ask = counter.ask(leaf.root.name)
    values = {**right_values(ask, by_leaf=leaf), leaf.path: text}
    for literal in (False, True):
        answer = await counter.send(ask, values, literal=literal)
        where = f"{leaf.coordinate} = {text!r}: {answer.body}"
        assert answer.refused, where
        assert answer.status < 500, where
        assert "INTERNAL" not in answer.codes, where


def _flipped(token: str) -> str:
    """The same token with another last letter of its content."""
    body, _, tag = token.partition(".")
    return f"{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{tag}"
