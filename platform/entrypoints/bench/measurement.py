"""One workload with one number of clients: its databases, its processes, and its rounds.

Product and limit have a database each and run in turn, never at once.
"""

import asyncio
import random
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import httpx

from entrypoints.bench.children import (
    CHANNEL_KEY,
    NO_CACHE,
    ONE_CONNECTION,
    Channel,
    Product,
    product_environment,
    run_module,
    running_channel,
    running_product,
)
from entrypoints.bench.context import Bench
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import Limit
from entrypoints.bench.load.plan import LoadPlan, LoadResult
from entrypoints.bench.recording.recorder import Recording, RecordingPlan
from entrypoints.bench.rows import Row, Window, row
from entrypoints.bench.seller import Seller
from entrypoints.bench.sides import Side, Sides, prepare_sides
from entrypoints.bench.sold_keys import open_some
from entrypoints.bench.windows import read_costs, window_of
from entrypoints.bench.workloads import Asked, Workload
from entrypoints.embedded.processes import free_port
from entrypoints.verify import verify
from kernel.clock import monotonic_seconds

SCRIPTS_PER_CLIENT: Final = 8
STARTUP_SECONDS: Final = 1.5
"""For the load client to start and read its plan."""
CACHING_SECONDS: Final = 60.0
"""For every question to pass through the cache once."""


@dataclass(slots=True)
class Measurement:
    """One cell of the report while it is being measured.

    `sold` earlier sales stand in the database; None takes the workload's own number.
    """

    bench: Bench
    workload: Workload
    clients: int
    sold: int | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def run(self) -> Row:
        """Measure all rounds and leave nothing behind.

        Raises `BenchFailed` when the limit has errors or the product's books do not balance;
        the product's wrong answers are in the row.
        """
        async with self.stack:
            return await self._run()

    async def _run(self) -> Row:
        sides = await self._sides()
        product = await self._product(sides.product.url)
        asked = await self._questions(product, sides)
        recording = await self._recorded(asked, sides.limit or sides.product)
        if sides.limit is not None and self.workload.sells:
            await sides.limit.sell_what_was_recorded()
        windows, limits = await self._rounds(product, asked, sides, recording)
        await self._require_sound_books(product, sides)
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

    async def _sides(self) -> Sides:
        self.bench.say(f"{self._title}: databases")
        usual = self.bench.size.sold_before if self.workload.sold_before else 0
        sold = usual if self.sold is None else self.sold
        return await prepare_sides(self.bench, self.workload, self.clients, self.stack, sold=sold)

    async def _product(self, url: str) -> Product:
        self.bench.say(f"{self._title}: processes")
        logs = self.bench.logs
        environment = product_environment(self.bench.config, database_url=url, logs=logs)
        running = running_product(
            environment | ({} if self.workload.cached else NO_CACHE),
            logs,
            with_channel=self.workload.by_channel,
        )
        return await self.stack.enter_async_context(running)

    async def _questions(self, product: Product, sides: Sides) -> Asked:
        self.bench.say(f"{self._title}: questions")
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            draw = random.Random(self.clients)  # noqa: S311 - the same questions in every run
            seller = Seller(product.port, http, self.bench.market, sides.buyers, draw)
            return await self.workload.ask(seller, self.clients, sides.product.skus)

    async def _recorded(self, asked: Asked, side: Side) -> Recording:
        """The scripts of some of each client's questions, one client's after the other's."""
        self.bench.say(f"{self._title}: recording the product's statements")
        if self.workload.sells:
            await side.restock(self.bench.timing)
        logs = self.bench.logs
        directory = logs / "scripts"
        directory.mkdir(exist_ok=True)
        clients = range(self.clients if self.bench.with_limit else 1)
        questions = [one for n in clients for one in asked.some_of(n, SCRIPTS_PER_CLIENT)]
        environment = product_environment(self.bench.config, database_url=side.url, logs=logs)
        environment |= ONE_CONNECTION | NO_CACHE
        async with AsyncExitStack() as stack:
            webhook_port = 0
            if self.workload.by_channel:
                webhook_port = free_port()
                channel = Channel(free_port(), webhook_port)
                environment |= channel.environment
                await stack.enter_async_context(running_channel(channel, environment, logs))
            plan, result = logs / "recording.json", logs / "recorded.json"
            RecordingPlan(questions, str(directory), self.workload.limit_posts, webhook_port).write(
                plan
            )
            await run_module(
                "entrypoints.bench.recording.recorder",
                arguments=[plan, result],
                environment=environment,
                log_file=logs / "recorder.log",
            )
        return Recording.read(result)

    async def _rounds(
        self, product: Product, asked: Asked, sides: Sides, recording: Recording
    ) -> tuple[list[Window], list[float]]:
        windows: list[Window] = []
        limits: list[float] = []
        for number in range(1, self.bench.timing.rounds + 1):
            if sides.limit is not None:
                self.bench.say(f"{self._title}: round {number}, limit")
                limits.append(await self._limit_round(recording, sides.limit))
            self.bench.say(f"{self._title}: round {number}, product")
            windows.append(await self._product_round(product, asked, sides.product))
        return windows, limits

    async def _limit_round(self, recording: Recording, side: Side) -> float:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        limit = Limit(
            program=self.bench.pgbench,
            config=self.bench.config.model_copy(update={"database_url": side.url}),
            role=recording.role,
            scripts=recording.of_clients(self.clients),
            logs=self.bench.logs,
        )
        side.sales_per_second = await limit.run(self.bench.timing)
        return side.sales_per_second

    async def _product_round(self, product: Product, asked: Asked, side: Side) -> Window:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        if self.workload.cached:
            await self._load(self._plan(product, asked, 0.0, CACHING_SECONDS, each_once=True))
        timing = self.bench.timing
        plan = self._plan(product, asked, timing.warm_up_seconds, timing.window_seconds)
        client = asyncio.create_task(self._load(plan))
        try:
            costs = await read_costs(plan, product, side.owner)
        except BaseException:
            client.cancel()
            raise
        window = window_of(await client, costs, seconds=timing.window_seconds)
        side.sales_per_second = window.operations / window.seconds
        return window

    def _plan(
        self,
        product: Product,
        asked: Asked,
        warm_up_seconds: float,
        window_seconds: float,
        *,
        each_once: bool = False,
    ) -> LoadPlan:
        begin = monotonic_seconds() + STARTUP_SECONDS + warm_up_seconds
        return LoadPlan(
            port=product.port,
            questions=asked.questions,
            pools=asked.pools,
            window_from_seconds=begin,
            window_until_seconds=begin + window_seconds,
            seed=secrets.randbits(32),
            each_once=each_once,
            channel_port=product.channel_port,
            channel_key=CHANNEL_KEY,
        )

    async def _load(self, plan: LoadPlan) -> LoadResult:
        """Run the load client, which knows from the plan when the window begins and ends."""
        logs = self.bench.logs
        plan_file, result_file = logs / "load.json", logs / "loaded.json"
        await asyncio.to_thread(plan.write, plan_file)
        await run_module(
            "entrypoints.bench.load.client",
            arguments=[plan_file, result_file],
            environment=product_environment(self.bench.config, database_url="", logs=logs),
            log_file=logs / "load.log",
        )
        return LoadResult.read(result_file)

    async def _require_sound_books(self, product: Product, sides: Sides) -> None:
        """A sale that breaks an invariant is not a sale, however fast, nor is one whose key is
        none; nor is it a limit."""
        if not self.workload.sells:
            return
        self.bench.say(f"{self._title}: checking the books")
        await open_some(sides.product.owner, sides.buyers, port=product.port)
        await self._require_invariants("product", sides.product)
        if sides.limit is not None and not self.workload.limit_posts:
            # Where the limit is a part of a sale, it leaves books of a part.
            await self._require_invariants("limit", sides.limit)

    async def _require_invariants(self, name: str, side: Side) -> None:
        for breach in await verify(side.url):
            raise BenchFailed(
                f"{self._title}: {breach.invariant} is broken in the {name}'s database, "
                f"{breach.title}: {breach.rows[0]}"
            )
