"""The one place that opens transactions: scopes that end, and connections that come back whole."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tortoise.connection import get_connection

from catalog.models import Product
from entrypoints.asgi import create_app
from entrypoints.tenancy import DATABASE_AWAY
from kernel import db, orm
from kernel.settings import Settings, settings
from patience import PATIENCE_SECONDS, until, until_somebody_waits
from supply.models import Supplier
from tenants import directory
from tenants.models import StoredPriceRule
from world import build_world

pytestmark = pytest.mark.engines

SCOPE_SETTINGS = ("app.tenant_id", "app.path", "app.party_id", "app.fence_lifted_for")
CORE = db.core_scope()
SHIPPED_TIMEOUTS = dict(orm.SESSION_TIMEOUTS)
SLEEP = f"select pg_sleep({PATIENCE_SECONDS})"


@pytest.fixture
async def small_pools(config: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """The product's pools with two connections a role, so that everybody shares them."""
    monkeypatch.setenv("KAMENG_READ_POOL_SIZE", "2")
    monkeypatch.setenv("KAMENG_WRITE_POOL_SIZE", "2")
    settings.cache_clear()
    await db.connect(settings())
    yield settings()
    await db.disconnect()


@pytest.fixture
async def complaints() -> list[str]:
    """What the event loop was told of: asyncpg complains there of connections left unclean."""
    heard: list[str] = []

    def hear(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        # A connection that was being opened when its request was cancelled leaves such a future:
        # nobody waits for it any more, and there is nothing to clean up.
        if "never retrieved" not in str(context["message"]):
            heard.append(str(context["message"]))

    asyncio.get_running_loop().set_exception_handler(hear)
    return heard


@pytest.fixture
def forgetful_directory() -> Iterator[None]:
    """No shop is remembered from another test, nor for one."""
    directory.forget()
    yield
    directory.forget()


async def sleeps_at_commit(owner: asyncpg.Connection) -> None:
    """A table whose rows make a COMMIT wait for minutes."""
    await owner.execute(
        f"""create table slow_to_commit (id integer);
           grant insert on slow_to_commit to kameng_core;
           create function wait_a_while() returns trigger language plpgsql as
               $$ begin perform pg_sleep({PATIENCE_SECONDS}); return null; end $$;
           create constraint trigger waits after insert on slow_to_commit
               deferrable initially deferred for each row execute function wait_a_while();"""
    )


async def pool_of(role: str) -> asyncpg.Pool:
    async with db.transaction(db.Scope(role)):
        pass
    pool = get_connection(role)._pool
    assert pool is not None
    return pool


async def settings_left_behind(role: str) -> list[str]:
    """What an idle connection of the pool, any of them, still says of a scope."""
    pool = await pool_of(role)
    connections = [await pool.acquire() for _ in range(pool.get_size())]
    left = [
        await connection.fetchval("select current_setting($1, true)", name) or ""
        for connection in connections
        for name in SCOPE_SETTINGS
    ]
    for connection in connections:
        await pool.release(connection)
    return [value for value in left if value]


async def states(owner: asyncpg.Connection) -> list[str]:
    """What the product's sessions are in the middle of, as the server sees them."""
    rows = await owner.fetch(
        """select state from pg_stat_activity
           where datname = current_database() and usename like 'kameng\\_%' and state <> 'idle'"""
    )
    return [row["state"] for row in rows]


async def all_are_idle(owner: asyncpg.Connection) -> bool:
    """Wait until no session is in the middle of something: the server notices a moment later."""
    return await until(lambda: states(owner), lambda seen: not seen) == []


# --- what the server is told


async def test_a_session_waits_works_and_dawdles_for_seconds_only(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in SHIPPED_TIMEOUTS.items():
        monkeypatch.setitem(orm.SESSION_TIMEOUTS, name, seconds)
    await db.connect(config)
    for role in (db.CORE, db.SHOP):
        async with db.transaction(db.Scope(role)):
            told = {name: await db.fetch_value(f"show {name}") for name in SHIPPED_TIMEOUTS}
        assert told == {
            "lock_timeout": "2s",
            "statement_timeout": "10s",
            "idle_in_transaction_session_timeout": "15s",
        }
    await db.disconnect()


# --- one transaction, one scope


async def test_a_use_case_never_runs_inside_another(database: Settings) -> None:
    async with db.transaction(CORE):
        for scope in (CORE, db.shop_scope(uuid4())):
            with pytest.raises(db.NestedTransaction):
                async with db.transaction(scope):
                    pass
        assert await db.fetch_value("select 1") == 1, "the outer one goes on"
    async with db.transaction(CORE):
        assert db.current_scope() is CORE


async def test_nothing_is_read_outside_a_transaction(database: Settings) -> None:
    for statement in (db.fetch, db.fetch_row, db.fetch_value, db.execute):
        with pytest.raises(db.NoTransaction):
            await statement("select 1")
    with pytest.raises(db.NoTransaction):
        await db.execute_many("select $1", [(1,)])
    with pytest.raises(db.NoTransaction):
        db.current_scope()
    for model in (Product, StoredPriceRule):
        with pytest.raises(db.NoTransaction):
            await model.all()


async def test_lifting_the_fence_takes_a_reason_which_cannot_be_a_statement(
    database: Settings,
) -> None:
    with pytest.raises(ValueError, match="reason"):
        db.every_tenant(reason="")
    scope = db.every_tenant(reason="it's',true); drop table keys; --")
    async with db.transaction(scope):
        assert await db.fetch_value("select fence_lifted_for()") == (
            "its,true); drop table keys; --"
        )
        assert await db.fetch_value("select count(*) from keys") == 0


async def test_a_read_only_transaction_writes_nothing(database: Settings) -> None:
    async with db.transaction(CORE, read_only=True):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await db.execute("insert into suppliers (id, name) values ($1, 'x')", uuid4())


async def test_a_thousand_interleaved_scopes_never_mix_and_leave_nothing_behind(
    small_pools: Settings, complaints: list[str]
) -> None:
    dice = random.Random(7)

    async def one(number: int) -> bool:
        tenant_id, path = uuid4(), (uuid4(), uuid4())
        core = number % 3 > 0
        seen: tuple[object, ...] = ()
        scope = db.core_scope(tenant_id, path=path) if core else db.shop_scope(tenant_id)
        try:
            async with db.transaction(scope):
                await asyncio.sleep(dice.random() / 1000)
                row = await db.fetch_row(
                    "select current_tenant_id() as tenant_id, current_path() as path"
                )
                assert row is not None
                seen = (row["tenant_id"], *(row["path"] or ()))
                if number % 7 == 0:
                    raise LookupError
        except LookupError:
            pass
        return seen == (tenant_id, *(path if core else ()))

    assert all(await asyncio.gather(*(one(number) for number in range(1000))))
    assert await settings_left_behind(db.CORE) == []
    assert await settings_left_behind(db.SHOP) == []
    assert complaints == []


async def test_a_transaction_is_all_or_nothing(
    database: Settings, owner: asyncpg.Connection
) -> None:
    async def add_supplier() -> None:
        await db.execute("insert into suppliers (id, name) values ($1, 'x')", uuid4())

    with pytest.raises(LookupError):
        async with db.transaction(CORE):
            await add_supplier()
            raise LookupError
    assert await owner.fetchval("select count(*) from suppliers") == 0
    async with db.transaction(CORE):
        await add_supplier()
    assert await owner.fetchval("select count(*) from suppliers") == 1


async def test_a_commit_that_the_database_refuses_leaves_nothing_and_a_clean_pool(
    small_pools: Settings, owner: asyncpg.Connection, complaints: list[str]
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="has no entries"):
        async with db.transaction(CORE):
            await db.execute(
                "insert into ledger_transactions (id, kind, idempotency_key) values ($1, 'X', 'x')",
                uuid4(),
            )
    assert await owner.fetchval("select count(*) from ledger_transactions") == 0
    assert await all_are_idle(owner) and complaints == []


# --- savepoints


async def test_a_savepoint_gives_up_its_own_part_and_no_other(
    database: Settings, owner: asyncpg.Connection
) -> None:
    async def add(name: str) -> None:
        await db.execute("insert into suppliers (id, name) values ($1, $2)", uuid4(), name)

    async with db.transaction(CORE):
        await add("before")
        with pytest.raises(LookupError):
            async with db.savepoint():
                await add("given up")
                raise LookupError
        async with db.savepoint():
            await add("kept")
            with pytest.raises(asyncpg.NotNullViolationError):
                async with db.savepoint():
                    await db.execute("insert into suppliers (id) values ($1)", uuid4())
            await add("after the refusal inside")
    names = await owner.fetch("select name from suppliers order by name")
    assert [row["name"] for row in names] == ["after the refusal inside", "before", "kept"]


# --- cancellation: a deadline, or a client that left


async def cancelled_in_its_sleep(owner: asyncpg.Connection, task: asyncio.Task[None]) -> None:
    await until_somebody_waits(owner, wait_event_type="Timeout")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_query_that_is_cancelled_is_rolled_back(
    small_pools: Settings, owner: asyncpg.Connection, complaints: list[str]
) -> None:
    async def slow() -> None:
        async with db.transaction(CORE):
            await db.execute("insert into suppliers (id, name) values ($1, 'x')", uuid4())
            await db.fetch_value(SLEEP)

    await cancelled_in_its_sleep(owner, asyncio.create_task(slow()))
    assert await all_are_idle(owner) and complaints == []
    assert await owner.fetchval("select count(*) from suppliers") == 0
    assert await settings_left_behind(db.CORE) == []


async def test_a_begin_that_is_cancelled_is_rolled_back(
    small_pools: Settings,
    owner: asyncpg.Connection,
    complaints: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never_begun() -> None:
        async with db.transaction(CORE):
            raise AssertionError("it was cancelled before")

    await pool_of(db.CORE)
    with monkeypatch.context() as slow:
        slow.setattr(db.Scope, "begin_statement", lambda *_: f"begin;{SLEEP}")
        await cancelled_in_its_sleep(owner, asyncio.create_task(never_begun()))
    assert await all_are_idle(owner) and complaints == []
    assert await settings_left_behind(db.CORE) == []


async def test_a_commit_that_is_cancelled_is_rolled_back(
    small_pools: Settings, owner: asyncpg.Connection, complaints: list[str]
) -> None:
    await sleeps_at_commit(owner)

    async def slow() -> None:
        async with db.transaction(CORE):
            await db.execute("insert into slow_to_commit values (1)")

    await cancelled_in_its_sleep(owner, asyncio.create_task(slow()))
    assert await all_are_idle(owner) and complaints == []
    assert await owner.fetchval("select count(*) from slow_to_commit") == 0
    async with db.transaction(CORE):
        assert db.current_scope() is CORE


async def test_a_rollback_that_is_cancelled_too_costs_the_connection_and_nothing_else(
    small_pools: Settings, owner: asyncpg.Connection, complaints: list[str]
) -> None:
    async def slow() -> None:
        async with db.transaction(CORE):
            await db.fetch_value(SLEEP)

    task = asyncio.create_task(slow())
    await until_somebody_waits(owner, wait_event_type="Timeout")
    task.cancel()
    await asyncio.sleep(0)  # now it waits for the server to give up the query
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert complaints == []
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(_one_query())
    # The server may still be at the query; what it did is rolled back when it looks up.
    await until(lambda: states(owner), lambda seen: "idle in transaction" not in seen)


async def _one_query() -> None:
    async with db.transaction(CORE):
        assert await db.fetch_value("select 1") == 1


async def test_requests_cancelled_at_any_moment_leave_a_healthy_pool(
    small_pools: Settings, owner: asyncpg.Connection, complaints: list[str]
) -> None:
    dice = random.Random(11)

    async def one() -> None:
        async with db.transaction(db.core_scope(uuid4())):
            await db.execute("insert into suppliers (id, name) values ($1, 'x')", uuid4())
            await db.fetch_value("select pg_sleep(0.001)")
            async with db.savepoint():
                await db.fetch_value("select 1")

    async def one_in_time() -> None:
        try:
            async with asyncio.timeout(dice.random() * 0.03):
                await one()
        except TimeoutError:
            return

    for _ in range(12):
        await asyncio.gather(*(one_in_time() for _ in range(16)))
    assert await all_are_idle(owner) and complaints == []
    assert await settings_left_behind(db.CORE) == []
    await _one_query()


async def test_a_lost_connection_fails_its_own_transaction_only(
    small_pools: Settings, owner: asyncpg.Connection
) -> None:
    with pytest.raises(DATABASE_AWAY):
        async with db.transaction(CORE):
            process_id = await db.fetch_value("select pg_backend_pid()")
            await owner.execute("select pg_terminate_backend($1, 60000)", process_id)
            await db.fetch_value("select 1")
    for _ in range(4):
        await _one_query()


# --- a pool that is used up


async def used_up(role: str, until: asyncio.Event) -> asyncio.Task[None]:
    """Take every connection of a role, until told otherwise."""
    held = asyncio.Semaphore(0)

    async def hold() -> None:
        async with db.transaction(db.Scope(role)):
            held.release()
            await until.wait()

    async def hold_all() -> None:
        await asyncio.gather(hold(), hold())

    task = asyncio.create_task(hold_all())
    await held.acquire()
    await held.acquire()
    return task


async def test_a_pool_that_is_used_up_is_an_error_in_time_and_the_api_says_503(
    small_pools: Settings,
    owner: asyncpg.Connection,
    forgetful_directory: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await build_world(owner, keys=0)
    transport = httpx.ASGITransport(create_app(settings()))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{world.shop.host}") as http:

        async def ask() -> httpx.Response:
            return await http.post(
                "/graphql/",
                json={"query": "{ storefront { name } }"},
                headers={"x-kameng-client": "tests"},
            )

        until = asyncio.Event()
        holders = await used_up(db.CORE, until)
        with monkeypatch.context() as impatient:
            impatient.setattr(db, "_acquire_timeout_seconds", lambda: 0.1)
            with pytest.raises(TimeoutError):
                await _one_query()
            refused = await ask()
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        until.set()
        await holders
        assert (await ask()).json()["data"] == {"storefront": {"name": "shop"}}


# --- the ORM


async def test_models_and_statements_share_the_open_transaction(
    database: Settings, owner: asyncpg.Connection
) -> None:
    with pytest.raises(LookupError):
        async with db.transaction(CORE):
            supplier = await Supplier.create(name="by the model")
            name = await db.fetch_value("select name from suppliers where id = $1", supplier.id)
            assert name == "by the model"
            await db.execute("update suppliers set name = 'by a statement'")
            assert [one.name for one in await Supplier.all()] == ["by a statement"]
            raise LookupError
    assert await owner.fetchval("select count(*) from suppliers") == 0


async def test_the_statement_log_counts_what_was_asked(database: Settings) -> None:
    token = db.statement_log.set([])
    try:
        async with db.transaction(CORE):
            await db.fetch("select 1")
            async with db.savepoint():
                await db.execute("select 2")
        assert db.statement_log.get() == [
            "select 1",
            "savepoint part",
            "select 2",
            "release savepoint part",
        ]
    finally:
        db.statement_log.reset(token)
