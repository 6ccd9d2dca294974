"""No output of the price desk tells a shop what another level pays, in digits or as a sum."""

import io
import json
import re
from typing import Any, Final

import asyncpg
import httpx
import pytest

from entrypoints.asgi import create_app
from isolation.api import Api
from kernel.ids import public_id
from kernel.settings import Settings
from offers.price_desk import alerts
from schema.context import Context
from world import Person, ShopAt, World, plant_goods, plant_tenant

SUPPLY: Final = 7_310_137
WHOLESALE: Final = (100_911, 101_027, 101_531, 102_077)
"""What each level adds for its children: prime to each other, and seen nowhere else."""
RETAIL: Final = 903_001
_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")

_EXPLAIN = """query ($sku: ID!, $viewer: PriceViewerInput) {
  priceExplain(skuId: $sku, viewer: $viewer) { __typename
    ... on PriceExplanation { price { amountMinor formatted } brokenGuard
      steps { kind depth delta { amountMinor formatted } after { amountMinor formatted }
              rule { kind value } }
      bounds { kind guard holds limit { amountMinor formatted } } }
    ... on Problem { code message details { name value } } } }"""
_IMPACT = """query ($draft: PriceRuleInput!) { priceImpact(draft: $draft) { __typename
  ... on PriceImpact { prices changed newlyHidden
    moves { shop skuCode what before { amountMinor formatted } after { amountMinor formatted } }
    shops { shop changed newlyHidden guards } }
  ... on Problem { code message details { name value } } } }"""
_UPSERT = """mutation ($input: PriceRuleInput!) { priceRuleUpsert(input: $input) { __typename
  ... on PriceRuleWritten { rule { id value } }
  ... on Problem { code message details { name value } } } }"""
_LISTS = """{ tenant { slug children { slug } }
  priceRules { nodes { audience kind value child skuCode } }
  priceAlerts { nodes { guard skuCode child } }
  catalogueToList { nodes { code cost { amountMinor formatted } retail { amountMinor formatted }
                            margin { amountMinor formatted } } } }"""
_EXPORT = """{ priceListExport(format: CSV) { ... on PriceListAddress { url } } }"""


class Ladder:
    """A path of five shops over one SKU, with an owner's token at each."""

    def __init__(self, world: World, shops: list[ShopAt], owners: list[Person]) -> None:
        self.world = world
        self.shops = shops
        self.owners = owners

    def cost_minor(self, depth: int) -> int:
        """What a piece costs the shop of a level."""
        return SUPPLY + sum(WHOLESALE[:depth])

    def forbidden(self, depth: int) -> set[int]:
        """Costs of other levels but the direct child's, and what others add: a level may know its
        own cost, its child's, and the difference."""
        costs = {self.cost_minor(level) for level in range(len(self.shops))}
        return (costs | set(WHOLESALE)) - {
            self.cost_minor(depth),
            self.cost_minor(depth + 1),
            *WHOLESALE[depth : depth + 1],
        }


@pytest.fixture
async def ladder(owner: asyncpg.Connection, api: Api) -> Ladder:
    shops = [await plant_tenant(owner, "level0", parent=None)]
    for depth in range(1, 5):
        shops.append(await plant_tenant(owner, f"level{depth}", parent=shops[-1]))
    category_id = await owner.fetchval(
        """insert into categories (id, path, slug, name_zh, name_en)
           select id, array[id], 'games', 'games', 'games' from gen_random_uuid() as id
           returning id"""
    )
    goods = await plant_goods(owner, category_id, "canary", supply_minor=SUPPLY)
    world = World(owner, shops[0], shops[1], shops[2], category_id, goods)
    await owner.execute("update tenants set earning_depth = 5 where parent_id is null")
    for depth, shop in enumerate(shops):
        await world.rule(shop, "RETAIL", "FIXED_OVER_COST", RETAIL)
        if depth < 4:
            await world.rule(shop, "WHOLESALE", "FIXED_OVER_COST", WHOLESALE[depth])
    owners = [await world.staff("OWNER", shop=shop) for shop in shops]
    return Ladder(world, shops, owners)


def _numbers(text: str) -> set[int]:
    """Every number of a text in minor units, however it is written."""
    found = set()
    for match in _NUMBER.findall(text):
        plain = match.replace(",", "")
        whole, _, part = plain.partition(".")
        found.add(int(whole))
        found.add(int(whole + (part + "00")[:2]))
    return found


def _draft(sku: str, audience: str, value: int) -> dict[str, Any]:
    return {"audience": audience, "scope": "SKU", "skuId": sku, "kind": "ABSOLUTE", "value": value}


async def _everything_said(ladder: Ladder, api: Api, config: Settings, depth: int) -> list[str]:
    """All that a level's owner is told: lists, explanations, dry runs, refusals, a file."""
    shop, by = ladder.shops[depth], ladder.owners[depth]
    sku = public_id("sku", ladder.world.goods.sku_id)
    asked: list[tuple[str, dict[str, Any]]] = [
        (_LISTS, {}),
        (_EXPLAIN, {"sku": sku}),
        *[(_EXPLAIN, {"sku": sku, "viewer": {"child": one.slug}}) for one in ladder.shops],
    ]
    for audience in ("WHOLESALE", "RETAIL"):
        for value in (1, 99_999_999):
            asked.append((_IMPACT, {"draft": _draft(sku, audience, value)}))
        asked.append((_UPSERT, {"input": _draft(sku, audience, 1)}))
    said = [(await api.ask(shop, text, given, by=by)).text for text, given in asked]
    address = (await api.ask(shop, _EXPORT, by=by)).accepted["url"]
    transport = httpx.ASGITransport(create_app(config))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        file = await client.get(httpx.URL(address).path, headers={"host": shop.host})
    assert file.status_code == 200
    assert "canary" in file.text
    return [*said, file.text]


async def test_no_level_is_told_what_another_one_pays(
    ladder: Ladder, api: Api, offline: Settings, written: io.StringIO
) -> None:
    for depth in range(5):
        said = await _everything_said(ladder, api, offline, depth)
        told = set().union(*(_numbers(text) for text in said))
        assert told & ladder.forbidden(depth) == set(), f"level {depth}"
        assert ladder.cost_minor(depth) in told
    secret = {ladder.cost_minor(depth) for depth in range(5)}
    assert not _numbers(written.getvalue()) & secret


async def test_a_chain_that_is_shown_to_a_shop_is_noticed(
    ladder: Ladder, api: Api, offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Context, "is_operator", property(lambda _: True))
    said = await _everything_said(ladder, api, offline, 3)
    told = set().union(*(_numbers(text) for text in said))
    assert told & ladder.forbidden(3) == {SUPPLY, *WHOLESALE[:3]} | {
        ladder.cost_minor(depth) for depth in (1, 2)
    }


async def test_an_alert_tells_no_amount_and_only_to_whose_level_broke(
    ladder: Ladder, api: Api, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "update tenants set min_margin_minor = 200000 where id = $1", ladder.shops[2].id
    )
    while await alerts.follow_prices():
        pass
    for depth, (shop, by) in enumerate(zip(ladder.shops, ladder.owners, strict=True)):
        answer = await api.ask(shop, "{ priceAlerts { nodes { guard skuCode child } } }", by=by)
        expected = [{"guard": "G1", "skuCode": "canary", "child": "level3"}] if depth == 2 else []
        assert answer.accepted["nodes"] == expected
    watched = await api.watch(
        ladder.shops[2],
        "subscription { priceBroken { guard skuCode child } }",
        {},
        by=ladder.owners[2],
    )
    assert json.loads(watched.text)["payload"]["data"]["priceBroken"]["guard"] == "G1"


async def test_what_an_operator_sees_adds_up_from_the_supplier_to_the_buyer(
    ladder: Ladder, api: Api
) -> None:
    sku = public_id("sku", ladder.world.goods.sku_id)
    operator = await ladder.world.operator()
    answer = await api.ask(ladder.shops[4], _EXPLAIN, {"sku": sku}, by=operator)
    steps = answer.accepted["steps"]
    deltas = [step["delta"]["amountMinor"] for step in steps]
    assert deltas == [SUPPLY, *WHOLESALE, RETAIL]
    assert sum(deltas) == answer.accepted["price"]["amountMinor"]


async def test_a_buyer_may_not_ask_at_the_price_desk(ladder: Ladder, api: Api) -> None:
    customer = await ladder.world.customer(ladder.shops[4])
    sku = public_id("sku", ladder.world.goods.sku_id)
    for text, given in ((_EXPLAIN, {"sku": sku}), (_LISTS, {}), (_EXPORT, {})):
        answer = await api.ask(ladder.shops[4], text, given, by=customer)
        assert answer.codes == {"FORBIDDEN"}
