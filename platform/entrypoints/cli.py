"""The `kameng` command. Each command imports what it needs when it runs, so that all start fast."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from entrypoints.bench_commands import bench
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
def rates(file: Path, *, source: str, confirm_bp: int = 0) -> int:
    """Set the exchange rates of a CSV file: base, quote, rate and, where it is not now, taken_at.

    All of them or none. Exit codes: 0 set; 1 refused.

    Parameters
    ----------
    source
        Where the rates come from.
    confirm_bp
        By how many basis points a rate may be off the last one, where that is much.
    """
    from entrypoints.rates_command import main as run

    return run(file, source=source, confirmed_change_bp=confirm_bp)


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


@app.command
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"kameng {__version__}\n")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    app()


if __name__ == "__main__":
    main()
