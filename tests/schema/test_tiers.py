"""Membership tiers over the API: the shop builds a ladder, a buyer climbs it, staff see how."""

from typing import Any

import pytest

from isolation.api import Api
from isolation.neighbours import Neighbourhood
from isolation.slots import desk_of
from kernel.ids import public_id
from ladders import bought_by, follow_everybody, moment, plant_purchase

pytestmark = pytest.mark.engines

TIER = """id name rank threshold { spent { amountMinor } windowDays graceDays }
  benefits { discountBp maxUnpaidOrders priority }"""
UPSERT = f"""mutation ($input: TierInput!) {{ tierUpsert(input: $input) {{
  __typename ... on TierWritten {{ tier {{ {TIER} }} }}
  ... on Problem {{ code message field }} }} }}"""
GIVE = """mutation ($input: CustomerTierInput!) { customerTierSet(input: $input) {
  __typename ... on CustomerTierSet { tier { name } } ... on Problem { code message field } } }"""
REMOVE = """mutation ($input: TierRef!) { tierRemove(input: $input) {
  __typename ... on TierRemoved { tierId }
  ... on Problem { code message field details { name value } } } }"""
ME = """{ me { tier { name } tierProgress { spent { amountMinor } windowDays next { name }
  missing { amountMinor } holdsUntil given } } }"""
CHANGES = """query ($of: ID!) { customerTierChanges(customerId: $of, first: 2) {
  nodes { reason fromTier toTier spent { amountMinor } windowDays }
  pageInfo { hasNextPage } } }"""


def wish(name: str, rank: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "rank": rank, **more}


async def test_a_ladder_is_built_climbed_and_seen(town: Neighbourhood, api: Api) -> None:
    mine = town.at("shop")
    shop, staff, buyer = mine.shop, mine.people["STAFF_CATALOGUE"], mine.people["CUSTOMER"]
    bought_minor = sum(one.minor for one in await bought_by(town.owner, buyer))
    goal = {"amountMinor": bought_minor + 5_000, "currency": "CNY"}
    threshold = {"spent": goal, "windowDays": 30, "graceDays": 5}

    made = await api.ask(
        shop, UPSERT, {"input": wish("climbers", 50, priority=7, **threshold)}, by=staff
    )
    tier = made.accepted["tier"]
    assert tier["threshold"] == {
        "spent": {"amountMinor": goal["amountMinor"]},
        "windowDays": 30,
        "graceDays": 5,
    }
    assert tier["benefits"] == {"discountBp": None, "maxUnpaidOrders": 20, "priority": 7}
    shown = (await api.ask(shop, f"{{ tiers {{ {TIER} }} }}")).accepted  # by a guest
    assert tier in shown
    assert [one["rank"] for one in shown] == sorted(one["rank"] for one in shown)
    again = await api.ask(shop, UPSERT, {"input": wish("climbers", 51, **threshold)}, by=staff)
    assert again.codes == {"VALIDATION"}
    assert again.body["data"]["tierUpsert"]["field"] == "name"

    now = await moment(town.owner)
    await plant_purchase(town.owner, shop, buyer, 5_000, made_at=now)
    await follow_everybody()
    me = (await api.ask(shop, ME, by=buyer)).accepted
    assert me["tier"] == {"name": "climbers"}
    assert not me["tierProgress"]["given"] and me["tierProgress"]["holdsUntil"] is not None

    gift = {"customerId": public_id("cus", buyer.id), "tierId": desk_of(mine).tier_id}
    given = await api.ask(shop, GIVE, {"input": gift}, by=staff)
    me = (await api.ask(shop, ME, by=buyer)).accepted
    assert me["tier"] == given.accepted["tier"] != {"name": "climbers"}
    assert me["tierProgress"]["given"] and me["tierProgress"]["holdsUntil"] is None

    page = (
        await api.ask(shop, CHANGES, {"of": gift["customerId"]}, by=mine.people["STAFF_SUPPORT"])
    ).accepted
    assert [one["reason"] for one in page["nodes"]] == ["GIVEN", "REACHED"]
    assert page["nodes"][1] == {
        "reason": "REACHED",
        "fromTier": None,
        "toTier": "climbers",
        "spent": {"amountMinor": goal["amountMinor"]},
        "windowDays": 30,
    }
    assert not page["pageInfo"]["hasNextPage"]

    assert (await api.ask(shop, REMOVE, {"input": {"tierId": tier["id"]}}, by=buyer)).refused
    removed = await api.ask(shop, REMOVE, {"input": {"tierId": tier["id"]}}, by=staff)
    assert removed.accepted["tierId"] == tier["id"]
    assert tier["id"] not in (await api.ask(shop, "{ tiers { id } }")).text
