"""`kameng keys import` and `kameng keys undo`: what a person at a terminal sees of key imports.

Exit codes: 0 everything was done; 1 refused or cut short by a failure; 3 imported, but some lines
were refused; 130 stopped by Ctrl-C. After 1 and 130 the same command goes on where it stopped.
"""

import asyncio
import csv
from collections.abc import Coroutine
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from tortoise.exceptions import DBConnectionError

from kernel import db
from kernel.errors import Refusal
from kernel.ids import parse_id, public_id
from kernel.settings import settings
from supply.importing import (
    BatchReport,
    ImportLimits,
    ImportProgress,
    WithdrawnBatch,
    batch_report,
    import_keys,
    undo_batch,
)

T = TypeVar("T")

EXIT_DONE: Final = 0
EXIT_REFUSED: Final = 1
EXIT_SOME_LINES_REFUSED: Final = 3
EXIT_INTERRUPTED: Final = 130

_CONNECTION_LOST = (
    OSError,
    DBConnectionError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
# A cell that begins with one of these is run as a formula by spreadsheets (security A65).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def import_file(file: Path, *, listing: str, source: str = "", report: Path | None = None) -> int:
    """Import a file of keys with a progress bar and return the exit code.

    `listing` is a supplier listing's id (a UUID or `lst_…`), `source` says where the keys come
    from, `report` is a CSV file to be written with what became of every line.
    """
    view = _ImportView()
    try:
        with view.progress:
            work = _import(file, listing=listing, source=source, report=report, view=view)
            outcome = asyncio.run(_connected(work))
    except KeyboardInterrupt:
        view.tell_how_to_go_on("Stopped.")
        return EXIT_INTERRUPTED
    except Refusal as refusal:
        view.tell_how_to_go_on(refusal.message)
        return EXIT_REFUSED
    except _CONNECTION_LOST as error:
        view.tell_how_to_go_on(f"Cut short: {type(error).__name__}.")
        return EXIT_REFUSED
    view.tell_outcome(outcome)
    return EXIT_SOME_LINES_REFUSED if outcome.rejected else EXIT_DONE


def undo(batch: str) -> int:
    """Take an import back, unless a key of it is held or sold."""
    console = Console(stderr=True)
    try:
        withdrawn = asyncio.run(_connected(_undo(batch)))
    except Refusal as refusal:
        console.print(escape(refusal.message), style="red")
        return EXIT_REFUSED
    except _CONNECTION_LOST as error:
        console.print(f"Nothing was undone: {type(error).__name__}.", style="red")
        return EXIT_REFUSED
    console.print(f"{withdrawn.withdrawn:,} keys left the pool; the file can be imported again.")
    return EXIT_DONE


class _ImportView:
    """The progress bar, and the sentences after it."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._task = self.progress.add_task("Looking through the file", total=None)
        self._latest: ImportProgress | None = None

    def show(self, state: ImportProgress) -> None:
        """Move the bar; called whenever another chunk is stored."""
        self._latest = state
        self.progress.update(
            self._task,
            description=f"{state.accepted:,} accepted, {state.rejected:,} refused",
            completed=state.stored_lines,
            total=state.line_count,
        )

    def tell_how_to_go_on(self, why: str) -> None:
        """Say what is stored after an import that did not end, and the two ways from here."""
        self.console.print(escape(why), style="red")
        if self._latest is None:
            self.console.print("Nothing was imported.")
            return
        state = self._latest
        self.console.print(
            f"{state.stored_lines:,} of {state.line_count:,} lines are stored and stay stored. "
            f"Run the same command to go on, or `kameng keys undo "
            f"{public_id('bat', state.batch_id)}` to take them back."
        )

    def tell_outcome(self, outcome: BatchReport) -> None:
        """Say what a finished import came to."""
        if outcome.already_finished:
            self.console.print("This file was imported before; nothing was written.")
        self.console.print(
            f"{outcome.accepted:,} keys accepted, {outcome.rejected:,} lines refused, "
            f"batch {public_id('bat', outcome.batch_id)}."
        )
        for reason, lines in sorted(outcome.rejections.items()):
            self.console.print(f"  {reason}: {lines:,}")


async def _import(
    file: Path, *, listing: str, source: str, report: Path | None, view: _ImportView
) -> BatchReport:
    outcome = await import_keys(
        supplier_listing_id=_identifier("lst", listing),
        path=file,
        source_declaration=source,
        progress=view.show,
        limits=ImportLimits(max_file_bytes=settings().key_import_max_bytes),
    )
    if report is not None:
        await _write_report(outcome.batch_id, report)
    return outcome


async def _undo(batch: str) -> WithdrawnBatch:
    return await undo_batch(_identifier("bat", batch))


async def _connected(work: Coroutine[None, None, T]) -> T:
    """Run one piece of work between connecting and disconnecting."""
    await db.connect(settings())
    try:
        return await work
    finally:
        await db.disconnect()


async def _write_report(batch_id: UUID, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "outcome", "serial", "commitment"))
        async for line in batch_report(batch_id):
            writer.writerow(
                (line.line_number, line.outcome, _cell(line.serial), line.commitment_hex)
            )


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _identifier(kind: str, text: str) -> UUID:
    """An id as the database shows it, or as the API does."""
    try:
        return UUID(text)
    except ValueError:
        return parse_id(kind, text)
