"""Where a workload runs: its databases, and the product's processes on one of them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from entrypoints.bench.children import NO_CACHE, Product, product_environment, running_product
from entrypoints.bench.context import Bench
from entrypoints.bench.sides import Sides, prepare_sides
from entrypoints.bench.workloads import Workload


@dataclass(frozen=True, slots=True)
class Place:
    """What several workloads may share, one after the other."""

    sides: Sides
    product: Product


async def open_place(
    bench: Bench,
    workload: Workload,
    clients: int,
    stack: AsyncExitStack,
    *,
    sold: int | None = None,
) -> Place:
    """Prepare databases and start the product; both live as long as the stack.

    `sold` earlier sales stand in the databases; None takes the workload's own number.
    """
    bench.say(f"{workload.name}, {clients} clients: databases")
    usual = bench.size.sold_before if workload.sold_before else 0
    sales = usual if sold is None else sold
    sides = await prepare_sides(bench, workload, clients, stack, sold=sales)
    bench.say(f"{workload.name}, {clients} clients: processes")
    environment = product_environment(bench.config, database_url=sides.product.url, logs=bench.logs)
    running = running_product(
        environment | ({} if workload.cached else NO_CACHE),
        bench.logs,
        with_channel=workload.by_channel,
    )
    return Place(sides, await stack.enter_async_context(running))
