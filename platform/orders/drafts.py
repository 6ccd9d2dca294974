"""An order before it is written. What everybody earns is decided here and never computed again."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from affiliates.attribution import thanks_of
from affiliates.deciding import Verdict
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
from orders.draft_lines import DraftLine, draft_line
from orders.forms import seal_form
from orders.idempotency import Request
from orders.records import Funding, ShareRow, guest_token
from promotions.coupon_parts import Taking
from promotions.coupons import Holder
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
    verdict: Verdict | None
    """Whom the order thanks and why, or why nobody."""
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
    def redeemed_points(self) -> int:
        """How many points pay for it."""
        return sum(line.redeemed_points for line in self.lines)

    @property
    def earned_points(self) -> int:
        """How many its customer earns when it is delivered."""
        return sum(line.earned_points for line in self.lines)

    @property
    def earned_minor(self) -> int:
        """What these are worth, in minor units."""
        return sum(line.earned_minor for line in self.lines)

    @property
    def is_exchanged(self) -> bool:
        """True when a supplier is owed in another currency than the shop's."""
        return any(share.fx_rate_id is not None for share in self.shares)

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
            "points_of_lines": [line.earned_points or None for line in self.lines],
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
        "share_currencies": [share.currency for share in shares],
        "share_rates": [share.fx_rate_id for share in shares],
    }


def draft_order(
    *,
    shop: Shop,
    buyer: Buyer,
    request: Request,
    quoted: Sequence[QuotedLine],
    verdict: Verdict | None,
    contact: str | None,
    pay_from_wallet: bool,
    answers: Mapping[UUID, Sequence[Answer]],
    client_reference: str | None = None,
) -> Draft:
    """Freeze an order at these prices. Its id, and those of its lines and shares, are new."""
    order_id, thanks = new_id(), thanks_of(verdict)
    fee_bp = 0 if buyer.at_cost else dearest_fee_bp(shop.payment_methods)
    lines = tuple(draft_line(shop, line, thanks, fee_bp) for line in quoted)
    return Draft(
        id=order_id,
        no=f"K{utc_now():%Y%m%d}-" + "".join(secrets.choice(_NO_LETTERS) for _ in range(10)),
        shop=shop,
        buyer=buyer,
        request=request,
        lines=lines,
        affiliate_id=thanks.affiliate_id if thanks else None,
        verdict=verdict,
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
