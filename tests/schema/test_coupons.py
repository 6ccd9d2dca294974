"""Coupons through the API: what the console, a customer and a buyer are told of them."""

from typing import Any

import asyncpg
import pytest

from billing import accounts, ledger
from coupon_issuers import PLATFORM_PAYS, fund, issue_for_subtree
from isolation.api import Api
from isolation.checksums import Witness, changed
from isolation.neighbours import Neighbourhood
from isolation.slots import desk_of
from kernel import db
from kernel.ids import parse_id, public_id
from tenants.directory import Shop, current_shop
from world import Person, ShopAt

pytestmark = pytest.mark.engines

CREATE = """mutation ($input: CouponCreateInput!) { couponCreate(input: $input) {
  __typename ... on CouponChanged { coupon { id name own code maxUses uses status
    payers { kind partyId shareBp } } }
  ... on Problem { code message field } } }"""
GENERATE = """mutation ($input: CouponCodesInput!) { couponCodesGenerate(input: $input) {
  __typename ... on CouponCodesGenerated { content } ... on Problem { code field } } }"""
PAUSE = """mutation ($input: CouponRef!) { couponPause(input: $input) {
  __typename ... on CouponChanged { coupon { status } } ... on Problem { code field } } }"""
LIST = """{ coupons(first: 50) { edges { node {
  id name own code maxUses uses payers { kind shareBp } } } } }"""
QUOTE = """query ($input: QuoteInput!) { quote(input: $input) { __typename
  ... on Quote { id discount { amountMinor } total { amountMinor }
    lines { discounts { code name amount { amountMinor } } total { amountMinor } }
    refusedCoupons { code problem { code field details { name value } } } }
  ... on Problem { code field } } }"""
ORDER = """mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { __typename
  ... on OrderCreated { order { total { amountMinor }
    lines { unitPrice { amountMinor } discount { amountMinor } total { amountMinor } } } }
  ... on Problem { code field details { name value } } } }"""
TOP_UP = """mutation ($input: PromoBudgetTopUpInput!) { promoBudgetTopUp(input: $input) {
  __typename ... on PromoBudgetChanged { budget { free { amountMinor } held { amountMinor } } }
  ... on Problem { code field } } }"""
MINE = "{ me { coupons { code name amountOff { amountMinor } endsAt } } }"


def wish(**more: Any) -> dict[str, Any]:
    usual = {
        "name": "spring",
        "kind": "FIXED",
        "amountOff": {"amountMinor": 700, "currency": "CNY"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2027-12-01T00:00:00Z",
        "guests": True,
    }
    return {"input": {**usual, **more}}


async def shop_of(at: ShopAt) -> Shop:
    async with db.transaction(db.core_scope(at.id), read_only=True):
        return await current_shop(at.id)


def staff(town: Neighbourhood, role: str = "STAFF_OWNER", at: str = "shop") -> Person:
    return town.at(at).people[role]


async def number_of_coupons(owner: asyncpg.Connection) -> int:
    number: int = await owner.fetchval("select count(*) from coupons")
    return number


async def test_a_coupon_is_issued_bought_with_and_counted(town: Neighbourhood, api: Api) -> None:
    shop, customer = town.at("shop").shop, town.at("shop").people["CUSTOMER"]
    made = await api.ask(
        shop, CREATE, wish(code="Summer-26", maxUses=9, listed=True), by=staff(town)
    )
    coupon = made.accepted["coupon"]
    assert (coupon["code"], coupon["uses"], coupon["maxUses"]) == ("SUMMER-26", 0, 9)
    assert coupon["payers"] == [{"kind": "SHOP", "partyId": None, "shareBp": 10_000}]

    shown = (await api.ask(shop, MINE, by=customer)).accepted["coupons"]
    assert "SUMMER-26" in [one["code"] for one in shown]

    price = town.retail_minor(shop)
    lines = [{"skuId": public_id("sku", town.goods.sku_id), "quantity": 1}]
    quote = (
        await api.ask(shop, QUOTE, {"input": {"lines": lines, "couponCodes": ["summer-26"]}})
    ).accepted
    assert (quote["discount"]["amountMinor"], quote["total"]["amountMinor"]) == (700, price - 700)
    assert quote["refusedCoupons"] == []
    [discount] = quote["lines"][0]["discounts"]
    assert (discount["code"], discount["amount"]["amountMinor"]) == ("SUMMER-26", 700)

    ordered = await api.ask(
        shop, ORDER, {"input": {"quoteId": quote["id"], "idempotencyKey": "k" * 22}}
    )
    [line] = ordered.accepted["order"]["lines"]
    assert {name: amount["amountMinor"] for name, amount in line.items()} == {
        "unitPrice": price,
        "discount": 700,
        "total": price - 700,
    }
    edges = (await api.ask(shop, LIST, by=staff(town))).accepted["edges"]
    assert [edge["node"]["uses"] for edge in edges if edge["node"]["id"] == coupon["id"]] == [1]


DESK = """{ coupons(first: 50) { edges { node { id reach skuIds categoryIds tierIds
  maxUsesPerCustomer guests returnedByRefund } } } }"""
CODES = """query ($of: ID!, $after: String) { couponCodes(couponId: $of, first: 2, after: $after) {
  edges { node { code used } } pageInfo { hasNextPage endCursor } } }"""


async def test_the_desk_shows_what_a_coupon_is_good_for_and_which_codes_are_used(
    town: Neighbourhood, api: Api
) -> None:
    shop, agent, sku = town.at("shop"), town.at("agent"), public_id("sku", town.goods.sku_id)
    terms = {"skuIds": [sku], "maxUsesPerCustomer": 3, "returnedByRefund": False}
    issued = issue_for_subtree(
        await shop_of(agent.shop), "BELOW", sku_ids=[town.goods.sku_id], guests=True
    )
    inherited = public_id("cpn", (await issued).id)
    made = (await api.ask(shop.shop, CREATE, wish(**terms), by=staff(town))).accepted["coupon"]

    edges = (await api.ask(shop.shop, DESK, by=staff(town))).accepted["edges"]
    shown = {edge["node"].pop("id"): edge["node"] for edge in edges}
    own = {"reach": "SHOP", "categoryIds": [], "tierIds": [], "guests": True}
    assert shown[made["id"]] == {**own, **terms}
    above = shown[inherited]
    assert (above["reach"], above["guests"], above["returnedByRefund"]) == ("SUBTREE", True, True)
    assert (above["skuIds"], above["categoryIds"], above["tierIds"]) == (None, None, None)

    # Of the agent's three codes, one is used in the shop below.
    asked = {"input": {"couponId": inherited, "count": 3}}
    await fund(agent.shop.id, agent.shop.id, 10_000)
    content = (await api.ask(agent.shop, GENERATE, asked, by=staff(town, at="agent"))).accepted
    codes = content["content"].split("\n")
    lines = [{"skuId": sku, "quantity": 1}]
    wanted = {"input": {"lines": lines, "couponCodes": [codes[0]]}}
    quote = (await api.ask(shop.shop, QUOTE, wanted)).accepted
    assert quote["refusedCoupons"] == []
    order = {"input": {"quoteId": quote["id"], "idempotencyKey": "c" * 22}}
    assert (await api.ask(shop.shop, ORDER, order)).accepted
    told: dict[str, bool] = {}
    after = None
    for has_next in (True, False):
        by = staff(town, at="agent")
        page = (await api.ask(agent.shop, CODES, {"of": inherited, "after": after}, by=by)).accepted
        told |= {edge["node"]["code"]: edge["node"]["used"] for edge in page["edges"]}
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] == has_next
    assert told == {code: code == codes[0] for code in codes}

    # Without codes there are none; of a coupon from above, and to who only reads, nothing is told.
    empty = await api.ask(shop.shop, CODES, {"of": made["id"]}, by=staff(town))
    assert empty.accepted["edges"] == []
    assert (await api.ask(shop.shop, CODES, {"of": inherited}, by=staff(town))).codes == {
        "NOT_FOUND"
    }
    reader = staff(town, "STAFF_CATALOGUE", at="agent")
    refused = await api.ask(agent.shop, CODES, {"of": inherited}, by=reader)
    assert refused.codes == {"FORBIDDEN"}


async def test_a_quote_says_which_code_is_not_good_and_why(town: Neighbourhood, api: Api) -> None:
    shop = town.at("shop").shop
    lines = [{"skuId": public_id("sku", town.goods.sku_id), "quantity": 1}]
    asked = {"input": {"lines": lines, "couponCodes": ["NOBODYS", town.at("rival").coupon_code]}}
    quote = (await api.ask(shop, QUOTE, asked)).accepted
    assert quote["total"]["amountMinor"] == town.retail_minor(shop)
    for refused in quote["refusedCoupons"]:
        assert refused["problem"]["code"] == "COUPON_NOT_APPLICABLE"
        assert refused["problem"]["field"] == "couponCodes"
        assert {"name": "reason", "value": "UNKNOWN"} in refused["problem"]["details"]
    assert len(quote["refusedCoupons"]) == 2

    too_many = {"input": {"lines": lines, "couponCodes": [f"CODE{n}" for n in range(6)]}}
    assert (await api.ask(shop, QUOTE, too_many)).codes == {"VALIDATION"}


async def test_an_ancestors_coupon_is_shown_without_what_it_costs(
    town: Neighbourhood, api: Api
) -> None:
    agent = await shop_of(town.at("agent").shop)
    await issue_for_subtree(agent, "FROMABOVE", name="from above", max_uses=5)
    edges = (await api.ask(town.at("shop").shop, LIST, by=staff(town))).accepted["edges"]
    [above] = [edge["node"] for edge in edges if not edge["node"]["own"]]
    assert (above["code"], above["name"]) == ("FROMABOVE", "from above")
    assert (above["payers"], above["uses"], above["maxUses"]) == ([], None, None)

    paused = await api.ask(
        town.at("shop").shop, PAUSE, {"input": {"couponId": above["id"]}}, by=staff(town)
    )
    assert paused.codes == {"NOT_FOUND"}
    status = await town.owner.fetchval(
        "select status from coupons where id = $1", parse_id("cpn", above["id"])
    )
    assert status == "ACTIVE"


async def test_a_shop_spends_nobody_elses_money(town: Neighbourhood, api: Api) -> None:
    shop, agent = town.at("shop").shop, town.at("agent").shop
    before = await number_of_coupons(town.owner)
    others = [
        {"kind": "PLATFORM", "shareBp": 10_000},
        {"kind": "SUPPLIER", "shareBp": 10_000},
        {"kind": "TENANT", "partyId": public_id("ten", agent.id), "shareBp": 10_000},
    ]
    for payer in others:
        refused = await api.ask(shop, CREATE, wish(payers=[payer]), by=staff(town))
        assert refused.codes == {"FORBIDDEN"}
    below = wish(payers=[{"kind": "SHOP", "shareBp": 10_000}], reach="SUBTREE")
    assert (await api.ask(agent, CREATE, below, by=staff(town, at="agent"))).codes == {"FORBIDDEN"}
    rival = {"kind": "TENANT", "partyId": public_id("ten", town.at("rival").shop.id)}
    foreign = wish(payers=[{**rival, "shareBp": 10_000}])
    operator = town.at("root").people["OPERATOR"]
    assert (await api.ask(shop, CREATE, foreign, by=operator)).codes == {"VALIDATION"}
    assert await number_of_coupons(town.owner) == before

    for payer in others:
        accepted = await api.ask(shop, CREATE, wish(payers=[payer]), by=operator)
        assert accepted.accepted["coupon"]["payers"][0]["kind"] == payer["kind"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"amountOff": None}, "kind"),
        ({"percentBp": 100}, "kind"),
        ({"kind": "PERCENT", "amountOff": None, "percentBp": 10_001}, "value"),
        ({"cap": {"amountMinor": 100, "currency": "CNY"}}, "cap"),
        ({"amountOff": {"amountMinor": 100, "currency": "USD"}}, "amountOff"),
        ({"endsAt": "2025-12-31T00:00:00Z"}, "endsAt"),
        ({"endsAt": "2029-12-31T00:00:00Z"}, "endsAt"),
        ({"maxUses": 0}, "maxUses"),
        ({"maxUses": 100_001}, "maxUses"),
        ({"maxUsesPerCustomer": 101}, "maxUsesPerCustomer"),
        ({"firstOrder": True}, "guests"),
        ({"code": "no spaces"}, "code"),
        ({"payers": [{"kind": "SHOP", "shareBp": 9_999}]}, "payers"),
    ],
)
async def test_a_coupon_that_makes_no_sense_is_refused(
    town: Neighbourhood, api: Api, wrong: dict[str, Any], field: str
) -> None:
    before = await number_of_coupons(town.owner)
    answer = await api.ask(town.at("shop").shop, CREATE, wish(**wrong), by=staff(town))
    assert (answer.data["__typename"], answer.data["field"]) == ("Problem", field)
    assert await number_of_coupons(town.owner) == before


async def test_a_coupon_is_for_a_tier_by_the_id_that_the_price_desk_gives(
    town: Neighbourhood, api: Api
) -> None:
    tier_id = desk_of(town.at("shop")).tier_id
    for_members = wish(guests=False, tierIds=[tier_id])
    made = await api.ask(town.at("shop").shop, CREATE, for_members, by=staff(town))
    tiers = await town.owner.fetchval(
        "select tier_ids from coupons where id = $1",
        parse_id("cpn", made.accepted["coupon"]["id"]),
    )
    assert [public_id("tir", one) for one in tiers] == [tier_id]


async def test_ten_thousand_codes_are_all_different_and_each_is_good_once(
    town: Neighbourhood, api: Api
) -> None:
    mine = town.at("shop")
    made = await api.ask(mine.shop, CREATE, wish(name="many"), by=staff(town))
    asked = {"couponId": made.accepted["coupon"]["id"], "count": 10_000, "prefix": "may"}
    codes = (
        (await api.ask(mine.shop, GENERATE, {"input": asked}, by=staff(town)))
        .accepted["content"]
        .split("\n")
    )
    assert len(set(codes)) == 10_000
    assert all(code.startswith("MAY-") and len(code) == 16 for code in codes)
    lines = [{"skuId": public_id("sku", town.goods.sku_id), "quantity": 1}]
    asked_quote = {"input": {"lines": lines, "couponCodes": [codes[7].lower()]}}
    quote = (await api.ask(mine.shop, QUOTE, asked_quote)).accepted
    first = {"input": {"quoteId": quote["id"], "idempotencyKey": "a" * 22}}
    assert not (await api.ask(mine.shop, ORDER, first)).refused
    second = {"input": {"quoteId": quote["id"], "idempotencyKey": "b" * 22}}
    refused = await api.ask(mine.shop, ORDER, second)
    assert refused.codes == {"COUPON_EXHAUSTED"}
    assert {"name": "reason", "value": "USED"} in refused.data["details"]

    too_many = {"input": {**asked, "count": 10_001}}
    assert (await api.ask(mine.shop, GENERATE, too_many, by=staff(town))).codes == {"VALIDATION"}


async def test_the_same_code_twice_is_refused_and_nothing_is_written(
    town: Neighbourhood, api: Api
) -> None:
    shop = town.at("shop").shop
    before = await number_of_coupons(town.owner)
    taken = wish(code=town.at("shop").coupon_code.lower())
    answer = await api.ask(shop, CREATE, taken, by=staff(town))
    assert (answer.data["code"], answer.data["field"]) == ("VALIDATION", "code")
    assert await number_of_coupons(town.owner) == before


async def test_two_shops_give_the_same_code_and_each_means_its_own_coupon(
    town: Neighbourhood, api: Api
) -> None:
    rival, witness = town.at("rival"), await Witness.of(town.owner)
    before = await witness.tenant(rival.shop.id)
    shop = town.at("shop").shop
    made = await api.ask(shop, CREATE, wish(code=rival.coupon_code), by=staff(town))
    assert made.accepted["coupon"]["own"]

    lines = [{"skuId": public_id("sku", town.goods.sku_id), "quantity": 1}]
    asked = {"input": {"lines": lines, "couponCodes": [rival.coupon_code]}}
    for at, off in ((shop, 700), (rival.shop, 100)):
        quote = (await api.ask(at, QUOTE, asked)).accepted
        assert (quote["discount"]["amountMinor"], quote["refusedCoupons"]) == (off, [])
    assert changed(before, await witness.tenant(rival.shop.id)) == set()


async def _held(account: ledger.Account) -> int:
    async with db.transaction(db.core_scope(), read_only=True):
        return await ledger.balance(account)


async def test_a_budget_is_filled_once_out_of_what_was_earned(
    town: Neighbourhood, api: Api
) -> None:
    mine = town.at("shop")
    wanted = {"amount": {"amountMinor": 3_000, "currency": "CNY"}, "idempotencyKey": "once"}
    earned = await _held(accounts.party_available(mine.shop.id, "CNY"))
    for _ in range(2):
        filled = await api.ask(mine.shop, TOP_UP, {"input": wanted}, by=staff(town))
        assert filled.accepted["budget"]["free"]["amountMinor"] == 3_000
    other = {**wanted, "amount": {"amountMinor": 3_001, "currency": "CNY"}}
    conflict = await api.ask(mine.shop, TOP_UP, {"input": other}, by=staff(town))
    assert conflict.codes == {"IDEMPOTENCY_CONFLICT"}
    too_much = {"amount": {"amountMinor": 10**9, "currency": "CNY"}, "idempotencyKey": "much"}
    refused = await api.ask(mine.shop, TOP_UP, {"input": too_much}, by=staff(town))
    assert refused.codes == {"INSUFFICIENT_BALANCE"}
    left = await _held(accounts.party_available(mine.shop.id, "CNY"))
    assert left == earned - 3_000


async def test_the_platforms_budget_is_stated_at_the_root_by_an_operator(
    town: Neighbourhood, api: Api
) -> None:
    operator = town.at("root").people["OPERATOR"]
    wanted = {"amount": {"amountMinor": 900, "currency": "CNY"}, "idempotencyKey": "stated"}
    spent = await _held(accounts.expense("PROMO", "CNY"))
    stated = await api.ask(town.at("root").shop, TOP_UP, {"input": wanted}, by=operator)
    assert stated.accepted["budget"]["free"]["amountMinor"] == 900
    granted = await api.ask(town.at("shop").shop, TOP_UP, {"input": wanted}, by=operator)
    assert granted.accepted["budget"]["free"]["amountMinor"] == 900
    async with db.transaction(db.core_scope(), read_only=True):
        assert await ledger.balance(accounts.promo(None, "CNY")) == 900
        assert await ledger.balance(accounts.promo(town.at("shop").shop.id, "CNY")) == 900
        assert await ledger.balance(accounts.expense("PROMO", "CNY")) == spent - 1_800


async def test_an_order_is_refused_once_the_budget_is_spent(town: Neighbourhood, api: Api) -> None:
    shop = await shop_of(town.at("shop").shop)
    await issue_for_subtree(
        await shop_of(town.at("root").shop), "GIFT", value=500, payers=PLATFORM_PAYS
    )
    await fund(shop.id, None, 500)
    lines = [{"skuId": public_id("sku", town.goods.sku_id), "quantity": 1}]
    asked = {"input": {"lines": lines, "couponCodes": ["GIFT"]}}
    quote = (await api.ask(town.at("shop").shop, QUOTE, asked)).accepted
    for key, codes in (("a" * 22, set()), ("b" * 22, {"COUPON_EXHAUSTED"})):
        wanted = {"input": {"quoteId": quote["id"], "idempotencyKey": key}}
        assert (await api.ask(town.at("shop").shop, ORDER, wanted)).codes == codes
