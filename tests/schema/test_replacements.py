"""Replacing a bad key over the API: who may, by which policy, and what its buyer sees."""

from typing import Any

import pytest

from isolation.api import Answer, Api
from isolation.neighbours import Neighbourhood
from kernel.ids import new_id
from kernel.settings import settings
from replacement_desk import second_supplier

pytestmark = pytest.mark.engines

REPLACE = """mutation ($input: KeyReplaceInput!) { keyReplace(input: $input) {
  __typename
  ... on OrderChanged { order { lines { keys { id replacedBy returnedAt revealedAt } } } }
  ... on Problem { code message field } } }"""
LOOK = """query ($no: String!) { order(no: $no) {
  lines { keys { id serial replacedBy returnedAt } } } }"""


async def replace(api: Api, town: Neighbourhood, role: str, **more: Any) -> Answer:
    mine = town.at("shop")
    order = mine.customers["delivered"]
    wish = {
        "orderNo": order.no,
        "keyId": order.key_ids[0],
        "reason": "not valid",
        "idempotencyKey": new_id().hex,
        **more,
    }
    by = await town.world.operator() if role == "OPERATOR" else mine.people[role]
    return await api.ask(mine.shop, REPLACE, {"input": wish}, by=by)


async def test_an_operator_replaces_a_key_and_its_buyer_sees_both(
    town: Neighbourhood, api: Api
) -> None:
    mine = town.at("shop")
    order = mine.customers["delivered"]

    made = (await replace(api, town, "OPERATOR")).accepted
    again = await replace(api, town, "OPERATOR")

    assert again.codes == {"ALREADY_REPLACED"}
    seen = await api.ask(mine.shop, LOOK, {"no": order.no}, by=mine.people["CUSTOMER"])
    keys = {key["id"]: key for line in seen.accepted["lines"] for key in line["keys"]}
    bad = keys[order.key_ids[0]]
    another = keys[bad["replacedBy"]]
    assert bad["returnedAt"] and another["replacedBy"] is None and another["returnedAt"] is None
    assert another["serial"] != bad["serial"]
    assert len(keys) == len(order.key_ids) + 1
    assert {key["id"] for key in made["order"]["lines"][0]["keys"]} == set(keys)


async def test_a_shop_replaces_keys_as_far_as_the_platform_lets_it(
    town: Neighbourhood, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await replace(api, town, "STAFF_FINANCE")).codes == {"FORBIDDEN"}
    await town.owner.execute(
        "update keys set status = 'EXPIRED' where status = 'AVAILABLE'"
        " and supplier_listing_id = $1",
        town.goods.listing_id,
    )
    await second_supplier(town.world, 1, keys=1)
    for policy, code in (("SHOPS_SAME_SUPPLIER", "OUT_OF_STOCK"), ("SHOPS", None)):
        monkeypatch.setattr(settings(), "replacement_policy", policy)
        for role in ("STAFF_SUPPORT", "CUSTOMER"):
            assert (await replace(api, town, role)).codes == {"FORBIDDEN"}
        answer = await replace(api, town, "STAFF_FINANCE")
        assert answer.codes == ({code} if code else set())
