"""Double entry under a crowd: nothing is made or lost, no debit overdraws, folding never lies."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from billing import accounts, balances, ledger
from billing.ledger import Account, Entry, InsufficientBalance, credit, debit, merged
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import PATIENCE_SECONDS, until, until_somebody_waits

pytestmark = pytest.mark.engines

GATEWAY = accounts.gateway("stripe", "CNY")
BANK = Account("A:BANK", "CNY")


@pytest.fixture
def wallet(database: Settings) -> Account:
    """Somebody's wallet; nothing is in it."""
    return accounts.wallet(new_id(), "CNY")


async def post(*entries: Entry, name: str | None = None) -> UUID:
    """Post in a transaction of its own."""
    async with db.transaction(db.core_scope()):
        return await ledger.post(
            entries, kind="TEST", idempotency_key=name or str(uuid4()), tenant_id=None
        )


async def top_up(wallet: Account, amount_minor: int) -> None:
    await post(debit(GATEWAY, amount_minor), credit(wallet, amount_minor))


async def held(account: Account) -> int:
    async with db.transaction(db.core_scope(), read_only=True):
        return await ledger.balance(account)


async def summed(owner: asyncpg.Connection, account: Account) -> int:
    """What the account holds by its entries alone, without any fold."""
    total: int = await owner.fetchval(
        """select -coalesce(sum(amount_minor), 0)::bigint from ledger_entries
           where account_id = $1""",
        account.id,
    )
    return total


async def fold() -> int:
    async with db.transaction(db.core_scope()):
        return await balances.fold_balances()


async def folds(owner: asyncpg.Connection) -> dict[UUID, int]:
    """What is folded, debits positive, by account."""
    rows = await owner.fetch("select account_id, balance_minor from ledger_folds")
    return {row["account_id"]: row["balance_minor"] for row in rows}


async def fold_until(owner: asyncpg.Connection, expected: dict[UUID, int]) -> None:
    """Fold until this is folded: a transaction open in any database of the server puts it off."""
    if await folds(owner) == expected:
        return

    async def folded() -> dict[UUID, int]:
        await fold()
        return await folds(owner)

    await until(folded, lambda found: found == expected)


# --- one transaction


async def test_an_account_is_the_same_on_every_machine_and_made_when_first_used(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    twin = Account("L:WALLET", "CNY", wallet.owner_id)
    others = {
        Account("L:WALLET", "USD", wallet.owner_id).id,
        Account("L:WALLET_HELD", "CNY", wallet.owner_id).id,
        Account("L:WALLET", "CNY", None).id,
    }
    assert twin.id == wallet.id
    assert wallet.id not in others and len(others) == 3
    assert await held(wallet) == 0
    await top_up(wallet, 5)
    await top_up(twin, 6)
    assert await held(wallet) == 11
    assert await owner.fetchval("select count(*) from ledger_accounts") == 2


async def test_what_does_not_add_up_is_refused_before_and_by_the_database(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    dollars = accounts.wallet(new_id(), "USD")
    for entries in (
        [],
        [debit(GATEWAY, 5)],
        [debit(GATEWAY, 5), credit(wallet, 4)],
        [debit(GATEWAY, 5), credit(dollars, 5)],
    ):
        with pytest.raises(ValueError, match="does not add up"):
            await post(*entries)
    await top_up(wallet, 5)
    for lines in ([], [(GATEWAY.id, 5)], [(GATEWAY.id, 5), (wallet.id, -4)]):
        with pytest.raises(asyncpg.CheckViolationError):
            async with db.transaction(db.core_scope()):
                await _write_by_hand(lines)
    assert await owner.fetchval("select count(*) from ledger_transactions") == 1
    assert await held(wallet) == 5


async def _write_by_hand(lines: list[tuple[UUID, int]]) -> None:
    transaction_id = new_id()
    await db.execute(
        "insert into ledger_transactions (id, kind, idempotency_key) values ($1, 'BY HAND', $2)",
        transaction_id,
        str(transaction_id),
    )
    await _enter_by_hand(transaction_id, lines)


async def _enter_by_hand(transaction_id: UUID, lines: list[tuple[UUID, int]]) -> None:
    await db.execute(
        """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
           select $1, account_id, minor, 'CNY'
           from unnest($2::uuid[], $3::bigint[]) as line (account_id, minor)""",
        transaction_id,
        [account_id for account_id, _ in lines],
        [minor for _, minor in lines],
    )


async def test_an_entry_cannot_be_added_to_a_transaction_of_the_past(wallet: Account) -> None:
    transaction_id = await post(debit(GATEWAY, 5), credit(wallet, 5))
    with pytest.raises(asyncpg.CheckViolationError):
        async with db.transaction(db.core_scope()):
            await _enter_by_hand(transaction_id, [(GATEWAY.id, 5), (wallet.id, -5)])
    assert await held(wallet) == 5


async def test_the_same_idempotency_key_is_posted_once(wallet: Account) -> None:
    await post(debit(GATEWAY, 5), credit(wallet, 5), name="once")
    with pytest.raises(asyncpg.UniqueViolationError):
        await post(debit(GATEWAY, 5), credit(wallet, 5), name="once")
    answers = await asyncio.gather(
        *(post(debit(GATEWAY, 7), credit(wallet, 7), name="crowd") for _ in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, UUID) for answer in answers) == 1
    assert await held(wallet) == 12


async def test_nothing_that_was_posted_can_be_changed_or_erased(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    await top_up(wallet, 5)
    for table, column in (
        ("ledger_entries", "amount_minor"),
        ("ledger_transactions", "kind"),
        ("ledger_accounts", "code"),
    ):
        for statement in (
            f"update {table} set {column} = {column}",
            f"delete from {table}",
            f"truncate {table} cascade",
        ):
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await owner.execute(statement)
    assert await held(wallet) == 5


def test_legs_of_one_account_are_merged_and_legs_of_nothing_left_out() -> None:
    one, other = Account("L:ESCROW", "CNY"), Account("L:UNAPPLIED", "CNY")
    assert merged([debit(one, 5), credit(one, 2), debit(other, 1), credit(other, 1)]) == [
        Entry(one, 3)
    ]


async def test_the_trial_balance_and_a_partys_balance_say_what_was_posted(
    wallet: Account,
) -> None:
    party_id = new_id()
    await post(
        debit(BANK, 100),
        credit(accounts.party_pending(party_id, "CNY"), 40),
        credit(accounts.party_available(party_id, "CNY"), 30),
        credit(accounts.deposit_free(party_id, "CNY"), 50),
        debit(accounts.receivable(party_id, "CNY"), 20),
    )
    async with db.transaction(db.core_scope()):
        found = await balances.party_balance(party_id, "CNY")
        trial = await balances.trial_balance()
    assert found == balances.PartyBalance(40, 30, 50, 20)
    assert {row.code: row.balance_minor for row in trial} == {
        "A:BANK": 100,
        "A:RECV": 20,
        "L:DEPOSIT:FREE": -50,
        "L:PARTY:AVAILABLE": -30,
        "L:PARTY:PENDING": -40,
    }


# --- debits


async def spend(wallet: Account, amount_minor: int) -> bool:
    """Take so much out, if it is there."""
    try:
        async with db.transaction(db.core_scope()):
            await ledger.require(wallet, amount_minor, field="amount")
            await ledger.post(
                [debit(wallet, amount_minor), credit(BANK, amount_minor)],
                kind="SPENT",
                idempotency_key=str(uuid4()),
                tenant_id=None,
            )
    except InsufficientBalance:
        return False
    return True


async def test_a_debit_of_more_than_there_is_is_refused_with_what_there_is(
    wallet: Account,
) -> None:
    with pytest.raises(InsufficientBalance) as refused:
        async with db.transaction(db.core_scope()):
            await ledger.require(wallet, 1, field="amount")
    assert refused.value.details == {"available": 0}
    await top_up(wallet, 10)
    assert [await spend(wallet, 11), await spend(wallet, 10), await spend(wallet, 1)] == [
        False,
        True,
        False,
    ]
    assert await held(wallet) == 0


async def test_two_hundred_debits_at_once_never_overdraw(wallet: Account) -> None:
    for _ in range(5):
        await top_up(wallet, 101)
    spent = await asyncio.gather(*(spend(wallet, 10) for _ in range(200)))
    assert sum(spent) == 50
    assert await held(wallet) == 5


async def test_a_debit_waits_for_the_one_before_and_a_credit_for_nobody(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    await top_up(wallet, 10)
    async with held_up(wallet) as first:
        second = asyncio.create_task(spend(wallet, 10))
        await until_somebody_waits(owner)  # for the account
        assert not second.done()
        await asyncio.wait_for(top_up(wallet, 3), PATIENCE_SECONDS)
        first.set()
        assert await second is False, "it sees what the first one left"
    assert await held(wallet) == 3


@asynccontextmanager
async def held_up(wallet: Account) -> AsyncIterator[asyncio.Event]:
    """Somebody who has locked the wallet and spends 10 of it when told to."""
    locked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with db.transaction(db.core_scope()):
            await ledger.require(wallet, 10, field="amount")
            locked.set()
            await go_on.wait()
            await ledger.post(
                [debit(wallet, 10), credit(BANK, 10)],
                kind="SPENT",
                idempotency_key="slowly",
                tenant_id=None,
            )

    async with asyncio.TaskGroup() as group:
        group.create_task(slowly())
        await locked.wait()
        yield go_on


async def test_accounts_are_locked_in_one_order_whatever_order_they_are_named_in(
    database: Settings,
) -> None:
    wallets = [accounts.wallet(new_id(), "CNY") for _ in range(4)]
    for wallet in wallets:
        await top_up(wallet, 1_000)
    dice = random.Random(3)

    async def lock_some() -> None:
        mixed = dice.sample(wallets, 4)
        async with db.transaction(db.core_scope()):
            assert await ledger.lock_balances(mixed) == [1_000] * 4
            await asyncio.sleep(0.001)

    await asyncio.gather(*(lock_some() for _ in range(40)))


# --- folding


async def test_folding_changes_no_balance_and_spares_what_is_seldom_used(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    quiet = accounts.wallet(new_id(), "CNY")
    await top_up(quiet, 1)
    for _ in range(100):
        await top_up(wallet, 3)
    await fold_until(owner, {wallet.id: -300, GATEWAY.id: 301})
    assert (await held(wallet), await held(quiet)) == (300, 1)
    await fold()
    assert await folds(owner) == {wallet.id: -300, GATEWAY.id: 301}
    await top_up(wallet, 5)
    assert await spend(wallet, 305) is True
    assert await held(wallet) == 0


async def test_a_transaction_that_was_open_while_others_were_folded_is_never_missed(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "insert into ledger_accounts (id, code, owner_id, currency) values ($1, $2, $3, $4)",
        wallet.id,
        wallet.code,
        wallet.owner_id,
        wallet.currency,
    )
    written, go_on = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        async with db.transaction(db.core_scope()):
            await ledger.post(
                [debit(BANK, 1_000), credit(wallet, 1_000)],
                kind="LATE",
                idempotency_key="late",
                tenant_id=None,
            )
            written.set()
            await go_on.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(late())
        await written.wait()
        for _ in range(120):
            await top_up(wallet, 1)
        await fold()
        # Nothing that is younger than the open transaction is folded.
        assert set((await folds(owner)).values()) <= {0}
        assert await held(wallet) == 120
        go_on.set()
    assert await held(wallet) == 1_120
    await fold_until(owner, {wallet.id: -1_120, GATEWAY.id: 120})
    assert await held(wallet) == await summed(owner, wallet) == 1_120


async def test_balances_stay_true_while_many_post_and_several_fold(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    posted = 0

    async def post_some(number: int) -> None:
        nonlocal posted
        for _ in range(40):
            await top_up(wallet, number + 1)
            posted += number + 1

    async def fold_on(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await fold()
            assert await held(wallet) >= 0
            await asyncio.sleep(0.005)

    stop = asyncio.Event()
    folders = [asyncio.create_task(fold_on(stop)) for _ in range(2)]
    await asyncio.gather(*(post_some(number) for number in range(6)))
    stop.set()
    await asyncio.gather(*folders)
    assert await held(wallet) == await summed(owner, wallet) == posted
    await fold_until(owner, {wallet.id: -posted, GATEWAY.id: posted})


async def test_two_workers_that_fold_at_once_fold_everything_once(
    wallet: Account, owner: asyncpg.Connection
) -> None:
    for round_ in range(1, 4):
        for _ in range(100):
            await top_up(wallet, 1)
        await asyncio.gather(*(fold() for _ in range(6)))
        assert await held(wallet) == await summed(owner, wallet) == 100 * round_
