"""One workload with one number of clients: its databases, its processes, and its rounds.

Product and limit have a database each and run in turn, never at once.
"""

import asyncio
import random
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Self

import httpx

from entrypoints.bench.children import (
    CHANNEL_KEY,
    NO_CACHE,
    ONE_CONNECTION,
    Channel,
    product_environment,
    run_module,
    running_channel,
)
from entrypoints.bench.context import Bench
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import Limit
from entrypoints.bench.load.plan import LoadPlan, LoadResult
from entrypoints.bench.place import Place, open_place
from entrypoints.bench.recording.recorder import Recording, RecordingPlan
from entrypoints.bench.rows import Row, Window, row
from entrypoints.bench.seller import Seller
from entrypoints.bench.sides import Side
from entrypoints.bench.sold_keys import open_some
from entrypoints.bench.windows import read_costs, window_of
from entrypoints.bench.workloads import BUYERS_PER_CLIENT, Asked, Workload
from entrypoints.embedded.processes import free_port
from entrypoints.verify import verify
from kernel.clock import monotonic_seconds

SCRIPTS_PER_CLIENT: Final = 8
STARTUP_SECONDS: Final = 1.5
"""For the load client to start and read its plan."""
CACHING_SECONDS: Final = 60.0
"""For every question to pass through the cache once."""


async def measure(bench: Bench, workload: Workload, clients: int) -> Row:
    """Measure all rounds of a workload and leave nothing behind.

    Raises `BenchFailed` when the limit has errors or the product's books do not balance; the
    product's wrong answers are in the row.
    """
    async with AsyncExitStack() as stack:
        place = await open_place(bench, workload, clients, stack)
        measurement = await Measurement.prepared(bench, workload, clients, place)
        for _ in range(bench.timing.rounds):
            await measurement.round()
        return await measurement.row()


@dataclass(slots=True)
class Measurement:
    """One cell of the report while it is being measured, round by round."""

    bench: Bench
    workload: Workload
    clients: int
    place: Place
    asked: Asked
    recording: Recording
    windows: list[Window] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    @classmethod
    async def prepared(cls, bench: Bench, workload: Workload, clients: int, place: Place) -> Self:
        """Choose the questions and record what the product asks the database for them."""
        asked = await _questions(bench, workload, clients, place)
        sides = place.sides
        recording = await _recorded(bench, workload, clients, asked, sides.limit or sides.product)
        if sides.limit is not None and workload.sells:
            await sides.limit.sell_what_was_recorded()
        return cls(bench, workload, clients, place, asked, recording)

    async def round(self) -> None:
        """Measure the limit, where there is one, and then the product."""
        number, sides = len(self.windows) + 1, self.place.sides
        if sides.limit is not None:
            self.bench.say(f"{self._title}: round {number}, limit")
            self.limits.append(await self._limit_round(sides.limit))
        self.bench.say(f"{self._title}: round {number}, product")
        self.windows.append(await self._product_round(sides.product))

    async def row(self) -> Row:
        """Check the books, and sum up the rounds."""
        await self._require_sound_books()
        return row(
            workload=self.workload.name,
            clients=self.clients,
            windows=self.windows,
            limits=self.limits,
            statements=self.recording.statements,
            round_trips=self.recording.round_trips,
            limit=self.workload.limit,
        )

    async def ask_each_once(self) -> None:
        """Let every question pass once, so that memories are as full as they become."""
        await self._load(self._plan(0.0, CACHING_SECONDS, each_once=True))

    @property
    def _title(self) -> str:
        return f"{self.workload.name}, {self.clients} clients"

    async def _limit_round(self, side: Side) -> float:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        limit = Limit(
            program=self.bench.pgbench,
            config=self.bench.config.model_copy(update={"database_url": side.url}),
            role=self.recording.role,
            scripts=self.recording.of_clients(self.clients),
            logs=self.bench.logs,
        )
        side.sales_per_second = await limit.run(self.bench.timing)
        return side.sales_per_second

    async def _product_round(self, side: Side) -> Window:
        if self.workload.sells:
            await side.restock(self.bench.timing)
        if self.workload.cached:
            await self.ask_each_once()
        timing = self.bench.timing
        plan = self._plan(timing.warm_up_seconds, timing.window_seconds)
        client = asyncio.create_task(self._load(plan))
        try:
            costs = await read_costs(plan, self.place.product, side.owner)
        except BaseException:
            client.cancel()
            raise
        window = window_of(await client, costs, seconds=timing.window_seconds)
        if self.workload.sells:
            side.sales_per_second = window.operations / window.seconds
        return window

    def _plan(
        self, warm_up_seconds: float, window_seconds: float, *, each_once: bool = False
    ) -> LoadPlan:
        begin = monotonic_seconds() + STARTUP_SECONDS + warm_up_seconds
        product = self.place.product
        return LoadPlan(
            port=product.port,
            questions=self.asked.questions,
            pools=self.asked.pools,
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

    async def _require_sound_books(self) -> None:
        """A sale that breaks an invariant is not a sale, however fast, nor is one whose key is
        none; nor is it a limit."""
        if not self.workload.sells:
            return
        sides = self.place.sides
        self.bench.say(f"{self._title}: checking the books")
        await open_some(sides.product.owner, sides.buyers, port=self.place.product.port)
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


async def _questions(bench: Bench, workload: Workload, clients: int, place: Place) -> Asked:
    bench.say(f"{workload.name}, {clients} clients: questions")
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        draw = random.Random(clients)  # noqa: S311 - the same questions in every run
        buyers = place.sides.buyers[: clients * BUYERS_PER_CLIENT]  # of those of a larger point
        seller = Seller(place.product.port, http, bench.market, buyers, draw)
        return await workload.ask(seller, clients, place.sides.product.skus)


async def _recorded(
    bench: Bench, workload: Workload, clients: int, asked: Asked, side: Side
) -> Recording:
    """The scripts of some of each client's questions, one client's after the other's."""
    bench.say(f"{workload.name}, {clients} clients: recording the product's statements")
    if workload.sells:
        await side.restock(bench.timing)
    logs = bench.logs
    directory = logs / "scripts"
    directory.mkdir(exist_ok=True)
    counted = range(clients if bench.with_limit else 1)
    questions = [one for n in counted for one in asked.some_of(n, SCRIPTS_PER_CLIENT)]
    environment = product_environment(bench.config, database_url=side.url, logs=logs)
    environment |= ONE_CONNECTION | NO_CACHE
    async with AsyncExitStack() as stack:
        webhook_port = 0
        if workload.by_channel:
            webhook_port = free_port()
            channel = Channel(free_port(), webhook_port)
            environment |= channel.environment
            await stack.enter_async_context(running_channel(channel, environment, logs))
        plan, result = logs / "recording.json", logs / "recorded.json"
        RecordingPlan(questions, str(directory), workload.limit_posts, webhook_port).write(plan)
        await run_module(
            "entrypoints.bench.recording.recorder",
            arguments=[plan, result],
            environment=environment,
            log_file=logs / "recorder.log",
        )
    return Recording.read(result)
