"""The signed quote: what the buyer agreed to, handed out and taken back, stored nowhere.

A quote names SKUs, chosen offers, quantities and unit prices, and when it ends. At checkout the
prices are computed again; a quote is the buyer's acceptance, never a price from the client.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.settings import settings
from offers import delivery_modes, quote_tokens, shelf
from offers.quote_tokens import QuoteExpired as QuoteExpired
from offers.quoted_lines import QuotedLine as QuotedLine
from offers.quoted_lines import Wish as Wish
from offers.quoted_points import QuotedPoints, quote_points, with_points
from offers.shelf import ShelfSku
from promotions import coupons
from promotions.coupons import Holder
from promotions.discounts import DiscountableLine
from supply.stock_news import ANNOUNCED_BELOW_SPARE
from tenants.directory import Shop

MAX_LINES = 20
MAX_QUANTITY = 500


class PriceChanged(Refusal):
    """The price is no longer what the buyer agreed to; `details` has the new total."""

    code = "PRICE_CHANGED"


class NotEnough(Refusal):
    """No single offer has as many keys as the line asks for."""

    code = "OUT_OF_STOCK"


@dataclass(frozen=True, slots=True)
class Quote:
    """Lines, their total in minor units, and the signed token that stands for all of it."""

    id: str
    lines: tuple[QuotedLine, ...]
    total_minor: int
    currency: str
    expires_at: datetime
    refused: tuple[tuple[str, Refusal], ...] = ()
    """Codes that are not good for this order, each with the reason."""
    points: QuotedPoints | None = None
    """None where the buyer can have no points."""


async def quote(
    shop: Shop,
    wishes: Sequence[Wish],
    *,
    customer_id: UUID | None = None,
    coupon_codes: Sequence[str] = (),
    ip: str | None = None,
    redeem_points: int = 0,
) -> Quote:
    """Price these wishes now, for a customer or for a guest.

    In the shop's core transaction or in round trips of their own. A code that is not good for the
    order takes nothing off and stands in `refused`, and so with points. Raises `RateLimited` for an
    address (`ip`) from which too many codes were guessed.
    """
    lines = await price_wishes(shop, wishes, customer_id=customer_id)
    refused: tuple[tuple[str, Refusal], ...] = ()
    if coupon_codes:
        lines, refused = await _discounted(shop, lines, coupon_codes, Holder(customer_id, ip=ip))
    lines, points = await quote_points(shop, lines, wanted=redeem_points, customer_id=customer_id)
    return sign(shop, lines, refused=refused, points=points)


def sign(
    shop: Shop,
    lines: Sequence[QuotedLine],
    *,
    refused: Sequence[tuple[str, Refusal]] = (),
    points: QuotedPoints | None = None,
) -> Quote:
    """Sign lines at their prices. Raises `Invalid` for what one order cannot have."""
    _require_sensible([Wish(line.sku.id, line.quantity, line.offer.id) for line in lines])
    _require_once(lines)
    lasts = timedelta(seconds=settings().quote_seconds)
    expires_at = (lines[0].read_at + lasts).replace(microsecond=0)
    return Quote(
        id=_token(shop, lines, expires_at),
        lines=tuple(lines),
        total_minor=sum(line.total_minor for line in lines),
        currency=shop.currency,
        expires_at=expires_at,
        refused=tuple(refused),
        points=points,
    )


async def _discounted(
    shop: Shop, lines: Sequence[QuotedLine], codes: Sequence[str], holder: Holder
) -> tuple[tuple[QuotedLine, ...], tuple[tuple[str, Refusal], ...]]:
    """The lines with what the coupons take off them, and the codes that take nothing."""
    applied = await coupons.apply(shop, [_discountable(line) for line in lines], codes, holder)
    known = {coupon.id: coupon for coupon in applied.coupons}
    discounted = tuple(
        replace(
            line,
            discounts=discounts,
            coupons=tuple(known[discount.coupon_id] for discount in discounts),
        )
        for line, discounts in zip(lines, applied.by_line, strict=True)
    )
    return discounted, applied.refused


def _discountable(line: QuotedLine) -> DiscountableLine:
    row = next(row for row, _ in line.sku.behind if row["listing_id"] == line.offer.id)
    return DiscountableLine(
        sku_id=line.sku.id,
        category_path=tuple(row["category_path"]),
        supplier_id=row["supplier_id"],
        list_minor=line.list_minor,
        floor_minor=(line.sourcing.net_floor_minor or 0) * line.quantity,
    )


async def with_coupons(
    shop: Shop, lines: Sequence[QuotedLine], codes: Sequence[str], holder: Holder
) -> tuple[QuotedLine, ...]:
    """The lines with all of these coupons; raises the refusal of the first that is not good."""
    if not codes:
        return tuple(lines)
    discounted, refused = await _discounted(shop, lines, codes, holder)
    if refused:
        raise refused[0][1]
    return discounted


async def redeem(
    shop: Shop, quote_id: str, *, customer_id: UUID | None = None, contact: str | None = None
) -> tuple[QuotedLine, ...]:
    """The lines of a quote at today's prices for whoever redeems it, with its coupons and points;
    they must be the quoted ones. A guest's coupons are counted by the order's contact.

    Raises `QuoteExpired`, `PriceChanged`, or what `price_wishes`, `with_coupons` and `with_points`
    raise.
    """
    payload = quote_tokens.read(shop, quote_id)
    wishes = [Wish(UUID(sku), quantity, UUID(offer)) for sku, offer, quantity, _ in payload["l"]]
    try:
        lines = await price_wishes(shop, wishes, customer_id=customer_id)
    except Refusal:
        _require_current(payload, await _now(shop))
        raise
    _require_current(payload, lines[0].read_at)
    holder = Holder(customer_id, contact, is_ordering=True)
    lines = await with_coupons(shop, lines, payload.get("c", ()), holder)
    agreed = [unit_price_minor for *_, unit_price_minor in payload["l"]]
    rates = quote_tokens.written_rates([line.rate_id for line in lines])
    if (
        [line.offer.unit_price_minor for line in lines] != agreed
        or [line.discount_minor for line in lines] != payload.get("d", [0] * len(lines))
        # One rate prices a quote and its order: what the supplier is owed was agreed at it, too.
        or rates != payload.get("f", [None] * len(lines))
    ):
        raise price_changed(lines, field="quoteId")
    return await with_points(shop, lines, wanted=payload.get("p", 0), customer_id=customer_id)


def _require_current(payload: dict[str, Any], now: datetime) -> None:
    if now.timestamp() > payload["e"]:
        raise QuoteExpired("This quote has expired: ask for a new price.", field="quoteId")


async def _now(shop: Shop) -> datetime:
    (row,) = await db.read(db.core_scope(shop.id, path=shop.path), "select platform_now() as now")
    now: datetime = row["now"]
    return now


def price_changed(lines: Sequence[QuotedLine], *, field: str) -> PriceChanged:
    """The refusal that tells the new total, so that the buyer can agree to it."""
    total_minor = sum(line.total_minor for line in lines)
    return PriceChanged("The price has changed.", field=field, details={"totalMinor": total_minor})


async def price_wishes(
    shop: Shop, wishes: Sequence[Wish], *, customer_id: UUID | None = None
) -> tuple[QuotedLine, ...]:
    """Price wishes without signing anything; each line is one offer's, at its own quantity."""
    _require_sensible(wishes)
    skus = await _skus(shop, wishes, customer_id)
    lines = tuple(_line(skus.get((wish.sku_id, wish.quantity)), wish) for wish in wishes)
    _require_once(lines)
    return lines


async def price_each(
    shop: Shop, wishes: Sequence[Wish], *, customer_id: UUID | None = None
) -> tuple[QuotedLine | Refusal, ...]:
    """Price each wish by itself: its line, or why it cannot be ordered now."""
    if not wishes:
        return ()
    skus = await _skus(shop, wishes, customer_id)
    return tuple(_line_or_refusal(skus.get((wish.sku_id, wish.quantity)), wish) for wish in wishes)


async def _skus(
    shop: Shop, wishes: Sequence[Wish], customer_id: UUID | None
) -> dict[tuple[UUID, int], ShelfSku]:
    """What the shop sells of it, counted so far that an order knows whether what it leaves is
    scarce."""
    most = max(wish.quantity for wish in wishes)
    bound = settings().low_stock_bound + ANNOUNCED_BELOW_SPARE + most
    return await shelf.skus_by_id(
        shop,
        [(wish.sku_id, wish.quantity) for wish in wishes],
        stock_bound=bound,
        customer_id=customer_id,
    )


def _line_or_refusal(sku: ShelfSku | None, wish: Wish) -> QuotedLine | Refusal:
    try:
        return _line(sku, wish)
    except Refusal as refusal:
        return refusal


def _require_once(lines: Sequence[QuotedLine]) -> None:
    if len({line.offer.id for line in lines}) != len(lines):
        # Each of the two would count the offer's whole stock, and lock its keys in any order.
        raise Invalid("The same goods stand in two lines: add them up.", field="lines")


def _require_sensible(wishes: Sequence[Wish]) -> None:
    if not 1 <= len(wishes) <= MAX_LINES:
        raise Invalid(f"An order has 1 to {MAX_LINES} lines.", field="lines")
    for wish in wishes:
        if not 1 <= wish.quantity <= MAX_QUANTITY:
            raise Invalid(f"A line has 1 to {MAX_QUANTITY} pieces.", field="quantity")
    if sum(wish.quantity for wish in wishes) > MAX_QUANTITY:
        raise Invalid(f"An order has at most {MAX_QUANTITY} pieces.", field="quantity")


def _line(sku: ShelfSku | None, wish: Wish) -> QuotedLine:
    if sku is None:
        raise NotFound("This shop does not sell that.", field="skuId")
    chosen = delivery_modes.wanted(sku.row, wish.delivery_mode)
    if wish.quantity > sku.row["max_per_order"]:
        raise Invalid(f"At most {sku.row['max_per_order']} pieces an order.", field="quantity")
    offer = sku.offer_for(wish.quantity, wish.offer_id, by_hand=chosen)
    if offer is None and wish.offer_id is not None:
        raise NotFound("This offer has ended.", field="offerId")
    if offer is not None:
        delivery_modes.require_allowed(sku.row, by_hand=offer.by_hand, chosen=chosen)
    if offer is None or offer.stock < wish.quantity:
        available = sku.stock_for(chosen) if offer is None else offer.stock
        raise NotEnough(
            f"Only {available} left." if available else "Sold out.",
            field="quantity",
            details={"available": available},
        )
    return QuotedLine(sku, offer, wish.quantity)


def _token(shop: Shop, lines: Sequence[QuotedLine], expires_at: datetime) -> str:
    codes = dict.fromkeys(coupon.code for line in lines for coupon in line.coupons)
    return quote_tokens.write(
        shop,
        [
            (line.sku.id, line.offer.id, line.quantity, line.offer.unit_price_minor)
            for line in lines
        ],
        codes=list(codes),
        discounts_minor=[line.discount_minor for line in lines],
        points=sum(line.points.redeemed for line in lines if line.points is not None),
        expires_at=expires_at,
        rates=[line.rate_id for line in lines],
    )
