"""An order before it is written. What everybody earns is decided here and never computed again."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from affiliates.attribution import Attribution
from billing import payments
from billing.ledger import Account
from billing.payment_methods import TRADE, WALLET, dearest_fee_bp
from billing.payments import Payment
from identity.contact import seal_contact
from kernel import crypto, db
from kernel.clock import utc_now
from kernel.crypto import Sealed
from kernel.ids import new_id
from offers.form_values import Answer
from offers.quotes import QuotedLine
from orders import funding
from orders.forms import seal_form
from orders.idempotency import Request
from orders.records import Funding, ShareRow, guest_token
from orders.split import AffiliateTerms, split_line
from promotions.coupon_parts import Taking
from promotions.coupons import Holder
from promotions.discounts import Discount
from supply.pool import Wanted
from supply.stock_news import is_scarce
from tenants.directory import Shop

_NO_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who orders: a customer of the shop, a guest, or the shop itself, which buys at cost.

    With a token the order is made only if the token is good at that moment. `purchaser` is who of
    the shop buys, as records name him.
    """

    customer_id: UUID | None = None
    token_hash: bytes | None = None
    purchaser: str | None = None

    @property
    def at_cost(self) -> bool:
        """True for the shop itself."""
        return self.purchaser is not None

    @property
    def is_guest(self) -> bool:
        """True for whom only an order's token opens the order."""
        return self.customer_id is None and not self.at_cost

    @property
    def actor(self) -> str:
        """How the idempotency record names the buyer."""
        if self.purchaser is not None:
            return self.purchaser
        return f"customer:{self.customer_id}" if self.customer_id else "guest"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line with its id, its price and its frozen shares."""

    id: UUID
    quoted: QuotedLine
    shares: tuple[ShareRow, ...]
    discounts: tuple[Discount, ...] = ()
    """Those of the quote; what the shop's margin cannot bear is its budget's."""

    @property
    def funded_minor(self) -> int:
        """What others than the buyer pay of the line's net."""
        return sum(one.amount_minor for one in self.fundings)

    @property
    def net_minor(self) -> int:
        """What the split divides."""
        return self.quoted.total_minor + self.funded_minor

    @property
    def fundings(self) -> tuple[Funding, ...]:
        """The parts of its discounts that are not the shop's."""
        return funding.fundings_of(self.discounts)

    @property
    def wanted(self) -> Wanted:
        """What the line asks of the key pool."""
        return Wanted(
            line_id=self.id,
            supplier_listing_id=self.quoted.offer.id,
            quantity=self.quoted.quantity,
            min_remaining_days=self.quoted.sku.row["min_remaining_days"],
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """All of an order but its keys and its time. `payment` is there when a balance pays it;
    `forms` has, by their lines, what the buyer said for them."""

    id: UUID
    no: str
    shop: Shop
    buyer: Buyer
    request: Request
    lines: tuple[DraftLine, ...]
    affiliate_id: UUID | None
    contact: str | None
    payment: Payment | None
    client_reference: str | None = None
    forms: Mapping[UUID, Sealed] = field(default_factory=dict)

    @property
    def scope(self) -> db.Scope:
        """In which an order of this shop is written."""
        return db.core_scope(self.shop.id, path=self.shop.path)

    @property
    def total_minor(self) -> int:
        """What the buyer pays, in minor units."""
        return sum(line.quoted.total_minor for line in self.lines)

    @property
    def pieces(self) -> int:
        """How many keys the order has."""
        return sum(line.quoted.quantity for line in self.lines)

    @property
    def takings(self) -> list[Taking]:
        """A use of each of its coupons."""
        holder = Holder(self.buyer.customer_id, self.contact, is_ordering=True).hash()
        coupons = {coupon.id: coupon for line in self.lines for coupon in line.quoted.coupons}
        return [
            Taking(new_id(), coupon, holder, self.buyer.customer_id) for coupon in coupons.values()
        ]

    @property
    def fundings(self) -> list[Funding]:
        """What others than the buyer and the shop pay of the order."""
        return [one for line in self.lines for one in line.fundings]

    @property
    def has_coupons(self) -> bool:
        """True when it needs the statements that take coupons."""
        return any(line.discounts for line in self.lines)

    @property
    def is_titled(self) -> bool:
        """True when the shop calls some of the goods by a name of its own."""
        return any(line.quoted.sku.title for line in self.lines)

    @property
    def scarce_listings(self) -> list[UUID]:
        """The listings of which this order leaves so few that pages may show it."""
        quoted = [line.quoted for line in self.lines]
        return [one.offer.id for one in quoted if is_scarce(one.offer.stock - one.quantity)]

    @property
    def by_hand(self) -> list[DraftLine]:
        """The lines that a person delivers."""
        return [line for line in self.lines if line.quoted.offer.by_hand]

    @property
    def shares(self) -> list[ShareRow]:
        """Everybody's part of every line."""
        return [share for line in self.lines for share in line.shares]

    @property
    def debited_account(self) -> Account | None:
        """The wallet that pays; None for an order that waits for its payment."""
        return payments.wallet_account(self.payment) if self.payment is not None else None

    def values(self) -> dict[str, Any]:
        """The values of the order's row, its lines' and its shares'."""
        sealed = seal_contact(self.contact, bound_to=self.id) if self.contact else None
        guests = crypto.token_hash(guest_token(self.id)) if self.buyer.is_guest else None
        return {
            "order_id": self.id,
            "tenant_id": self.shop.id,
            "path": list(self.shop.path),
            "order_no": self.no,
            "customer_id": self.buyer.customer_id,
            "token_hash": self.buyer.token_hash,
            "guest_token_hash": guests,
            "currency": self.shop.currency,
            "total_minor": self.total_minor,
            "affiliate_id": self.affiliate_id,
            "contact": sealed.ciphertext if sealed else None,
            "contact_key_id": sealed.key_id if sealed else None,
            "is_paid": self.payment is not None,
            "client_reference": self.client_reference,
            "is_heard": self.shop.is_heard,
            "is_ranked": self.shop.ranks_customers and self.buyer.customer_id is not None,
            "line_ids": [line.id for line in self.lines],
            "sku_ids": [line.quoted.sku.id for line in self.lines],
            "listing_ids": [line.quoted.offer.id for line in self.lines],
            "quantities": [line.quoted.quantity for line in self.lines],
            "unit_prices": [line.quoted.offer.unit_price_minor for line in self.lines],
            "delivery_modes": [line.quoted.delivery_mode for line in self.lines],
            "nets": [line.net_minor for line in self.lines],
            "fundeds": [line.funded_minor for line in self.lines],
            "titles": [line.quoted.sku.title or None for line in self.lines],
            **_share_values(self.shares),
        }


def _share_values(shares: Sequence[ShareRow]) -> dict[str, Any]:
    return {
        "share_ids": [share.id for share in shares],
        "share_lines": [share.line_id for share in shares],
        "share_kinds": [str(share.party_kind) for share in shares],
        "share_parties": [share.party_id for share in shares],
        "share_roles": [str(share.role) for share in shares],
        "share_amounts": [share.amount_minor for share in shares],
    }


def draft_order(
    *,
    shop: Shop,
    buyer: Buyer,
    request: Request,
    quoted: Sequence[QuotedLine],
    thanks: Attribution | None,
    contact: str | None,
    pay_from_wallet: bool,
    answers: Mapping[UUID, Sequence[Answer]],
    client_reference: str | None = None,
) -> Draft:
    """Freeze an order at these prices. Its id, and those of its lines and shares, are new."""
    order_id = new_id()
    fee_bp = 0 if buyer.at_cost else dearest_fee_bp(shop.payment_methods)
    lines = tuple(_line(shop, line, thanks, fee_bp) for line in quoted)
    return Draft(
        id=order_id,
        no=f"K{utc_now():%Y%m%d}-" + "".join(secrets.choice(_NO_LETTERS) for _ in range(10)),
        shop=shop,
        buyer=buyer,
        request=request,
        lines=lines,
        affiliate_id=thanks.affiliate_id if thanks else None,
        contact=contact,
        payment=_payment(shop, buyer, order_id, lines) if pay_from_wallet else None,
        client_reference=client_reference,
        forms={
            line.id: seal_form(answers[line.quoted.sku.id], line_id=line.id)
            for line in lines
            if line.quoted.sku.id in answers
        },
    )


def _payment(shop: Shop, buyer: Buyer, order_id: UUID, lines: Sequence[DraftLine]) -> Payment:
    return payments.draft(
        payment_id=new_id(),
        tenant_id=shop.id,
        purpose="ORDER",
        order_id=order_id,
        customer_id=buyer.customer_id,
        method=TRADE if buyer.at_cost else WALLET,
        currency=shop.currency,
        channel_minor=0,
        wallet_minor=sum(line.quoted.total_minor for line in lines),
    )


def _line(
    shop: Shop, quoted: QuotedLine, thanks: Attribution | None, dearest_channel_fee_bp: int
) -> DraftLine:
    line_id = new_id()
    rate_bp = thanks.rate_bp if thanks else 0
    discounts = funding.bearable(quoted, shop, affiliate_rate_bp=rate_bp)
    paid_minor = quoted.total_minor
    affiliate = AffiliateTerms(thanks.affiliate_id, rate_bp, paid_minor) if thanks else None
    split = split_line(
        costs=quoted.sourcing.costs,
        quantity=quoted.quantity,
        net_minor=paid_minor + sum(one.amount_minor for one in funding.fundings_of(discounts)),
        supplier_id=quoted.sourcing.supplier_id,
        supplier_commission_bp=quoted.sourcing.supplier_commission_bp,
        path=shop.path,
        affiliate=affiliate,
        dearest_channel_fee_bp=dearest_channel_fee_bp,
    )
    shares = tuple(
        ShareRow(
            new_id(), line_id, share.party_kind, share.party_id, share.role, share.amount_minor, 0
        )
        for share in split
    )
    return DraftLine(line_id, quoted, shares, discounts)
