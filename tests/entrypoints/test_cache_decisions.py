"""When the cache may give an answer again: decided by what it has heard, and by the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from math import inf
from uuid import UUID

import asyncpg
import pytest

from entrypoints.response_cache import CacheKey, ResponseCache, cache
from kernel import db, valkey
from kernel.settings import Settings, settings
from offers.stock_seen import note_stock
from patience import PATIENCE_SECONDS
from tenants import directory
from tenants.directory import Shop, shop_by_id
from world import World, build_world

pytestmark = pytest.mark.engines

LISTING = UUID(int=7)


@dataclass
class Ears:
    """Whether a process hears, and for how long it has."""

    listening_seconds: float = 2 * PATIENCE_SECONDS


class Process:
    """One process's cache, and how often it had to make an answer."""

    def __init__(self, shop: Shop, *, ears: Ears | None = None) -> None:
        self.ears = ears or Ears()
        self.cache = ResponseCache(max_bytes=1_000_000, hearing=self.ears)
        self.shop = shop
        self.made = 0

    def key(self, question: bytes = b"question") -> CacheKey:
        return CacheKey(self.shop.id, self.shop.version, "ANONYMOUS:zh", question)

    async def asks(
        self,
        *,
        shows: tuple[UUID, ...] = (LISTING,),
        still_seconds: float = inf,
        meanwhile: Callable[[], Awaitable[object]] | None = None,
    ) -> bytes | None:
        async def compute() -> bytes:
            self.made += 1
            note_stock(shows, still_seconds=still_seconds)
            if meanwhile is not None:
                await meanwhile()
            return b"answer %d" % self.made

        entry = await self.cache.answer(self.key(), self.shop, compute)
        return entry.body if entry is not None else None


@pytest.fixture
async def world(
    database: Settings, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Nothing ends by its age, and Valkey is given all the time that it needs."""
    monkeypatch.setattr(cache, "STOCK_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(valkey, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    directory.forget()
    await valkey.close()
    yield await build_world(owner, keys=0)
    await valkey.close()
    directory.forget()


@pytest.fixture
async def shop(world: World) -> Shop:
    found = await shop_by_id(world.shop.id)
    assert found is not None
    return found


@pytest.fixture
def without_valkey(monkeypatch: pytest.MonkeyPatch, config: Settings) -> None:
    """Nobody answers there."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()


async def test_an_answer_is_made_once_with_valkey_or_without(
    shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)
    assert [await process.asks() for _ in range(3)] == [b"answer 1"] * 3
    process.cache.hear_stock(str(LISTING))
    assert await process.asks() == b"answer 2"


async def test_another_process_finds_the_answer_in_valkey_and_keeps_it(shop: Shop) -> None:
    first, second = Process(shop), Process(shop)
    assert await first.asks() == b"answer 1"
    assert [await second.asks() for _ in range(2)] == [b"answer 1"] * 2
    assert second.made == 0


async def test_valkeys_answer_is_not_taken_by_who_has_heard_that_it_may_be_old(
    shop: Shop,
) -> None:
    first = Process(shop)
    assert await first.asks() == b"answer 1"
    heard, lately, other = Process(shop), Process(shop, ears=Ears(0.5)), Process(shop)
    heard.cache.hear_stock(str(LISTING))
    other.cache.hear_stock(str(UUID(int=8)))
    await heard.asks()
    await lately.asks()
    await other.asks()
    assert (heard.made, lately.made, other.made) == (1, 1, 0)


async def test_an_answer_is_not_taken_by_who_has_not_listened_since_it_was_made(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.response_cache.cache.DELIVERY_SECONDS", 0.1)
    first = Process(shop)
    assert await first.asks() == b"answer 1"
    await asyncio.sleep(0.5)
    since_then, longer = Process(shop, ears=Ears(0.4)), Process(shop, ears=Ears(5.0))
    await since_then.asks()
    await longer.asks()
    assert (since_then.made, longer.made) == (1, 0)


async def test_an_answer_ends_when_its_stock_moves_by_itself(
    shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)
    assert await process.asks(still_seconds=0.3) == b"answer 1"
    assert await process.asks() == b"answer 1"
    await asyncio.sleep(0.35)
    assert await process.asks() == b"answer 2"


async def test_what_is_announced_while_an_answer_is_made_keeps_it_from_being_kept(
    shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)

    async def announced() -> None:
        process.cache.hear_stock(str(LISTING))

    async def interrupted() -> None:
        process.cache.forget()

    assert await process.asks(meanwhile=announced) == b"answer 1"
    assert await process.asks(meanwhile=interrupted) == b"answer 2"
    assert await process.asks() == b"answer 3"
    assert await process.asks() == b"answer 3"


async def test_an_answer_of_two_versions_is_not_kept(
    world: World, shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)

    async def changed() -> None:
        await world.rule(world.agent, "WHOLESALE", "FIXED_OVER_COST", 501)

    assert await process.asks(meanwhile=changed) == b"answer 1"
    assert await process.asks() == b"answer 2", "the shop that it was asked of is no more"
    assert await process.asks() == b"answer 3"
    process.shop = replace(shop, version=await directory.catalogue_version(shop))
    assert [await process.asks() for _ in range(2)] == [b"answer 4"] * 2


async def test_who_does_not_hear_keeps_nothing_and_gives_nothing_that_was_kept(
    shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)
    assert await process.asks() == b"answer 1"
    process.ears.listening_seconds = 0.0
    assert [await process.asks() for _ in range(2)] == [b"answer 2", b"answer 3"]
    assert process.cache.kept(process.key()) is None


async def test_an_answer_that_is_nobody_elses_is_given_to_nobody_else(
    shop: Shop, without_valkey: None
) -> None:
    process = Process(shop)

    async def refused() -> None:
        await asyncio.sleep(0.01)

    found = await asyncio.gather(
        *(process.cache.answer(process.key(), shop, refused) for _ in range(3))
    )
    assert found == [None, None, None]
    assert process.cache.kept(process.key()) is None


async def test_answers_differ_by_everything_in_their_key(shop: Shop, without_valkey: None) -> None:
    process = Process(shop)
    await process.asks()
    key = process.key()
    assert process.cache.kept(key) is not None
    for other in (
        replace(key, tenant_id=UUID(int=1)),
        replace(key, version=key.version + 1),
        replace(key, audience="ANONYMOUS:en"),
        replace(key, question=b"another"),
    ):
        assert process.cache.kept(other) is None
        assert other.text != key.text
    assert db.statement_log.get() is None
