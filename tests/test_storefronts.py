"""The page for storefronts is so: its examples are sent as they are written, to the real API."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from entrypoints.response_cache.cache import MAX_ANSWER_BYTES, STOCK_SECONDS
from entrypoints.response_cache.headers import FRESH_SECONDS, STALE_SECONDS
from kernel.settings import Settings
from processes import Platform, running_platform
from schema.documents.hashes import hash_of
from schema.root import PUBLIC_FIELDS
from world import World, build_world

PAGE = Path(__file__).parent.parent / "docs" / "storefronts.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_PUBLIC = "{ storefront { name } me { id } }"


def blocks(language: str) -> list[str]:
    return [body for kind, body in _BLOCK.findall(TEXT) if kind == language]


@dataclass(frozen=True, slots=True)
class Call:
    """What one of the page's `curl` lines sends."""

    path: str
    headers: dict[str, str]
    body: str | None

    @classmethod
    def written(cls, command: str) -> "Call":
        words = shlex.split(command)
        headers, body, path = {}, None, ""
        for before, word in zip(words, words[1:], strict=False):
            if before == "-H":
                name, _, value = word.partition(": ")
                headers[name.lower()] = value
            elif before == "-d":
                body = word
            elif word.startswith("http"):
                url = urlsplit(word)
                path = f"{url.path}?{url.query}" if url.query else url.path
        return cls(path, headers, body)

    async def send(self, platform: Platform, world: World, **headers: str) -> httpx.Response:
        return await platform.http.request(
            "GET" if self.body is None else "POST",
            platform.api_url + self.path,
            content=self.body,
            headers={**self.headers, "host": world.shop.host, **headers},
        )


CALLS = [Call.written(block) for block in blocks("sh") if block.startswith("curl")]


@pytest.fixture
async def world(owner: asyncpg.Connection) -> World:
    return await build_world(owner)


@pytest.fixture
async def platform(world: World, config: Settings, tmp_path: Path) -> AsyncIterator[Platform]:
    """The API, with the page's manifest and one document that asks who asks."""
    (manifest,) = blocks("json")
    file = tmp_path / "storefront.json"
    file.write_text(json.dumps(json.loads(manifest) | {hash_of(NOT_PUBLIC): NOT_PUBLIC}))
    async with running_platform(
        database_url=config.database_url,
        redis_url=config.redis_url,
        master_secret=config.master_secret.get_secret_value(),
        directory=tmp_path,
        worker=False,
        KAMENG_TRUSTED_DOCUMENTS=str(file),
    ) as found:
        yield found


@pytest.mark.engines
async def test_the_pages_calls_work_as_they_are_written(platform: Platform, world: World) -> None:
    by_post, by_get, again, register, by_hash = CALLS

    posted = await by_post.send(platform, world)
    assert _data(posted)["products"]["edges"]
    assert posted.headers["cache-control"] == "no-store"

    got = await by_get.send(platform, world)
    assert _data(got) == _data(await by_post.send(platform, world, **{"accept-language": "zh"}))
    (promised,) = blocks("http")
    assert (
        dict(line.split(": ", 1) for line in promised.splitlines()).items()
        <= dict(got.headers).items()
    )

    unchanged = await again.send(platform, world, **{"if-none-match": got.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    changed = await again.send(platform, world)
    assert (changed.status_code, changed.content) == (200, got.content)

    unknown = await by_hash.send(platform, world)
    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    first = _data(await register.send(platform, world))
    assert first["storefront"]
    assert _data(await by_hash.send(platform, world)) == first


@pytest.mark.engines
async def test_nobody_may_keep_what_the_page_says_is_never_kept(
    platform: Platform, world: World
) -> None:
    _, by_get, *_ = CALLS
    own = Call(f"/graphql?documentId=sha256:{hash_of(NOT_PUBLIC)}", {}, None)
    buyer = await world.customer()

    for answer in (
        await by_get.send(platform, world, **buyer.headers),
        await own.send(platform, world, **buyer.headers),
    ):
        assert _data(answer)
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_the_pages_limits_are_those_of_the_code() -> None:
    assert f"more than {MAX_ANSWER_BYTES // 1024} KiB" in TEXT
    assert f"up to {STOCK_SECONDS:.0f} seconds" in TEXT
    assert (FRESH_SECONDS, STALE_SECONDS) == (1, 4)
    assert "one second, and four more" in TEXT
    assert {field for field in PUBLIC_FIELDS if f"`{field}`" not in TEXT} == {"__typename"}


def _data(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]
