"""Two hundred operators and one line of the bank: it pays once."""

from uuid import UUID

import asyncpg
import pytest

from bank_desk import OPERATOR, Bank, platform_has_an_account
from entrypoints.verify import verify
from kernel.settings import Settings
from orders import topping_up
from orders.bank import giving_back, matching
from races.crowd import all_at_once
from sales import key
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

CALLERS = 200


async def two_payments_and_one_line(world: World, shop: Shop) -> tuple[list[UUID], UUID]:
    """Two top-ups of 50.00 that wait, and a transfer of 50.00 that names neither."""
    payments = []
    for _ in range(2):
        buyer = await world.customer()
        started = await topping_up.top_up(
            shop=shop,
            customer_id=buyer.id,
            amount_minor=5_000,
            method="BANK_TRANSFER",
            return_url="",
            idempotency_key=key(),
        )
        payments.append(started.payment_id)
    bank = Bank(world.owner)
    bank_id = bank.comes("50.00")
    await bank.sent()
    return payments, await bank.line_id(bank_id)


async def in_wallets(owner: asyncpg.Connection) -> int:
    held: int = await owner.fetchval(
        """select coalesce(-sum(entry.amount_minor), 0)::bigint from ledger_entries entry
           join ledger_accounts account on account.id = entry.account_id
           where account.code = 'L:WALLET'"""
    )
    return held


async def test_a_line_pays_once_whoever_matches_credits_or_returns_it(
    shop: Shop, world: World, database: Settings
) -> None:
    with platform_has_an_account():
        payments, line_id = await two_payments_and_one_line(world, shop)
        outcome = await all_at_once(
            [
                *(
                    decide(line_id=line_id, payment_id=payments[number % 2], actor=OPERATOR)
                    for number in range(CALLERS // 2)
                    for decide in (matching.match_line, matching.credit_wallet)
                ),
                *(giving_back.return_line(line_id=line_id, actor=OPERATOR) for _ in range(20)),
            ]
        )

    assert outcome.errors == []
    assert set(outcome.refused) <= {"BANK_LINE_USED", "VALIDATION"}
    assert await in_wallets(world.owner) in (0, 5_000)
    assert await verify(database.database_url) == []


async def test_the_check_notices_lines_that_are_used_by_a_flag(
    shop: Shop, world: World, database: Settings
) -> None:
    """The tempting mistake: look whether the line waits, report it, then say that it is used."""
    with platform_has_an_account():
        payments, line_id = await two_payments_and_one_line(world, shop)
        await world.owner.execute("alter table payment_events disable trigger use_bank_line")
        await all_at_once(
            matching.match_line(line_id=line_id, payment_id=payments[n % 2], actor=OPERATOR)
            for n in range(CALLERS)
        )

    assert await in_wallets(world.owner) == 10_000
    assert {"I26", "I3"} <= {one.invariant for one in await verify(database.database_url)}
