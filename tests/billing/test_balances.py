"""Folded balances: whoever folds, whenever and however often, no balance changes by it."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest

from billing import accounts, balances, ledger
from billing.balances import fold_balances
from billing.ledger import credit, debit
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import PATIENCE_SECONDS, until, until_somebody_waits
from world import World, build_world

pytestmark = pytest.mark.engines

WALLET_MINOR = 1_000


@dataclass
class Purse:
    """A customer's wallet, whose money can be held and freed."""

    world: World
    free: ledger.Account
    held: ledger.Account

    async def hold(self, amount_minor: int) -> None:
        """Hold so much of it, inside the caller's transaction; a negative amount is freed."""
        await ledger.post(
            [debit(self.free, amount_minor), credit(self.held, amount_minor)],
            kind="TEST",
            idempotency_key=str(new_id()),
            tenant_id=self.world.shop.id,
        )

    async def hold_at_once(self, amount_minor: int) -> None:
        """The same in a transaction of its own."""
        async with db.transaction(db.core_scope(self.world.shop.id)):
            await self.hold(amount_minor)

    async def holds(self) -> tuple[int, int]:
        """What is free and what is held, in minor units."""
        async with db.transaction(db.core_scope(), read_only=True):
            return await ledger.balance(self.free), await ledger.balance(self.held)

    async def folded_minor(self) -> int | None:
        """What the fold says is free, in minor units; None without a fold."""
        minor: int | None = await self.world.owner.fetchval(
            "select -balance_minor from ledger_folds where account_id = $1", self.free.id
        )
        return minor

    async def fold_from_the_future(self) -> None:
        """Make the folds those of a cluster that was a million transactions older."""
        await self.world.owner.execute(
            """update ledger_folds
               set folded_below = (folded_below::text::bigint + 1000000)::text::xid8"""
        )


@pytest.fixture
async def purse(database: Settings, owner: asyncpg.Connection) -> Purse:
    """A wallet with ten yuan in it, whose accounts have all been used."""
    world = await build_world(owner, keys=0)
    customer = await world.customer(wallet_minor=WALLET_MINOR)
    free = accounts.wallet(customer.id, "CNY")
    purse = Purse(world, free, accounts.wallet_held(customer.id, "CNY"))
    for amount_minor in (1, -1):
        await purse.hold_at_once(amount_minor)
    return purse


async def fold_all_there_is() -> int:
    """Fold, inside the caller's transaction, once nothing in the ledger is still too young."""
    old_enough = "select pg_snapshot_xmin(pg_current_snapshot()) > max(written_by)"
    await until(lambda: db.fetch_value(f"{old_enough} from ledger_entries"))
    return await fold_balances(at_least=1)


async def fold_until(purse: Purse, folded_minor: int) -> None:
    """Fold until the wallet's fold says so: a neighbour's transaction may hold the horizon back."""

    async def folded() -> int | None:
        async with db.transaction(db.core_scope()):
            await fold_balances(at_least=1)
        return await purse.folded_minor()

    if await purse.folded_minor() != folded_minor:
        await until(folded, lambda minor: minor == folded_minor)


async def test_of_two_workers_that_fold_at_once_the_second_does_nothing(
    purse: Purse, config: Settings
) -> None:
    first_has_folded, second_is_done = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with db.transaction(db.core_scope()):
            assert await fold_all_there_is() > 0
            first_has_folded.set()
            await second_is_done.wait()

    async def second() -> int:
        async with db.transaction(db.core_scope()):
            return await fold_balances(at_least=1)

    under_way = asyncio.create_task(first())
    await asyncio.wait_for(first_has_folded.wait(), PATIENCE_SECONDS)
    assert await second() == 0
    second_is_done.set()
    await under_way
    assert await purse.holds() == (WALLET_MINOR, 0)
    assert await verify(config.database_url) == []


@pytest.mark.parametrize("folded_before", [False, True])
async def test_a_fold_is_not_applied_to_a_state_that_it_has_not_read(
    purse: Purse, config: Settings, monkeypatch: pytest.MonkeyPatch, folded_before: bool
) -> None:
    if folded_before:
        await fold_until(purse, WALLET_MINOR)
    await purse.hold_at_once(300)
    second_waits = asyncio.Event()
    first_has_folded = asyncio.Event()

    async def first() -> None:
        async with db.transaction(db.core_scope()):
            assert await fold_all_there_is() > 0
            first_has_folded.set()
            await second_waits.wait()

    async def second() -> None:
        async with db.transaction(db.core_scope()):
            await fold_balances(at_least=1)

    first_under_way = asyncio.create_task(first())
    await asyncio.wait_for(first_has_folded.wait(), PATIENCE_SECONDS)
    # The second has another lock: only the condition on the state stands between the two.
    monkeypatch.setattr(balances, "_ONE_FOLD_AT_A_TIME", 1)
    second_under_way = asyncio.create_task(second())
    await until_somebody_waits(purse.world.owner)
    second_waits.set()
    await asyncio.gather(first_under_way, second_under_way)
    assert await purse.folded_minor() == WALLET_MINOR - 300
    assert await purse.holds() == (WALLET_MINOR - 300, 300)
    await purse.hold_at_once(-300)
    assert await verify(config.database_url) == []


async def test_a_fold_from_the_future_hides_no_spending_and_is_forgotten_by_the_next_fold(
    purse: Purse, config: Settings
) -> None:
    await fold_until(purse, WALLET_MINOR)
    await purse.fold_from_the_future()
    await purse.hold_at_once(WALLET_MINOR)
    assert await purse.holds() == (0, WALLET_MINOR)
    with pytest.raises(ledger.InsufficientBalance):
        async with db.transaction(db.core_scope()):
            await ledger.require(purse.free, 1, field="amount")
    async with db.transaction(db.core_scope()):
        await fold_balances(at_least=1_000)  # nobody is as busy: it only forgets
    assert await purse.folded_minor() is None
    await fold_until(purse, 0)
    assert await purse.holds() == (0, WALLET_MINOR)
    await purse.hold_at_once(-WALLET_MINOR)
    assert await purse.holds() == (WALLET_MINOR, 0)
    assert await verify(config.database_url) == []


async def test_what_a_long_transaction_writes_is_not_missed_by_the_folds_around_it(
    purse: Purse, config: Settings
) -> None:
    has_written, may_commit = asyncio.Event(), asyncio.Event()

    async def long_transaction() -> None:
        async with db.transaction(db.core_scope(purse.world.shop.id)):
            await purse.hold(200)
            has_written.set()
            await may_commit.wait()

    under_way = asyncio.create_task(long_transaction())
    await has_written.wait()
    await purse.hold_at_once(50)
    await fold_until(purse, WALLET_MINOR)  # the 50 is younger than the one that still runs
    async with db.transaction(db.core_scope()):
        await fold_balances(at_least=1)
    assert await purse.folded_minor() == WALLET_MINOR
    assert await purse.holds() == (WALLET_MINOR - 50, 50)
    may_commit.set()
    await under_way
    assert await purse.holds() == (WALLET_MINOR - 250, 250)
    await fold_until(purse, WALLET_MINOR - 250)
    assert await purse.holds() == (WALLET_MINOR - 250, 250)
    await purse.hold_at_once(-250)
    assert await verify(config.database_url) == []
