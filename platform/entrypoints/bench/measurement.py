"""One workload with one number of clients: its databases, its processes, and its rounds.

Product and limit have a database each, both copies of the same, so that what the faster one
leaves behind does not slow down the other. They run in turn, never at once.
"""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from entrypoints.bench.children import (
    Product,
    product_environment,
    run_module,
    running_product,
)
from entrypoints.bench.databases import clone
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import Limit
from entrypoints.bench.load_client import LoadPlan, LoadResult
from entrypoints.bench.market import BenchBuyer, BenchSku, Market, plant_buyers, restock
from entrypoints.bench.processor_time import database_spent, group_spent
from entrypoints.bench.questions import Question
from entrypoints.bench.recorder import Recording, RecordingPlan
from entrypoints.bench.report import Row, Window, percentile, row
from entrypoints.bench.timing import Timing
from entrypoints.bench.workloads import BUYERS_PER_CLIENT, Seller, Workload
from entrypoints.verify import verify
from kernel.clock import monotonic_seconds
from kernel.settings import Settings

SCRIPTS_PER_CLIENT: Final = 8
STARTUP_SECONDS: Final = 1.5
"""For the load client to start and read its plan."""
FIRST_GUESS: Final = {"product": (200.0, 1000.0), "limit": (600.0, 4000.0)}
"""Sales a second, of each client and at most of all, that are stocked for before the first window
has shown how many there are."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements of a run share."""

    config: Settings
    template_url: str
    market: Market
    timing: Timing
    pgbench: Path
    logs: Path
    say: Callable[[str], object]


@dataclass(slots=True)
class _Side:
    """The product's database, or the limit's, and how fast keys go there."""

    url: str
    owner: asyncpg.Connection
    sales_per_second: float
    skus: Sequence[BenchSku]

    async def restock(self, timing: Timing) -> None:
        """Put enough keys into the pools for one run, half as many again for chance."""
        sales = self.sales_per_second * (timing.run_seconds + 2)
        each = 50 + ceil(1.5 * sales / len(self.skus))
        await restock(self.owner, self.skus, keys_each=each)


@dataclass(slots=True)
class Measurement:
    """One cell of the report while it is being measured."""

    bench: Bench
    workload: Workload
    clients: int
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    buyers: list[BenchBuyer] = field(default_factory=list)

    async def run(self) -> Row:
        """This function will measure all rounds and leave nothing behind.

        Raises `BenchFailed` when the limit has errors or the product's books do not balance;
        the product's wrong answers are in the row.
        """
        async with self.stack:
            return await self._run()

    async def _run(self) -> Row:
        sides = await self._databases()
        product = await self._product(sides["product"].url)
        pools = await self._questions(product)
        recording = await self._recorded(pools, sides["limit"])
        limit = Limit(
            program=self.bench.pgbench,
            config=self.bench.config.model_copy(update={"database_url": sides["limit"].url}),
            role=recording.role,
            scripts=_dealt(recording.files, self.clients),
            logs=self.bench.logs,
        )
        windows: list[Window] = []
        limits: list[float] = []
        for number in range(self.bench.timing.rounds):
            self.bench.say(f"{self._title}: round {number + 1}, limit")
            limits.append(await self._limit_round(limit, sides["limit"]))
            self.bench.say(f"{self._title}: round {number + 1}, product")
            windows.append(await self._product_round(product, pools, sides["product"]))
        await self._require_sound_books(sides)
        return row(
            workload=self.workload.name,
            clients=self.clients,
            windows=windows,
            limits=limits,
            statements=recording.statements,
            round_trips=recording.round_trips,
            limit=self.workload.limit,
        )

    @property
    def _title(self) -> str:
        return f"{self.workload.name}, {self.clients} clients"

    async def _databases(self) -> dict[str, _Side]:
        """A copy of the market with buyers in it, and a copy of that for the limit."""
        self.bench.say(f"{self._title}: databases")
        server_url = self.bench.config.database_url
        url = await self.stack.enter_async_context(clone(server_url, self.bench.template_url))
        owner = await asyncpg.connect(url)
        self.buyers = await plant_buyers(
            owner,
            self.workload.shops(self.bench.market),
            count=self.clients * BUYERS_PER_CLIENT if self.workload.sells else 1,
        )
        await owner.close()
        limit_url = await self.stack.enter_async_context(clone(server_url, url))
        urls = {"product": url, "limit": limit_url}
        return {name: await self._side(name, one) for name, one in urls.items()}

    async def _side(self, name: str, url: str) -> _Side:
        owner = await asyncpg.connect(url)
        self.stack.push_async_callback(owner.close)
        of_each, at_most = FIRST_GUESS[name]
        guess = min(at_most, of_each * self.clients)
        return _Side(url, owner, guess, self.workload.skus(self.bench.market))

    async def _product(self, url: str) -> Product:
        self.bench.say(f"{self._title}: processes")
        environment = product_environment(self.bench.config, database_url=url, logs=self.bench.logs)
        running = running_product(environment, self.bench.logs)
        return await self.stack.enter_async_context(running)

    async def _questions(self, product: Product) -> list[list[Question]]:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            draw = random.Random(self.clients)  # noqa: S311 - the same questions in every run
            seller = Seller(product.port, http, self.bench.market, self.buyers, draw)
            return await self.workload.ask(seller, self.clients)

    async def _recorded(self, pools: Sequence[Sequence[Question]], side: _Side) -> Recording:
        """The scripts of each client's first questions, one client's after the other's."""
        self.bench.say(f"{self._title}: recording the product's statements")
        if self.workload.sells:
            await side.restock(self.bench.timing)
        logs = self.bench.logs
        directory = logs / "scripts"
        directory.mkdir(exist_ok=True)
        questions = [one for pool in pools for one in pool[:SCRIPTS_PER_CLIENT]]
        plan, result = logs / "recording.json", logs / "recorded.json"
        RecordingPlan(questions, str(directory), self.workload.limit_only).write(plan)
        environment = product_environment(self.bench.config, database_url=side.url, logs=logs)
        one_each = {"KAMENG_READ_POOL_SIZE": "1", "KAMENG_WRITE_POOL_SIZE": "1"}
        await run_module(
            "entrypoints.bench.recorder",
            arguments=[plan, result],
            environment=environment | one_each,
            log_file=logs / "recorder.log",
        )
        return Recording.read(result)

    async def _limit_round(self, limit: Limit, side: _Side) -> float:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        rate = await limit.run(self.bench.timing)
        side.sales_per_second = rate
        return rate

    async def _product_round(
        self, product: Product, pools: list[list[Question]], side: _Side
    ) -> Window:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        timing = self.bench.timing
        begin = monotonic_seconds() + STARTUP_SECONDS + timing.warm_up_seconds
        plan = LoadPlan(
            product.port, pools, begin, begin + timing.window_seconds, secrets.randbits(32)
        )
        client = asyncio.create_task(self._load(plan))
        try:
            costs = await _costs(plan, product, side)
        except BaseException:
            client.cancel()
            raise
        window = _window(await client, costs, seconds=timing.window_seconds)
        side.sales_per_second = window.operations / window.seconds
        return window

    async def _load(self, plan: LoadPlan) -> LoadResult:
        """Run the load client, which knows from the plan when the window begins and ends."""
        logs = self.bench.logs
        plan_file, result_file = logs / "load.json", logs / "loaded.json"
        await asyncio.to_thread(plan.write, plan_file)
        await run_module(
            "entrypoints.bench.load_client",
            arguments=[plan_file, result_file],
            environment=product_environment(self.bench.config, database_url="", logs=logs),
            log_file=logs / "load.log",
        )
        return LoadResult.read(result_file)

    async def _require_sound_books(self, sides: Mapping[str, _Side]) -> None:
        """A sale that breaks an invariant is not a sale, however fast; nor is it a limit."""
        if not self.workload.sells:
            return
        self.bench.say(f"{self._title}: checking the books")
        for name, side in sides.items():
            if name == "limit" and self.workload.limit_only is not None:
                continue  # a part of a sale leaves books of a part
            for breach in await verify(side.url):
                raise BenchFailed(
                    f"{self._title}: {breach.invariant} is broken in the {name}'s database, "
                    f"{breach.title}: {breach.rows[0]}"
                )


@dataclass(frozen=True, slots=True)
class _Costs:
    """Seconds of the processor within a window; None for a database on another machine."""

    api_seconds: float
    db_seconds: float | None


async def _costs(plan: LoadPlan, product: Product, side: _Side) -> _Costs:
    await _until(plan.window_from_seconds)
    api, db = group_spent(product.api_group), await database_spent(side.owner)
    await _until(plan.window_until_seconds)
    api_after, db_after = group_spent(product.api_group), await database_spent(side.owner)
    return _Costs(
        api_seconds=api_after.since(api),
        db_seconds=None if db is None or db_after is None else db_after.since(db),
    )


def _window(loaded: LoadResult, costs: _Costs, *, seconds: float) -> Window:
    latencies = sorted(loaded.latencies_ms)
    return Window(
        operations=loaded.operations,
        errors=tuple(loaded.first_errors),
        seconds=seconds,
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        p99_ms=percentile(latencies, 0.99),
        api_cpu_seconds=costs.api_seconds,
        db_cpu_seconds=costs.db_seconds,
        client_cpu_seconds=loaded.cpu_seconds,
    )


def _dealt(files: Sequence[str], clients: int) -> list[list[str]]:
    """Each client's own scripts: they were written one client's after the other's."""
    each = len(files) // clients
    return [list(files[client * each : (client + 1) * each]) for client in range(clients)]


async def _until(moment_seconds: float) -> None:
    await asyncio.sleep(max(0.0, moment_seconds - monotonic_seconds()))
