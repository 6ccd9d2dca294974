"""`kameng bench` and its commands."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

bench = App(name="bench", help="How fast the product is, beside its database alone.")


@bench.default
def bench_workloads(
    *workloads: str,
    clients: str = "",
    scale: float = 1.0,
    full: bool = False,
    quick: bool = False,
    keep: bool = False,
    json: Path | None = None,
) -> int:
    """Measure the product beside pgbench running the same statements.

    Uses the server of DATABASE_URL, or an embedded one; the databases are made for the run.

    Parameters
    ----------
    workloads
        catalogue, catalogue_cached, product, sale, sale_channel, hot, hot_sold, hot_snapshot,
        ledger, import, fanout; all of them if none is named.
    clients
        How many at once, for example 1,8,32; each number is measured on its own.
    scale
        How much data: 1 is 100 shops and 200 SKUs with 100 keys each, made in some seconds.
    full
        The data that the targets are set for: 100 shops, 2,000 SKUs, a million keys.
    quick
        One short round, to see that it works.
    keep
        Keep the filled database for the next run of the same size.
    json
        A file to write the rows to.
    """
    from entrypoints.bench.command import bench as run
    from entrypoints.bench.timing import Size

    size = Size.full() if full else Size.of(scale)
    return asyncio.run(
        run(
            names=workloads,
            clients=clients,
            size=size,
            quick=quick,
            keep=keep,
            json_file=json,
        )
    )


@bench.command
def growth(
    *curves: str,
    most: Annotated[int | None, Parameter(name="--max")] = None,
    full: bool = False,
    quick: bool = False,
    scale: float = 1.0,
    folder: Path = Path("docs/performance"),
) -> int:
    """Measure how speed changes as the platform grows, and draw it.

    Parameters
    ----------
    curves
        tenants, keys, depth, suppliers, buyers, hot, history, root_change; all of them if none is
        named.
    most
        The largest point of every curve, for example 100000.
    full
        All points: ten million keys, two million orders.
    quick
        Windows of a second, to see that it works.
    scale
        How much data there is of what does not grow.
    folder
        Where a JSON file and a picture of each curve are written.
    """
    from entrypoints.bench.growth.command import grow

    return asyncio.run(
        grow(names=curves, most=most, full=full, quick=quick, scale=scale, folder=folder)
    )


@bench.command
def mixed(
    *,
    minutes: float = 10.0,
    clients: int = 8,
    scale: float = 1.0,
    json: Path | None = None,
) -> int:
    """Put mixed load on the product (nine reads for each sale or cancelled order), then verify.

    Parameters
    ----------
    minutes
        How long.
    clients
        How many at once.
    scale
        How much data.
    json
        A file to write what happened to.
    """
    from entrypoints.bench.mixed import mixed as run

    return asyncio.run(run(minutes=minutes, clients=clients, scale=scale, json_file=json))


@bench.command
def draw(*, folder: Path = Path("docs/performance")) -> None:
    """Draw the curves anew from their JSON files, and write the figures into their page."""
    from entrypoints.bench.growth.files import draw_all

    draw_all(folder)
