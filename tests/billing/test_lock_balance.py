"""A balance that is read under its lock has what was committed while the lock was waited for."""

import asyncio
import time

import asyncpg
import pytest

from billing import accounts, ledger
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import until

pytestmark = pytest.mark.engines

PATIENCE_SECONDS = 30.0
ESCROW = accounts.escrow("CNY")


async def move(come: ledger.Account, go: ledger.Account, amount_minor: int) -> None:
    """Credit one account and debit the other."""
    await ledger.post(
        [ledger.debit(go, amount_minor), ledger.credit(come, amount_minor)],
        kind="TEST",
        idempotency_key=new_id().hex,
        tenant_id=None,
    )


async def until_it_waits(owner: asyncpg.Connection, pid: int) -> None:
    """Wait until a session waits for a lock."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not await owner.fetchval(
        "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1", pid
    ):
        assert time.monotonic() < end, "nobody waits"
        await asyncio.sleep(0.01)


async def test_the_sum_has_what_was_committed_meanwhile(
    database: Settings, owner: asyncpg.Connection
) -> None:
    wallet = accounts.wallet(new_id(), "CNY")
    async with db.transaction(db.core_scope()):
        await move(wallet, ESCROW, 500)
    second = await asyncpg.connect(database.database_url)
    try:
        async with db.transaction(db.core_scope()):
            assert await db.fetch_value("select lock_balance($1)", wallet.id) == 500
            waiting = asyncio.create_task(second.fetchval("select lock_balance($1)", wallet.id))
            await until_it_waits(owner, second.get_server_pid())
            await move(ESCROW, wallet, 200)
        assert await waiting == 300
    finally:
        await second.close()


async def test_an_account_that_was_never_used_holds_nothing(database: Settings) -> None:
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select lock_balance($1)", new_id()) == 0


async def fill(wallet: ledger.Account, *, entries: int) -> None:
    """Credit a wallet so often, 10 each time."""
    async with db.transaction(db.core_scope()):
        for _ in range(entries):
            await move(wallet, ESCROW, 10)


async def folded_minor(owner: asyncpg.Connection, account: ledger.Account) -> int | None:
    """What a fold says that an account holds; None without one."""
    found: int | None = await owner.fetchval(
        "select -balance_minor from ledger_folds where account_id = $1", account.id
    )
    return found


async def all_older_writers_have_ended(owner: asyncpg.Connection) -> None:
    """Nothing is folded that may be older than somebody's open transaction, and the server counts
    those of the other databases, too."""
    mine = await owner.fetchval("select pg_current_xact_id()::text")
    await until(
        lambda: owner.fetchval(
            "select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8", mine
        )
    )


async def test_who_finds_few_entries_leaves_them_and_who_finds_many_folds_them(
    database: Settings, owner: asyncpg.Connection
) -> None:
    wallet = accounts.wallet(new_id(), "CNY")
    await fill(wallet, entries=50)
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select lock_balance($1)", wallet.id) == 500
    assert await folded_minor(owner, wallet) is None
    await fill(wallet, entries=1)
    await all_older_writers_have_ended(owner)
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select lock_balance($1)", wallet.id) == 510
    assert await folded_minor(owner, wallet) == 510
    await fill(wallet, entries=51)
    await all_older_writers_have_ended(owner)
    for _ in range(2):  # the second adds up what the first has folded
        async with db.transaction(db.core_scope()):
            assert await db.fetch_value("select lock_balance($1)", wallet.id) == 1020
    assert await folded_minor(owner, wallet) == 1020


async def test_an_entry_that_is_still_being_written_is_never_folded_away(
    database: Settings, owner: asyncpg.Connection
) -> None:
    wallet = accounts.wallet(new_id(), "CNY")
    await fill(wallet, entries=1)  # nobody waits for an account that is there
    written, may_commit = asyncio.Event(), asyncio.Event()

    async def credit_slowly() -> None:
        async with db.transaction(db.core_scope()):
            await move(wallet, ESCROW, 7)
            written.set()
            await asyncio.wait_for(may_commit.wait(), PATIENCE_SECONDS)

    slow = asyncio.create_task(credit_slowly())
    await asyncio.wait_for(written.wait(), PATIENCE_SECONDS)
    await fill(wallet, entries=60)
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select lock_balance($1)", wallet.id) == 610
    may_commit.set()
    await slow
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select lock_balance($1)", wallet.id) == 617
        assert await db.fetch_value("select -ledger_balance($1)", wallet.id) == 617
