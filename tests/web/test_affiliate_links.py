"""Links of affiliates: where they lead, and what counts as a click."""

from collections.abc import Callable
from uuid import UUID

import pytest

from kernel.ids import new_id
from kernel.settings import Settings
from patience import until
from web_visitor import Visitor
from world import World

pytestmark = [pytest.mark.engines, pytest.mark.asyncio(loop_scope="package")]

GOES_THERE = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}


async def star(world: World, code: str) -> UUID:
    return (await world.affiliate(code)).id


async def clicks_of(world: World, affiliate_id: UUID) -> int:
    number: int = await world.owner.fetchval(
        "select coalesce(sum(clicks), 0)::int from affiliate_days where affiliate_id = $1",
        affiliate_id,
    )
    return number


async def test_a_buyer_is_led_to_the_goods_and_thanks_the_affiliate_with_an_order(
    visitor: Visitor, world: World
) -> None:
    affiliate_id, goods = await star(world, "leads"), await world.more_goods("by-affiliate")
    await world.keys(1, goods)
    await world.owner.execute(
        """insert into affiliate_links (tenant_id, id, affiliate_id, code, product_id, sub_id)
           values ($1, $2, $3, 'tothegoods', $4, 'video')""",
        world.shop.id,
        new_id(),
        affiliate_id,
        goods.product_id,
    )
    led = await visitor.get("/a/tothegoods", **GOES_THERE)
    assert led.to == "/p/by-affiliate"
    assert led.headers["cache-control"] == "no-store"
    kept = [one for one in led.headers.get_list("set-cookie") if one.startswith("kameng-click=")]
    assert len(kept) == 1
    assert "HttpOnly" in kept[0]
    assert "samesite=lax" in kept[0].lower()
    await until(lambda: clicks_of(world, affiliate_id), lambda number: number == 1)

    bought = await visitor.buy("by-affiliate", "CARD", contact="buyer@example.com")
    assert bought.status == 303
    row = await world.owner.fetchrow(
        "select rule, link_id is not null as by_link from attributions where affiliate_id = $1",
        affiliate_id,
    )
    assert tuple(row) == ("LAST_CLICK", True)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"},
        {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"},
        {**GOES_THERE, "sec-purpose": "prefetch;prerender"},
    ],
)
async def test_what_a_page_loads_in_passing_leaves_nothing(
    visitor: Visitor, world: World, said: dict[str, str]
) -> None:
    code = f"passing{new_id().hex[-8:]}"
    affiliate_id = await star(world, code)
    led = await visitor.get(f"/a/{code}", **said)
    assert led.to == "/"
    assert "set-cookie" not in led.headers
    assert await clicks_of(world, affiliate_id) == 0


@pytest.mark.parametrize(
    "code", ["nobody", "..%2f..%2fevil", "%2f%2fevil.example", "https:evil.example", "a" * 500]
)
async def test_no_code_leads_out_of_the_shop_and_an_unknown_one_leaves_nothing(
    visitor: Visitor, code: str
) -> None:
    led = await visitor.get(f"/a/{code}", **GOES_THERE)
    assert led.status in (303, 404)
    assert led.headers.get("location", "/") == "/"
    assert "kameng-click" not in str(led.headers.get_list("set-cookie"))


async def test_another_shops_code_is_nobodys_here(
    visitors: Callable[..., Visitor], world: World, config: Settings
) -> None:
    del config  # the settings under which this process asks as well
    await star(world, "elsewhere")
    led = await visitors(shop=world.agent).get("/a/elsewhere", **GOES_THERE)
    assert led.to == "/"
    assert "set-cookie" not in led.headers


async def test_the_first_and_the_last_click_are_kept(visitor: Visitor, world: World) -> None:
    first, last = await star(world, "firstone"), await star(world, "lastone")
    for code in ("firstone", "lastone", "firstone", "lastone"):
        await visitor.get(f"/a/{code}", **GOES_THERE)
    await until(lambda: clicks_of(world, first), lambda number: number == 2)
    await until(lambda: clicks_of(world, last), lambda number: number == 2)
    uniques = await world.owner.fetchval(
        "select sum(unique_clicks)::int from affiliate_days where affiliate_id = any ($1)",
        [first, last],
    )
    assert uniques == 2
