"""Starting a payment, buying in one step, asking the channel.

What is owed is written and committed before a channel is asked, and no lock is held while it
answers; the payment's id is the idempotency key, so the question can be asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing import accounts, ledger, payment_choices, payments
from billing.payment_choices import NOTHING, Choice
from billing.payment_methods import BANK_TRANSFER, WALLET
from billing.payment_methods.base import Transfer
from billing.payments import Payment
from billing.saved_cards import cards
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from offers.quotes import QuotedLine, Wish
from orders import (
    channel_calls,
    checkout,
    idempotency,
    longer_holds,
    news,
    payment_entry,
    records,
    settlement,
    settling,
    ways_to_pay,
)
from orders.checkout import OrderMade, Purchase
from orders.drafts import Buyer
from orders.instalments import rows as instalment_rows
from orders.payment_entry import Entered, PaymentWish, described
from orders.records import HoldExpired, Order, Viewer
from promotions.coupons import Holder
from tenants.directory import Shop

PAYMENTS_PER_ORDER = 10
LOOKED_AT_ON_RETURN = 3


@dataclass(frozen=True, slots=True)
class PaymentStarted:
    """Where the buyer goes on; nothing to do when the wallet has paid it all."""

    payment_id: UUID
    status: str
    action_url: str | None = None
    client_secret: str | None = None
    order_no: str | None = None
    transfer: Transfer | None = None


async def start_payment(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    method: str,
    wallet_minor: int,
    return_url: str,
    idempotency_key: str,
    choice: Choice = NOTHING,
) -> PaymentStarted:
    """Start paying an order: a part from the wallet, the rest through a channel.

    An open payment of the same order is superseded. Raises `HoldExpired`, `InsufficientBalance`,
    `Invalid`, `NotFound`; `PaymentRefused` when the channel says no or nothing.
    """
    idempotency.require_key(idempotency_key, guest=viewer.customer_id is None)
    ways_to_pay.require_signed_in(viewer.customer_id, choice)
    actor = f"pay:{viewer.customer_id or order_no}"
    content = {"order": order_no, "method": method, "wallet": wallet_minor, **choice.content}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    wish = PaymentWish(shop, viewer, order_no, request, method, wallet_minor, return_url, choice)
    superseded: list[Payment] = []
    payment = await payment_entry.open_at_once(wish)
    if payment is None:
        payment, superseded = await _opened_in_turn(wish)
    crash_point("payment.committed")
    await channel_calls.cancel_all(superseded)
    return await _asked(payment, order_no, choice)


async def _opened_in_turn(wish: PaymentWish) -> tuple[Payment, list[Payment]]:
    """The payment, and those that it has superseded."""
    superseded: list[Payment] = []
    async with db.transaction(wish.scope):
        order = await records.order_by_no(wish.order_no, wish.viewer, lock=True)
        entered = await payment_entry.enter(wish, order)
        if entered.is_first:
            entered.require_open()
            superseded = await _supersede(order, entered)
            payment = _drafted(wish, order, entered.payment_id)
            await _require_card(payment, wish.choice)
            if payment.method == BANK_TRANSFER:
                await longer_holds.hold_for_transfer(order)
            crash_point("payment.entered")
            await _open(order, payment)
            await payment_choices.write(wish.choice, payment=payment)
        else:
            payment = await _first_payment(wish.request)
        crash_point("payment.opened")
    return payment, superseded


async def _asked(payment: Payment, order_no: str, choice: Choice) -> PaymentStarted:
    if payment.method == WALLET:
        assert payment.order_id is not None
        await news.order_changed(payment.tenant_id, payment.order_id)
        return PaymentStarted(payment.id, "SUCCEEDED", order_no=order_no)
    if not payment.open:
        return PaymentStarted(payment.id, payment.status, order_no=order_no)
    started = await channel_calls.ask(payment, choice)
    status = "PENDING"
    if started.report is not None:
        # A kept card that nobody asks about has paid: its order is delivered with this request.
        # The channel's own event may have been first: what counts is what the payment is by now.
        await settlement.hear(started.report)
        known, _ = await payments.find_by_report(started.report)
        status = known.status if known is not None else status
    return PaymentStarted(
        payment.id,
        status,
        started.action_url,
        started.client_secret,
        order_no,
        started.transfer,
    )


async def _require_card(payment: Payment, choice: Choice) -> None:
    """Raise `NotFound` unless the card that is to pay is the customer's own."""
    if choice.saved_card_id is not None:
        assert payment.customer_id is not None
        await cards.require(
            tenant_id=payment.tenant_id,
            customer_id=payment.customer_id,
            card_id=choice.saved_card_id,
        )


async def _first_payment(request: idempotency.Request) -> Payment:
    known = await payments.by_id(await idempotency.first_result(request, kind="PAYMENT"))
    assert known is not None
    return known


async def _supersede(order: Order, entered: Entered) -> list[Payment]:
    """Check that the order can be paid, and end the payment that was open, if any."""
    if order.payment_status in ("PAID", "CANCELED"):
        raise Invalid("This order is not waiting for a payment.", field="orderNo")
    if not order.payable:
        raise HoldExpired("The time to pay has run out: make a new order.", field="orderNo")
    if len(entered.payments) >= PAYMENTS_PER_ORDER:
        raise Invalid("Too many payments were started: make a new order.", field="orderNo")
    open_ones = [one for one in (*entered.payments, *entered.parts) if one.open]
    for payment in open_ones:
        await payments.end(payment, status="SUPERSEDED")
    return open_ones


def _drafted(wish: PaymentWish, order: Order, payment_id: UUID) -> Payment:
    """The payment as it will be written, if it is one that can be."""
    shop, method = wish.shop, wish.method
    wallet_minor = order.total_minor if method == WALLET else wish.wallet_minor
    channel_minor = order.total_minor - wallet_minor
    if method not in shop.payment_methods:
        raise Invalid("This shop does not take that payment method.", field="method")
    if method == BANK_TRANSFER and order.customer_id is None:
        # Holds are long, and only a customer's unpaid orders are bounded.
        raise Invalid("Only a signed-in customer pays by bank transfer.", field="method")
    if wallet_minor and order.customer_id is None:
        raise Invalid("Only a signed-in customer has a wallet.", field="walletAmount")
    if not 0 <= wallet_minor <= order.total_minor or (method != WALLET and channel_minor == 0):
        raise Invalid("The wallet's part is between nothing and the total.", field="walletAmount")
    ways_to_pay.require_taken(shop, method, channel_minor=channel_minor, choice=wish.choice)
    return payments.draft(
        payment_id=payment_id,
        tenant_id=shop.id,
        purpose="ORDER",
        order_id=order.id,
        customer_id=order.customer_id,
        method=method,
        currency=order.currency,
        channel_minor=channel_minor,
        wallet_minor=wallet_minor,
        description=described(shop, order.no),
        return_url=wish.return_url,
    )


async def _open(order: Order, payment: Payment) -> None:
    """Write the payment; one that the wallet covers is settled by the same statement."""
    if payment.method != WALLET:
        await payments.open_payment(payment)
        return
    lines, shares = await records.lines_and_shares(order.id)
    sale = settling.sale_of(order, lines, shares, payment)
    try:
        await settling.settle_from_wallet(sale, lines)
    except settling.HoldLost:
        lines = await settlement.held_anew(order, lines)
        sale = settling.sale_of(order, lines, shares, payment)
        await settling.settle_from_wallet(sale, lines)


async def quick_buy(
    *,
    shop: Shop,
    buyer: Buyer,
    wish: Wish,
    expected_total_minor: int,
    contact: str | None,
    affiliate_code: str | None,
    method: str | None,
    idempotency_key: str,
    coupon_codes: Sequence[str] = (),
    redeem_points: int = 0,
    said: Mapping[str, str] | None = None,
    click: str | None = None,
    ip: str | None = None,
) -> OrderMade:
    """Make an order without a cart or a quote. With the wallet as method it is paid and
    delivered in the same transaction; otherwise the order waits for `start_payment`.

    Raises `PriceChanged` unless the total is the expected one, what `create_order` raises, and
    `RateLimited` for an address (`ip`) from which too many codes were guessed.
    """
    idempotency.require_key(idempotency_key, guest=buyer.customer_id is None)
    if method == WALLET and buyer.customer_id is None:
        raise Invalid("Only a signed-in customer has a wallet.", field="method")
    content = {
        "sku": wish.sku_id,
        "offer": wish.offer_id,
        "quantity": wish.quantity,
        "total": expected_total_minor,
        "contact": contact,
        "affiliate": affiliate_code,
        "method": method,
        **({"coupons": list(coupon_codes)} if coupon_codes else {}),
        **({"mode": wish.delivery_mode} if wish.delivery_mode else {}),
        **({"points": redeem_points} if redeem_points else {}),
    }
    forms = {wish.sku_id: said} if said else {}

    async def price() -> Sequence[QuotedLine]:
        if method == WALLET and WALLET not in shop.payment_methods:
            raise Invalid("This shop does not take that payment method.", field="method")
        return await checkout.price_for_quick_buy(
            shop,
            wish,
            expected_total_minor=expected_total_minor,
            coupon_codes=coupon_codes,
            redeem_points=redeem_points,
            holder=Holder(buyer.customer_id, contact, is_ordering=True, ip=ip),
        )

    return await checkout.make_order(
        Purchase(
            shop=shop,
            buyer=buyer,
            request=idempotency.Request(
                shop.id, buyer.actor, idempotency_key, content | idempotency.of_form(forms)
            ),
            price=price,
            contact=contact,
            affiliate_code=affiliate_code,
            click=click,
            pay_from_wallet=method == WALLET,
            said=forms,
        )
    )


async def refresh_payment(*, shop: Shop, viewer: Viewer, order_no: str) -> UUID:
    """Ask the channel now what it knows of the order's payments: the buyer's return to the shop.

    A channel that does not answer changes nothing; the poller asks again. Returns the order's id.
    """
    async with db.transaction(db.core_scope(shop.id), read_only=True):
        order = await records.order_by_no(order_no, viewer)
        known = await payments.of_order_unlocked(order.id)
        known = await instalment_rows.newest_payments(order.id, LOOKED_AT_ON_RETURN) + known
    for payment in known[: 2 * LOOKED_AT_ON_RETURN]:
        if payment.status not in ("SUCCEEDED", "UNAPPLIED"):
            await channel_calls.look(payment)
    return order.id


async def wallet_balance(shop: Shop, customer_id: UUID) -> int:
    """A customer's free balance in minor units; inside a core transaction."""
    return await ledger.balance(accounts.wallet(customer_id, shop.currency))
