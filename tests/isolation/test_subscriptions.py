"""A subscription ends with whoever asked for it."""

import asyncio

import pytest

from isolation.api import Api
from isolation.neighbours import Neighbourhood
from patience import PATIENCE_SECONDS

pytestmark = pytest.mark.engines

WATCH = "subscription ($no: String!) { orderUpdated(orderNo: $no) { cursor } }"


async def test_a_subscription_ends_when_its_watcher_leaves(town: Neighbourhood, api: Api) -> None:
    at_shop = town.at("shop")
    order, buyer = at_shop.customers["delivered"], at_shop.people["CUSTOMER"]
    running_before = asyncio.all_tasks()
    async with asyncio.timeout(
        PATIENCE_SECONDS
    ):  # `watch` waits until the server has let go of the socket
        for _ in range(20):
            answer = await api.watch(at_shop.shop, WATCH, {"no": order.no}, by=buyer)
            assert answer.data["cursor"] >= 1
    assert asyncio.all_tasks() == running_before


async def test_a_revoked_token_ends_a_subscription_that_is_running(
    town: Neighbourhood, api: Api
) -> None:
    at_shop = town.at("shop")
    order, buyer = at_shop.customers["delivered"], at_shop.people["CUSTOMER"]

    async def revoke() -> None:
        await town.owner.execute(
            "update access_tokens set revoked_at = now() where principal_id = $1", buyer.id
        )

    ended = await api.watch(at_shop.shop, WATCH, {"no": order.no}, by=buyer, then=revoke)
    assert ended.codes == {"FORBIDDEN"}
    assert ended.data is None
