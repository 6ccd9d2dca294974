"""Reads from the running API what requests are made of: cursors, ids and prices."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.load import documents
from entrypoints.bench.load.questions import (
    PAGE,
    Question,
    catalogue_question,
    product_question,
    quote_question,
    sale_question,
)
from entrypoints.bench.market.records import CURRENCY, BenchBuyer, BenchShop, BenchSku, Market

MOST_QUESTIONS: Final = 10_000
"""Of one kind: a uniform sample of all, where all are more."""
MOST_SHOPS_LEAFED: Final = 500
"""Shops whose pages are leafed through for the cursors of all of them."""
PURCHASES_PER_CLIENT: Final = 200
LONGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Seller:
    """The running API, and who and what there is in its database."""

    port: int
    http: httpx.AsyncClient
    market: Market
    buyers: Sequence[BenchBuyer]
    draw: random.Random

    async def pages(self) -> list[Question]:
        """Make a question for every whole page of every shop; of many shops for the first page
        of each, and for all pages of some."""
        shops = self.market.shops
        found = [catalogue_question(shop.host, None) for shop in shops]
        for shop in self.draw.sample(shops, min(len(shops), MOST_SHOPS_LEAFED)):
            cursors = await self._cursors(shop)
            ends = cursors[PAGE - 1 :: PAGE][: len(cursors) // PAGE - 1]
            found += [catalogue_question(shop.host, one) for one in ends]
        return self._sample(found)

    def products(self) -> list[Question]:
        """Make a question for every product of every shop."""
        places = len(self.market.shops) * len(self.market.skus)
        drawn = self.draw.sample(range(places), min(places, MOST_QUESTIONS))
        skus = len(self.market.skus)
        return [
            product_question(
                self.market.shops[place // skus].host, self.market.skus[place % skus].slug
            )
            for place in drawn
        ]

    async def purchases(
        self, check: str, *, clients: int, skus: Sequence[BenchSku]
    ) -> list[list[Question]]:
        """Make each client's purchases, for customers of the client's own: two
        clients never wait for one wallet.

        `check` names the kind: "sale" is paid from the wallet, the others begin with a quote.
        """
        prices = {shop: await self._prices(shop, skus) for shop in {b.shop for b in self.buyers}}
        return [
            [
                self._purchase(check, own[n % len(own)], prices[own[n % len(own)].shop])
                for n in range(PURCHASES_PER_CLIENT)
            ]
            for own in (self.buyers[client::clients] for client in range(clients))
        ]

    def _purchase(
        self, check: str, buyer: BenchBuyer, prices: Sequence[tuple[str, int]]
    ) -> Question:
        sku_id, total_minor = self.draw.choice(prices)
        host, token = buyer.shop.host, buyer.token
        if check != "sale":
            return quote_question(check, host, token=token, sku_id=sku_id, total_minor=total_minor)
        return sale_question(
            host, token=token, sku_id=sku_id, total_minor=total_minor, currency=CURRENCY
        )

    async def _cursors(self, shop: BenchShop) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            page = await self._ask(shop, documents.CURSORS, after=after)
            found += [edge["cursor"] for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    async def _prices(self, shop: BenchShop, skus: Sequence[BenchSku]) -> list[tuple[str, int]]:
        """Id and price, in minor units, of those of the SKUs that stand on one of this shop's
        longest pages, drawn uniformly; the first page where only the first SKU is sold."""
        after = None
        if len(skus) == len(self.market.skus):
            cursors = await self._cursors(shop)
            after = self.draw.choice([None, *cursors[LONGEST_PAGE - 1 : -1 : LONGEST_PAGE]])
        page = await self._ask(shop, documents.PRICES, after=after)
        wanted = {sku.slug for sku in skus}
        sold = [edge["node"]["skus"][0] for edge in page["edges"] if edge["node"]["slug"] in wanted]
        if not sold:
            raise BenchFailed(f"{shop.host} does not sell what is to be bought.")
        return [(sku["id"], sku["price"]["amount"]["amountMinor"]) for sku in sold]

    async def _ask(self, shop: BenchShop, query: str, **variables: object) -> dict[str, Any]:
        asked = Question("", shop.host, query, variables, {})
        response = await self.http.post(
            f"http://127.0.0.1:{self.port}/graphql", json=asked.body, headers=asked.headers
        )
        answer = response.json()
        if answer.get("errors") or not answer.get("data"):
            raise BenchFailed(f"The API did not show its shelf: {answer}")
        page: dict[str, Any] = answer["data"]["products"]
        return page

    def _sample(self, questions: list[Question]) -> list[Question]:
        return self.draw.sample(questions, min(len(questions), MOST_QUESTIONS))
