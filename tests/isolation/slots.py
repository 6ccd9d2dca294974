"""How every input of the schema is filled: rightly, and with what belongs to somebody else.

An input that has no line here fails the tests: whoever adds it says what a foreign one would be.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from isolation.documents import OMIT, Leaf, Path, RootField, leaves_of
from isolation.neighbours import PASSWORD, HeldOrder, Holdings, Neighbourhood
from kernel import crypto
from kernel.ids import new_id, public_id
from schema.field_table import GRANTS
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
        return self.caller.orders[self.order_name]

    def orders_of(self, theirs: Holdings) -> list[HeldOrder]:
        """Somebody else's orders with which the root field would do the most, and a paid one."""
        names = dict.fromkeys((self.order_name, "delivered"))
        return [held[name] for held in (theirs.customers, theirs.guests) for name in names]

    @property
    def order_name(self) -> str:
        """Which of the orders suits the root field."""
        return _ORDER_FOR.get(self.root.name, "delivered")

    @property
    def unit_price_minor(self) -> int:
        """What a piece costs in the caller's shop."""
        return self.town.retail_minor(self.caller.shop)


_ORDER_FOR: Final = {
    "orderCancel": "pending",
    "paymentRefresh": "pending",
    "paymentStart": "payable",
    "unrevealedReturn": "unopened",
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


def _method(ask: Ask) -> str:
    by_wallet = ask.root.name == "paymentStart" and ask.caller.role == "CUSTOMER"
    return "WALLET" if by_wallet else "CARD"


def _own_cart_token(ask: Ask) -> Any:
    """A guest's; who signs in with it would move the cart into an account's."""
    signs_in = ask.root.name in ("signIn", "signUp")
    return ask.caller.own.cart_token if ask.caller.role == "ANONYMOUS" and not signs_in else OMIT


_ORDER_NO = Slot(
    lambda ask: ask.order.no,
    lambda ask, theirs: [order.no for order in ask.orders_of(theirs)],
    lambda _: "K20250101-0000000000",
)

_CART_LINE = Slot(
    lambda ask: ask.caller.own.cart_lines.get(ask.caller.role, public_id("ctl", new_id())),
    lambda _, theirs: list(theirs.cart_lines.values()),
    _id("ctl"),
)

#: By the name of the input; one that differs from field to field is asked for the field.
SLOTS: Final[Mapping[str, Slot]] = {
    "no": _ORDER_NO,
    "orderNo": _ORDER_NO,
    "guestToken": Slot(
        lambda ask: ask.order.token or OMIT,
        lambda ask, theirs: [order.token for order in ask.orders_of(theirs) if order.token],
        lambda _: crypto.new_token("kmg"),
    ),
    "lineId": Slot(
        lambda ask: ask.order.line_id,
        lambda ask, theirs: [order.line_id for order in ask.orders_of(theirs)],
        _id("lin"),
    ),
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
        lambda ask, theirs: [theirs.cursors[ask.root.name]],
        lambda _: crypto.sign("cursor", b'["nobody","nothing",[]]'),
    ),
    "slug": Slot(
        lambda ask: ask.town.goods.slug, lambda ask, _: [ask.town.hidden.slug], _fixed("nobody")
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
        lambda ask, _: [public_id("sku", ask.town.hidden.sku_id)],
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
    "affiliateCode": Slot(
        lambda ask: ask.caller.own.affiliate_code, lambda _, theirs: [theirs.affiliate_code]
    ),
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
    "kind": Slot(_fixed("ACCOUNT")),
    "value": Slot(_fixed("something to say")),
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
    "amountMinor": Slot(lambda ask: ask.unit_price_minor if ask.root.name == "quickBuy" else 100),
    "currency": Slot(_fixed("CNY")),
    "first": Slot(_fixed(3)),
    "sort": Slot(_fixed("NAME")),
    "offerSort": Slot(_fixed("BALANCED")),
    "method": Slot(_method),
    "payment": Slot(lambda ask: "WALLET" if ask.caller.role == "CUSTOMER" else OMIT),
    "format": Slot(_fixed("TXT")),
    "reason": Slot(_fixed("GOODWILL")),
    "returnPath": Slot(_fixed("/thanks")),
}

#: An input with which another one may not be given.
_INSTEAD_OF: Final[Mapping[str, Path]] = {"Query.product(id)": ("slug",)}
#: Left out of a right request: with it something else would be meant.
_LEFT_OUT: Final = "walletAmount"


def slot_of(leaf: Leaf) -> Slot:
    """Find how an input is filled; an unknown one fails the test."""
    slot = SLOTS.get(leaf.name)
    assert slot is not None, f"{leaf.coordinate}: say in slots.py how it is filled"
    return slot


def right_values(ask: Ask, *, by_leaf: Leaf | None = None) -> dict[Path, Any]:
    """Fill a root field for a caller, so that there is nothing to refuse.

    `by_leaf` is about to be set to something else: what it would contradict is left out.
    """
    values = {
        leaf.path: slot_of(leaf).own(ask)
        for leaf in leaves_of(ask.root)
        if _LEFT_OUT not in leaf.path
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
        theirs.idempotency_key,
        theirs.affiliate_code,
        theirs.cart_token,
        *theirs.cart_lines.values(),
        *theirs.contact_ids,
        theirs.email,
        theirs.phone,
        theirs.shop.slug,
        str(theirs.shop.id),
        public_id("ten", theirs.shop.id),
        public_id("cus", theirs.people["CUSTOMER"].id),
        public_id("aff", theirs.people["AFFILIATE"].id),
        public_id("prd", ask.town.hidden.product_id),
        public_id("sku", ask.town.hidden.sku_id),
        public_id("ofr", ask.town.hidden.listing_id),
        public_id("sup", ask.town.hidden.supplier_id),
        ask.town.hidden.slug,
    ]
