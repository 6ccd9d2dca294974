"""What lies at the desk of the platform's bank in the town: nobody's but the operators'."""

from dataclasses import dataclass

import asyncpg

from bank_desk import OPERATOR, Bank
from billing import payments
from billing.payment_methods.base import ChannelReport
from kernel import db
from kernel.ids import new_id, public_id
from orders import settlement, topping_up
from orders.bank import giving_back
from sales import key
from tenants.directory import Shop
from world import Person


@dataclass(frozen=True)
class HeldBank:
    """A line to be matched with its payment, one to be returned, one that waits; a transfer back
    that is due, a statement that was refused, and a refund that a channel has refused."""

    to_match: str
    payment_id: str
    to_return: str
    refund_id: str
    statement_id: str
    refused_id: str


async def trade_by_bank(owner: asyncpg.Connection, shop: Shop, buyer: Person) -> HeldBank:
    """Let transfers come that name nothing, and a customer wait for one."""
    started = await topping_up.top_up(
        shop=shop,
        customer_id=buyer.id,
        amount_minor=4_900,
        method="BANK_TRANSFER",
        return_url="",
        idempotency_key=key(),
    )
    bank = Bank(owner)
    amounts = ("49.00", "3.00", "4.00", "5.00")
    ids = [bank.comes(amount, "bankcanary") for amount in amounts]
    await bank.sent()
    await giving_back.return_line(line_id=await bank.line_id(ids[2]), actor=OPERATOR)
    (refund_id,) = await bank.owed()
    bank.lines = ["no statement"]
    refused = await bank.imported()
    return HeldBank(
        to_match=public_id("bkl", await bank.line_id(ids[0])),
        payment_id=public_id("pay", started.payment_id),
        to_return=public_id("bkl", await bank.line_id(ids[1])),
        refund_id=public_id("ref", refund_id),
        statement_id=public_id("bks", refused.id),
        refused_id=await _plant_refused_refund(owner, shop, buyer),
    )


async def _plant_refused_refund(owner: asyncpg.Connection, shop: Shop, buyer: Person) -> str:
    """Too much has come for a top-up, and the channel does not give it back."""
    payment = payments.draft(
        payment_id=new_id(),
        tenant_id=shop.id,
        purpose="TOP_UP",
        order_id=None,
        customer_id=buyer.id,
        method="CARD",
        currency="CNY",
        channel_minor=600,
        wallet_minor=0,
    )
    async with db.transaction(db.core_scope(shop.id)):
        await payments.open_payment(payment)
    report = ChannelReport(
        provider="stripe",
        event_id=f"evt_{payment.id.hex}",
        kind="payment_intent.succeeded",
        state="SUCCEEDED",
        provider_ref=f"pi_{payment.id.hex}",
        payment_id=payment.id,
        amount_minor=700,
        currency="CNY",
    )
    assert (await settlement.hear(report)).effect == "REFUNDING"
    refund_id = await owner.fetchval(
        """update refunds set status = 'FAILED', next_attempt_at = null
           where payment_id = $1 returning id""",
        payment.id,
    )
    return public_id("ref", refund_id)
