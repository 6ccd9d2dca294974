"""The questions of a run: of all shops, and in a time that does not grow with them."""

import random
from uuid import UUID

import httpx
import orjson

from entrypoints.bench.load.questions import PAGE
from entrypoints.bench.market.records import BenchShop, Market
from entrypoints.bench.seller import MOST_SHOPS_LEAFED, Seller

GOODS = 2 * PAGE + 3


class Shelves:
    """An API whose shops all have the same goods; notes which of them are leafed through."""

    def __init__(self) -> None:
        self.leafed: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Give all cursors at once."""
        host = request.headers["host"]
        self.leafed.append(host)
        edges = [{"cursor": f"{host} {n}"} for n in range(GOODS)]
        page = {"edges": edges, "pageInfo": {"hasNextPage": False, "endCursor": None}}
        return httpx.Response(200, content=orjson.dumps({"data": {"products": page}}))


async def pages_of(shops: int) -> tuple[Shelves, dict[str, list[str | None]]]:
    """By shop, after which cursors its pages are asked for."""
    shelves = Shelves()
    market = Market(tuple(BenchShop(UUID(int=n), f"shop-{n}") for n in range(shops)), ())
    async with httpx.AsyncClient(transport=httpx.MockTransport(shelves.answer)) as http:
        questions = await Seller(0, http, market, (), random.Random(1)).pages()
    found: dict[str, list[str | None]] = {}
    for one in questions:
        found.setdefault(one.host, []).append(one.variables["after"])
    return shelves, found


async def test_every_whole_page_of_every_shop_is_asked_for() -> None:
    _, found = await pages_of(3)

    for host in ("shop-0", "shop-1", "shop-2"):
        assert set(found[host]) == {None, f"{host} {PAGE - 1}"}
    assert sum(map(len, found.values())) == 6


async def test_of_many_shops_some_are_leafed_through_and_all_are_asked_for_their_first_page() -> (
    None
):
    shelves, found = await pages_of(MOST_SHOPS_LEAFED + 100)

    assert len(shelves.leafed) == len(set(shelves.leafed)) == MOST_SHOPS_LEAFED
    assert len(found) == MOST_SHOPS_LEAFED + 100
    assert all(None in after for after in found.values())
    assert sum(len(after) == 2 for after in found.values()) == MOST_SHOPS_LEAFED
