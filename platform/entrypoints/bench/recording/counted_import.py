"""Counts what an import asks of the database: a process of its own, as the command is.

Run as a module with the plan's file and the result's.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from entrypoints.bench.recording.tape import Tape
from kernel import db
from kernel.settings import settings
from supply.importing import import_keys


async def count(*, file: Path, listing_id: UUID) -> dict[str, Any]:
    """Import a file and count statements and round trips."""
    tape = Tape()
    await db.connect(settings())
    try:
        await tape.listen()
        with tape.running():
            report = await import_keys(supplier_listing_id=listing_id, path=file)
            await asyncio.sleep(0.01)  # asyncpg reports a statement a moment after its end
    finally:
        await db.disconnect()
    return {
        "statements": sum(not one.is_control for one in tape.statements),
        "round_trips": len(tape.statements),
        "batch_id": str(report.batch_id),
    }


def main(plan_file: Path, result_file: Path) -> None:
    """Count what a plan asks for."""
    plan = orjson.loads(plan_file.read_bytes())
    counted = asyncio.run(count(file=Path(plan["file"]), listing_id=UUID(plan["listing"])))
    result_file.write_bytes(orjson.dumps(counted))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
