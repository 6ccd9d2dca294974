"""Clicks: counted once each, whatever dies, with Valkey and without."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from affiliates import clicks
from affiliates.clicks import Click, click_of
from kernel import valkey
from kernel.ids import new_id
from kernel.settings import Settings
from world import World, build_world

pytestmark = pytest.mark.engines


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    while await clicks.flush_clicks():  # of whoever was here before
        pass
    return await build_world(owner, keys=0)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Valkey does not answer."""
    monkeypatch.setattr(valkey, "_broken_until", float("inf"))
    yield
    monkeypatch.setattr(valkey, "_broken_until", 0.0)


async def star(world: World) -> UUID:
    return (await world.affiliate("star")).id


def click(world: World, affiliate_id: UUID, visitor: str = "one") -> Click:
    return click_of(
        tenant_id=world.shop.id,
        affiliate_id=affiliate_id,
        link_id=None,
        visitor=visitor,
        address="192.0.2.1",
    )


async def counted(world: World) -> tuple[int, int, int]:
    """Rows, clicks of the days, and unique ones."""
    row = await world.owner.fetchrow(
        """select (select count(*) from affiliate_clicks) as rows,
                  coalesce(sum(clicks), 0)::int as clicks,
                  coalesce(sum(unique_clicks), 0)::int as uniques from affiliate_days"""
    )
    return row["rows"], row["clicks"], row["uniques"]


async def test_a_click_is_handed_on_and_written_by_the_sweep(world: World) -> None:
    affiliate_id = await star(world)
    for number in range(5):
        await clicks.take(click(world, affiliate_id, str(number)))
    assert await counted(world) == (0, 0, 0)
    assert await clicks.flush_clicks() == 5
    assert await counted(world) == (5, 5, 5)
    assert await clicks.flush_clicks() == 0


async def test_without_valkey_a_click_is_written_at_once(world: World, away: None) -> None:
    await clicks.take(click(world, await star(world)))
    assert await counted(world) == (1, 1, 1)
    assert await clicks.flush_clicks() == 0


async def test_a_batch_that_was_written_and_not_forgotten_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    affiliate_id = await star(world)
    for number in range(3):
        await clicks.take(click(world, affiliate_id, str(number)))

    async def dies(stream: str, places: list[bytes]) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(valkey, "forget", dies)
        with pytest.raises(ConnectionError):
            await clicks.flush_clicks()
    await clicks.take(click(world, affiliate_id, "another"))
    assert await clicks.flush_clicks() == 4
    assert await counted(world) == (4, 4, 4)


async def test_the_same_browser_counts_again_after_ten_minutes(world: World) -> None:
    first = click(world, await star(world))

    def later(minutes: float, visitor: bytes = first.visitor) -> Click:
        at = first.at + timedelta(minutes=minutes)
        return replace(first, id=new_id(), at=at, visitor=visitor)

    await clicks.write([first, later(1), later(9.9), later(1, visitor=b"x" * 32)])
    assert await counted(world) == (4, 4, 2)
    await clicks.write([later(19)])  # within ten minutes of the last one
    assert await counted(world) == (5, 5, 2)
    await clicks.write([later(29), first])
    assert await counted(world) == (6, 6, 3)


async def test_what_is_no_click_of_an_affiliates_is_passed_over(world: World) -> None:
    affiliate_id = await star(world)
    stranger = replace(click(world, new_id()), tenant_id=world.shop.id)
    elsewhere = replace(click(world, affiliate_id), tenant_id=world.agent.id)
    for one in (stranger, elsewhere, click(world, affiliate_id)):
        await clicks.take(one)
    for rubbish in (b"", b"[]", b"{", b'["a","b","c","","","",0]'):
        await valkey.append("kameng:clicks", rubbish, most=1_000)
    assert await clicks.flush_clicks() == 7
    assert await counted(world) == (1, 1, 1)
