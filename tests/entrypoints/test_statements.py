"""Statements through the API: the caller's own, asked for as a file, and fetched by its address."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from bookkeeping.statements import making
from entrypoints.asgi import create_app
from isolation.api import Api
from isolation.fixtures import api, offline, quiet
from kernel.ids import public_id
from kernel.settings import Settings
from points_desk import plant_earnings
from statement_desk import database_now
from tenants.directory import shop_by_id
from world import World, build_world

__all__ = ["api", "offline", "quiet"]
pytestmark = pytest.mark.engines

_READ = """query ($from: DateTime!, $to: DateTime!, $party: ID) {
  statement(from: $from, to: $to, partyId: $party) {
    ... on Statement {
      accounts { account opening { amountMinor } closing { amountMinor } kinds { what entries } }
      lines(first: 1) { edges { node { account amount { amountMinor } } } pageInfo { hasNextPage } }
    }
    ... on Problem { code field } } }"""
_PAGES = """query ($from: DateTime!, $to: DateTime!, $first: Int, $after: String) {
  statement(from: $from, to: $to) {
    ... on Statement { all: lines { edges { cursor } } ...Some }
    ... on Problem { code field } } }
fragment Some on Statement {
  one: lines(first: $first, after: $after) { edges { cursor } pageInfo { hasNextPage } } }"""
_FILES = "{ statementFiles { ... on StatementFiles { files { id state url } } } }"
_ASK = """mutation ($from: DateTime!, $to: DateTime!, $key: ID!) {
  statementAsk(input: {from: $from, to: $to, format: CSV, idempotencyKey: $key}) {
    ... on StatementAsked { file { id state url } } ... on Problem { code field } } }"""
_LOOK = """query ($id: ID!) { statementFile(id: $id) {
    ... on StatementFile { state url sizeBytes } ... on Problem { code field } } }"""
_TRIAL = """query ($at: DateTime) { trialBalance(asOf: $at) {
    code debit { amountMinor } credit { amountMinor } } }"""


@pytest.fixture
async def world(api: Api, owner: asyncpg.Connection) -> World:
    return await build_world(owner, keys=0)


@pytest.fixture
async def http(offline: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client that knows nothing but addresses."""
    transport = httpx.ASGITransport(create_app(offline))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_statement_is_its_partys_alone_as_a_page_and_as_a_file(
    api: Api, http: httpx.AsyncClient, world: World
) -> None:
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    await plant_earnings(shop, 700)
    await world.shift_clock("1 hour")
    until = await database_now(world) - timedelta(minutes=11)
    period: dict[str, Any] = {"from": (until - timedelta(days=1)).isoformat()}
    period["to"] = until.isoformat()
    finance = await world.staff("FINANCE")
    affiliate = await world.affiliate("star")

    read = (await api.ask(world.shop, _READ, period, by=finance)).accepted
    [account] = read["accounts"]
    assert (account["account"], account["closing"]) == ("AVAILABLE", {"amountMinor": 700})
    assert read["lines"]["edges"][0]["node"]["amount"] == {"amountMinor": 700}

    paged = (await api.ask(world.shop, _PAGES, {**period, "first": 1}, by=finance)).accepted
    [only] = paged["all"]["edges"]
    assert paged["one"] == {"edges": [only], "pageInfo": {"hasNextPage": False}}
    behind = {**period, "first": 1, "after": only["cursor"]}
    rest = (await api.ask(world.shop, _PAGES, behind, by=finance)).accepted
    assert (rest["all"], rest["one"]["edges"]) == (paged["all"], [])
    nowhere = (await api.ask(world.shop, _PAGES, {**period, "after": "x"}, by=finance)).data
    assert nowhere["field"] == "after"

    theirs = {**period, "party": public_id("ten", world.shop.id)}
    for by in (affiliate, await world.staff("FINANCE", shop=world.agent)):
        at = world.agent if by is not affiliate else world.shop
        refused = (await api.ask(at, _READ, theirs, by=by)).data
        assert refused == {"code": "NOT_FOUND", "field": "partyId"}
    operator = await world.operator()
    same = (await api.ask(world.root, _READ, theirs, by=operator)).accepted
    assert same["accounts"] == read["accounts"]

    asked = (await api.ask(world.shop, _ASK, {**period, "key": "once"}, by=finance)).accepted
    assert (asked["file"]["state"], asked["file"]["url"]) == ("WAITING", None)
    assert await making.make_statements() == 1
    which = {"id": asked["file"]["id"]}
    done = (await api.ask(world.shop, _LOOK, which, by=finance)).accepted
    listed = (await api.ask(world.shop, _FILES, by=finance)).accepted
    assert listed["files"] == [{"id": which["id"], "state": "DONE", "url": None}]
    assert (await api.ask(world.shop, _FILES, by=affiliate)).accepted == {"files": []}
    unknown = (await api.ask(world.shop, _LOOK, which, by=affiliate)).data
    assert unknown == {"code": "NOT_FOUND", "field": "id"}
    path = httpx.URL(done["url"]).path
    found = await http.get(path, headers={"host": world.shop.host})
    assert found.status_code == 200
    assert len(found.content) == done["sizeBytes"] and "7.00" in found.text
    assert found.headers["cache-control"] == "no-store"
    elsewhere = await http.get(path, headers={"host": world.agent.host})
    assert elsewhere.status_code == 403


async def test_the_trial_balance_of_any_time_adds_up_in_two_columns(api: Api, world: World) -> None:
    shop = await shop_by_id(world.shop.id)
    assert shop is not None
    operator = await world.operator()

    async def columns(at: datetime | None) -> dict[str, tuple[int, int]]:
        wish = {"at": at.isoformat() if at else None}
        rows = (await api.ask(world.root, _TRIAL, wish, by=operator)).accepted
        return {
            row["code"]: (row["debit"]["amountMinor"], row["credit"]["amountMinor"]) for row in rows
        }

    await plant_earnings(shop, 700)
    between = await database_now(world)
    await world.shift_clock("1 hour")
    await plant_earnings(shop, 50)
    assert await columns(between - timedelta(days=1)) == {}
    assert await columns(between) == {"A:BANK": (700, 0), "L:PARTY:AVAILABLE": (0, 700)}
    now = await columns(None)
    assert now == {"A:BANK": (750, 0), "L:PARTY:AVAILABLE": (0, 750)}
    assert await columns(between + timedelta(days=1)) == now
