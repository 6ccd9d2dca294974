"""Price lists under their addresses: in by PUT, out by GET, for one shop and no other."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from entrypoints.asgi import create_app
from isolation.api import Api
from isolation.fixtures import api, offline, quiet
from kernel.settings import Settings
from world import Person, ShopAt, World, build_world

__all__ = ["api", "offline", "quiet"]

_START = """mutation { priceListUploadStart(input: {format: CSV}) {
  ... on PriceListAddress { url uploadId } } }"""
_IMPORT = """mutation ($id: ID!, $dry: Boolean!) {
  priceListImport(input: {uploadId: $id, dryRun: $dry}) { __typename
    ... on PriceListReport { rows rules written problemCount problems { line column code } }
    ... on Problem { code field details { name value } } } }"""
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


async def test_a_list_is_sent_tried_and_imported(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("CATALOGUE")
    url, upload_id = await _address(api, world, by)
    content = f"sku,rule,value\n{world.goods.slug},ABSOLUTE,123.40\n".encode()
    assert (await _put(http, url, content, at=world.shop)).status_code == 204
    for dry, written in ((True, False), (False, True)):
        answer = await api.ask(world.shop, _IMPORT, {"id": upload_id, "dry": dry}, by=by)
        assert answer.accepted["written"] is written
    found = await world.owner.fetch("select value from price_rules where value = 12340")
    assert len(found) == 1


async def test_a_price_below_cost_is_refused_with_its_code_and_no_amount(
    world: World, api: Api, http: httpx.AsyncClient
) -> None:
    by = await world.staff("OWNER")
    url, upload_id = await _address(api, world, by)
    content = f"sku,rule,value\n{world.goods.slug},ABSOLUTE,89.99\n".encode()
    await _put(http, url, content, at=world.shop)
    answer = await api.ask(world.shop, _IMPORT, {"id": upload_id, "dry": False}, by=by)
    assert answer.codes == {"MARGIN_NEGATIVE"}
    assert answer.data["details"] == [
        {"name": "guard", "value": "G3"},
        {"name": "skus", "value": "1"},
        {"name": "sku", "value": world.goods.slug},
    ]
    assert await world.owner.fetchval("select count(*) from price_rules where value = 8999") == 0


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
    answer = await _put(http, url, b"x" * 5_000_001, at=world.shop)
    assert answer.status_code == 413
    assert (await _put(http, url, b"", at=world.shop)).status_code == 400
    assert await world.owner.fetchval("select count(*) from price_files") == 0
