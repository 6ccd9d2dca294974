"""The workloads: what is asked, by how many clients, and what their limit is.

Which page, product, SKU and shop is asked for is drawn uniformly. A connection of a selling
workload buys for customers of its own, so that two never wait for one wallet.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from entrypoints.bench.load.questions import Question
from entrypoints.bench.market.records import BenchShop, BenchSku, Market
from entrypoints.bench.seller import Seller

BUYERS_PER_CLIENT: Final = 8
SAME_STATEMENTS: Final = "pgbench: the product's own statements"


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of a workload, and each client's places in them; kinds and weights where
    there is more than one kind."""

    questions: list[Question]
    pools: list[list[int]]
    kinds: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()

    def some_of(self, client: int, count: int) -> list[Question]:
        """Give `count` of one client's questions, and other ones to another
        client that draws from the same."""
        pool = self.pools[client]
        return [self.questions[pool[(client * count + n) % len(pool)]] for n in range(count)]


def shared(questions: list[Question], clients: int) -> Asked:
    """Let every client draw from all questions."""
    return Asked(questions, [list(range(len(questions)))] * clients)


def dealt(pools: Sequence[Sequence[Question]]) -> Asked:
    """Let each client draw from questions of its own."""
    questions: list[Question] = []
    places = []
    for pool in pools:
        places.append(list(range(len(questions), len(questions) + len(pool))))
        questions += pool
    return Asked(questions, places)


Ask = Callable[[Seller, int, Sequence[BenchSku]], Awaitable[Asked]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of operation; `ask` makes the clients' questions."""

    name: str
    ask: Ask
    clients: tuple[int, ...] = (8,)
    limit: str = SAME_STATEMENTS
    limit_posts: bool = False
    """The limit writes the ledger rows of the operation and nothing else."""
    sells: bool = False
    one_shop: bool = False
    one_sku: bool = False
    cached: bool = False
    """The API may answer from its cache, which every question has passed through before."""
    by_channel: bool = False
    """Paid at the stand-in for Stripe, which calls back."""
    sold_before: bool = False
    """The SKU has sold `Size.sold_before` keys when the first round begins."""
    open_snapshot: bool = False
    """Somebody's transaction was open before that and stays so: nothing dead can be removed."""

    def shops(self, market: Market) -> tuple[BenchShop, ...]:
        """Say in which shops is bought."""
        return market.shops[:1] if self.one_shop else market.shops

    def skus(self, market: Market) -> tuple[BenchSku, ...]:
        """Say what is bought."""
        return market.skus[:1] if self.one_sku else market.skus


async def _pages(seller: Seller, clients: int, skus: Sequence[BenchSku]) -> Asked:
    return shared(await seller.pages(), clients)


async def _products(seller: Seller, clients: int, skus: Sequence[BenchSku]) -> Asked:
    return shared(seller.products(), clients)


async def _sales(seller: Seller, clients: int, skus: Sequence[BenchSku]) -> Asked:
    return dealt(await seller.purchases("sale", clients=clients, skus=skus))


async def _channel_sales(seller: Seller, clients: int, skus: Sequence[BenchSku]) -> Asked:
    return dealt(await seller.purchases("sale_channel", clients=clients, skus=skus))


WORKLOADS: Final = (
    Workload(name="catalogue", ask=_pages),
    Workload(name="catalogue_cached", ask=_pages, cached=True),
    Workload(name="product", ask=_products),
    Workload(name="sale", ask=_sales, sells=True),
    Workload(name="sale_channel", ask=_channel_sales, sells=True, by_channel=True),
    Workload(name="hot", ask=_sales, sells=True, one_sku=True),
    Workload(name="hot_sold", ask=_sales, sells=True, one_sku=True, sold_before=True),
    Workload(
        name="hot_snapshot",
        ask=_sales,
        sells=True,
        one_sku=True,
        sold_before=True,
        open_snapshot=True,
    ),
    Workload(
        name="ledger",
        ask=_sales,
        clients=(1, 8, 32),
        limit="pgbench: posting the same ledger rows, and nothing else",
        limit_posts=True,
        sells=True,
        one_shop=True,
        one_sku=True,
    ),
)
