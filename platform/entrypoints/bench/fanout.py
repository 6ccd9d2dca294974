"""The workload `fanout`: many open subscriptions to one order, and one event for each of them.

An operation is an event, counted from the moment in which the order is cancelled. The limit reads
the order as often by `pgbench`, for that is what the product must do for each who watches.
"""

import asyncio
import random
import resource
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from entrypoints.bench.children import (
    ONE_CONNECTION,
    Product,
    product_environment,
    run_module,
    running_product,
)
from entrypoints.bench.context import Bench
from entrypoints.bench.errors import BenchFailed
from entrypoints.bench.limit import Limit
from entrypoints.bench.load import documents
from entrypoints.bench.load.answers import check
from entrypoints.bench.load.questions import NEW_KEY, Question
from entrypoints.bench.load.sockets import OPEN, Watched, WatchPlan
from entrypoints.bench.percentiles import percentile
from entrypoints.bench.proc import group_memory, group_spent, server_seconds
from entrypoints.bench.recording.recorder import Recording, RecordingPlan
from entrypoints.bench.rows import Row, Window, row
from entrypoints.bench.seller import Seller
from entrypoints.bench.sides import Side, Sides, prepare_sides
from entrypoints.bench.workloads import WORKLOADS
from kernel.clock import monotonic_seconds

LIMIT: Final = "pgbench: reading the order once for each event"
LIMIT_CLIENTS: Final = 8
SPARE_FILES: Final = 200
SECONDS_PER_SOCKET: Final = 0.1
PAUSE_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Order:
    """An order that waits for its payment, and how to ask for it."""

    no: str
    buyer: Question


@dataclass(frozen=True, slots=True)
class _Round:
    """What came of one event for all."""

    window: Window
    bytes_per_socket: float


async def measure_fanout(bench: Bench, clients: int) -> Row:
    """Open the sockets, cancel the order, and wait until all have heard."""
    sockets = bench.size.sockets
    _raise_file_limit(sockets)
    bench.say(f"fanout, {sockets:,} sockets: databases")
    async with AsyncExitStack() as stack:
        workload = next(one for one in WORKLOADS if one.name == "sale")
        sides = await prepare_sides(bench, workload, clients, stack)
        side = sides.product
        environment = product_environment(bench.config, database_url=side.url, logs=bench.logs)
        product = await stack.enter_async_context(running_product(environment, bench.logs))
        order = await _order(bench, product, sides)
        done = await _round(bench, product, side, order)
        recording = await _recorded(bench, side, order)
        limits = [await _limit(bench, side, recording)] if bench.with_limit else []
    made = row(
        workload="fanout",
        clients=sockets,
        windows=[done.window],
        limits=limits,
        statements=recording.statements,
        round_trips=recording.round_trips,
        limit=LIMIT,
    )
    return made.with_socket_size(done.bytes_per_socket)


def _raise_file_limit(sockets: int) -> None:
    """Every socket is an open file, here and in the API, which inherits the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < sockets + SPARE_FILES:
        raise BenchFailed(f"{sockets} sockets need more open files than the {hard} allowed.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _order(bench: Bench, product: Product, sides: Sides) -> _Order:
    """A signed-in customer's unpaid order."""
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        draw = random.Random(1)  # noqa: S311 - the same order in every run
        seller = Seller(product.port, http, bench.market, sides.buyers, draw)
        first = (await seller.purchases("cancel", clients=1, skus=sides.product.skus))[0][0]
        quote = check(first, await _ask(http, product, first))["quote"]
        given = {"quoteId": quote["id"], "idempotencyKey": NEW_KEY}
        asked = first.then("order", documents.ORDER_CREATE, input=given)
        made = check(asked, await _ask(http, product, asked))["orderCreate"]["order"]
        return _Order(made["no"], first)


async def _ask(http: httpx.AsyncClient, product: Product, question: Question) -> dict[str, Any]:
    body = orjson.dumps(question.body).replace(NEW_KEY.encode(), str(uuid4()).encode())
    address = f"http://127.0.0.1:{product.port}/graphql"
    answer = await http.post(address, content=body, headers=question.headers)
    parsed: dict[str, Any] = answer.json()
    return parsed


async def _round(bench: Bench, product: Product, side: Side, order: _Order) -> _Round:
    sockets = bench.size.sockets
    before = group_memory(product.api_group).pss_bytes
    watching = asyncio.create_task(_watched(bench, product, order))
    try:
        bench.say(f"fanout: opening {sockets:,} sockets")
        await _until_open(bench.logs / "sockets.log", watching)
        held = group_memory(product.api_group).pss_bytes - before
        bench.say("fanout: one event for each")
        api, db = group_spent(product.api_group), await server_seconds(side.owner)
        began = monotonic_seconds()
        await _cancel(product, order)
        watched = await watching
    except BaseException:
        watching.cancel()
        raise
    delays = sorted(moment - began for moment in watched.heard_at_seconds)
    missing = sockets - len(delays)
    errors = watched.errors[:3] + ([f"{missing} sockets heard nothing"] if missing else [])
    db_after = await server_seconds(side.owner)
    window = Window(
        operations=len(delays),
        errors=tuple(errors),
        seconds=max(delays, default=1.0),
        p50_ms=percentile(delays, 0.50) * 1000,
        p95_ms=percentile(delays, 0.95) * 1000,
        p99_ms=percentile(delays, 0.99) * 1000,
        api_cpu_seconds=group_spent(product.api_group).since(api),
        db_cpu_seconds=None if db is None or db_after is None else db_after - db,
        client_cpu_seconds=watched.cpu_seconds,
    )
    return _Round(window, held / sockets)


async def _watched(bench: Bench, product: Product, order: _Order) -> Watched:
    """The process of those who watch, from its start to its end."""
    sockets, logs = bench.size.sockets, bench.logs
    patience = 20.0 + SECONDS_PER_SOCKET * sockets
    plan, result = logs / "watching.json", logs / "watched.json"
    token = order.buyer.token or ""
    WatchPlan(product.port, order.buyer.host, token, order.no, sockets, patience, patience).write(
        plan
    )
    await run_module(
        "entrypoints.bench.load.sockets",
        arguments=[plan, result],
        environment=product_environment(bench.config, database_url="", logs=logs),
        log_file=logs / "sockets.log",
        seconds=3 * patience,
    )
    return Watched(**orjson.loads(await asyncio.to_thread(result.read_bytes)))


async def _until_open(log: Path, watching: asyncio.Task[Watched]) -> None:
    while OPEN not in await asyncio.to_thread(_words, log):
        if watching.done():
            watching.result()
            raise BenchFailed("Those who watch have ended without an event.")
        await asyncio.sleep(PAUSE_SECONDS)


def _words(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


async def _cancel(product: Product, order: _Order) -> None:
    asked = order.buyer.then("canceled", documents.ORDER_CANCEL, input={"orderNo": order.no})
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        check(asked, await _ask(http, product, asked))


async def _recorded(bench: Bench, side: Side, order: _Order) -> Recording:
    logs = bench.logs
    directory = logs / "scripts"
    directory.mkdir(exist_ok=True)
    looked = order.buyer.then("seen", documents.ORDER, no=order.no)
    plan, result = logs / "recording.json", logs / "recorded.json"
    RecordingPlan([replace(looked, expected={"no": order.no})], str(directory)).write(plan)
    environment = product_environment(bench.config, database_url=side.url, logs=logs)
    await run_module(
        "entrypoints.bench.recording.recorder",
        arguments=[plan, result],
        environment=environment | ONE_CONNECTION,
        log_file=logs / "recorder.log",
    )
    return Recording.read(result)


async def _limit(bench: Bench, side: Side, recording: Recording) -> float:
    bench.say("fanout: limit")
    limit = Limit(
        program=bench.pgbench,
        config=bench.config.model_copy(update={"database_url": side.url}),
        role=recording.role,
        scripts=[recording.files] * LIMIT_CLIENTS,
        logs=bench.logs,
    )
    return await limit.run(bench.timing)
