"""The platform dies while a key is replaced: it is replaced once, and paid for once."""

from typing import Final

import pytest

from entrypoints.verify import verify
from faults.buyers import PRICE_MINOR, Buyer
from faults.lives import always_revived
from faults.test_crash_points import REPLACEMENTS
from kernel.settings import Settings
from processes import Platform
from replacement_desk import second_supplier
from world import World

pytestmark = pytest.mark.engines

_REPLACE: Final = """mutation ($input: KeyReplaceInput!) { keyReplace(input: $input) {
  __typename ... on Problem { code } } }"""


class Operator(Buyer):
    """Who replaces a key, and asks until somebody answers."""

    async def replace(self, order_no: str, key_id: str) -> None:
        """Replace it; asking again with the same key takes no second one."""
        wish = {"orderNo": order_no, "keyId": key_id, "reason": "not valid"}
        done = await self._insist(_REPLACE, {"input": {**wish, "idempotencyKey": self.key}})
        assert done["__typename"] == "OrderChanged", done


async def test_a_key_is_replaced_once_wherever_the_platform_dies(
    platform: Platform, world: World, config: Settings
) -> None:
    rich = await world.customer(wallet_minor=PRICE_MINOR)
    buyer = Buyer(platform, world.shop, world.goods, customer=rich)
    await buyer.buy_from_wallet()
    (line,) = (await buyer.until("DELIVERED"))["lines"]
    key_id = line["keys"][0]["id"]
    await buyer.open_key(key_id)
    await world.owner.execute("update keys set status = 'EXPIRED' where status = 'AVAILABLE'")
    other = await second_supplier(world, keys=3)
    operator = Operator(platform, world.shop, world.goods, customer=await world.operator())
    platform.api.kill()
    platform.api.start(KAMENG_CRASH_AT=REPLACEMENTS[0])

    async with always_revived(platform.api, crash_at=REPLACEMENTS[1:]) as deaths:
        await operator.replace(buyer.order_no, key_id)

    assert deaths == [platform.api.name] * len(REPLACEMENTS)
    left = "select count(*) from keys where supplier_listing_id = $1 and status = 'AVAILABLE'"
    assert await world.owner.fetchval(left, other.listing_id) == 2
    assert await world.owner.fetchval("select count(*) from key_replacements") == 1
    assert await verify(config.database_url) == []
