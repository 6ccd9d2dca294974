"""Sales are told of soon after their commit, together, and the next is told of in any case."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from patience import until_true
from supply import stock_news
from supply.stock_news import SoldNews

pytestmark = pytest.mark.engines


@pytest.fixture
async def told(database: Settings, owner: asyncpg.Connection) -> AsyncIterator[list[UUID]]:
    """What is announced, in its order."""
    listings: list[UUID] = []

    def hear(_connection: object, _pid: int, _channel: str, listing_id: object) -> None:
        listings.append(UUID(str(listing_id)))

    await owner.add_listener("stock", hear)
    yield listings
    await owner.remove_listener("stock", hear)


async def test_many_sales_of_one_listing_are_few_announcements(
    told: list[UUID], owner: asyncpg.Connection
) -> None:
    news, listing, other = SoldNews(), new_id(), new_id()
    for _ in range(100):
        news.tell([listing])
        await asyncio.sleep(0)
    news.tell([other])
    await news.all_told()
    await owner.execute("select 1")
    assert set(told) == {listing, other}
    assert len(told) <= 4


async def test_nothing_is_asked_where_nothing_is_scarce(database: Settings) -> None:
    news = SoldNews()
    news.tell([])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await news.all_told()


async def test_an_announcement_that_fails_is_logged_and_made_with_the_next(
    told: list[UUID], owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_news, "TRY_AGAIN_SECONDS", 0.01)
    news, late, heard = SoldNews(), new_id(), new_id()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(stock_news, "_ANNOUNCE", "select from nowhere where $1::uuid[] is null")
        news.tell([late])
        await until_true(lambda: logs)
    assert (logs[0]["event"], logs[0]["error_class"]) == (
        "stock_not_announced",
        "UndefinedTableError",
    )
    news.tell([heard])
    await news.all_told()
    await owner.execute("select 1")
    assert set(told) == {late, heard}


async def test_a_sale_within_a_transaction_is_told_of_outside_it(
    told: list[UUID], owner: asyncpg.Connection
) -> None:
    news, listing = SoldNews(), new_id()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction(db.core_scope()):
            news.tell([listing])
            await news.all_told()
            raise ZeroDivisionError
    await owner.execute("select 1")
    assert told == [listing]
