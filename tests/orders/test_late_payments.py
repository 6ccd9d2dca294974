"""Money that comes after the hold, for an order of which a part has gone to somebody else."""

import pytest

from offers.quotes import Wish
from sales import SalesDesk

pytestmark = pytest.mark.engines


@pytest.mark.parametrize("taken", [0, 1])
async def test_a_late_payment_for_an_order_of_which_one_line_is_lost_sells_no_line(
    desk: SalesDesk, taken: int
) -> None:
    world = desk.world
    goods = [world.goods, await world.more_goods("second")]
    for each in goods:
        await world.keys(2, each)
    purchase = await desk.order(wishes=[Wish(each.sku_id, 2) for each in goods])
    payment_id = await purchase.start()
    await world.shift_clock("16 minutes")
    other = await (await desk.order(2, goods=goods[taken])).paid()

    assert (await purchase.heard(payment_id)).effect == "REFUNDING"

    rows = await desk.owner.fetch(
        "select sku_id, status, count(*) from keys group by 1, 2 order by 2 desc"
    )
    assert [tuple(row) for row in rows] == [
        (goods[taken].sku_id, "SOLD", 2),
        (goods[1 - taken].sku_id, "HELD", 2),
    ]
    sold_to = await desk.owner.fetch("select distinct order_id from delivered_keys")
    assert [row["order_id"] for row in sold_to] == [other.id]
    await desk.send_refunds()
    assert sum(desk.channels["CARD"].refunded.values()) == purchase.total_minor
    await desk.sweep()
    assert await purchase.status() == "EXPIRED"
    assert await desk.key_states() == {"SOLD": 2, "AVAILABLE": 2}
    await desk.assert_sound()
