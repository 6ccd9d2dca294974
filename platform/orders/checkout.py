"""From a price to an order that holds its keys: the story of a sale.

The price is computed again; then, all of it or nothing, the idempotency key is claimed, the order
written with its frozen shares, and exactly its keys held; from a wallet it is paid and delivered
as well.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from affiliates.attribution import Brought, attribution
from kernel import db
from kernel.errors import Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from offers import quotes
from offers.form_values import Answer, Values, answers_of_lines
from offers.quoted_points import with_points
from offers.quotes import QuotedLine, Wish
from orders import answers, idempotency, placing, settling
from orders.drafts import Buyer as Buyer
from orders.drafts import Draft, draft_order
from orders.queries import OrderView
from orders.records import guest_token
from promotions.coupons import Holder
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
    """What a buyer wants, before anything is known of it. `price` runs in a transaction or none."""

    shop: Shop
    buyer: Buyer
    request: idempotency.Request
    price: Callable[[], Awaitable[Sequence[QuotedLine]]]
    contact: str | None
    affiliate_code: str | None
    click: str | None = None
    """What the buyer's browser kept of an affiliate's link."""
    pay_from_wallet: bool = False
    client_reference: str | None = None
    said: Mapping[UUID, Values] = field(default_factory=dict)
    """By the SKU, what the buyer says for it."""
    partial: bool = False
    """The order may have fewer goods than were wished for: what was said for those is left out."""

    @property
    def scope(self) -> db.Scope:
        """What the purchase may see and write."""
        return db.core_scope(self.shop.id, path=self.shop.path)


async def create_order(
    *,
    shop: Shop,
    buyer: Buyer,
    quote_id: str,
    contact: str | None,
    affiliate_code: str | None,
    idempotency_key: str,
    said: Mapping[UUID, Values] | None = None,
    click: str | None = None,
) -> OrderMade:
    """Make an order out of a quote and hold its keys until `payment_hold_seconds` from now.

    Raises `QuoteExpired`, `PriceChanged`, `OutOfStock`, `TenantRestricted`, `IdempotencyConflict`
    and `Invalid`; then nothing is written. A repeated key answers with the first order.
    """
    idempotency.require_key(idempotency_key, guest=buyer.customer_id is None)
    content = {"quote": quote_id, "contact": contact, "affiliate": affiliate_code}
    request = idempotency.Request(
        shop.id, buyer.actor, idempotency_key, content | idempotency.of_form(said)
    )
    return await make_order(
        Purchase(
            shop=shop,
            buyer=buyer,
            request=request,
            price=lambda: quotes.redeem(
                shop, quote_id, customer_id=buyer.customer_id, contact=contact
            ),
            contact=contact,
            affiliate_code=affiliate_code,
            click=click,
            said=said or {},
        )
    )


async def make_order(purchase: Purchase) -> OrderMade:
    """Make the order with keys that are at hand, or else in turn with everybody who waits."""
    try:
        made = await _at_once(purchase)
    except placing.Short:
        made = await _in_turn(purchase)
    crash_point("checkout.committed")
    return made


async def _at_once(purchase: Purchase) -> OrderMade:
    """The price, and then the order: each is a transaction of its own, in one statement."""
    try:
        lines, said = await _priced(purchase)
    except Refusal as refusal:
        async with db.transaction(purchase.scope):
            return await _answered_before(purchase, or_else=refusal)
    crash_point("checkout.priced")
    placed = await placing.place_at_once(await _draft(purchase, lines, said))
    if placed is not None:
        return _made(purchase.buyer, placed.draft.id, answers.view_of(placed))
    async with db.transaction(purchase.scope, read_only=True):
        return await _first(purchase)


async def _in_turn(purchase: Purchase) -> OrderMade:
    """One transaction, which may wait for keys that others have locked."""
    async with db.transaction(purchase.scope):
        try:
            lines, said = await _priced(purchase)
        except Refusal as refusal:
            return await _answered_before(purchase, or_else=refusal)
        placed = await placing.place_in_turn(await _draft(purchase, lines, said))
        if placed is None:
            return await _first(purchase)
        crash_point("checkout.placed")
        if purchase.pay_from_wallet:
            await settling.settle_placed(placed)
            crash_point("checkout.paid")
        made = _made(purchase.buyer, placed.draft.id, answers.view_of(placed))
    return made


async def _answered_before(purchase: Purchase, *, or_else: Refusal) -> OrderMade:
    """The answer to the same request, whatever price and stock are by now.

    Raises the refusal where this is the first such request; the claim goes with the transaction.
    """
    claim = await idempotency.claim(purchase.request, kind="ORDER", result_id=new_id())
    if claim.first:
        raise or_else
    return _made(purchase.buyer, claim.result_id)


async def _first(purchase: Purchase) -> OrderMade:
    """The answer to the same request, which somebody has claimed."""
    first = await idempotency.first_result(purchase.request, kind="ORDER")
    return _made(purchase.buyer, first)


_Answers = Mapping[UUID, Sequence[Answer]]


async def _priced(purchase: Purchase) -> tuple[Sequence[QuotedLine], _Answers]:
    """The lines at today's prices, and what the buyer says for them, held against their forms."""
    lines, said = await purchase.price(), purchase.said
    if purchase.partial:
        there = {line.sku.id for line in lines}
        said = {sku_id: values for sku_id, values in said.items() if sku_id in there}
    return lines, answers_of_lines(lines, said)


async def _draft(purchase: Purchase, lines: Sequence[QuotedLine], said: _Answers) -> Draft:
    verdict = await attribution(
        Brought(purchase.affiliate_code, purchase.click),
        customer_id=purchase.buyer.customer_id,
        sku_ids=[line.sku.id for line in lines],
        scope=purchase.scope,
    )
    return draft_order(
        shop=purchase.shop,
        buyer=purchase.buyer,
        request=purchase.request,
        quoted=lines,
        verdict=verdict,
        contact=purchase.contact,
        pay_from_wallet=purchase.pay_from_wallet,
        client_reference=purchase.client_reference,
        answers=said,
    )


def _made(buyer: Buyer, order_id: UUID, view: OrderView | None = None) -> OrderMade:
    token = guest_token(order_id) if buyer.is_guest else None
    return OrderMade(order_id, token, view)


async def price_for_quick_buy(
    shop: Shop,
    wish: Wish,
    *,
    expected_total_minor: int,
    coupon_codes: Sequence[str] = (),
    redeem_points: int = 0,
    holder: Holder,
) -> tuple[QuotedLine, ...]:
    """The one line of a quick buy; the buyer's `expectedTotal` is the acceptance.

    Raises `PriceChanged` with the new total when it differs, and what `with_coupons` and
    `with_points` raise.
    """
    priced = await quotes.price_wishes(shop, [wish], customer_id=holder.customer_id)
    discounted = await quotes.with_coupons(shop, priced, coupon_codes, holder)
    (line,) = await with_points(
        shop, discounted, wanted=redeem_points, customer_id=holder.customer_id
    )
    if line.total_minor != expected_total_minor:
        raise quotes.price_changed([line], field="expectedTotal")
    return (line,)
