"""One wallet, many debits at once: never more than there is, and nothing left half done."""

import asyncpg
import pytest

from billing import accounts
from billing.ledger import Account
from entrypoints.verify import verify
from kernel.settings import Settings
from orders import placing_statements
from orders.checkout import OrderMade
from orders.placing_statements import Way
from races.crowd import Outcome, all_at_once
from races.mutants import changed, gate_that_opens_for_two, that_waits_at_the_gate
from races.purchases import PRICE_MINOR, key_statuses, quick_buy
from tenants.directory import Shop
from world import World

pytestmark = pytest.mark.engines

AFFORDABLE, BUYS, CHANGE_MINOR = 10, 400, 999


async def rush(
    shop: Shop, world: World, *, affordable: int = AFFORDABLE
) -> tuple[Outcome[OrderMade], Account]:
    """400 quick buys by one customer, whose money covers 10 of them and a little more."""
    customer = await world.customer(wallet_minor=affordable * PRICE_MINOR + CHANGE_MINOR)
    await world.keys(3 * AFFORDABLE)
    outcome = await all_at_once(
        quick_buy(shop, world.goods, customer_id=customer.id, method="WALLET") for _ in range(BUYS)
    )
    return outcome, accounts.wallet(customer.id, "CNY")


async def balance_minor(owner: asyncpg.Connection, account: Account) -> int:
    held: int = await owner.fetchval(
        "select -sum(amount_minor) from ledger_entries where account_id = $1", account.id
    )
    return held


async def faults_of(outcome: Outcome[OrderMade], wallet: Account, world: World) -> list[str]:
    """What is wrong after the rush; an empty list is good news."""
    found = [repr(error) for error in outcome.errors[:3]]
    if len(outcome.done) != AFFORDABLE:
        found.append(f"{len(outcome.done)} buys with money for {AFFORDABLE}")
    if set(outcome.refused) - {"INSUFFICIENT_BALANCE", "OUT_OF_STOCK"}:
        found.append(f"refused: {outcome.refused}")
    if (left := await balance_minor(world.owner, wallet)) != CHANGE_MINOR:
        found.append(f"the wallet holds {left}")
    statuses = await key_statuses(world.owner, world.goods)
    if statuses != {"SOLD": AFFORDABLE, "AVAILABLE": 2 * AFFORDABLE}:
        found.append(f"keys: {statuses}")
    return found


async def test_money_for_ten_keys_buys_exactly_ten(
    shop: Shop, world: World, database: Settings
) -> None:
    outcome, wallet = await rush(shop, world)

    assert await faults_of(outcome, wallet, world) == []
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_debit_that_only_reads_the_balance(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: look whether the money is there, without a lock."""
    sale = placing_statements.at_once(Way(pays=True))
    naive = that_waits_at_the_gate(changed(sale, "lock_balance(", "-ledger_balance("))
    monkeypatch.setattr(placing_statements, "at_once", lambda _: naive)

    async with gate_that_opens_for_two():  # each of them sees the money for one
        outcome, wallet = await rush(shop, world, affordable=1)

    faults = await faults_of(outcome, wallet, world)
    assert any(fault.startswith("the wallet holds -") for fault in faults)
    assert "I3" in {breach.invariant for breach in await verify(database.database_url)}
