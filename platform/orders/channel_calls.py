"""Talking to a channel: always after a commit, with no lock held, and with the same words again.

The payment's id is the idempotency key and its row holds what was asked, so a question whose
answer was lost is asked again exactly; a word that is lost altogether does no harm, because the
poller comes back to it.
"""

import asyncio
from collections.abc import Iterable

from billing import payment_choices, payments
from billing.payment_choices import Choice
from billing.payment_methods import METHODS
from billing.payment_methods.base import (
    Ask,
    ChannelDeclined,
    ChannelRefused,
    ChannelUnavailable,
    Started,
)
from billing.payments import Payment
from kernel import db
from kernel.errors import Refusal
from kernel.faults import crash_point
from kernel.log import get_logger
from orders import settlement

log = get_logger(__name__)
CANCEL_AT_ONCE = 8


class PaymentRefused(Refusal):
    """The channel would not take the payment, or did not answer; another method may do."""

    code = "VALIDATION"


class CardDeclined(PaymentRefused):
    """The buyer's bank said no."""

    code = "PAYMENT_DECLINED"


async def ask(payment: Payment, choice: Choice | None = None) -> Started:
    """Ask the payment's channel and note its id; what was chosen is looked up unless given.

    Raises `PaymentRefused`, and of these `CardDeclined` where the bank has said no.
    """
    if choice is None:
        choice = await payment_choices.of_payment(payment.id, tenant_id=payment.tenant_id)
    method = METHODS[payment.method]
    try:
        question = await _question(payment, choice)
        if payment.provider_ref is not None:
            # Never a second intent: the channel forgets idempotency keys after a day.
            return await method.resume(question, payment.provider_ref)
        started = await method.start(question)
    except ChannelUnavailable:
        # The channel may have it all the same: the poller asks again, with the same key.
        raise PaymentRefused(
            "The payment channel does not answer: try again, or choose another method.",
            field="method",
        ) from None
    except ChannelDeclined:
        await _fail(payment)
        raise CardDeclined(
            "The bank declined this card: choose another one, or another method.",
            field="savedCardId" if choice.saved_card_id else "method",
        ) from None
    except ChannelRefused:
        await _fail(payment)
        raise PaymentRefused(
            "The payment channel refused: choose another method.", field="method"
        ) from None
    crash_point("payment.asked")
    now = await payments.asked_alone(payment, provider_ref=started.provider_ref)
    crash_point("payment.noted")
    if now.status in ("CANCELED", "EXPIRED", "SUPERSEDED"):
        # It was given up while the channel was being asked: nobody may pay it any more.
        await cancel_all([now])
        raise PaymentRefused("This payment was given up meanwhile.", field="orderNo")
    return started


async def _question(payment: Payment, choice: Choice) -> Ask:
    card = None
    if payment.provider_ref is None:
        card = await payment_choices.card_wish(choice, payment=payment)
    return Ask(
        payment_id=payment.id,
        amount_minor=payment.channel_minor,
        currency=payment.currency,
        description=payment.description[:200],
        return_url=payment.return_url,
        mode=choice.mode_of(payment.method),
        card=card,
    )


async def _fail(payment: Payment) -> None:
    """End a payment that the channel refused, unless something else has ended it meanwhile."""
    async with db.transaction(db.core_scope(payment.tenant_id)):
        now = await payments.locked(payment.id)
        if now.open:
            await payments.end(now, status="FAILED")


async def look(payment: Payment) -> None:
    """Ask the channel about one payment and apply what it says; silence changes nothing."""
    if payment.method not in METHODS:
        return
    try:
        if payment.provider_ref is not None:
            report = await METHODS[payment.method].look(payment.provider_ref)
        elif payment.open:
            started = await ask(payment)
            report = await METHODS[payment.method].look(started.provider_ref)
        else:
            return  # ended before the channel was asked: nobody can pay it
    except (ChannelUnavailable, ChannelRefused, PaymentRefused):
        return
    await settlement.hear(report)


async def cancel_all(ended: Iterable[Payment]) -> None:
    """Tell the channels that these payments are no longer wanted.

    Their money may come all the same: then it is refunded by itself.
    """
    places = asyncio.Semaphore(CANCEL_AT_ONCE)

    async def cancel(payment: Payment) -> None:
        if payment.provider_ref is None or payment.method not in METHODS:
            return
        async with places:
            try:
                await METHODS[payment.method].cancel(payment.provider_ref)
            except ChannelUnavailable:
                log.warning("channel_cancel_failed", payment=str(payment.id))

    await asyncio.gather(*(cancel(payment) for payment in ended))
