"""The databases of one measurement: the product's, and a copy of it for the limit.

What the faster one leaves behind must not slow down the other.
"""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import ceil
from typing import Final
from uuid import UUID

import asyncpg
import httpx

from entrypoints.bench.children import product_environment, running_product
from entrypoints.bench.context import Bench
from entrypoints.bench.databases import clone
from entrypoints.bench.load.answers import check
from entrypoints.bench.market.buyers import plant_buyers
from entrypoints.bench.market.history import copy_sales
from entrypoints.bench.market.planting import vacuum_analyze
from entrypoints.bench.market.records import BenchBuyer, BenchSku
from entrypoints.bench.market.stock import restock
from entrypoints.bench.seller import Seller
from entrypoints.bench.timing import Timing
from entrypoints.bench.workloads import BUYERS_PER_CLIENT, Workload

NEVER_SCARCE: Final = 200
"""Keys in a pool: more than a page counts, and than a sale has to tell of."""
ORIGINALS: Final = 32
"""Sales that the product makes, of which all the others before the first round are copies."""
FIRST_GUESS: Final = {"product": (200.0, 1000.0), "limit": (600.0, 4000.0)}
"""Sales a second, of each client and at most of all, that are stocked for before the first window
has shown how many there are."""


@dataclass(slots=True)
class Side:
    """The product's database, or the limit's, and how fast keys go there."""

    url: str
    owner: asyncpg.Connection
    sales_per_second: float
    skus: tuple[BenchSku, ...]
    largest_share: float
    """Of all sales: those of the SKU that sells best."""

    async def restock(self, timing: Timing) -> None:
        """Put enough keys into the pools for one run, half as many again for
        chance, and so many that no pool comes near its end, where pages would have to follow."""
        sales = self.sales_per_second * (timing.run_seconds + 2)
        each = NEVER_SCARCE + ceil(1.5 * sales * self.largest_share)
        await restock(self.owner, self.skus, keys_each=each)

    async def sell_what_was_recorded(self) -> None:
        """Note which SKUs the recorded scripts sell, and how often: they sell
        nothing else."""
        if len(self.skus) == 1:
            return
        sold = await self.owner.fetch(
            "select sku_id, count(*) as n from keys where status in ('HELD', 'SOLD') group by 1"
        )
        times = {row["sku_id"]: row["n"] for row in sold}
        self.skus = tuple(sku for sku in self.skus if sku.id in times)
        self.largest_share = max(times.values()) / sum(times.values())


@dataclass(frozen=True, slots=True)
class Sides:
    """Both databases, and the customers who buy in them."""

    product: Side
    limit: Side | None
    buyers: list[BenchBuyer]


async def prepare_sides(
    bench: Bench, workload: Workload, clients: int, stack: AsyncExitStack, *, sold: int = 0
) -> Sides:
    """Copy the market, sign up its buyers, and make `sold` earlier sales. What the
    pools have left dead is cleaned up, as far as nobody may still see it.

    The databases live as long as the stack.
    """
    server_url = bench.config.database_url
    url = bench.template_url
    if bench.to_copy:
        url = await stack.enter_async_context(clone(server_url, url))
    owner = await asyncpg.connect(url)
    count = clients * BUYERS_PER_CLIENT if workload.sells else 1
    buyers = await plant_buyers(owner, workload.shops(bench.market), count=count)
    await owner.close()
    originals = await _make_originals(bench, workload, url) if sold else []
    urls = {"product": url}
    if bench.with_limit:
        urls["limit"] = await stack.enter_async_context(clone(server_url, url))
    sides = {
        name: await _side(name, one, bench, workload, clients, stack) for name, one in urls.items()
    }
    for side in sides.values():
        if workload.open_snapshot:
            await _hold_a_snapshot(side.url, stack)
        if sold:
            await copy_sales(side.owner, originals, sales=sold, say=bench.say)
            await vacuum_analyze(side.owner)
    return Sides(sides["product"], sides.get("limit"), buyers)


async def _side(
    name: str, url: str, bench: Bench, workload: Workload, clients: int, stack: AsyncExitStack
) -> Side:
    owner = await asyncpg.connect(url)
    stack.push_async_callback(owner.close)
    of_each, at_most = FIRST_GUESS[name]
    guess = min(at_most, of_each * clients)
    skus = workload.skus(bench.market)
    return Side(url, owner, guess, skus, 1 / len(skus))


async def _hold_a_snapshot(url: str, stack: AsyncExitStack) -> None:
    """A report, a dump, an idle transaction: what dies from now on cannot be removed."""
    reader = await asyncpg.connect(url)
    stack.push_async_callback(reader.close)
    await reader.execute("begin isolation level repeatable read; select count(*) from tenants")


async def _make_originals(bench: Bench, workload: Workload, url: str) -> list[UUID]:
    """Real sales, by customers who buy nothing later: their wallets would be long to add up."""
    bench.say("Data: sales to be copied")
    owner = await asyncpg.connect(url)
    try:
        buyers = await plant_buyers(owner, workload.shops(bench.market), count=ORIGINALS)
        environment = product_environment(bench.config, database_url=url, logs=bench.logs)
        async with (
            running_product(environment, bench.logs) as product,
            httpx.AsyncClient(trust_env=False, timeout=10) as http,
        ):
            draw = random.Random(0)  # noqa: S311 - the same sales in every run
            seller = Seller(product.port, http, bench.market, buyers, draw)
            skus = workload.skus(bench.market)
            for question in (await seller.purchases("sale", clients=1, skus=skus))[0][:ORIGINALS]:
                body = {**question.body}
                body["variables"]["input"]["idempotencyKey"] = str(draw.getrandbits(128))
                answer = await http.post(
                    f"http://127.0.0.1:{product.port}/graphql", json=body, headers=question.headers
                )
                check(question, answer.json())
        made = await owner.fetch(
            "select id from orders where customer_id = any ($1)", [buyer.id for buyer in buyers]
        )
        return [row["id"] for row in made]
    finally:
        await owner.close()
