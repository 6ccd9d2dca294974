"""A price rule changes at the root, with many shops below: how long that takes, and until when
somebody is still shown the old price.

The change is the statement that a use case would send. Beside it some shops are watched, others
each time: quotes must be right at once, and pages that are kept, which were asked for just before,
soon after. What is right was asked of two processes, one for each of the values between which the
rule changes: each had just begun, and so had nothing from before.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import httpx

from entrypoints.bench.children import NO_CACHE, Product, product_environment, running_product
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.growth.curve import Point
from entrypoints.bench.growth.stations import Station
from entrypoints.bench.load import documents
from entrypoints.bench.load.questions import Question
from entrypoints.bench.market.records import BenchShop
from entrypoints.bench.percentiles import percentile
from entrypoints.bench.proc import database_spent, group_spent
from entrypoints.bench.timing import Timing
from kernel.clock import monotonic_seconds

VALUES: Final = (500, 900)
"""Hundredths of a percent over its cost that the root asks of those below, by turns."""
SHOPS_PRICED: Final = 100
SHOPS_WATCHED: Final = 10
"""At each change."""
CHANGES_PER_SECOND_OF_WINDOW: Final = 4
PATIENCE_SECONDS: Final = 5.0

_CHANGE: Final = """
update price_rules set value = $1
from tenants root
where price_rules.tenant_id = root.id and root.parent_id is null
  and price_rules.audience = 'WHOLESALE' and price_rules.scope = 'DEFAULT'
"""

Shelf = tuple[tuple[str, int], ...]
"""What a shop shows first: SKUs and prices in minor units."""


@dataclass(slots=True)
class RootChange:
    """One point of the curve while it is measured."""

    station: Station
    shelves: Mapping[int, Mapping[BenchShop, Shelf]]
    """What each shop shows, by the rule's value."""
    http: httpx.AsyncClient
    """Of whoever prepares this, who ends it, too."""
    draw: random.Random
    requests_ms: list[float] = field(default_factory=list)
    stale_ms: float = 0.0
    errors: list[str] = field(default_factory=list)
    api_seconds: float = 0.0
    db_seconds: float | None = 0.0
    wal_bytes: int = 0

    @classmethod
    async def prepared(cls, station: Station, http: httpx.AsyncClient) -> Self:
        """Ask what is right, once for each value.

        Raises `BenchFailed` when a shop shows the same for both.
        """
        draw = random.Random(station.at)  # noqa: S311 - the same shops in every run
        shops = station.bench.market.shops
        priced = draw.sample(shops, min(len(shops), SHOPS_PRICED))
        shelves = {value: await _shelves_at(station, http, value, priced) for value in VALUES}
        same = [one.host for one in priced if len({shelf[one] for shelf in shelves.values()}) == 1]
        if same:
            raise BenchFailed(f"{same[0]} does not feel a change at the root.")
        return cls(station, shelves, http, draw)

    async def round(self, timing: Timing) -> None:
        """Change the price as often as befits the window."""
        owner, group = self.station.place.sides.product.owner, self.station.place.product.api_group
        api, db = group_spent(group), await database_spent(owner)
        for turn in range(CHANGES_PER_SECOND_OF_WINDOW * timing.window_seconds):
            await self._change(VALUES[turn % 2])
        self.api_seconds += group_spent(group).since(api)
        after = await database_spent(owner)
        if after is None or db is None or self.db_seconds is None:
            self.db_seconds = None
        else:
            self.db_seconds += after.since(db)

    def point(self) -> Point:
        """Sum up the rounds: rate and percentiles are the change's own, the processor's time has
        the pages and quotes in it that were watched."""
        changes, ordered = len(self.requests_ms), sorted(self.requests_ms)
        of_database = None if self.db_seconds is None else self.db_seconds * 1000 / changes
        return Point(
            at=self.station.at,
            ops_per_s=round(changes * 1000 / sum(ordered), 1),
            p50_ms=round(percentile(ordered, 0.50), 2),
            p95_ms=round(percentile(ordered, 0.95), 2),
            api_cpu_ms=round(self.api_seconds * 1000 / changes, 3),
            db_cpu_ms=None if of_database is None else round(of_database, 3),
            statements=1.0,
            wal_bytes=round(self.wal_bytes / changes),
            errors=len(self.errors),
            stale_ms=round(self.stale_ms, 1),
        )

    async def _change(self, value: int) -> None:
        """One change, and everything that is watched after it."""
        side = self.station.place.sides.product
        shops = self.draw.sample(list(self.shelves[value]), self._watched)
        for shop in shops:  # so that its page is kept
            await self._shelf(shop)
        before = await side.owner.fetchval("select pg_current_wal_insert_lsn()")
        began = monotonic_seconds()
        await side.owner.execute(_CHANGE, value)
        changed = monotonic_seconds()
        self.requests_ms.append((changed - began) * 1000)
        self.wal_bytes += await side.owner.fetchval(
            "select (pg_current_wal_insert_lsn() - $1::pg_lsn)::bigint", before
        )
        await asyncio.gather(
            *(self._watch_quote(shop, value) for shop in shops),
            *(self._watch_page(shop, value, changed) for shop in shops),
        )

    @property
    def _watched(self) -> int:
        return min(SHOPS_WATCHED, len(self.shelves[VALUES[0]]))

    async def _watch_quote(self, shop: BenchShop, value: int) -> None:
        sku_id, right = self.shelves[value][shop][0]
        asked = {"input": {"lines": [{"skuId": sku_id, "quantity": 1}]}}
        quote = (await self._ask(shop, documents.QUOTE, asked))["quote"]
        if (told := quote.get("total", {}).get("amountMinor")) != right:
            self.errors.append(f"{shop.host} quotes {told} and not {right}: {quote}")

    async def _watch_page(self, shop: BenchShop, value: int, changed: float) -> None:
        """Look until the page is right, and note when it was last wrong."""
        while (asked_at := monotonic_seconds()) < changed + PATIENCE_SECONDS:
            if await self._shelf(shop) == self.shelves[value][shop]:
                return
            self.stale_ms = max(self.stale_ms, (asked_at - changed) * 1000)
        self.errors.append(f"{shop.host} shows an old price after {PATIENCE_SECONDS:g} s")

    async def _shelf(self, shop: BenchShop) -> Shelf:
        return _shelf_of(await self._ask(shop, documents.PRICES, {"after": None}))

    async def _ask(self, shop: BenchShop, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        return await _ask(self.http, self.station.place.product, shop, query, variables)


async def _shelves_at(
    station: Station, http: httpx.AsyncClient, value: int, shops: Sequence[BenchShop]
) -> dict[BenchShop, Shelf]:
    """What a process shows that has just begun, and so has nothing from before."""
    side, logs = station.place.sides.product, station.bench.logs
    await side.owner.execute(_CHANGE, value)
    environment = product_environment(station.bench.config, database_url=side.url, logs=logs)
    async with running_product(environment | NO_CACHE, logs) as fresh:
        return {
            shop: _shelf_of(await _ask(http, fresh, shop, documents.PRICES, {"after": None}))
            for shop in shops
        }


async def _ask(
    http: httpx.AsyncClient,
    product: Product,
    shop: BenchShop,
    query: str,
    variables: dict[str, Any],
) -> dict[str, Any]:
    asked = Question("", shop.host, query, variables, {})
    answer = await http.post(
        f"http://127.0.0.1:{product.port}/graphql", json=asked.body, headers=asked.headers
    )
    data: dict[str, Any] | None = answer.json().get("data")
    if data is None:
        raise BenchFailed(f"The API has answered: {answer.text[:500]}")
    return data


def _shelf_of(data: dict[str, Any]) -> Shelf:
    skus = [edge["node"]["skus"][0] for edge in data["products"]["edges"]]
    return tuple((sku["id"], sku["price"]["amount"]["amountMinor"]) for sku in skus)
