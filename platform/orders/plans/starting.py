"""Starting to pay in parts, and paying the next one.

As with every payment, what is owed is written and committed before a channel is asked. A part from
the wallet is paid with the request. One part is paid by one method, and never with another credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from billing import accounts, ledger, payment_choices, payments
from billing.payment_choices import NOTHING, Choice
from billing.payment_methods import BANK_TRANSFER, METHODS, WALLET
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import channel_calls, idempotency, news, records, settlement, ways_to_pay
from orders.disputed import disputed
from orders.instalments import offering, rows
from orders.instalments.offering import InstalmentsNotOffered, PlanOffer
from orders.instalments.terms import Terms, terms_inside
from orders.paying import PaymentStarted
from orders.payment_entry import described
from orders.plan_payments import arriving
from orders.records import HoldExpired, Order, Viewer
from tenants.directory import Shop, current_shop

PAYMENTS_PER_PLAN: Final = 60


class PartChanged(InstalmentsNotOffered):
    """The part is not what the buyer has agreed to; `details` says what it comes to now."""

    code = "PRICE_CHANGED"


@dataclass(frozen=True, slots=True)
class PartWish:
    """How somebody wants to pay a part: which amount was agreed to, in minor units, and by what."""

    shop: Shop
    viewer: Viewer
    order_no: str
    amount_minor: int
    method: str
    return_url: str
    idempotency_key: str
    choice: Choice = NOTHING

    def request(self, what: str, **more: object) -> idempotency.Request:
        """The request as it will be recognised."""
        idempotency.require_key(self.idempotency_key, guest=False)
        if self.viewer.customer_id is None:
            raise Invalid("Only a signed-in customer pays in parts.", field="orderNo")
        content = {
            what: self.order_no,
            "amount": self.amount_minor,
            "method": self.method,
            **self.choice.content,
            **more,
        }
        actor = f"instalments:{self.viewer.customer_id}"
        return idempotency.Request(self.shop.id, actor, self.idempotency_key, content)

    def require_method(self) -> None:
        """Raise `Invalid` unless the shop takes the method, and it is neither credit nor slow."""
        if self.method not in self.shop.payment_methods:
            raise Invalid("This shop does not take that payment method.", field="method")
        ways_to_pay.require_taken(
            self.shop, self.method, channel_minor=self.amount_minor, choice=self.choice
        )
        if self.method == WALLET:
            return
        if self.method == BANK_TRANSFER or not METHODS[self.method].tops_up:
            raise Invalid("A part is not paid by this method.", field="method")


async def start_plan(wish: PartWish, *, parts: int) -> PaymentStarted:
    """Begin to pay an order in so many parts, with the first of them.

    Until it is paid the plan may be another one. Raises `InstalmentsNotOffered`, `PartChanged`,
    `HoldExpired`, `InsufficientBalance`, `Invalid`, `NotFound`, `PaymentRefused`.
    """
    request = wish.request("plan", parts=parts)
    async with db.transaction(db.core_scope(wish.shop.id, path=wish.shop.path)):
        order = await records.order_by_no(wish.order_no, wish.viewer, lock=True)
        claim = await idempotency.claim(request, kind="PAYMENT", result_id=new_id())
        given_up: list[Payment] = []
        if claim.first:
            wish.require_method()
            (await current_shop(wish.shop.id)).require_open()
            _require_payable(order)
            offer = await _offer(wish, order, parts)
            given_up = await _give_up(order)
            await _propose(order, offer, await _terms(wish.shop))
            payment = await _open(wish, order, claim.result_id, part=1)
        else:
            payment = await _known(claim.result_id)
    return await _asked(payment, wish, order, given_up)


async def pay_part(wish: PartWish, *, pays_off: bool) -> PaymentStarted:
    """Pay the next part of an open plan, or (`pays_off`) all that is owed of it.

    Raises `PartChanged`, `OrderDisputed`, `InsufficientBalance`, `Invalid`, `NotFound`,
    `PaymentRefused`.
    """
    request = wish.request("part of", all=pays_off)
    async with db.transaction(db.core_scope(wish.shop.id, path=wish.shop.path)):
        order = await records.order_by_no(wish.order_no, wish.viewer, lock=True)
        claim = await idempotency.claim(request, kind="PAYMENT", result_id=new_id())
        given_up: list[Payment] = []
        if claim.first:
            wish.require_method()
            plan = await rows.locked_plan(order.id)
            if plan is None or plan.state != "OPEN":
                raise Invalid("Nothing is to be paid in parts for this order.", field="orderNo")
            if await rows.is_disputed(order.id):
                raise disputed()
            next_part, amount_minor = await _next(order.id, pays_off=pays_off)
            _require_amount(wish, amount_minor)
            given_up = await _give_up(order)
            payment = await _open(wish, order, claim.result_id, part=next_part)
        else:
            payment = await _known(claim.result_id)
    return await _asked(payment, wish, order, given_up)


def _require_payable(order: Order) -> None:
    if order.payment_status in ("PAID", "CANCELED"):
        raise Invalid("This order is not waiting for a payment.", field="orderNo")
    if not order.payable:
        raise HoldExpired("The time to pay has run out: make a new order.", field="orderNo")


async def _terms(shop: Shop) -> Terms:
    terms = await terms_inside(shop.id)
    if terms is None or not terms.is_offered or shop.prepaid:
        raise InstalmentsNotOffered("This shop offers no payment in parts.", field="orderNo")
    return terms


async def _offer(wish: PartWish, order: Order, parts: int) -> PlanOffer:
    """The plan that is asked for, as the terms are now."""
    terms = await _terms(wish.shop)
    lines, shares = await records.lines_and_shares(order.id)
    if not offering.is_suited(order, lines, shares, terms):
        raise InstalmentsNotOffered("This order cannot be paid in parts.", field="orderNo")
    if order.total_minor < terms.least_minor:
        raise InstalmentsNotOffered(
            "This order is too small to be paid in parts.",
            field="orderNo",
            details={"least": terms.least_minor},
        )
    offer = offering.plan_offer(terms, total_minor=order.total_minor, parts=parts)
    if offer is None:
        raise InstalmentsNotOffered(
            f"This order is paid in 2 to {terms.most_parts} parts.",
            field="parts",
            details={"most": terms.most_parts},
        )
    _require_amount(wish, offer.amounts[0])
    await offering.require_place(order, terms)
    return offer


def _require_amount(wish: PartWish, amount_minor: int) -> None:
    if wish.amount_minor != amount_minor:
        raise PartChanged(
            "This part comes to another amount.", field="amount", details={"amount": amount_minor}
        )


async def _next(order_id: UUID, *, pays_off: bool) -> tuple[int | None, int]:
    """The part to be paid, or None for all, and what it comes to."""
    found = [part for part in await rows.parts_of(order_id) if part.is_open]
    if pays_off:
        return None, sum(part.left_minor for part in found)
    return found[0].part, found[0].left_minor


async def _give_up(order: Order) -> list[Payment]:
    """End what else was started for the order, and may still be paid: its money would go back."""
    made = await rows.payments_of(order.id)
    if len(made) >= PAYMENTS_PER_PLAN:
        raise Invalid("Too many payments were started for this order.", field="orderNo")
    given_up = [one for one in [*await payments.of_order(order.id), *made] if one.open]
    for payment in given_up:
        await payments.end(payment, status="SUPERSEDED")
    return [replace(payment, status="SUPERSEDED") for payment in given_up]


async def _propose(order: Order, offer: PlanOffer, terms: Terms) -> None:
    """Write the plan as it was agreed to, in the place of one that nobody has begun to pay."""
    await db.execute(
        """insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                                         buyer_fee_minor, shop_fee_bp, parts, interval_days,
                                         grace_days, release)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           on conflict (order_id, tenant_id) do update
           set buyer_fee_minor = excluded.buyer_fee_minor, shop_fee_bp = excluded.shop_fee_bp,
               parts = excluded.parts, interval_days = excluded.interval_days,
               grace_days = excluded.grace_days, release = excluded.release""",
        order.tenant_id,
        order.id,
        order.customer_id,
        order.currency,
        order.total_minor,
        offer.buyer_fee_minor,
        offering.shop_fee_bp(terms),
        offer.parts,
        terms.interval_days,
        terms.grace_days,
        terms.release,
    )
    await db.execute("delete from instalments where order_id = $1", order.id)
    await db.execute(
        """insert into instalments (tenant_id, order_id, part, amount_minor)
           select $1, $2, part, minor
           from unnest($3::bigint[]) with ordinality as given (minor, part)""",
        order.tenant_id,
        order.id,
        list(offer.amounts),
    )


async def _open(wish: PartWish, order: Order, payment_id: UUID, *, part: int | None) -> Payment:
    """Write the payment of a part; one from the wallet has paid it with that."""
    from_wallet = wish.method == WALLET
    payment = payments.draft(
        payment_id=payment_id,
        tenant_id=wish.shop.id,
        purpose="INSTALMENT",
        order_id=None,
        customer_id=order.customer_id,
        method=wish.method,
        currency=order.currency,
        channel_minor=0 if from_wallet else wish.amount_minor,
        wallet_minor=wish.amount_minor if from_wallet else 0,
        description=described(wish.shop, order.no),
        return_url=wish.return_url,
    )
    await payments.open_payment(payment)
    await payment_choices.write(wish.choice, payment=payment)
    await db.execute(
        """insert into instalment_payments (payment_id, tenant_id, order_id, part)
           values ($1, $2, $3, $4)""",
        payment.id,
        order.tenant_id,
        order.id,
        part,
    )
    if from_wallet:
        assert order.customer_id is not None
        wallet = accounts.wallet(order.customer_id, order.currency)
        await ledger.require(wallet, wish.amount_minor, field="method")
        if await arriving.settle(payment, order) is not None:
            raise HoldExpired("These goods are not held any more.", field="orderNo")
    crash_point("instalments.opened")
    return payment


async def _known(payment_id: UUID) -> Payment:
    known = await payments.by_id(payment_id)
    assert known is not None
    return known


async def _asked(
    payment: Payment, wish: PartWish, order: Order, given_up: Sequence[Payment]
) -> PaymentStarted:
    """Where the buyer goes on, once all is committed."""
    await channel_calls.cancel_all(given_up)
    if payment.method == WALLET:
        await news.order_changed(order.tenant_id, order.id)
    if not payment.open:
        return PaymentStarted(payment.id, payment.status, order_no=wish.order_no)
    started = await channel_calls.ask(payment, wish.choice)
    if started.report is not None:
        await settlement.hear(started.report)
    return PaymentStarted(
        payment.id,
        "PENDING",
        started.action_url,
        started.client_secret,
        wish.order_no,
    )
