"""Prices that a buyer can accept."""

from datetime import datetime
from typing import Annotated

import strawberry

from kernel.ids import public_id
from offers import quotes
from offers.quotes import Quote as SignedQuote
from schema.context import Info
from schema.inputs import wish_of
from schema.money import Money, amount
from schema.problems import Problem, Refusals


@strawberry.input
class QuoteLineInput:
    """What to price; `offerId` where the buyer chooses among sellers."""

    sku_id: strawberry.ID
    quantity: int
    offer_id: strawberry.ID | None = None


@strawberry.input
class QuoteInput:
    """1 to 20 lines."""

    lines: list[QuoteLineInput]


@strawberry.type
class QuoteLine:
    """One line with its price; the offer is chosen and stays."""

    sku_id: strawberry.ID
    offer_id: strawberry.ID
    quantity: int
    unit_price: Money
    total: Money


@strawberry.type(description="A signed price. `id` is the acceptance that `orderCreate` takes.")
class Quote:
    """Good until `expiresAt`."""

    id: strawberry.ID
    lines: list[QuoteLine]
    total: Money
    expires_at: datetime


QuotePayload = Annotated[Quote | Problem, strawberry.union("QuotePayload")]


def quote_type(quote: SignedQuote) -> Quote:
    """Put a signed price into the schema's words."""
    return Quote(
        id=strawberry.ID(quote.id),
        lines=[
            QuoteLine(
                sku_id=strawberry.ID(public_id("sku", line.sku.id)),
                offer_id=strawberry.ID(public_id("ofr", line.offer.id)),
                quantity=line.quantity,
                unit_price=amount(line.offer.unit_price_minor, quote.currency),
                total=amount(line.total_minor, quote.currency),
            )
            for line in quote.lines
        ],
        total=amount(quote.total_minor, quote.currency),
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
            wish_of(sku_id=line.sku_id, quantity=line.quantity, offer_id=line.offer_id)
            for line in input.lines
        ]
        return quote_type(await quotes.quote(context.shop, wishes))
