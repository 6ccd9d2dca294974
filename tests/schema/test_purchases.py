"""Buying at cost over the API: who may, what it answers, and how a balance's alarm is heard."""

import json
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from isolation.api import Answer, Api
from isolation.neighbours import RETAIL, Neighbourhood
from kernel import db
from kernel.ids import new_id, public_id
from orders import trade_terms
from tenants import directory
from tenants.directory import Shop, current_shop
from trade_desk import buy, credit
from world import Person

pytestmark = pytest.mark.engines

PURCHASE = """mutation ($input: PurchaseAtCostInput!) { purchaseAtCost(input: $input) {
  __typename
  ... on PurchaseMade {
    order { no status total { amountMinor } lines { quantity keys { id revealedAt } } }
    keys { secret salt commitment } short { skuId wanted bought } }
  ... on Problem { code message field details { name value } } } }"""
WRITTEN = """
    select (select count(*) from orders), (select count(*) from ledger_entries),
           (select count(*) from trade_moves), (select count(*) from idempotency_records)
"""


def wish(town: Neighbourhood, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A purchase of so many pieces, for whatever they cost."""
    line = {"skuId": public_id("sku", town.goods.sku_id), "quantity": quantity}
    return {
        "lines": [line],
        "maxTotal": {"amountMinor": 10**10, "currency": "CNY"},
        "idempotencyKey": new_id().hex,
        **more,
    }


async def purchase(
    api: Api, town: Neighbourhood, by: Person | None, wanted: dict[str, Any]
) -> Answer:
    """Buy at cost in the third-level shop."""
    return await api.ask(town.at("shop").shop, PURCHASE, {"input": wanted}, by=by)


async def shop_of(tenant_id: UUID) -> Shop:
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        return await current_shop(tenant_id)


async def client_with(town: Neighbourhood, *scopes: str) -> Person:
    """An API client of the shop with exactly these scopes."""
    return await town.world.api_client(*scopes, shop=town.at("shop").shop)


async def test_the_answer_has_the_keys_and_nobody_keeps_it(town: Neighbourhood, api: Api) -> None:
    owner = town.at("shop").people["STAFF_OWNER"]
    answer = await purchase(api, town, owner, wish(town, 2))

    made = answer.accepted
    assert made["__typename"] == "PurchaseMade"
    assert made["order"]["status"] == "DELIVERED"
    assert len({key["secret"] for key in made["keys"]}) == 2
    assert all(key["revealedAt"] for key in made["order"]["lines"][0]["keys"])
    assert made["order"]["total"]["amountMinor"] == 2 * town.cost_minor(town.at("shop").shop)
    assert "cache-control: no-store" in answer.text


async def test_a_client_buys_with_the_scope_for_it_and_with_no_other(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    before = await owner.fetchrow(WRITTEN)
    reads = await client_with(town, "API_BALANCE_READ", "API_CATALOGUE_READ")
    for nobody in (reads, None, *(town.at("shop").people[role] for role in (
        "API_ORDERS_READ", "CUSTOMER", "STAFF_SUPPORT", "STAFF_CATALOGUE", "STAFF_READ_ONLY",
        "AFFILIATE",
    ))):  # fmt: skip
        assert (await purchase(api, town, nobody, wish(town))).codes == {"FORBIDDEN"}
    assert await owner.fetchrow(WRITTEN) == before

    buys = await client_with(town, "API_PURCHASE")
    made = (await purchase(api, town, buys, wish(town, clientReference="PO-9"))).accepted

    found = '{ purchase(clientReference: "PO-9") { no lines { keys { serial } } } }'
    shop = town.at("shop").shop
    assert (await api.ask(shop, found, by=buys)).accepted["no"] == made["order"]["no"]
    evidence = await owner.fetchval(
        "select actor from key_reveals order by revealed_at desc, id desc limit 1"
    )
    assert evidence == f"api_client:{buys.id}"
    balance = "{ tenant { balances { trade { amountMinor } } } }"
    assert (await api.ask(shop, balance, by=reads)).accepted["balances"]["trade"]
    assert (await api.ask(shop, balance, by=buys)).codes == {"FORBIDDEN"}


async def test_opened_later_and_returned_as_a_buyer_does(town: Neighbourhood, api: Api) -> None:
    shop, owner = town.at("shop").shop, town.at("shop").people["STAFF_FINANCE"]
    made = (await purchase(api, town, owner, wish(town, 2, deliver="LATER"))).accepted
    assert made["keys"] == []
    (line,) = made["order"]["lines"]
    first = line["keys"][0]["id"]

    reveal = """mutation ($input: KeyRevealInput!) { keyReveal(input: $input) {
      __typename ... on KeysRevealed { keys { id secret } } } }"""
    wanted = {"orderNo": made["order"]["no"], "deliveredKeyIds": [first]}
    opened = (await api.ask(shop, reveal, {"input": wanted}, by=owner)).accepted
    look = "query ($no: String!) { order(no: $no) { lines { id keys { revealedAt } } } }"
    seen = (await api.ask(shop, look, {"no": made["order"]["no"]}, by=owner)).accepted
    give_back = """mutation ($input: UnrevealedReturnInput!) { unrevealedReturn(input: $input) {
      __typename ... on OrderChanged { order { status refunded { amountMinor } } } } }"""
    back = {
        "orderNo": made["order"]["no"],
        "lineId": seen["lines"][0]["id"],
        "idempotencyKey": new_id().hex,
    }
    returned = (await api.ask(shop, give_back, {"input": back}, by=owner)).accepted

    assert [key["id"] for key in opened["keys"]] == [first]
    assert sum(key["revealedAt"] is None for key in seen["lines"][0]["keys"]) == 1
    assert returned["order"]["status"] == "PARTIALLY_REFUNDED"
    assert returned["order"]["refunded"]["amountMinor"] == town.cost_minor(shop)


async def test_what_the_shop_bought_tells_its_cost_to_nobody_who_may_not_know_it(
    town: Neighbourhood, api: Api
) -> None:
    at_shop = town.at("shop")
    bought = {order.no for order in at_shop.purchases.values()}
    page = "{ tenantOrders(first: 100) { edges { node { no } } } }"
    for role in ("STAFF_OWNER", "STAFF_SUPPORT", "STAFF_READ_ONLY"):
        listed = (await api.ask(at_shop.shop, page, by=at_shop.people[role])).accepted
        assert not bought & {edge["node"]["no"] for edge in listed["edges"]}
    own = "{ purchases(first: 100) { edges { node { no } } } }"
    listed = (await api.ask(at_shop.shop, own, by=at_shop.people["STAFF_OWNER"])).accepted
    assert {edge["node"]["no"] for edge in listed["edges"]} == bought
    order = next(iter(at_shop.customers.values()))
    look = "query ($no: String!) { order(no: $no) { no } }"
    owner = at_shop.people["STAFF_OWNER"]
    assert (await api.ask(at_shop.shop, look, {"no": order.no}, by=owner)).data is None


_IMPOSSIBLE: Final[tuple[tuple[dict[str, Any], str, str], ...]] = (
    ({"maxTotal": {"amountMinor": 10**9, "currency": "USD"}}, "VALIDATION", "maxTotal"),
    ({"maxTotal": None}, "VALIDATION", "maxTotal"),
    ({"maxTotal": {"amountMinor": -1, "currency": "CNY"}}, "PRICE_CHANGED", "maxTotal"),
    ({"lines": []}, "VALIDATION", "lines"),
    ({"idempotencyKey": ""}, "VALIDATION", "idempotencyKey"),
    ({"clientReference": "x" * 65}, "VALIDATION", "clientReference"),
)


async def test_an_impossible_purchase_is_a_problem_and_nothing_is_written(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    before = await owner.fetchrow(WRITTEN)
    staff = town.at("shop").people["STAFF_OWNER"]
    for change, code, field in _IMPOSSIBLE:
        answer = await purchase(api, town, staff, wish(town, **change))
        assert (answer.codes, answer.data["field"]) == ({code}, field), change
        assert await owner.fetchrow(WRITTEN) == before, change


async def test_five_hundred_lines_are_one_request_and_one_more_is_a_problem(
    town: Neighbourhood, api: Api
) -> None:
    staff = town.at("shop").people["STAFF_OWNER"]
    goods = [await town.world.more_goods(f"bulk-{number}") for number in range(30)]
    for one in goods:
        await town.world.keys(1, one)
    lines = [{"skuId": public_id("sku", one.sku_id), "quantity": 1} for one in goods]
    made = (await purchase(api, town, staff, wish(town, lines=lines))).accepted
    assert len(made["keys"]) == len(made["order"]["lines"]) == 30

    many = [{"skuId": public_id("sku", new_id()), "quantity": 1} for _ in range(501)]
    answer = await purchase(api, town, staff, wish(town, lines=many))
    assert answer.codes == {"VALIDATION"}
    assert (await purchase(api, town, staff, wish(town, lines=many[1:]))).codes == {"NOT_FOUND"}


async def test_what_was_short_is_said_line_by_line(town: Neighbourhood, api: Api) -> None:
    staff = town.at("shop").people["STAFF_OWNER"]
    few = await town.world.more_goods("few")
    await town.world.keys(2, few)
    lines = [{"skuId": public_id("sku", one.sku_id), "quantity": 3} for one in (town.goods, few)]
    once = wish(town, lines=lines, partial=True)
    for _ in range(2):
        made = (await purchase(api, town, staff, once)).accepted
        assert made["short"] == [{"skuId": lines[1]["skuId"], "wanted": 3, "bought": 2}]
        assert len(made["keys"]) == 5


async def test_a_shop_whose_buyers_pay_it_itself_offers_them_no_way_to_pay_here(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    at_shop = town.at("shop")
    operator = town.at("root").people["OPERATOR"]
    change = """mutation ($mode: SettlementMode!) { settlementModeSet(input: {mode: $mode}) {
      __typename ... on SettlementModeChanged { mode } ... on Problem { code } } }"""
    prepaid = {"mode": "PREPAID"}
    staff = at_shop.people["STAFF_OWNER"]
    assert (await api.ask(at_shop.shop, change, prepaid, by=staff)).codes == {"FORBIDDEN"}
    root = town.at("root").shop
    assert (await api.ask(root, change, prepaid, by=operator)).codes == {"VALIDATION"}
    await api.ask(at_shop.shop, change, prepaid, by=operator)
    directory.forget()

    front = await api.ask(at_shop.shop, "{ storefront { open paymentMethods { code } } }")
    buy_one = """mutation ($input: QuickBuyInput!) { quickBuy(input: $input) {
      __typename ... on Problem { code } } }"""
    price = town.cost_minor(at_shop.shop) + RETAIL["shop"]
    wanted = {
        "skuId": public_id("sku", town.goods.sku_id),
        "quantity": 1,
        "expectedTotal": {"amountMinor": price, "currency": "CNY"},
        "payment": "WALLET",
        "idempotencyKey": new_id().hex,
    }
    refused = await api.ask(at_shop.shop, buy_one, {"input": wanted}, by=at_shop.people["CUSTOMER"])

    assert front.accepted == {"open": False, "paymentMethods": []}
    assert refused.codes == {"TENANT_RESTRICTED"}
    assert not (await purchase(api, town, staff, wish(town))).refused
    mode = await owner.fetchval("select settlement_mode from tenants where id = $1", root.id)
    assert mode == "PLATFORM_COLLECT"


async def test_a_balance_that_becomes_low_is_heard_of_and_a_revoked_token_is_not(
    town: Neighbourhood, api: Api, owner: asyncpg.Connection
) -> None:
    at_shop = town.at("shop")
    shop, finance = await shop_of(at_shop.shop.id), at_shop.people["STAFF_FINANCE"]
    watch = "subscription { lowBalance { balance { amountMinor } threshold { amountMinor } } }"

    async def spend() -> None:
        await credit(shop, 1_000_000)
        held = (await trade_terms.trade_balance_of(shop)).held_minor
        await trade_terms.set_low_balance(shop, held)
        await buy(shop, town.goods, most_total_minor=10**9)

    heard = await api.watch(at_shop.shop, watch, {}, by=finance, then=spend)
    told = heard.accepted
    assert told["balance"]["amountMinor"] == told["threshold"]["amountMinor"] - town.cost_minor(
        at_shop.shop
    )

    async def revoke() -> None:
        await owner.execute(
            "update access_tokens set revoked_at = now() where principal_id = $1", finance.id
        )
        await spend()

    ended = await api.watch(at_shop.shop, watch, {}, by=finance, then=revoke)
    assert ended.codes == {"FORBIDDEN"}
    assert json.dumps(told) not in ended.text
