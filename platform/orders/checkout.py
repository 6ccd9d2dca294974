"""From a price to an order that holds its keys: the story of a sale.

One transaction: the price is computed again, the idempotency key claimed, the order written with
its frozen shares, and exactly its keys held; from a wallet it is paid and delivered as well. All
of it, or nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from affiliates.attribution import attribution
from kernel import db
from kernel.errors import Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from offers import quotes
from offers.quotes import QuotedLine, Wish
from orders import answers, idempotency, placing, settling
from orders.drafts import Buyer as Buyer
from orders.drafts import Draft, draft_order
from orders.placing import Placed
from orders.queries import OrderView
from orders.records import guest_token
from tenants.directory import Shop


@dataclass(frozen=True, slots=True)
class OrderMade:
    """The answer to `orderCreate`: the order's id, and the token that opens a guest's order.

    `view` is the order as it was just written; None for a request that was answered before.
    """

    order_id: UUID
    guest_token: str | None
    view: OrderView | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer wants, before anything is known of it. `price` runs inside the transaction."""

    shop: Shop
    buyer: Buyer
    request: idempotency.Request
    price: Callable[[], Awaitable[Sequence[QuotedLine]]]
    contact: str | None
    affiliate_code: str | None
    pay_from_wallet: bool = False


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
    return await make_order(
        Purchase(
            shop=shop,
            buyer=buyer,
            request=request,
            price=lambda: quotes.redeem(shop, quote_id),
            contact=contact,
            affiliate_code=affiliate_code,
        )
    )


async def make_order(purchase: Purchase) -> OrderMade:
    """Make the order with keys that are at hand, or else in turn with everybody who waits."""
    try:
        made = await _attempt(purchase, placing.place_at_once)
    except placing.Short:
        made = await _attempt(purchase, placing.place_in_turn)
    crash_point("checkout.committed")
    return made


async def _attempt(
    purchase: Purchase, place: Callable[[Draft], Awaitable[Placed | None]]
) -> OrderMade:
    shop, buyer = purchase.shop, purchase.buyer
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        try:
            lines = await purchase.price()
        except Refusal:
            # The first answer stands, whatever price and stock are by now.
            answered = await _answered_before(purchase)
            if answered is None:
                raise
            return answered
        crash_point("checkout.priced")
        placed = await place(await _draft(purchase, lines))
        if placed is None:
            first = await idempotency.first_result(purchase.request, kind="ORDER")
            return _made(buyer, first)
        crash_point("checkout.placed")
        if purchase.pay_from_wallet:
            await settling.settle_placed(placed)
            crash_point("checkout.paid")
        made = _made(buyer, placed.draft.id, answers.view_of(placed))
    return made


async def _answered_before(purchase: Purchase) -> OrderMade | None:
    """The answer to the same request; None, and the key claimed, when this is the first."""
    claim = await idempotency.claim(purchase.request, kind="ORDER", result_id=new_id())
    return None if claim.first else _made(purchase.buyer, claim.result_id)


async def _draft(purchase: Purchase, lines: Sequence[QuotedLine]) -> Draft:
    thanks = await attribution(purchase.affiliate_code, customer_id=purchase.buyer.customer_id)
    return draft_order(
        shop=purchase.shop,
        buyer=purchase.buyer,
        request=purchase.request,
        quoted=lines,
        thanks=thanks,
        contact=purchase.contact,
        pay_from_wallet=purchase.pay_from_wallet,
    )


def _made(buyer: Buyer, order_id: UUID, view: OrderView | None = None) -> OrderMade:
    token = guest_token(order_id) if buyer.customer_id is None else None
    return OrderMade(order_id, token, view)


async def price_for_quick_buy(
    shop: Shop, wish: Wish, *, expected_total_minor: int
) -> tuple[QuotedLine, ...]:
    """The one line of a quick buy; the buyer's `expectedTotal` is the acceptance.

    Raises `PriceChanged` with the new total when it differs.
    """
    (line,) = await quotes.price_wishes(shop, [wish])
    if line.total_minor != expected_total_minor:
        raise quotes.price_changed([line], field="expectedTotal")
    return (line,)
