"""Attempts are counted exactly, however many come at once, and over every border of time."""

import asyncio

import asyncpg
import pytest

from identity.attempts import Attempt, count_attempt, forget_attempts, forgive
from kernel import db
from kernel.errors import RateLimited
from kernel.settings import Settings


async def attempt(subject: str = "ada", *, scope: str = "test") -> Attempt:
    return await count_attempt(scope=scope, subject=subject, limit=5, window_seconds=900)


async def tried(times: int, subject: str = "ada") -> int:
    """How many of so many attempts at once were let through."""
    outcomes = await asyncio.gather(
        *(attempt(subject) for _ in range(times)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, RateLimited)]
    passed = [outcome for outcome in outcomes if isinstance(outcome, Attempt)]
    assert len(refused) + len(passed) == times
    return len(passed)


async def at(owner: asyncpg.Connection, seconds: int) -> None:
    """Turn the platform's clock to so many seconds from now."""
    await owner.execute("delete from sandbox_clock")
    await owner.execute(
        "insert into sandbox_clock (shift) values (make_interval(secs => $1))", seconds
    )


async def test_of_fifty_attempts_at_once_exactly_five_are_let_through(database: Settings) -> None:
    assert await tried(50) == 5


async def test_attempts_on_other_subjects_and_of_other_kinds_are_counted_apart(
    database: Settings,
) -> None:
    assert await tried(10, "ada") == 5
    assert await tried(10, "eve") == 5
    assert (await attempt("ada", scope="another")).scope == "another"


async def test_a_refusal_says_when_to_try_again(database: Settings) -> None:
    await tried(5)
    with pytest.raises(RateLimited, match="Try again in 15 minutes") as refused:
        await attempt()
    assert 890 <= int(refused.value.details["retry_after_seconds"]) <= 900


async def test_no_border_between_windows_gives_twice_the_limit(
    database: Settings, owner: asyncpg.Connection
) -> None:
    """Nine minutes in, five attempts; whatever fifteen minutes one looks at, five and no more."""
    await at(owner, 540)
    assert await tried(6) == 5
    for seconds in (541, 899, 901, 1430):
        await at(owner, seconds)
        assert await tried(3) == 0
    await at(owner, 1450)
    assert await tried(6) == 5


async def test_an_honest_attempt_is_forgiven_and_a_failed_one_is_not(database: Settings) -> None:
    honest = [await attempt() for _ in range(4)]
    await attempt()
    async with db.transaction(db.core_scope()):
        await forgive(*honest)
    assert await tried(10) == 4


async def test_forgiving_twice_gives_nothing_more(database: Settings) -> None:
    honest = await attempt()
    for _ in range(3):
        async with db.transaction(db.core_scope()):
            await forgive(honest)
    assert await tried(10) == 5


async def test_what_is_stored_does_not_name_the_subject_and_does_not_grow(
    database: Settings, owner: asyncpg.Connection
) -> None:
    await tried(30)
    rows = await owner.fetch("select * from attempt_counters")
    assert sum(row["attempts"] for row in rows) == 5
    assert all(b"ada" not in row["subject"] for row in rows)
    await at(owner, 901)
    await attempt()
    assert await owner.fetchval("select count(*) from attempt_counters") == 1


async def test_attempts_too_old_to_count_are_forgotten_a_batch_at_a_time(
    database: Settings, owner: asyncpg.Connection
) -> None:
    for name in ("ada", "eve", "joe"):
        await attempt(name)
    await at(owner, 3_590)
    await attempt("new")
    assert await forget_attempts(10) == 0
    await at(owner, 3_605)
    assert await forget_attempts(2) == 2
    assert await forget_attempts(2) == 1
    assert await owner.fetchval("select count(*) from attempt_counters") == 1
