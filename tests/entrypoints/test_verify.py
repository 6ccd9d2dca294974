"""A checker that nobody has seen fail proves nothing: each invariant is broken here by hand."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
import pytest
import pytest_asyncio

import engines
from entrypoints.verify import (
    BROKEN,
    HOLDS,
    NOT_EXAMINED,
    examine_on,
    main,
    read_invariants,
    verify,
)
from kernel import crypto
from kernel.db import CORE, ROLES
from kernel.settings import Settings
from patience import until

pytestmark = pytest.mark.engines

HEALTHY_BOOKS = Path(__file__).with_name("healthy_books.sql")
FOLD_EVERYTHING = """
    insert into ledger_folds (account_id, balance_minor, folded_below)
    select account_id, coalesce(sum(amount_minor) filter (where written_by < horizon), 0), horizon
    from ledger_entries, pg_snapshot_xmin(pg_current_snapshot()) as horizon
    group by account_id, horizon
"""


@dataclass(frozen=True)
class Damage:
    """What is done to the books, and the name and title of the invariant that must notice."""

    what: str
    broken: str
    sql: str


DAMAGE = [
    Damage(*parts)
    for file in sorted(Path(__file__).with_name("damage").glob("*.sql"))
    for parts in re.findall(
        r"^-- damage: (.+)\n-- breaks: (.+)\n((?:(?!-- ).*\n?)+)",
        file.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
]


async def made_healthy(owner: asyncpg.Connection) -> None:
    """Fill an empty database so that everything is as it should be."""
    await owner.execute(HEALTHY_BOOKS.read_text(encoding="utf-8"))
    await owner.execute(FOLD_EVERYTHING)
    await sealed(owner)


@pytest.fixture
async def books(owner: asyncpg.Connection) -> asyncpg.Connection:
    """The owner's connection to a database in which everything is as it should be."""
    await made_healthy(owner)
    return owner


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_books(template_database: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """The same for all damages: each is undone."""
    with engines.fresh_database(engines.test_engines(), template=template_database[1]) as url:
        # Plans are kept for all of the queries, which are asked again and again.
        owner = await asyncpg.connect(url, statement_cache_size=1_000, timeout=60)
        await owner.execute("set jit = off; set timezone = 'UTC'")
        await made_healthy(owner)
        yield owner
        await owner.close()


async def sealed(owner: asyncpg.Connection) -> None:
    """Seal the audit log; writers of other databases of the server may hold that back."""

    async def nothing_is_left() -> bool:
        await owner.execute("select seal_audit(10000)")
        left: int = await owner.fetchval(
            """select count(*) from audit_events
               where not exists (select from audit_seals where event_number = number)"""
        )
        return left == 0

    await until(nothing_is_left)


async def corrupt(books: asyncpg.Connection, sql: str) -> None:
    """Do damage behind the back of every trigger and foreign key."""
    async with books.transaction():
        await books.execute("set local session_replication_role = replica")
        await books.execute(sql)


async def test_healthy_books_break_no_invariant(
    books: asyncpg.Connection, config: Settings
) -> None:
    assert await verify(config.database_url) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.what)
async def test_damage_is_found_by_its_invariant_and_by_no_other(
    damage: Damage, lasting_books: asyncpg.Connection
) -> None:
    transaction = lasting_books.transaction()
    await transaction.start()
    try:
        await corrupt(lasting_books, damage.sql)
        await lasting_books.execute("set local session_replication_role = origin")
        broken = [one for one in await examine_on(lasting_books) if not one.holds]
    finally:
        await transaction.rollback()

    titles = [f"{one.invariant.name} {one.invariant.title}" for one in broken]
    assert damage.broken in titles
    assert {one.invariant.name for one in broken} == {damage.broken.split()[0]}


def test_every_invariant_is_seen_to_fail() -> None:
    known = [f"{invariant.name} {invariant.title}" for invariant in read_invariants()]

    assert len(known) == len(set(known))
    assert {damage.broken for damage in DAMAGE} == set(known)


async def test_a_role_behind_the_fence_sees_every_tenant_all_the_same(
    books: asyncpg.Connection, config: Settings
) -> None:
    core_url = config.url_for_role(ROLES[CORE], crypto.role_password(config))
    assert await verify(core_url) == []

    await corrupt(books, "update orders set total_minor = total_minor + 1 where no like '%2'")

    assert [breach.invariant for breach in await verify(core_url)] == ["I14"]


async def test_a_role_that_may_not_see_every_tenant_is_refused(
    books: asyncpg.Connection, config: Settings
) -> None:
    shop_url = config.url_for_role("kameng_shop", crypto.role_password(config))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await verify(shop_url)


async def test_at_most_twenty_rows_of_a_breach_are_shown(
    books: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await corrupt(
        books,
        """insert into ledger_transactions (id, kind, idempotency_key)
           select named(n::text), 'EMPTY', n from generate_series(1, 25) as n""",
    )

    (breach,) = await verify(config.database_url)
    await asyncio.to_thread(main, database_url=config.database_url)

    assert len(breach.rows) == 20
    assert "20 or more rows" in capsys.readouterr().out


async def test_the_command_prints_a_line_for_each_invariant_and_succeeds(
    books: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = await asyncio.to_thread(main)

    lines = capsys.readouterr().out.splitlines()
    assert exit_code == HOLDS
    assert [line[0] for line in lines[:-1]] == ["✓"] * len(read_invariants())
    assert lines[-1] == "All hold."


async def test_the_command_shows_what_breaks_an_invariant_and_fails(
    books: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await corrupt(books, "update payments set next_poll_at = null")
    payment_id = await books.fetchval("select named('pending payment')")

    exit_code = await asyncio.to_thread(main, database_url=config.database_url)

    output = capsys.readouterr().out
    assert exit_code == BROKEN
    assert "✗ I9  an open payment will be asked about  1 row, " in output
    assert f"payment_id={payment_id}" in output
    assert output.splitlines()[-1] == f"1 of {len(read_invariants())} invariants are broken."


async def test_the_command_reports_in_json_for_machines(
    books: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await corrupt(books, "update payments set next_poll_at = null")
    payment_id = await books.fetchval("select named('pending payment')")

    exit_code = await asyncio.to_thread(main, database_url=config.database_url, as_json=True)

    report = orjson.loads(capsys.readouterr().out)
    (broken,) = [each for each in report["invariants"] if not each["holds"]]
    assert exit_code == BROKEN
    assert report["holds"] is False
    assert len(report["invariants"]) == len(read_invariants())
    assert (broken["invariant"], broken["title"]) == ("I9", "an open payment will be asked about")
    assert broken["rows"][0]["payment_id"] == str(payment_id)
    assert broken["elapsed_ms"] > 0


async def test_a_database_that_cannot_be_examined_is_not_called_healthy(
    owner: asyncpg.Connection, config: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await owner.execute("drop table key_reveals")

    exit_code = await asyncio.to_thread(main, database_url=config.database_url)

    streams = capsys.readouterr()
    assert exit_code == NOT_EXAMINED
    assert streams.out == ""
    assert "could not be examined" in streams.err
