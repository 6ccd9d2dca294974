"""The `kameng` command. Each command imports what it needs when it runs, so that all start fast."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from entrypoints.version import __version__

DEFAULT_DATA_DIR = Path(".kameng")

app = App(
    name="kameng",
    help="A GraphQL platform for resellers of digital keys.",
    version=__version__,
    version_flags=["--version"],
)
keys = App(name="keys", help="The pool of keys.")
app.command(keys)
bench = App(name="bench", help="How fast the product is, beside its database alone.")
app.command(bench)

DataDir = Annotated[
    Path, Parameter(env_var="KAMENG_DATA_DIR", help="Where data, secrets and logs are kept.")
]


@app.command
def up(*, data_dir: DataDir = DEFAULT_DATA_DIR, port: int = 8000, sandbox_port: int = 8090) -> int:
    """Start everything on this machine, with demo data, until Ctrl-C.

    PostgreSQL and Valkey come from wheels, unless DATABASE_URL and REDIS_URL name others. A taken
    port is replaced by the next free one.
    """
    from entrypoints.up import up as run

    return run(data_dir=data_dir, api_port=port, sandbox_port=sandbox_port)


@app.command
def down(*, data_dir: DataDir = DEFAULT_DATA_DIR, erase: bool = False) -> None:
    """Stop the database servers that a killed `kameng up` has left running.

    With --erase, delete the demo's data, secrets and logs, too.
    """
    from entrypoints.up import down as run

    run(data_dir=data_dir, erase=erase)


@app.command
def serve(*, host: str = "127.0.0.1", port: int = 8000, workers: int = 1) -> None:
    """Serve the API over HTTP.

    Parameters
    ----------
    workers
        How many processes serve; one that dies is replaced where there are several.
    """
    from entrypoints.serve import serve as run

    run(host=host, port=port, workers=workers)


@app.command
def worker() -> None:
    """Do what is due until stopped: expire unpaid orders, ask silent channels, send refunds."""
    from entrypoints.worker import main as run

    run()


@app.command
def migrate() -> None:
    """Bring the database's schema up to date."""
    from migrations import migrate as run

    asyncio.run(run())


@app.command
def demo() -> int:
    """Load the demo's shops, goods, people and keys; a second time changes nothing."""
    from entrypoints.demo import main as run

    return run()


@keys.command(name="import")
def import_keys(file: Path, *, listing: str, source: str = "", report: Path | None = None) -> int:
    """Import the keys of a file into the pool of a supplier's listing.

    Exit codes: 0 all done; 1 refused or cut short; 3 some lines refused; 130 stopped. After 1 and
    130 the same command goes on where it stopped.

    Parameters
    ----------
    listing
        The supplier listing's id.
    source
        Where the keys come from.
    report
        A CSV file to write, with what became of every line.
    """
    from entrypoints.keys_command import import_file

    return import_file(file, listing=listing, source=source, report=report)


@keys.command
def undo(batch: str) -> int:
    """Take back an import, unless one of its keys is held or sold."""
    from entrypoints.keys_command import undo as run

    return run(batch)


@app.command
def verify(*, json: bool = False) -> int:
    """Examine the ledger, the pool and the rest; 1 when an invariant is broken."""
    from entrypoints.verify import main as run

    return run(as_json=json)


@app.command
def audit(*, anchor: str | None = None) -> int:
    """Examine the audit log's chain and print its head; 1 when somebody has altered it.

    Parameters
    ----------
    anchor
        A head that was printed before, SEQUENCE:HASH: it must stand in the chain.
    """
    from entrypoints.audit_command import main as run

    return run(anchor=anchor)


@app.command
def reconcile(*, day: str) -> int:
    """Compare the books of a day that is over (UTC) with orders, keys and statements.

    Exit codes: 0 they agree; 1 refused or cut short; 3 something is open; 130 stopped.
    """
    from entrypoints.reconcile_command import main as run

    return run(day=day)


@app.command
def schema(
    *,
    file: Path = Path("schema.graphql"),
    roles: Path = Path("docs/roles.md"),
    check: bool = False,
) -> int:
    """Write the GraphQL schema to a file, and who may ask for what to another.

    With --check, compare both with the files.
    """
    from entrypoints.roles_file import check_roles, write_roles
    from entrypoints.schema_file import check_schema, write_schema

    if check:
        return check_schema(file) | check_roles(roles)
    return write_schema(file) | write_roles(roles)


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


@app.command
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"kameng {__version__}\n")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    app()


if __name__ == "__main__":
    main()
