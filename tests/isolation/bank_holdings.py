"""What lies at the desk of the platform's bank in the town: nobody's but the operators'."""

from dataclasses import dataclass

import asyncpg

from bank_desk import OPERATOR, Bank
from kernel.ids import public_id
from orders import topping_up
from orders.bank import giving_back
from sales import key
from tenants.directory import Shop
from world import Person


@dataclass(frozen=True)
class HeldBank:
    """A line to be matched with its payment, one to be returned, one that waits; a transfer back
    that is due, and a statement that was refused."""

    to_match: str
    payment_id: str
    to_return: str
    refund_id: str
    statement_id: str


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
    )
