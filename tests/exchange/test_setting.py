"""Rates are appended, hold for a while, and do not jump unless somebody says how far."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from entrypoints.verify import verify
from exchange import queries
from exchange.files import rates_of_file
from exchange.setting import NewRate, RateIsOlder, RateJumps, SetRate, set_rates
from kernel import db
from kernel.errors import Invalid
from kernel.settings import Settings

pytestmark = pytest.mark.engines


async def set_one(
    value: str, *, at: datetime | None = None, pair: str = "USD/CNY", confirmed_bp: int = 0
) -> SetRate:
    base, _, quote = pair.partition("/")
    (rate,) = await set_rates(
        [NewRate(base, quote, Decimal(value), at)],
        source="a bank",
        actor="operator:one",
        confirmed_change_bp=confirmed_bp,
    )
    return rate


async def now(owner: asyncpg.Connection) -> datetime:
    moment: datetime = await owner.fetchval("select platform_now()")
    return moment


async def version(owner: asyncpg.Connection) -> int:
    """The platform's version of the catalogue, as pages read it."""
    found: int = await owner.fetchval(
        "select version + moments_passed(owner_id) from catalogue_versions"
        " where owner_id = platform_id()"
    )
    return found


async def test_a_rate_holds_for_a_while_and_both_edges_are_other_prices(
    owner: asyncpg.Connection, database: Settings
) -> None:
    before = await version(owner)

    rate = await set_one("7.1234", at=await now(owner) - timedelta(hours=25, minutes=59))

    assert rate.is_fresh
    assert rate.fresh_until - rate.taken_at == timedelta(hours=26)
    assert await version(owner) > before
    assert await verify(database.database_url) == []
    passed = "select moments_passed(platform_id())"
    assert await owner.fetchval(passed) == 0
    await owner.execute("insert into sandbox_clock (shift) values ('2 minutes')")
    assert await owner.fetchval(passed) == 1
    (shown,) = (await queries.rates_page(base="USD", quote=None, first=None, after=None)).rows
    assert not shown.is_fresh


async def test_the_same_rate_of_the_same_moment_is_answered_again_and_no_older_one_comes(
    owner: asyncpg.Connection, database: Settings
) -> None:
    moment = await now(owner) - timedelta(hours=1)
    first = await set_one("7.1234", at=moment)

    assert await set_one("7.1234", at=moment) == first
    for value, at in (("7.1235", moment), ("7.1234", moment - timedelta(seconds=1))):
        with pytest.raises(RateIsOlder):
            await set_one(value, at=at)
    for at in (await now(owner) + timedelta(minutes=1), await now(owner) - timedelta(hours=27)):
        with pytest.raises(Invalid):
            await set_one("7.1234", at=at)
    assert await owner.fetchval("select count(*) from fx_rates") == 1


async def test_a_jump_takes_somebody_who_says_how_far(
    owner: asyncpg.Connection, database: Settings
) -> None:
    await set_one("7.00")
    await set_one("7.35")  # by 5 %, as everybody may

    with pytest.raises(RateJumps) as refused:
        await set_one("71.50")
    assert refused.value.details == {"pair": "USD/CNY", "last": "7.35", "changeBp": 87279}
    with pytest.raises(RateJumps):
        await set_one("71.50", confirmed_bp=87278)

    await set_one("71.50", confirmed_bp=87279)
    assert await owner.fetchval("select count(*) from fx_rates") == 3


async def test_of_many_rates_all_are_set_or_none(
    owner: asyncpg.Connection, database: Settings
) -> None:
    await set_one("7.00")
    lines = "base,quote,rate\nEUR,CNY,7.8\nUSD,CNY,70\n"

    with pytest.raises(RateJumps):
        await set_rates(rates_of_file(lines), source="a bank", actor="operator:one")

    assert await owner.fetchval("select count(*) from fx_rates") == 1


async def test_of_two_at_once_the_second_looks_at_the_first(
    owner: asyncpg.Connection, database: Settings
) -> None:
    moment = await now(owner)
    answers = await asyncio.gather(
        *(set_one(value, at=moment) for value in ("7", "70", "700", "7000")),
        return_exceptions=True,
    )

    assert sorted(isinstance(one, SetRate) for one in answers) == [False] * 3 + [True]
    assert await owner.fetchval("select count(*) from fx_rates") == 1


async def test_what_was_set_stays(owner: asyncpg.Connection, database: Settings) -> None:
    await set_one("7.00")

    for statement in ("update fx_rates set value = 8", "delete from fx_rates"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner.execute(statement)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            """insert into fx_rates (id, base, quote, value, source, taken_at, fresh_until, set_by)
               select gen_random_uuid(), 'EUR', 'CNY', 7.1234567890123, 'bank', now(),
                      now() + interval '1 day', 'somebody'"""
        )
    async with db.transaction(db.core_scope()):
        assert await db.fetch_value("select count(*) from fx_rates") == 1


async def test_rates_come_in_pages_the_newest_first(
    owner: asyncpg.Connection, database: Settings
) -> None:
    moment = await now(owner)
    for minutes, pair in ((3, "USD/CNY"), (2, "EUR/CNY"), (1, "USD/CNY")):
        await set_one("7.1", at=moment - timedelta(minutes=minutes), pair=pair)

    first = await queries.rates_page(base=None, quote="CNY", first=2, after=None)
    rest = await queries.rates_page(base=None, quote="CNY", first=2, after=first.cursors[-1])

    assert [one.base for one in first.rows] == ["USD", "EUR"]
    assert [one.base for one in rest.rows] == ["USD"]
    assert (first.has_next, rest.has_next) == (True, False)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "base,quote\nUSD,CNY\n",
        "base,quote,rate\nUSD,CNY,abc\n",
        "base,quote,rate,taken_at\nUSD,CNY,7,2030-01-01T00:00:00\n",
        "base,quote,rate,taken_at\nUSD,CNY,7,yesterday\n",
        'base,quote,rate\nUSD,CNY,"7\n',
    ],
)
def test_a_file_that_says_nothing_is_refused(lines: str) -> None:
    with pytest.raises(Invalid):
        rates_of_file(lines)
