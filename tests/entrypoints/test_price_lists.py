"""Price lists under their addresses: in by PUT, out by GET, for one shop and no other."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from entrypoints.asgi import create_app
from isolation.api import Api
from isolation.fixtures import api, offline, quiet
from kernel.settings import Settings
from price_list_desk import work_off
from world import Person, ShopAt, World, build_world

__all__ = ["api", "offline", "quiet"]

_START = """mutation { priceListUploadStart(input: {format: CSV}) {
  ... on PriceListAddress { url uploadId } } }"""
_FOUND = """__typename
  ... on PriceListImport { id state dryRun written linesTotal linesDone problemCount
    problem { code message field } problems { line column code } impact { changed complete } }
  ... on Problem { code message field }"""
_IMPORT = f"""mutation ($id: ID!, $dry: Boolean!) {{
  priceListImport(input: {{uploadId: $id, dryRun: $dry}}) {{ {_FOUND} }} }}"""
_LOOK = f"query ($id: ID!) {{ priceListImport(importId: $id) {{ {_FOUND} }} }}"
_EXPORT = "{ priceListExport(format: XLSX) { ... on PriceListAddress { url } } }"


@pytest.fixture
async def world(api: Api, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


@pytest.fixture
async def http(offline: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that knows nothing but addresses."""
    transport = httpx.ASGITransport(create_app(offline))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def _put(http: httpx.AsyncClient, url: str, content: bytes, *, at: ShopAt) -> httpx.Response:
    return await http.put(httpx.URL(url).path, content=content, headers={"host": at.host})


async def _address(api: Api, world: World, by: Person) -> tuple[str, str]:
    started = (await api.ask(world.shop, _START, by=by)).accepted
    return started["url"], started["uploadId"]


async def _imported(
    api: Api, world: World, upload_id: str, by: Person, *, dry: bool
) -> dict[str, Any]:
    """Ask for the import, twice as impatient people do, let the worker work, and look."""
    asked = [
        (await api.ask(world.shop, _IMPORT, {"id": upload_id, "dry": dry}, by=by)).accepted
        for _ in range(2)
    ]
    assert asked[0] == asked[1]
    assert asked[0]["state"] == "WAITING"
    await work_off()
    found: dict[str, Any] = (
        await api.ask(world.shop, _LOOK, {"id": asked[0]["id"]}, by=by)
    ).accepted
    return found


async def test_a_list_is_sent_tried_and_imported(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("CATALOGUE")
    url, upload_id = await _address(api, world, by)
    content = f"sku,rule,value\n{world.goods.slug},ABSOLUTE,123.40\n".encode()
    assert (await _put(http, url, content, at=world.shop)).status_code == 204
    for dry, changed in ((True, {"changed": 1, "complete": True}), (False, None)):
        found = await _imported(api, world, upload_id, by, dry=dry)
        assert (found["state"], found["written"]) == ("DONE", not dry)
        assert (found["linesTotal"], found["linesDone"]) == (1, 1)
        assert found["impact"] == changed
    rules = await world.owner.fetch("select value from price_rules where value = 12340")
    assert len(rules) == 1


async def test_a_price_below_cost_is_named_with_its_code_and_no_amount(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("OWNER")
    url, upload_id = await _address(api, world, by)
    content = f"sku,rule,value\n{world.goods.slug},ABSOLUTE,89.99\n".encode()
    await _put(http, url, content, at=world.shop)
    found = await _imported(api, world, upload_id, by, dry=False)
    assert (found["state"], found["written"], found["problemCount"]) == ("REFUSED", False, 1)
    assert found["problems"] == [{"line": 2, "column": "value", "code": "MARGIN_NEGATIVE"}]
    assert await world.owner.fetchval("select count(*) from price_rules where value = 8999") == 0


async def test_one_import_of_a_shop_is_under_way_and_another_shops_looks_like_none(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("OWNER")
    first, second = [await _address(api, world, by) for _ in range(2)]
    for url, _ in (first, second):
        await _put(http, url, b'"open', at=world.shop)
    ask = {"id": first[1], "dry": False}
    started = (await api.ask(world.shop, _IMPORT, ask, by=by)).accepted
    for other in ({"id": second[1], "dry": False}, {"id": first[1], "dry": True}):
        assert (await api.ask(world.shop, _IMPORT, other, by=by)).codes == {"IMPORT_UNDER_WAY"}
    stranger = await world.staff("OWNER", shop=world.agent)
    look = {"id": started["id"]}
    assert (await api.ask(world.agent, _LOOK, look, by=stranger)).codes == {"NOT_FOUND"}
    await work_off()
    found = (await api.ask(world.shop, _LOOK, look, by=by)).accepted
    assert found["problem"] == {"code": "VALIDATION", "message": "Line 1 is not CSV.",
                                "field": "file"}  # fmt: skip
    assert (await api.ask(world.shop, _IMPORT, {"id": second[1], "dry": False}, by=by)).accepted


async def test_an_address_opens_at_its_own_shop_alone(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("OWNER")
    url, _ = await _address(api, world, by)
    for at, path in ((world.agent, url), (world.shop, url[:-6] + "AAAAAA")):
        assert (await _put(http, path, b"sku\n", at=at)).status_code == 403
    assert await world.owner.fetchval("select count(*) from price_files") == 0
    out = (await api.ask(world.shop, _EXPORT, by=by)).accepted["url"]
    assert (await _put(http, out, b"sku\n", at=world.shop)).status_code == 403
    fetched = await http.get(httpx.URL(out).path, headers={"host": world.shop.host})
    assert fetched.status_code == 200
    assert fetched.headers["cache-control"] == "no-store"
    assert fetched.content.startswith(b"PK")


async def test_a_file_that_is_too_large_does_not_come_in(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("OWNER")
    url, _ = await _address(api, world, by)
    answer = await _put(http, url, b"x" * 10_000_001, at=world.shop)
    assert answer.status_code == 413
    assert (await _put(http, url, b"", at=world.shop)).status_code == 400
    assert await world.owner.fetchval("select count(*) from price_files") == 0
