"""The workloads: what is asked, by how many clients, and what their limit is.

Which page, product, SKU and shop is asked for is drawn uniformly. A connection of a selling
workload buys for customers of its own, so that two never wait for one wallet.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.market import CURRENCY, BenchBuyer, BenchShop, BenchSku, Market
from entrypoints.bench.questions import (
    PAGE,
    SHELF,
    Question,
    catalogue_question,
    product_question,
    sale_question,
)

QUESTIONS_PER_CLIENT: Final = 200
BUYERS_PER_CLIENT: Final = 8
SAME_STATEMENTS: Final = "the product's own statements"


@dataclass(frozen=True, slots=True)
class Seller:
    """The running API, asked for what a request needs: cursors, ids and prices."""

    port: int
    http: httpx.AsyncClient
    market: Market
    buyers: Sequence[BenchBuyer]
    draw: random.Random

    async def pages(self, shop: BenchShop) -> list[tuple[str | None, list[dict[str, Any]]]]:
        """This function will walk a shop's pages: the cursor before each, and its products."""
        found: list[tuple[str | None, list[dict[str, Any]]]] = []
        after: str | None = None
        while True:
            page = await self._page(shop, after)
            found.append((after, [edge["node"] for edge in page["edges"]]))
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def _page(self, shop: BenchShop, after: str | None) -> dict[str, Any]:
        asked = Question("shelf", shop.host, SHELF, {"after": after}, {})
        response = await self.http.post(
            f"http://127.0.0.1:{self.port}/graphql", json=asked.body, headers=asked.headers
        )
        answer = response.json()
        if answer.get("errors") or not answer.get("data"):
            raise BenchFailed(f"The API did not show its shelf: {answer}")
        page: dict[str, Any] = answer["data"]["products"]
        return page


Ask = Callable[[Seller, int], Awaitable[list[list[Question]]]]


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of operation. `ask` gives each client the questions that it draws from."""

    name: str
    clients: tuple[int, ...]
    ask: Ask
    limit: str
    sells: bool = False
    one_shop: bool = False
    one_sku: bool = False
    limit_only: str | None = None
    """The limit runs only the statements with these words."""

    def shops(self, market: Market) -> tuple[BenchShop, ...]:
        """This function will say in which shops is bought."""
        return market.shops[:1] if self.one_shop else market.shops

    def skus(self, market: Market) -> tuple[BenchSku, ...]:
        """This function will say what is bought."""
        return market.skus[:1] if self.one_sku else market.skus


async def _ask_catalogue(seller: Seller, clients: int) -> list[list[Question]]:
    pool = [
        catalogue_question(shop.host, after)
        for shop in seller.market.shops
        for after, products in await seller.pages(shop)
        if len(products) == PAGE
    ]
    return _shuffled(seller, pool, clients)


async def _ask_product(seller: Seller, clients: int) -> list[list[Question]]:
    pool = [
        product_question(shop.host, sku.slug)
        for shop in seller.market.shops
        for sku in seller.market.skus
    ]
    return _shuffled(seller, pool, clients)


def _shuffled(seller: Seller, pool: list[Question], clients: int) -> list[list[Question]]:
    """Every client draws from a uniform sample of all questions."""
    size = min(len(pool), QUESTIONS_PER_CLIENT)
    return [seller.draw.sample(pool, size) for _ in range(clients)]


async def _ask_sale(seller: Seller, clients: int) -> list[list[Question]]:
    return await _purchases(seller, clients, seller.market.skus)


async def _ask_ledger(seller: Seller, clients: int) -> list[list[Question]]:
    return await _purchases(seller, clients, seller.market.skus[:1])


async def _purchases(
    seller: Seller, clients: int, skus: Sequence[BenchSku]
) -> list[list[Question]]:
    shelves = {
        shop.host: {
            node["slug"]: node["skus"][0] for _, nodes in await seller.pages(shop) for node in nodes
        }
        for shop in {buyer.shop for buyer in seller.buyers}
    }

    def purchase(buyer: BenchBuyer) -> Question:
        shelf = shelves[buyer.shop.host]
        slug = seller.draw.choice(skus).slug
        return sale_question(
            buyer.shop.host,
            token=buyer.token,
            sku_id=shelf[slug]["id"],
            total_minor=shelf[slug]["price"]["amount"]["amountMinor"],
            currency=CURRENCY,
        )

    return [
        [purchase(own[n % len(own)]) for n in range(QUESTIONS_PER_CLIENT)]
        for own in (seller.buyers[client::clients] for client in range(clients))
    ]


WORKLOADS: Final = (
    Workload("catalogue", (8,), _ask_catalogue, SAME_STATEMENTS),
    Workload("product", (8,), _ask_product, SAME_STATEMENTS),
    Workload("sale", (8,), _ask_sale, SAME_STATEMENTS, sells=True),
    Workload(
        "ledger",
        (1, 8, 32),
        _ask_ledger,
        "posting the same ledger rows, and nothing else",
        sells=True,
        one_shop=True,
        one_sku=True,
        limit_only="into ledger_entries",
    ),
)


def chosen_workloads(names: Sequence[str]) -> tuple[Workload, ...]:
    """This function will give the named workloads, or all; `BenchFailed` for an unknown name."""
    known = {workload.name: workload for workload in WORKLOADS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise BenchFailed(f"There is no workload {unknown[0]}. There are: {', '.join(known)}.")
    return tuple(known[name] for name in names) or WORKLOADS
