"""From a quote to an order that holds its keys and waits for its money.

One transaction: the idempotency key is claimed, the price computed again, the order written with
its frozen shares, and exactly its keys held. All of it, or nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from affiliates.attribution import Attribution, attribution
from billing.payment_methods import dearest_fee_bp
from identity.contact import seal_contact
from kernel import crypto, db
from kernel.clock import utc_now
from kernel.faults import crash_point
from kernel.ids import new_id
from kernel.settings import settings
from offers import quotes
from offers.quotes import QuotedLine, Wish
from orders import admission, idempotency
from orders.records import Line, Order, ShareRow, guest_token
from orders.split import AffiliateTerms, split_line
from supply import pool
from supply.pool import Wanted
from tenants.directory import Shop

_NO_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who orders: a customer of the shop, or a guest."""

    customer_id: UUID | None = None

    @property
    def actor(self) -> str:
        """How the idempotency record names the buyer."""
        return f"customer:{self.customer_id}" if self.customer_id else "guest"


@dataclass(frozen=True, slots=True)
class Placed:
    """An order as it stands in the open transaction, with all that settlement needs."""

    order: Order
    lines: tuple[Line, ...]
    shares: tuple[ShareRow, ...]


@dataclass(frozen=True, slots=True)
class OrderMade:
    """The answer to `orderCreate`: the order's id, and the token that opens a guest's order."""

    order_id: UUID
    guest_token: str | None


async def create_order(
    *,
    shop: Shop,
    buyer: Buyer,
    quote_id: str,
    contact: str | None,
    affiliate_code: str | None,
    idempotency_key: str,
) -> OrderMade:
    """Make an order out of a quote and hold its keys until `payment_hold_seconds` from now.

    Raises `QuoteExpired`, `PriceChanged`, `OutOfStock`, `TenantRestricted`, `IdempotencyConflict`
    and `Invalid`; then nothing is written. A repeated key answers with the first order.
    """
    idempotency.require_key(idempotency_key, guest=buyer.customer_id is None)
    content = {"quote": quote_id, "contact": contact, "affiliate": affiliate_code}
    request = idempotency.Request(shop.id, buyer.actor, idempotency_key, content)
    order_id = new_id()
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        claim = await idempotency.claim(request, kind="ORDER", result_id=order_id)
        if claim.first:
            crash_point("checkout.claimed")
            lines = await quotes.redeem(shop, quote_id)
            await place(shop, buyer, order_id, lines, contact, affiliate_code)
    crash_point("checkout.committed")
    return order_made(buyer, claim.result_id)


def order_made(buyer: Buyer, order_id: UUID) -> OrderMade:
    """The answer for a buyer; a repeated request gets the same."""
    return OrderMade(order_id, guest_token(order_id) if buyer.customer_id is None else None)


async def place(
    shop: Shop,
    buyer: Buyer,
    order_id: UUID,
    lines: Sequence[QuotedLine],
    contact: str | None,
    affiliate_code: str | None,
) -> Placed:
    """Write the order and hold its keys, inside the caller's transaction."""
    now = await admission.require_admission(shop, customer_id=buyer.customer_id)
    thanks = await attribution(affiliate_code, customer_id=buyer.customer_id)
    expires_at = now + timedelta(seconds=settings().payment_hold_seconds)
    line_ids = [new_id() for _ in lines]
    held = await _hold_in_lock_order(lines, line_ids, expires_at)
    crash_point("checkout.held")
    placed = _frozen(shop, buyer, order_id, lines, line_ids, held, thanks, now, expires_at)
    await _write(placed, contact=contact, affiliate_id=thanks.affiliate_id if thanks else None)
    crash_point("checkout.written")
    return placed


async def _hold_in_lock_order(
    lines: Sequence[QuotedLine], line_ids: Sequence[UUID], until: datetime
) -> list[tuple[UUID, ...]]:
    """Hold every line's keys, listings in the order of their ids, so that orders cannot cross."""
    held: dict[int, tuple[UUID, ...]] = {}
    for index in sorted(range(len(lines)), key=lambda index: lines[index].offer.id):
        line = lines[index]
        wanted = Wanted(
            line_id=line_ids[index],
            supplier_listing_id=line.offer.id,
            quantity=line.quantity,
            min_remaining_days=line.sku.row["min_remaining_days"],
        )
        held[index] = tuple(await pool.hold(wanted, until=until))
    return [held[index] for index in range(len(lines))]


def _frozen(
    shop: Shop,
    buyer: Buyer,
    order_id: UUID,
    quoted: Sequence[QuotedLine],
    line_ids: Sequence[UUID],
    held: Sequence[tuple[UUID, ...]],
    thanks: Attribution | None,
    now: datetime,
    expires_at: datetime,
) -> Placed:
    """The rows of the order. What everybody earns is decided here and never computed again."""
    order = Order(
        id=order_id,
        tenant_id=shop.id,
        no=f"K{utc_now():%Y%m%d}-" + "".join(secrets.choice(_NO_LETTERS) for _ in range(10)),
        customer_id=buyer.customer_id,
        guest_token_hash=None if buyer.customer_id else crypto.token_hash(guest_token(order_id)),
        path=shop.path,
        currency=shop.currency,
        total_minor=sum(line.total_minor for line in quoted),
        refunded_minor=0,
        payment_status="PENDING",
        aftersale_status="NONE",
        version=1,
        created_at=now,
        expires_at=expires_at,
        expired=False,
    )
    lines = [
        Line(
            id=line_id,
            order_id=order_id,
            sku_id=line.sku.id,
            supplier_listing_id=line.offer.id,
            quantity=line.quantity,
            unit_price_minor=line.offer.unit_price_minor,
            net_minor=line.total_minor,
            refunded_minor=0,
            returned_quantity=0,
            channel_fee_minor=0,
            key_ids=key_ids,
        )
        for line, line_id, key_ids in zip(quoted, line_ids, held, strict=True)
    ]
    shares = [
        share
        for line, line_id in zip(quoted, line_ids, strict=True)
        for share in _shares(shop, line, line_id, thanks)
    ]
    return Placed(order, tuple(lines), tuple(shares))


def _shares(
    shop: Shop, line: QuotedLine, line_id: UUID, thanks: Attribution | None
) -> list[ShareRow]:
    terms = AffiliateTerms(thanks.affiliate_id, thanks.rate_bp) if thanks else None
    split = split_line(
        costs=line.sourcing.costs,
        quantity=line.quantity,
        net_minor=line.total_minor,
        supplier_id=line.sourcing.supplier_id,
        supplier_commission_bp=line.sourcing.supplier_commission_bp,
        path=shop.path,
        affiliate=terms,
        dearest_channel_fee_bp=dearest_fee_bp(shop.payment_methods),
    )
    return [
        ShareRow(
            new_id(), line_id, share.party_kind, share.party_id, share.role, share.amount_minor, 0
        )
        for share in split
    ]


# Order, lines and shares in one round trip.
_WRITE = """
with the_order as (
    insert into orders (id, tenant_id, no, customer_id, guest_token_hash, path, currency,
                        total_minor, affiliate_id, contact, contact_key_id, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
), the_lines as (
    insert into order_lines (tenant_id, id, order_id, sku_id, supplier_listing_id, quantity,
                             unit_price_minor, net_minor, delivery_mode, key_ids)
    select $2, id, $1, sku_id, listing_id, quantity, unit_price, net, 'AUTO_KEY',
           ($20::uuid[])[first_key : first_key + quantity - 1]
    from unnest($14::uuid[], $15::uuid[], $16::uuid[], $17::int[], $18::bigint[], $19::bigint[],
                $21::int[])
         as line (id, sku_id, listing_id, quantity, unit_price, net, first_key)
)
insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                         amount_minor, currency)
select $2, id, $1, line_id, party_kind, party_id, role, amount, $7
from unnest($22::uuid[], $23::uuid[], $24::text[], $25::uuid[], $26::text[], $27::bigint[])
     as share (id, line_id, party_kind, party_id, role, amount)
"""


async def _write(placed: Placed, *, contact: str | None, affiliate_id: UUID | None) -> None:
    order, lines, shares = placed.order, placed.lines, placed.shares
    sealed = seal_contact(contact, bound_to=order.id) if contact else None
    values: list[Any] = [
        order.id,
        order.tenant_id,
        order.no,
        order.customer_id,
        order.guest_token_hash,
        list(order.path),
        order.currency,
        order.total_minor,
        affiliate_id,
        sealed.ciphertext if sealed else None,
        sealed.key_id if sealed else None,
        order.created_at,
        order.expires_at,
        [line.id for line in lines],
        [line.sku_id for line in lines],
        [line.supplier_listing_id for line in lines],
        [line.quantity for line in lines],
        [line.unit_price_minor for line in lines],
        [line.net_minor for line in lines],
        [key_id for line in lines for key_id in line.key_ids],
        _first_keys(lines),
        [share.id for share in shares],
        [share.line_id for share in shares],
        [str(share.party_kind) for share in shares],
        [share.party_id for share in shares],
        [str(share.role) for share in shares],
        [share.amount_minor for share in shares],
    ]
    await db.execute(_WRITE, *values)


def _first_keys(lines: Sequence[Line]) -> list[int]:
    """Where each line's keys begin in the flat array of all keys (SQL counts from 1)."""
    first, places = 1, []
    for line in lines:
        places.append(first)
        first += line.quantity
    return places


async def price_for_quick_buy(shop: Shop, wish: Wish, *, expected_total_minor: int) -> QuotedLine:
    """The one line of a quick buy; the buyer's `expectedTotal` is the acceptance.

    Raises `PriceChanged` with the new total when it differs.
    """
    (line,) = await quotes.price_wishes(shop, [wish])
    if line.total_minor != expected_total_minor:
        raise quotes.price_changed([line], field="expectedTotal")
    return line
