"""`kameng bench mixed`: nine reads for each sale or cancelled order, for as long as one likes.

It shows what short windows cannot: memory that grows, errors that come now and then, and books
that do not balance in the end.
"""

import asyncio
import random
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from math import ceil
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
from rich.console import Console

from entrypoints.bench.children import Product, product_environment, run_module, running_product
from entrypoints.bench.conditions import read_conditions
from entrypoints.bench.context import Bench
from entrypoints.bench.engines import engines, planted
from entrypoints.bench.load.plan import LoadPlan, LoadResult
from entrypoints.bench.market.stock import restock
from entrypoints.bench.proc import group_memory
from entrypoints.bench.report import write_story
from entrypoints.bench.seller import Seller
from entrypoints.bench.sides import Sides, prepare_sides
from entrypoints.bench.stopping import DONE, FAILED, FAILURES, STOPPED, stopped_by_signals
from entrypoints.bench.story import MIB, Story, Stretch
from entrypoints.bench.timing import Size, Timing
from entrypoints.bench.workloads import WORKLOADS, Asked, dealt
from entrypoints.verify import verify
from kernel.clock import monotonic_seconds

MIX: Final = {"catalogue": 0.60, "product": 0.30, "sale": 0.06, "cancel": 0.04}
"""How often each kind of operation is drawn."""
READS_PER_CLIENT: Final = 400
STARTUP_SECONDS: Final = 1.5
PATIENCE_SECONDS: Final = 120.0
LOOK_AGAIN_SECONDS: Final = 0.5
SALES_PER_SECOND: Final = 300
"""At most, of all clients; the pools are filled up for them before each stretch."""

Say = Callable[[str], object]


async def mixed(
    *,
    minutes: float = 10.0,
    clients: int = 8,
    scale: float = 1.0,
    every_seconds: float = 10.0,
    json_file: Path | None = None,
) -> int:
    """Put mixed load on the product, tell every some seconds how it goes, and
    sum up; returns the exit code: 0 when there was no error, every invariant holds after, and
    memory is flat.
    """
    console = Console(highlight=False)
    story = Story(clients, max(1, round(minutes * 60)), every_seconds)
    size, timing = Size.of(scale), Timing()
    try:
        with stopped_by_signals():
            async with engines() as config:
                market = planted(config, size, timing, say=_say(console), with_limit=False)
                async with market as bench:
                    await _run(bench, story, console)
                    if json_file is not None:
                        conditions = await read_conditions(config.database_url)
                        write_story(json_file, story, conditions=conditions, size=size)
    except FAILURES as failure:
        console.print(f"{type(failure).__name__}: {failure}", style="red", markup=False)
        return FAILED
    except asyncio.CancelledError:
        return STOPPED
    finally:
        for sentence in story.summary():
            console.print(sentence, soft_wrap=True, markup=False)
    return DONE if story.is_sound else FAILED


def _say(console: Console) -> Say:
    return lambda text: console.print(f"{text} ...", markup=False)


async def _run(bench: Bench, story: Story, console: Console) -> None:
    logs = bench.logs
    workload = next(one for one in WORKLOADS if one.name == "sale")
    async with AsyncExitStack() as stack:
        sides = await prepare_sides(bench, workload, story.clients, stack)
        environment = product_environment(bench.config, database_url=sides.product.url, logs=logs)
        product = await stack.enter_async_context(running_product(environment, logs))
        asked = await _questions(bench, sides, product, story.clients)
        await _restock(sides, story)
        await _load(bench, sides, product, asked, story, console)
        console.print("checking the books ...")
        for breach in await verify(sides.product.url):
            story.breaches.append(f"{breach.invariant}, {breach.title}: {breach.rows[0]}")
        story.verified = True


async def _questions(bench: Bench, sides: Sides, product: Product, clients: int) -> Asked:
    """Each client's own sales, and as many reads of each kind."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        draw = random.Random(clients)  # noqa: S311 - the same questions in every run
        seller = Seller(product.port, http, bench.market, sides.buyers, draw)
        skus = sides.product.skus
        pages, products = await seller.pages(), seller.products()
        sales = await seller.purchases("sale", clients=clients, skus=skus)
        cancels = await seller.purchases("cancel", clients=clients, skus=skus)
        return dealt(
            [
                draw.choices(pages, k=READS_PER_CLIENT)
                + draw.choices(products, k=READS_PER_CLIENT)
                + sales[client]
                + cancels[client]
                for client in range(clients)
            ]
        )


async def _load(
    bench: Bench, sides: Sides, product: Product, asked: Asked, story: Story, console: Console
) -> None:
    """Run the load client, and read what it prints while it runs."""
    logs = bench.logs
    begin = monotonic_seconds() + STARTUP_SECONDS
    plan = LoadPlan(
        port=product.port,
        questions=asked.questions,
        pools=asked.pools,
        window_from_seconds=begin,
        window_until_seconds=begin + story.seconds,
        seed=secrets.randbits(32),
        kinds=list(MIX),
        weights=list(MIX.values()),
        report_every_seconds=story.every_seconds,
    )
    plan_file, result_file, log = logs / "load.json", logs / "loaded.json", logs / "mixed.log"
    await asyncio.to_thread(plan.write, plan_file)
    load = asyncio.create_task(
        run_module(
            "entrypoints.bench.load.client",
            arguments=[plan_file, result_file],
            environment=product_environment(bench.config, database_url="", logs=logs),
            log_file=log,
            seconds=story.seconds + PATIENCE_SECONDS,
        )
    )
    try:
        while not load.done():
            await asyncio.wait([load], timeout=LOOK_AGAIN_SECONDS)
            for line in (await asyncio.to_thread(_lines, log))[len(story.stretches) :]:
                story.stretches.append(_stretch(line, product, story))
                _tell(story, console)
                await _restock(sides, story)
        await load
    finally:
        load.cancel()
        await asyncio.wait([load])
    result = await asyncio.to_thread(LoadResult.read, result_file)
    story.errors_of_client = result.errors
    for error in result.first_errors:
        console.print(error, style="red", markup=False)


def _lines(log: Path) -> list[dict[str, Any]]:
    """What the load client has printed so far; a line that is half written waits."""
    if not log.exists():
        return []
    whole, _, _ = log.read_text(encoding="utf-8").rpartition("\n")
    return [orjson.loads(line) for line in whole.splitlines() if line.startswith("{")]


def _stretch(line: dict[str, Any], product: Product, story: Story) -> Stretch:
    memory = group_memory(product.api_group)
    return Stretch(
        at_seconds=(len(story.stretches) + 1) * story.every_seconds,
        operations=line["operations"],
        errors=line["errors"],
        p95_ms=line["p95_ms"],
        rss_bytes=memory.rss_bytes,
        pss_bytes=memory.pss_bytes,
    )


async def _restock(sides: Sides, story: Story) -> None:
    side = sides.product
    sales = SALES_PER_SECOND * story.every_seconds * 2
    await restock(side.owner, side.skus, keys_each=50 + ceil(sales / len(side.skus)))


def _tell(story: Story, console: Console) -> None:
    one = story.stretches[-1]
    console.print(
        f"{one.at_seconds:6.0f} s  {one.operations / story.every_seconds:8,.1f} ops/s  "
        f"p95 {one.p95_ms:7.1f} ms  {one.errors} errors  "
        f"API {one.rss_bytes / MIB:.1f} MiB RSS, {one.pss_bytes / MIB:.1f} MiB PSS",
        soft_wrap=True,
    )
