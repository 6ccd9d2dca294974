"""How every input of the schema is filled: rightly, and with what belongs to somebody else.

An input that has no line here fails the tests: whoever adds it says what a foreign one would be.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from identity.step_up import code_of
from isolation.affiliate_holdings import click_of, program_of
from isolation.documents import OMIT, Leaf, Path, RootField, leaves_of
from isolation.money_out import BATCH
from isolation.neighbours import (
    ENDS_BY_HAND,
    PASSWORD,
    RECONCILED_ITEM,
    SUPPLY,
    HeldOrder,
    Holdings,
    Neighbourhood,
    PriceDesk,
)
from isolation.plan_holdings import amounts_minor
from isolation.voucher_holdings import HeldVouchers
from kernel import crypto
from kernel.clock import utc_now
from kernel.ids import new_id, parse_id, public_id
from schema.field_table import GRANTS
from schema.field_table.roles import PURCHASERS
from world import Person, ShopAt


@dataclass(frozen=True)
class Caller:
    """Somebody with a role at a shop."""

    role: str
    shop: ShopAt
    person: Person | None
    own: Holdings

    @property
    def orders(self) -> dict[str, HeldOrder]:
        """The caller's own as a buyer; staff's are the customer's."""
        return self.own.guests if self.role == "ANONYMOUS" else self.own.customers

    @property
    def buys_at_cost(self) -> bool:
        """True for who sees, as a buyer, what the shop itself has bought."""
        return self.role in PURCHASERS

    def __str__(self) -> str:
        return f"{self.role} at {self.shop.slug}"


@dataclass(frozen=True)
class Ask:
    """What a slot is filled for."""

    town: Neighbourhood
    root: RootField
    caller: Caller

    @property
    def granted(self) -> bool:
        """True when the caller's role may ask for the root field."""
        return self.caller.role in GRANTS[self.root.coordinate]

    @property
    def order(self) -> HeldOrder:
        """The caller's own order on which the root field has something to do."""
        if self.caller.buys_at_cost and self.root.name in _OF_PURCHASES:
            return self.caller.own.purchases[self.order_name]
        return self.caller.orders[self.order_name]

    def orders_of(self, theirs: Holdings) -> list[HeldOrder]:
        """Somebody else's orders with which the root field would do the most, and a paid one."""
        names = dict.fromkeys((self.order_name, "delivered"))
        buyers = [
            held[name]
            for held in (theirs.customers, theirs.guests)
            for name in names
            if name in held
        ]
        bought = [theirs.purchases[name] for name in names if name in theirs.purchases]
        return buyers + bought

    @property
    def at_price_desk(self) -> bool:
        """True for a root field of the price desk."""
        return self.root.name in _AT_PRICE_DESK

    @property
    def desk(self) -> PriceDesk:
        """What the caller's shop has written at its price desk."""
        return desk_of(self.caller.own)

    @property
    def order_name(self) -> str:
        """Which of the orders suits the root field."""
        if self.root.name in AT_DESK:
            ends = "manualDeliver" if self.root.name == "manualDeliver" else "manualRefuse"
            own = f"{ends} {self.caller.role}"
            return own if own in self.caller.orders else "by hand"
        if self.root.name.startswith("instalment"):  # a customer's
            is_end = self.root.name == "instalmentPlanEnd"
            own = f"in parts {self.caller.role}" if is_end else _ORDER_FOR.get(self.root.name, "")
            if (self.root.name, self.caller.role) == ("instalments", "CUSTOMER"):
                own = "payable in parts"  # the shop is shown a plan, and its buyer what could be
            return own if own in self.caller.orders else "delivered"
        if self.root.name == "orderLineCancel" and self.caller.buys_at_cost:
            return f"by hand {self.caller.role}"
        return _ORDER_FOR.get(self.root.name, "delivered")

    @property
    def unit_price_minor(self) -> int:
        """What a piece costs in the caller's shop."""
        return self.town.retail_minor(self.caller.shop)


_ORDER_FOR: Final = {
    "orderCancel": "pending",
    "paymentRefresh": "pending",
    "paymentStart": "payable",
    "fastRefundAccept": "claimable",
    "instalmentStart": "payable in parts",
    "instalmentPay": "in parts",
    "instalments": "in parts",
    "unrevealedReturn": "unopened",
    "orderLineCorrect": "by hand",
    "orderLineCancel": "by hand",
}

_AT_PRICE_DESK: Final = frozenset(
    {
        "priceRuleUpsert", "secretPriceSet", "retailFloorSet", "promotionUpsert", "listingUpsert",
        "listingBulkUpsert", "priceExplain", "priceImpact",
    }
)  # fmt: skip
#: Root fields in which the shop is the buyer of what it has bought at cost.
_OF_PURCHASES: Final = {
    "order", "keyReveal", "keysExport", "unrevealedReturn", "orderLineCorrect", "orderLineCancel",
}  # fmt: skip
_MOST_MINOR: Final = 1_000_000_000
#: A margin of none and a low floor change no price of today.
_AMOUNTS: Final = {
    "purchaseAtCost": _MOST_MINOR,
    "lowBalanceSet": 1,
    "leastMarginSet": 0,
    "supplierListingUpsert": SUPPLY,
    "agentGradeUpsert": 0,  # nobody has to pay for the grade that is given next
    "pointsProgramUpsert": 1,
    "payoutRequest": 10_000,
}

Own = Callable[[Ask], Any]
Foreign = Callable[[Ask, Holdings], Iterable[Any]]
Nobodys = Callable[[Ask], Any]


@dataclass(frozen=True)
class Slot:
    """A right value, foreign values, and one that is well formed and nobody's.

    Without `foreign` the input names nothing; without `nobodys` it may name nothing and be fine.
    """

    own: Own
    foreign: Foreign | None = None
    nobodys: Nobodys | None = None


def _fixed(value: Any) -> Own:
    return lambda _: value


def _omitted(_: Ask) -> Any:
    return OMIT


def _id(kind: str) -> Nobodys:
    return lambda _: public_id(kind, new_id())


def _webhook(ask: Ask) -> Any:
    """One that exists; a right upsert makes a new one, a right replay names a delivery."""
    makes_new = ask.root.name in ("webhookUpsert", "webhookReplay")
    return OMIT if makes_new else ask.caller.own.webhook_for(ask.caller.role).id


def _founds(ask: Ask) -> bool:
    return ask.root.name in ("tenantApply", "invitationAccept")


def _tenants_of_others(ask: Ask, theirs: Holdings) -> list[str]:
    """Tenants about which the caller decides nothing: an operator does about every one, a parent
    about its own children."""
    if ask.caller.role == "OPERATOR":
        return []
    is_parent = theirs.shop.path[-2:-1] == (ask.caller.shop.id,)
    found = [theirs.child] if is_parent else [theirs.child, theirs.shop.id]
    return [public_id("ten", one) for one in found]


def _method(ask: Ask) -> str:
    if ask.root.name == "walletTopUp":
        return "BANK_TRANSFER"
    by_wallet = ask.root.name == "paymentStart" and ask.caller.role == "CUSTOMER"
    return "WALLET" if by_wallet else "CARD"


def _sees_all(caller: Caller) -> bool:
    return caller.role == "OPERATOR" and len(caller.shop.path) == 1


def desk_of(theirs: Holdings) -> PriceDesk:
    """What a shop has written at its price desk."""
    assert theirs.price_desk is not None
    return theirs.price_desk


def _vouchers(theirs: Holdings) -> HeldVouchers:
    assert theirs.vouchers is not None
    return theirs.vouchers


def _only(*roots: str) -> Callable[[Own], Own]:
    """Fill an input for these root fields, and leave it out elsewhere."""
    return lambda own: lambda ask: own(ask) if ask.root.name in roots else OMIT


def _own_tier(ask: Ask) -> Any:
    """Of a rule's or a price's viewer there is none; whoever takes one away has one for it."""
    if ask.root.name == "tierRemove":
        return ask.desk.tier_id_for(ask.caller.role)
    return ask.desk.tier_id if ask.root.name in ("tierUpsert", "customerTierSet") else OMIT


#: Rules of the price desk begin long after: what is asked today stays what the town knows.
PRICE_DESK: Final[Mapping[str, Slot]] = {
    "audience": Slot(_fixed("RETAIL")),
    "scope": Slot(_fixed("SKU")),
    "kind": Slot(_fixed("FIXED_OVER_COST")),
    "value": Slot(_fixed(54_323)),
    "rounding": Slot(_fixed("NONE")),
    "unitMinor": Slot(_fixed(1)),
    "minQuantity": Slot(_fixed(50)),
    "startsAt": Slot(_fixed("2040-01-01T00:00:00Z")),
    "endsAt": Slot(_fixed("2041-01-01T00:00:00Z")),
    "forKind": Slot(_fixed("TIER")),
    "forId": Slot(
        lambda ask: ask.desk.tier_id,
        lambda _, theirs: [desk_of(theirs).tier_id],
        _id("tir"),
    ),
    "ruleId": Slot(
        _only("priceRuleDelete")(lambda ask: ask.desk.rule_id_for(ask.caller.role)),
        lambda _, theirs: list(desk_of(theirs).rule_ids.values()),
        _id("rul"),
    ),
    "child": Slot(
        _only("childTenantSetGrade")(lambda ask: ask.desk.child_slug),
        lambda ask, theirs: (
            # A rule for a tier names no child: what stands there is not looked at.
            []
            if ask.root.name in ("priceRuleUpsert", "priceImpact")
            else [desk_of(theirs).child_slug]
        ),
        _fixed("nobody"),
    ),
    "gradeId": Slot(
        lambda ask: ask.desk.grade_id, lambda _, theirs: [desk_of(theirs).grade_id], _id("grd")
    ),
    "rank": Slot(_fixed(1)),
    "tierId": Slot(
        _own_tier,
        lambda _, theirs: [desk_of(theirs).tier_id, *desk_of(theirs).tier_ids.values()],
        _id("tir"),
    ),
    "windowDays": Slot(_fixed(30)),
    "graceDays": Slot(_fixed(5)),
    "maxUnpaidOrders": Slot(_fixed(30)),
    "priority": Slot(_fixed(1)),
    "discountBp": Slot(_fixed(0)),
    "until": Slot(_fixed("2041-01-01T00:00:00Z")),
    "customerId": Slot(
        _only("secretPriceSet", "customerTierSet", "customerTierChanges")(
            lambda ask: public_id("cus", ask.caller.own.people["CUSTOMER"].id)
        ),
        lambda _, theirs: [public_id("cus", theirs.people["CUSTOMER"].id)],
        _id("cus"),
    ),
    "appliesTo": Slot(_fixed("LIST")),
    "promotionId": Slot(
        lambda ask: ask.desk.promotion_id,
        lambda _, theirs: [desk_of(theirs).promotion_id],
        _id("prm"),
    ),
    "paused": Slot(_fixed(True)),
    "visible": Slot(_fixed(True)),
    "position": Slot(_fixed(3)),
    "title": Slot(_fixed("moon")),
    "withClosed": Slot(_fixed(True)),
    "uploadId": Slot(
        lambda ask: ask.desk.upload_id, lambda _, theirs: [desk_of(theirs).upload_id], _id("plf")
    ),
    "importId": Slot(
        lambda ask: ask.desk.import_id, lambda _, theirs: [desk_of(theirs).import_id], _id("pli")
    ),
    "dryRun": Slot(_fixed(True)),
}


def _amount(ask: Ask) -> int:
    if ask.root.name in ("quickBuy", "secretPriceSet"):
        return ask.unit_price_minor
    return _AMOUNTS.get(ask.root.name, 100)


def _no_child(ask: Ask, theirs: Holdings) -> list[str]:
    """A shop that is not below the caller's own: a parent may pay into each of its children's."""
    is_child = theirs.shop.path[:-1] == ask.caller.shop.path
    return [] if is_child else [theirs.shop.slug]


def _own_cart_token(ask: Ask) -> Any:
    """A guest's; who signs in with it would move the cart into an account's."""
    signs_in = ask.root.name in ("signIn", "signUp")
    return ask.caller.own.cart_token if ask.caller.role == "ANONYMOUS" and not signs_in else OMIT


_ORDER_NO = Slot(
    lambda ask: ask.order.no,
    lambda ask, theirs: [order.no for order in ask.orders_of(theirs)],
    lambda _: "K20250101-0000000000",
)

#: At the desk of who delivers: a supplier's own, whichever shop has sold it, and all an operator's.
AT_DESK: Final = (*ENDS_BY_HAND, "manualBegin", "manualCorrectionAsk")
#: What operators decide about, or look at to decide, of all shops.
OF_OPERATORS: Final = frozenset(
    {"depositHoldEnd", "dispute", "disputeDecide", "disputeEvidenceSubmit", "fastRefundDecide"}
)


def _a_batch(ask: Ask) -> str:
    return public_id("bat", next(iter(ask.town.world.batch_ids.values())))


_CART_LINE = Slot(
    lambda ask: ask.caller.own.cart_lines.get(ask.caller.role, public_id("ctl", new_id())),
    lambda _, theirs: list(theirs.cart_lines.values()),
    _id("ctl"),
)


def _own_party(ask: Ask) -> Any:
    """Whoever puts down names nobody; an operator says whose deposit it is."""
    own = ask.caller.own
    named = own.leaver if ask.root.name == "depositRelease" else own.child
    return public_id("ten", named) if ask.caller.role == "OPERATOR" else OMIT


_DEPOSIT_PARTY = Slot(
    _own_party,
    lambda ask, theirs: (
        []  # an operator decides about everybody's
        if ask.caller.role == "OPERATOR"
        else [public_id("ten", theirs.shop.id), public_id("ten", theirs.child)]
    ),
    _id("ten"),
)

_DISPUTE = Slot(
    lambda ask: public_id("dsp", ask.caller.own.dispute),
    # An operator at the platform's own address answers for every shop.
    lambda ask, theirs: [] if _sees_all(ask.caller) else [public_id("dsp", theirs.dispute)],
    _id("dsp"),
)

#: By the name of the input, or, where that means several things, by more of its way or all of it.
SLOTS: Final[dict[str, Slot]] = {
    "no": _ORDER_NO,
    "orderNo": _ORDER_NO,
    "guestToken": Slot(
        lambda ask: ask.order.token or OMIT,
        lambda ask, theirs: [order.token for order in ask.orders_of(theirs) if order.token],
        lambda _: crypto.new_token("kmg"),
    ),
    "lineId": Slot(
        lambda ask: ask.order.line_id,
        lambda ask, theirs: (
            []
            if ask.root.name in AT_DESK and ask.granted
            else [order.line_id for order in ask.orders_of(theirs)]
        ),
        _id("lin"),
    ),
    "listingId": Slot(
        lambda ask: public_id("ofr", ask.town.by_hand),
        lambda ask, _: [public_id("ofr", ask.town.hidden.listing_id)],
        _id("ofr"),
    ),
    "deliveryMode": Slot(_fixed("AUTO_KEY")),
    "contents": Slot(lambda _: [f"by hand {new_id().hex}" for _ in range(2)]),
    "note": Slot(_fixed("done")),
    "fields": Slot(_fixed(["note"])),
    "message": Slot(_fixed("please say it again")),
    "state": Slot(_omitted),
    "seats": Slot(_fixed(1)),
    "manualMinutes": Slot(_fixed(60)),
    "supplierId": Slot(lambda ask: public_id("sup", ask.town.goods.supplier_id)),
    "warrantyHours": Slot(_fixed(24)),
    "Mutation.stockDeclare(input.quantity)": Slot(_fixed(250)),
    "fields.name": Slot(_fixed("note")),
    "fields.kind": Slot(_fixed("TEXT")),
    "labelZh": Slot(_fixed("备注")),
    "labelEn": Slot(_omitted),
    "helpZh": Slot(_omitted),
    "helpEn": Slot(_omitted),
    "required": Slot(_fixed(False)),
    "sensitive": Slot(_omitted),
    "minLength": Slot(_omitted),
    "maxLength": Slot(_omitted),
    "least": Slot(_omitted),
    "most": Slot(_omitted),
    "pattern": Slot(_omitted),
    "choices.value": Slot(_omitted),
    "deliveredKeyIds": Slot(
        lambda ask: list(ask.order.key_ids),
        lambda ask, theirs: [list(order.key_ids) for order in ask.orders_of(theirs)],
        lambda _: [public_id("dky", new_id())],
    ),
    "quoteId": Slot(
        lambda ask: ask.caller.own.quote_id,
        lambda _, theirs: [theirs.quote_id],
        lambda _: crypto.sign("quote", b"{}"),
    ),
    "after": Slot(
        _omitted,
        lambda ask, theirs: list(filter(None, [theirs.cursors.get(ask.root.name)])),
        lambda _: crypto.sign("cursor", b'["nobody","nothing",[]]'),
    ),
    **PRICE_DESK,
    "slug": Slot(
        lambda ask: f"new-{new_id().hex[-12:]}" if _founds(ask) else ask.town.goods.slug,
        lambda ask, _: [] if _founds(ask) else [ask.town.hidden.slug],
        _fixed("nobody"),
    ),
    "id": Slot(_omitted, lambda ask, _: [public_id("prd", ask.town.hidden.product_id)], _id("prd")),
    "ids": Slot(
        _omitted,
        lambda ask, _: [[public_id("prd", ask.town.hidden.product_id)]],
        lambda _: [public_id("prd", new_id())],
    ),
    "categorySlug": Slot(_omitted),
    "skuId": Slot(
        lambda ask: public_id("sku", ask.town.goods.sku_id),
        lambda ask, _: (
            # What it hides itself is the shop's own to price and to show again, and goods are the
            # platform's.
            []
            if ask.at_price_desk or ask.root.name.startswith(("sku", "supplierListing"))
            else [public_id("sku", ask.town.hidden.sku_id)]
        ),
        _id("sku"),
    ),
    "offerId": Slot(
        lambda ask: public_id("ofr", ask.town.goods.listing_id),
        lambda ask, _: [public_id("ofr", ask.town.hidden.listing_id)],
        _id("ofr"),
    ),
    "idempotencyKey": Slot(
        lambda _: f"own-{new_id().hex}", lambda _, theirs: [theirs.idempotency_key]
    ),
    "clientReference": Slot(
        lambda ask: (
            ask.caller.own.reference if ask.root.name == "purchase" else f"own-{new_id().hex}"
        ),
        lambda _, theirs: [theirs.reference],
    ),
    "childSlug": Slot(lambda ask: ask.desk.child_slug, _no_child, _fixed("nobody")),
    "bankReference": Slot(lambda _: f"bank-{new_id().hex}"),
    "partial": Slot(_fixed(True)),
    "deliver": Slot(_fixed("NOW")),
    "mode": Slot(_fixed("PLATFORM_COLLECT")),
    "Mutation.paymentStart(input.mode)": Slot(_omitted),
    "saveCard": Slot(_omitted),
    # A wallet pays in a right request: a card of one's own is tried in the stories.
    "savedCardId": Slot(
        _omitted,
        lambda ask, theirs: theirs.card_ids if ask.caller.role == "CUSTOMER" else [],
        _id("crd"),
    ),
    "cardId": Slot(
        lambda ask: ask.caller.own.card_ids[0],
        lambda _, theirs: theirs.card_ids,
        _id("crd"),
    ),
    "affiliateClick": Slot(
        lambda ask: click_of(ask.caller.own), lambda _, theirs: [click_of(theirs)]
    ),
    "programId": Slot(
        lambda ask: program_of(ask.caller.own),
        lambda _, theirs: [program_of(theirs)],
        _id("apg"),
    ),
    "affiliateId": Slot(
        lambda ask: public_id("aff", ask.caller.own.people["AFFILIATE"].id),
        lambda _, theirs: [public_id("aff", theirs.people["AFFILIATE"].id)],
        _id("aff"),
    ),
    "Mutation.affiliateApprove(input.decision)": Slot(_fixed("ACTIVE")),
    "Mutation.affiliateJoin(input.code)": Slot(lambda _: f"own{new_id().hex[-20:]}"),
    "reviewId": Slot(
        lambda ask: public_id("arv", ask.caller.own.affiliate_review),
        lambda _, theirs: [public_id("arv", theirs.affiliate_review)],
        _id("arv"),
    ),
    "Mutation.affiliateReviewDecide(input.decision)": Slot(_fixed("CLEARED")),
    "Mutation.appealCreate(input.text)": Slot(_fixed("they have really come by my video")),
    "recruiterCode": Slot(
        lambda ask: ask.caller.own.affiliate_code, lambda _, theirs: [theirs.affiliate_code]
    ),
    "Mutation.affiliateProgramUpdate(input.status)": Slot(_fixed("ACTIVE")),
    "rateBp": Slot(_fixed(300)),
    "secondBp": Slot(_fixed(2)),
    "thirdBp": Slot(_omitted),
    "firstTouch": Slot(_fixed(False)),
    "firstOrderOnly": Slot(_fixed(False)),
    "approvesAll": Slot(_fixed(False)),
    # Goods are the platform's, whether the shop shows them or not.
    "rates.skuId": Slot(lambda ask: public_id("sku", ask.town.goods.sku_id), nobodys=_id("sku")),
    "productId": Slot(lambda ask: public_id("prd", ask.town.goods.product_id), nobodys=_id("prd")),
    "subId": Slot(_fixed("video-1")),
    "affiliateCode": Slot(
        lambda ask: ask.caller.own.affiliate_code, lambda _, theirs: [theirs.affiliate_code]
    ),
    # Only a quote goes on without a coupon that is not good.
    "couponCodes": Slot(
        lambda ask: [ask.caller.own.coupon_code, "NOBODYS"] if ask.root.name == "quote" else OMIT,
        lambda _, theirs: [[theirs.coupon_code]],
        lambda _: ["NOBODYS"],
    ),
    "couponId": Slot(
        lambda ask: public_id("cpn", ask.caller.own.coupon_id),
        lambda _, theirs: [public_id("cpn", theirs.coupon_id)],
        _id("cpn"),
    ),
    # Each issuer has its own codes: tests/schema/test_coupons.py gives the same to two shops.
    "code": Slot(lambda _: f"OWN-{new_id().hex[-20:]}"),
    "skuIds": Slot(
        lambda ask: [public_id("sku", ask.town.goods.sku_id)],
        lambda ask, _: [[public_id("sku", ask.town.hidden.sku_id)]],
    ),
    "categoryIds": Slot(_omitted),
    "categoryId": Slot(_omitted),
    "tierIds": Slot(_omitted),
    "from": Slot(lambda _: (utc_now() - timedelta(days=3)).isoformat()),
    "to": Slot(lambda _: (utc_now() - timedelta(minutes=30)).isoformat()),
    "Query.statementFile(id)": Slot(
        lambda ask: ask.caller.own.statement_ids.get(
            ask.caller.role, ask.caller.own.statement_ids["SHOP"]
        ),
        # An operator reads every party's, and a supplier's is one whichever shop it is met in.
        lambda ask, theirs: (
            []
            if ask.caller.role == "OPERATOR"
            else [one for role, one in theirs.statement_ids.items() if role != "SUPPLIER"]
        ),
        _id("stm"),
    ),
    "asOf": Slot(lambda _: utc_now().isoformat()),
    # Alone it is no payer: tests/schema/test_coupons.py names foreign ones wholly.
    "partyId": Slot(_omitted, lambda _, theirs: [public_id("ten", theirs.shop.id)]),
    # An operator asks for everybody's.
    "Mutation.statementAsk(input.partyId)": Slot(
        _omitted,
        lambda ask, theirs: (
            [] if ask.caller.role == "OPERATOR" else [public_id("ten", theirs.shop.id)]
        ),
    ),
    "Mutation.couponCreate(input.kind)": Slot(_fixed("FIXED")),
    "Mutation.couponCreate(input.startsAt)": Slot(_fixed("2026-01-01T00:00:00Z")),
    "Mutation.couponCreate(input.endsAt)": Slot(_fixed("2027-12-01T00:00:00Z")),
    "percentBp": Slot(_omitted),
    "shareBp": Slot(_fixed(10_000)),
    "reach": Slot(_fixed("SHOP")),
    "stacking": Slot(_fixed("WITH_OTHERS")),
    "firstOrder": Slot(_fixed(False)),
    "maxUses": Slot(_fixed(3)),
    "maxUsesPerCustomer": Slot(_fixed(1)),
    "guests": Slot(_fixed(True)),
    "returnedByRefund": Slot(_fixed(True)),
    "listed": Slot(_fixed(False)),
    "count": Slot(_fixed(2)),
    "prefix": Slot(_fixed("OWN")),
    # A quote takes what can be used; whoever buys in one step has agreed to the price without.
    "redeemPoints": Slot(
        lambda ask: 20 if ask.root.name == "quote" and ask.caller.role == "CUSTOMER" else OMIT
    ),
    "on": Slot(_fixed(True)),
    "earnBp": Slot(_fixed(100)),
    "mostBp": Slot(_fixed(5_000)),
    "lastsDays": Slot(_fixed(365)),
    "leastPoints": Slot(_fixed(10)),
    "points": Slot(_fixed(5)),
    "day": Slot(_fixed("2026-01-05")),
    "before": Slot(_omitted),
    "itemId": Slot(_fixed(public_id("rit", RECONCILED_ITEM)), nobodys=_id("rit")),
    "decision": Slot(_fixed("BY_HAND")),
    "Mutation.reconciliationItemResolve(input.reason)": Slot(_fixed("they have paid it")),
    "Mutation.pointsAdjust(input.reason)": Slot(_fixed("sorry")),
    "Mutation.pointsAdjust(input.customerId)": Slot(
        lambda ask: public_id("cus", ask.caller.own.people["CUSTOMER"].id),
        lambda _, theirs: [public_id("cus", theirs.people["CUSTOMER"].id)],
        _id("cus"),
    ),
    "batchId": Slot(
        lambda ask: _vouchers(ask.caller.own).batch_for(ask.caller.role),
        lambda _, theirs: list(theirs.voucher_batches.values()),
        _id("vob"),
    ),
    "blocked": Slot(_fixed(False)),
    "isTaken": Slot(_fixed(True)),
    "Mutation.paymentMethodSet(input.method)": Slot(_fixed("ALIPAY")),
    "fromBudget": Slot(_fixed(False)),
    "mostPerCustomer": Slot(_fixed(2)),
    "Mutation.voucherBatchCreate(input.startsAt)": Slot(_fixed("2026-01-01T00:00:00Z")),
    "Mutation.voucherBatchCreate(input.endsAt)": Slot(_fixed("2028-01-01T00:00:00Z")),
    # Whoever holds a code of another shop's is told so.
    "Mutation.voucherRedeem(input.code)": Slot(
        lambda ask: ask.caller.own.voucher_codes[0],
        lambda _, theirs: list(theirs.voucher_codes),
    ),
    # Lines of the bank are nobody's but the operators'.
    "Mutation.paymentMatch(input.lineId)": Slot(
        lambda ask: ask.town.bank.to_match, nobodys=_id("bkl")
    ),
    "Mutation.bankLineReturn(input.lineId)": Slot(
        lambda ask: ask.town.bank.to_return, nobodys=_id("bkl")
    ),
    "paymentId": Slot(lambda ask: ask.town.bank.payment_id, nobodys=_id("pay")),
    "toWallet": Slot(_fixed(False)),
    "refundId": Slot(lambda ask: ask.town.bank.refund_id, nobodys=_id("ref")),
    "statementId": Slot(lambda ask: ask.town.bank.statement_id, nobodys=_id("bks")),
    "cartToken": Slot(
        _own_cart_token,
        lambda _, theirs: [theirs.cart_token],
        lambda _: crypto.new_token("kmk"),
    ),
    "cartLineId": _CART_LINE,
    "cartLineIds": Slot(
        lambda ask: [_CART_LINE.own(ask)],
        lambda _, theirs: [list(theirs.cart_lines.values())],
    ),
    "contactId": Slot(
        lambda ask: ask.caller.own.contact_ids[0],
        lambda _, theirs: list(theirs.contact_ids),
        _id("sct"),
    ),
    "Mutation.contactSave(input.kind)": Slot(_fixed("ACCOUNT")),
    "Mutation.contactSave(input.value)": Slot(_fixed("something to say")),
    "form.value": Slot(_fixed("something to say")),
    "values.value": Slot(_fixed("something to say")),
    "fieldName": Slot(_fixed("note")),
    "account": Slot(
        lambda ask: ask.caller.own.email,
        lambda _, theirs: [theirs.email, theirs.phone],
        lambda _: f"{new_id().hex}@example.com",
    ),
    "email": Slot(lambda _: f"{new_id().hex}@example.com", lambda _, theirs: [theirs.email]),
    "phone": Slot(_omitted, lambda _, theirs: [theirs.phone]),
    "password": Slot(_fixed(PASSWORD)),
    "name": Slot(_fixed("somebody")),
    "contact": Slot(_fixed("buyer@example.com")),
    "quantity": Slot(_fixed(1)),
    "amountMinor": Slot(_amount),
    "currency": Slot(_fixed("CNY")),
    "first": Slot(_fixed(3)),
    "sort": Slot(_fixed("NAME")),
    "offerSort": Slot(_fixed("BALANCED")),
    "method": Slot(_method),
    "payment": Slot(lambda ask: "WALLET" if ask.caller.role == "CUSTOMER" else OMIT),
    "format": Slot(lambda ask: "TXT" if ask.root.name == "keysExport" else "CSV"),
    "reason": Slot(_fixed("GOODWILL")),
    "Mutation.orderRefund(input.reason)": Slot(_omitted),
    "destination": Slot(_fixed("CHANNEL")),
    # An operator decides about every party and every batch.
    "party": Slot(_fixed("TENANT")),
    "Query.partyBalances(partyId)": Slot(lambda ask: public_id("ten", ask.caller.shop.id)),
    "ownerId": Slot(lambda ask: public_id("ten", ask.caller.shop.id), nobodys=_id("ten")),
    "holdHours": Slot(_fixed(168)),
    "mostParts": Slot(_fixed(12)),
    "firstBp": Slot(_fixed(2_000)),
    "intervalDays": Slot(_fixed(30)),
    "graceDays": Slot(_fixed(7)),
    "feeBp": Slot(_fixed(0)),
    "feeBy": Slot(_fixed("SHOP")),
    "mostOpen": Slot(_fixed(20)),
    "release": Slot(_fixed("BY_SHARE")),
    "leastAmount.amountMinor": Slot(_fixed(1_000)),
    "isOffered": Slot(_fixed(True)),
    "payOff": Slot(_omitted),
    "Mutation.instalmentStart(input.parts)": Slot(_fixed(12)),
    "Mutation.instalmentStart(input.mode)": Slot(_omitted),
    "Mutation.instalmentPay(input.mode)": Slot(_omitted),
    "Mutation.instalmentStart(input.method)": Slot(_fixed("CARD")),
    "Mutation.instalmentPay(input.method)": Slot(_fixed("CARD")),
    "Mutation.instalmentStart(input.amount.amountMinor)": Slot(
        lambda ask: amounts_minor(2 * ask.unit_price_minor)[0]
    ),
    "Mutation.instalmentPay(input.amount.amountMinor)": Slot(
        lambda ask: amounts_minor(2 * ask.unit_price_minor)[1]
    ),
    "cardHours": Slot(_fixed(0)),
    "redeemedHours": Slot(_omitted),
    "Query.batchCompensation(batchId)": Slot(_a_batch),
    "Mutation.batchCompensate(input.batchId)": Slot(_a_batch, nobodys=_id("bat")),
    "deliveredSince": Slot(_fixed("2026-01-01T00:00:00Z")),
    "penaltyBp": Slot(_fixed(500)),
    "url": Slot(_fixed("http://127.0.0.1:9/")),
    "eventTypes": Slot(_fixed(["BALANCE_LOW"])),
    "description": Slot(_fixed("programs")),
    "enabled": Slot(_fixed(True)),
    "since": Slot(_omitted),
    "status": Slot(_omitted),
    "webhookId": Slot(
        _webhook, lambda _, theirs: [held.id for held in theirs.webhooks.values()], _id("whk")
    ),
    "deliveryId": Slot(
        lambda ask: ask.caller.own.webhook_for(ask.caller.role).delivery_id,
        lambda _, theirs: [held.delivery_id for held in theirs.webhooks.values()],
        _id("wdl"),
    ),
    "returnPath": Slot(_fixed("/thanks")),
    "Mutation.staffSignIn(input.account)": Slot(
        lambda ask: ask.caller.own.staff_account,
        lambda _, theirs: [theirs.staff_account, theirs.email],
        lambda _: f"{new_id().hex}@example.com",
    ),
    # The answer does not say whose the account is, and the owner's list shows what was invited.
    "Mutation.staffInvite(input.account)": Slot(lambda _: f"{new_id().hex}@example.com"),
    "token": Slot(
        lambda ask: ask.caller.own.invitation_tokens.get(ask.caller.role, OMIT),
        lambda _, theirs: list(theirs.invitation_tokens.values()),
        lambda _: crypto.new_token("kmi"),
    ),
    "currentPassword": Slot(_fixed(PASSWORD)),
    "newPassword": Slot(_fixed(PASSWORD)),
    "login": Slot(_fixed("CUSTOMER")),
    # The answer does not say whether there is such an account.
    "Mutation.passwordResetAsk(input.account)": Slot(
        lambda ask: ask.caller.own.email,
        lambda _, theirs: [theirs.email, theirs.staff_account],
        lambda _: f"{new_id().hex}@example.com",
    ),
    "Mutation.passwordReset(input.token)": Slot(
        lambda ask: ask.caller.own.reset_token,
        lambda _, theirs: [theirs.reset_token],
        lambda _: crypto.new_token("kmp"),
    ),
    "roles": Slot(_fixed(["SUPPORT"])),
    "scopes": Slot(_fixed(["API_CATALOGUE_READ"])),
    "staffId": Slot(
        lambda ask: ask.caller.own.staff_id,
        lambda _, theirs: [theirs.staff_id, public_id("stf", theirs.people["STAFF_OWNER"].id)],
        _id("stf"),
    ),
    "invitationId": Slot(
        lambda ask: ask.caller.own.invitation_id,
        lambda _, theirs: [theirs.invitation_id],
        _id("inv"),
    ),
    "Mutation.childTenantInvitationWithdraw(input.invitationId)": Slot(
        lambda ask: ask.caller.own.child_invitation_id,
        lambda _, theirs: [theirs.child_invitation_id],
        _id("tiv"),
    ),
    "clientId": Slot(
        lambda ask: ask.caller.own.client_id,
        lambda _, theirs: [
            theirs.client_id,
            public_id("apc", theirs.people["API_PURCHASE"].id),
        ],
        _id("apc"),
    ),
    "allowedNetworks": Slot(_fixed(["192.0.2.0/24"])),
    "lifetimeDays": Slot(_fixed(30)),
    "overlapHours": Slot(_fixed(1)),
    "Mutation.storefrontUpdate(input.name)": Slot(_omitted),
    "locale": Slot(_fixed("CHINESE")),
    "logoUrl": Slot(_fixed("https://pictures.example/logo.png")),
    "bannerUrl": Slot(_fixed("https://pictures.example/banner.png")),
    "light.accent": Slot(_fixed("#1f4fa3")),
    "light.onAccent": Slot(_fixed("#ffffff")),
    "dark.accent": Slot(_fixed("#9db7ff")),
    "dark.onAccent": Slot(_fixed("#10142b")),
    "contacts.kind": Slot(_fixed("QQ")),
    "contacts.value": Slot(_fixed("10001")),
    "texts.kind": Slot(_fixed("ANNOUNCEMENT")),
    "texts.text": Slot(_fixed("Hello.")),
    "Mutation.invitationAccept(input.token)": Slot(
        lambda _: crypto.new_token("kmi"),
        lambda _, theirs: [theirs.invitation],
        lambda _: crypto.new_token("kmi"),
    ),
    "childId": Slot(
        lambda ask: public_id("ten", ask.caller.own.child),
        _tenants_of_others,
        _id("ten"),
    ),
    "tenantId": Slot(
        lambda ask: public_id("ten", ask.caller.own.child),
        _tenants_of_others,
        _id("ten"),
    ),
    "domainId": Slot(
        lambda ask: public_id("dom", ask.caller.own.domain),
        lambda _, theirs: [public_id("dom", theirs.domain)],
        _id("dom"),
    ),
    "host": Slot(lambda ask: ask.caller.own.own_host, lambda _, theirs: [theirs.own_host]),
    "days": Slot(_fixed(1)),
    "onParentLoss": Slot(_fixed("FREEZE")),
    "settlementMode": Slot(_fixed("PLATFORM_COLLECT")),
    "maxChildDepth": Slot(_omitted),
    "sendsKeys": Slot(_fixed(False)),
    "maxMarkupBp": Slot(_fixed(90_000)),
    "cumulativeCapBp": Slot(_omitted),
    "earningDepth": Slot(_omitted),
    "restricted": Slot(_fixed(False)),
    "ordersStopped": Slot(_fixed(False)),
    "payoutsFrozen": Slot(_fixed(False)),
    "accept": Slot(_fixed(True)),
    "kycPassed": Slot(_fixed(True)),
    "depositDueMinor": Slot(_fixed(0)),
    "Query.deposit(partyId)": _DEPOSIT_PARTY,
    "Query.depositHolds(partyId)": _DEPOSIT_PARTY,
    "Mutation.depositCredit(input.partyId)": _DEPOSIT_PARTY,
    "Mutation.depositHold(input.partyId)": _DEPOSIT_PARTY,
    "Mutation.depositRelease(input.partyId)": _DEPOSIT_PARTY,
    "Mutation.depositPolicySet(input.partyId)": Slot(_omitted),
    "partyKind": Slot(_fixed("SUPPLIER")),
    "exposureBp": Slot(_fixed(2_000)),
    "targetRateBp": Slot(_fixed(100)),
    "caseId": Slot(_omitted),
    "Mutation.fastRefundAccept(input.kind)": Slot(_fixed("INVALID")),
    "Query.fastRefunds(state)": Slot(_omitted),
    "uphold": Slot(_fixed(True)),
    "Mutation.keyReplace(input.reason)": Slot(_fixed("not valid")),
    "keyId": Slot(
        lambda ask: ask.order.key_ids[0],
        lambda ask, theirs: [order.key_ids[0] for order in ask.orders_of(theirs) if order.key_ids],
        _id("dky"),
    ),
    "fastRefundId": Slot(
        lambda ask: ask.caller.own.claim_id,
        lambda ask, theirs: [] if ask.granted else [theirs.claim_id],
        _id("frf"),
    ),
    "holdId": Slot(
        lambda ask: ask.caller.own.hold_id,
        lambda ask, theirs: [] if ask.granted else [theirs.hold_id],
        _id("dph"),
    ),
    "disputeId": _DISPUTE,
    "Query.dispute(id)": _DISPUTE,
    "isOpen": Slot(_omitted),
    "statement": Slot(_fixed("the key was opened")),
    "goods": Slot(_fixed("BAD")),
    "liability": Slot(_fixed("PLATFORM")),
    "Mutation.chargebackLiabilitySet(input.reason)": Slot(_fixed("contract")),
    "depth": Slot(_fixed(2)),
    "below": Slot(_omitted),
    # A shop's own log whatever is named; all of it is an operator's.
    "Query.auditLog(filter.tenantId)": Slot(
        _omitted,
        lambda ask, theirs: (
            [] if ask.caller.role == "OPERATOR" else [public_id("ten", theirs.shop.id)]
        ),
    ),
    "actor": Slot(_omitted),
    "subject": Slot(_omitted),
    "subjectId": Slot(_omitted),
    "Mutation.ledgerAdjust(input.reason)": Slot(_fixed("the bank took a fee")),
    "debit": Slot(_fixed("COMPENSATION")),
    "credit": Slot(_fixed("BANK")),
    "debitPartyId": Slot(_omitted),
    "creditPartyId": Slot(_omitted),
    "Mutation.ledgerAdjustDecide(input.id)": Slot(
        lambda ask: ask.caller.own.adjustment_id, nobodys=_id("adj")
    ),
    "post": Slot(_fixed(True)),
    "base": Slot(_fixed("USD")),
    "quote": Slot(_fixed("CNY")),
    "Mutation.fxRateSet(input.rate)": Slot(_fixed("7.1234")),
    "Mutation.fxRateSet(input.source)": Slot(_fixed("the central bank")),
    "takenAt": Slot(_omitted),
    "confirmChangeBp": Slot(_fixed(1_000_000)),
}

SLOTS_OF_MONEY_OUT: Final[Mapping[str, Slot]] = {
    "purpose": Slot(_fixed("PAYOUT_REQUEST")),
    "challengeId": Slot(
        lambda ask: ask.caller.own.challenge_for(ask.caller.role),
        lambda _, theirs: [theirs.challenge_for("STAFF_OWNER")],
        _id("chl"),
    ),
    "Mutation.stepUpConfirm(input.password)": Slot(
        lambda ask: PASSWORD if _is_person(ask) else OMIT
    ),
    "Mutation.stepUpConfirm(input.code)": Slot(
        lambda ask: OMIT if _is_person(ask) else code_of(_challenge_of(ask))
    ),
    "stepUpProof": Slot(
        lambda ask: ask.caller.own.proof_for(ask.caller.role),
        lambda _, theirs: [theirs.proof_for("STAFF_OWNER")],
        lambda _: crypto.new_token("kmv"),
    ),
    "payoutId": Slot(
        lambda ask: _payout(ask, ask.caller.own),
        lambda ask, theirs: [] if _decides(ask) else [_payout(ask, theirs)],
        _id("pyt"),
    ),
    "payoutIds": Slot(lambda ask: [_payout(ask, ask.caller.own)]),
    **{
        f"Mutation.payoutBatch{act}(input.batchId)": Slot(lambda _: public_id("pyb", BATCH))
        for act in ("Send", "File", "Result")
    },
    "Mutation.payoutReview(input.decision)": Slot(_fixed("REJECT")),
    "lines.outcome": Slot(_fixed("PAID")),
    "payoutState": Slot(_omitted),
    "Mutation.payoutMethodSet(input.kind)": Slot(_fixed("BANK_ACCOUNT")),
    "holder": Slot(_fixed("somebody")),
    "number": Slot(_fixed("6222021234567890")),
    "bank": Slot(_fixed("a bank")),
    "Mutation.payoutBatchCreate(input.method)": Slot(_fixed("BANK_ACCOUNT")),
    # Operators stop whomever they name: alone it would be everybody.
    "Mutation.payoutStop(input.partyId)": Slot(lambda ask: public_id("ten", ask.caller.shop.id)),
    "Mutation.payoutResume(input.partyId)": Slot(lambda ask: public_id("ten", ask.caller.shop.id)),
}
SLOTS.update(SLOTS_OF_MONEY_OUT)


def _is_person(ask: Ask) -> bool:
    """Whether the caller has a password to confirm with."""
    return ask.caller.role not in ("AFFILIATE", "SUPPLIER")


def _challenge_of(ask: Ask) -> UUID:
    return parse_id("chl", ask.caller.own.challenge_for(ask.caller.role))


def _decides(ask: Ask) -> bool:
    """Whether the root field is an operator's, who decides about everybody's payouts."""
    return ask.root.name not in ("payoutCancel",)


def _payout(ask: Ask, of: Holdings) -> str:
    return public_id("pyt", of.paid_for(ask.caller.role).payout_id)


#: An input with which another one may not be given.
_INSTEAD_OF: Final[Mapping[str, Path]] = {
    "Query.product(id)": ("slug",),
    "Mutation.webhookReplay(input.webhookId)": ("input", "deliveryId"),
}
#: Left out of a right request: with it something else would be meant.
_LEFT_OUT: Final = frozenset({"fixed", "walletAmount", "ceiling", "cap", "payers", "choices"})


def slot_of(leaf: Leaf) -> Slot:
    """Find how an input is filled; an unknown one fails the test."""
    names = (leaf.coordinate, ".".join(leaf.path[-2:]), leaf.name)
    slot = next((SLOTS[name] for name in names if name in SLOTS), None)
    assert slot is not None, f"{leaf.coordinate}: say in slots.py how it is filled"
    return slot


def right_values(ask: Ask, *, by_leaf: Leaf | None = None) -> dict[Path, Any]:
    """Fill a root field for a caller, so that there is nothing to refuse.

    `by_leaf` is about to be set to something else: what it would contradict is left out.
    """
    values = {
        leaf.path: slot_of(leaf).own(ask)
        for leaf in leaves_of(ask.root)
        if _LEFT_OUT.isdisjoint(leaf.path)
    }
    if by_leaf is not None and (contradicted := _INSTEAD_OF.get(by_leaf.coordinate)):
        values[contradicted] = OMIT
    return values


def everything_of(ask: Ask, theirs: Holdings) -> list[str]:
    """List whatever names something of somebody else's, of any kind."""
    return [
        *(order.no for order in theirs.orders),
        *(order.line_id for order in theirs.orders),
        *(order.token for order in theirs.guests.values() if order.token),
        *(key_id for order in theirs.orders for key_id in order.key_ids),
        *(public_id("ord", order.id) for order in theirs.orders),
        *(str(order.id) for order in theirs.orders),
        *(person.token for person in theirs.people.values()),
        *theirs.cursors.values(),
        *theirs.secrets,
        theirs.quote_id,
        *(held.id for held in theirs.webhooks.values()),
        *theirs.voucher_batches.values(),
        *theirs.voucher_codes,
        *(held.delivery_id for held in theirs.webhooks.values()),
        theirs.idempotency_key,
        theirs.affiliate_code,
        theirs.staff_id,
        theirs.client_id,
        theirs.invitation_id,
        theirs.child_invitation_id,
        *theirs.invitation_tokens.values(),
        theirs.coupon_code,
        public_id("cpn", theirs.coupon_id),
        theirs.cart_token,
        *theirs.cart_lines.values(),
        *theirs.contact_ids,
        theirs.email,
        theirs.phone,
        theirs.shop.slug,
        str(theirs.shop.id),
        theirs.hold_id,
        theirs.claim_id,
        desk_of(theirs).child_slug,
        desk_of(theirs).grade_id,
        desk_of(theirs).tier_id,
        *desk_of(theirs).tier_ids.values(),
        desk_of(theirs).promotion_id,
        desk_of(theirs).upload_id,
        desk_of(theirs).import_id,
        *desk_of(theirs).rule_ids.values(),
        public_id("dsp", theirs.dispute),
        public_id("ten", theirs.shop.id),
        public_id("cus", theirs.people["CUSTOMER"].id),
        public_id("aff", theirs.people["AFFILIATE"].id),
        public_id("prd", ask.town.hidden.product_id),
        public_id("sku", ask.town.hidden.sku_id),
        public_id("ofr", ask.town.hidden.listing_id),
        public_id("sup", ask.town.hidden.supplier_id),
        ask.town.hidden.slug,
    ]
