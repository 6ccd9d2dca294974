"""Prices that a buyer can accept."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.ids import public_id
from offers import quotes
from offers.quotes import Quote as SignedQuote
from offers.quotes import QuotedLine
from schema.context import Context, Info
from schema.delivery_modes import DeliveryMode
from schema.inputs import wish_of
from schema.money import Money, amount
from schema.points_types import QuotePoints, quote_points_type
from schema.problems import Problem, Refusals, problem


@strawberry.input
class QuoteLineInput:
    """What to price; `offerId` where the buyer chooses among sellers, `deliveryMode` where the SKU
    is delivered in several ways."""

    sku_id: strawberry.ID
    quantity: int
    offer_id: strawberry.ID | None = None
    delivery_mode: DeliveryMode | None = None


@strawberry.input
class QuoteInput:
    """1 to 20 lines, at most 5 coupons by their codes, and so many of the customer's points."""

    lines: list[QuoteLineInput]
    coupon_codes: list[str] | None = None
    redeem_points: int | None = None


@strawberry.type
class LineDiscount:
    """What one coupon takes off a line."""

    code: str
    name: str
    amount: Money


@strawberry.type
class QuoteLine:
    """One line with its price; the offer is chosen and stays. `redeemed` is what points pay, and
    `total` what is left to be paid."""

    sku_id: strawberry.ID
    offer_id: strawberry.ID
    quantity: int
    unit_price: Money
    discounts: list[LineDiscount] = strawberry.field(metadata={"assumed_size": 2})
    redeemed: Money
    total: Money
    delivery_mode: DeliveryMode
    manual_minutes: int | None = strawberry.field(
        description="Within how many minutes of the payment a person delivers, where one does."
    )


@strawberry.type
class RefusedCoupon:
    """A code that takes nothing off this order, and why."""

    code: str
    problem: Problem


@strawberry.type(description="A signed price. `id` is the acceptance that `orderCreate` takes.")
class Quote:
    """Good until `expiresAt`. Coupons that are not good for the order are in `refusedCoupons`."""

    id: strawberry.ID
    lines: list[QuoteLine]
    discount: Money
    total: Money
    refused_coupons: list[RefusedCoupon] = strawberry.field(metadata={"assumed_size": 2})
    points: QuotePoints | None
    expires_at: datetime


QuotePayload = Annotated[Quote | Problem, strawberry.union("QuotePayload")]


def _discounts(line: QuotedLine, currency: str) -> list[LineDiscount]:
    return [
        LineDiscount(
            code=coupon.code, name=coupon.name, amount=amount(discount.amount_minor, currency)
        )
        for coupon, discount in zip(line.coupons, line.discounts, strict=True)
    ]


def quote_type(quote: SignedQuote, context: Context) -> Quote:
    """Put a signed price into the schema's words."""
    return Quote(
        id=strawberry.ID(quote.id),
        lines=[
            QuoteLine(
                sku_id=strawberry.ID(public_id("sku", line.sku.id)),
                offer_id=strawberry.ID(public_id("ofr", line.offer.id)),
                quantity=line.quantity,
                unit_price=amount(line.offer.unit_price_minor, quote.currency),
                discounts=_discounts(line, quote.currency),
                redeemed=amount(line.redeemed_minor, quote.currency),
                total=amount(line.total_minor, quote.currency),
                delivery_mode=DeliveryMode(line.delivery_mode),
                manual_minutes=line.manual_minutes,
            )
            for line in quote.lines
        ],
        discount=amount(sum(line.discount_minor for line in quote.lines), quote.currency),
        total=amount(quote.total_minor, quote.currency),
        refused_coupons=[
            RefusedCoupon(code=code, problem=problem(refusal, context))
            for code, refusal in quote.refused
        ],
        points=quote_points_type(quote.points, context),
        expires_at=quote.expires_at,
    )


@strawberry.type
class QuoteQuery:
    """Prices before an order."""

    @strawberry.field(description="A signed price for these lines.", extensions=[Refusals()])
    async def quote(self, info: Info, input: QuoteInput) -> QuotePayload:
        """Price and sign."""
        context = info.context
        wishes = [
            wish_of(
                sku_id=line.sku_id,
                quantity=line.quantity,
                offer_id=line.offer_id,
                delivery_mode=line.delivery_mode,
            )
            for line in input.lines
        ]
        quote = await quotes.quote(
            context.shop,
            wishes,
            customer_id=context.customer_id,
            coupon_codes=input.coupon_codes or (),
            redeem_points=input.redeem_points or 0,
            ip=context.ip,
        )
        return quote_type(quote, context)
