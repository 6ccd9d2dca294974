"""The platform dies while a person delivers: what was done is done once, and what was not goes back
by itself."""

from typing import Any, Final

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import BY_HAND, BY_HAND_OF_WORKER
from hand_rows import plant_by_hand
from kernel.settings import Settings
from processes import Platform
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.sweep]

MINUTES: Final = 60
_BEGIN: Final = """mutation ($input: ManualBeginInput!) { manualBegin(input: $input) {
  __typename ... on Problem { code } } }"""
_DELIVER: Final = """mutation ($input: ManualDeliverInput!) { manualDeliver(input: $input) {
  __typename ... on ManualChanged { delivery { state } } ... on Problem { code } } }"""


class Deliverer(Buyer):
    """The supplier, who asks until somebody answers."""

    async def begin(self, line_id: str) -> None:
        """Read what the buyer has said; to read it again does no harm."""
        begun = await self._insist(_BEGIN, {"input": {"lineId": line_id}})
        assert begun["__typename"] == "ManualBegun", begun

    async def deliver(self, line_id: str, content: str) -> None:
        """Deliver; asking again with the same key delivers no more."""
        wish: dict[str, Any] = {"lineId": line_id, "contents": [content]}
        done = await self._insist(_DELIVER, {"input": {**wish, "idempotencyKey": self.key}})
        assert done == {"__typename": "ManualChanged", "delivery": {"state": "DELIVERED"}}, done


async def test_a_delivery_that_dies_at_every_step_is_made_once_and_a_missed_one_is_refunded(
    platform: Platform, world: World, config: Settings
) -> None:
    goods = await world.more_goods("by-hand", supplier_id=world.goods.supplier_id)
    await plant_by_hand(world, goods, minutes=MINUTES)
    rich = await world.customer(wallet_minor=2 * PRICE_MINOR)
    supplier = Deliverer(platform, world.root, world.goods, customer=await world.supplier_token())
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=BY_HAND[0])
    platform.worker.kill()
    platform.worker.start(KAMENG_CRASH_AT=BY_HAND_OF_WORKER)

    async with always_revived(platform.api, platform.worker, crash_at=BY_HAND[1:]) as deaths:
        lucky, late = (Buyer(platform, world.shop, goods, customer=rich) for _ in range(2))
        await lucky.buy_from_wallet()
        await late.buy_from_wallet()
        await supplier.begin(lucky.line_id)
        await supplier.deliver(lucky.line_id, "user/pass")
        await world.shift_clock(f"{MINUTES + 1} minutes")
        shown = await late.until("REFUNDED")
        assert shown["refunded"]["amountMinor"] == PRICE_MINOR
        (line,) = (await lucky.until("DELIVERED"))["lines"]
        assert await lucky.open_key(line["keys"][0]["id"]) == "user/pass"

    assert sorted(deaths) == sorted([platform.api.name] * len(BY_HAND) + [platform.worker.name])
    kinds = await world.owner.fetch(
        "select kind, count(*) from manual_events where kind <> 'LOOKED' group by kind"
    )
    assert {row["kind"]: row["count"] for row in kinds} == {"DELIVERED": 1, "MISSED": 1}
    assert await verify(config.database_url) == []
