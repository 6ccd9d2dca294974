"""Keys that can be opened: sealed by the product's own vault, in a process with its secrets.

Run as a module: the keys that encrypt rows follow from the measured product's settings, which are
not this bench's. They stand at the head of each pool, so that they are sold first.
"""

import asyncio
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import asyncpg
import orjson

from entrypoints.bench.market.records import BenchSku, read_market
from kernel.ids import new_id
from kernel.settings import settings
from supply.position import pool_position
from supply.vault import seal_key

SERIAL: Final = "OPENS-"
"""How the serial of a key begins that can be opened."""
_COLUMNS: Final = (
    "id batch_id supplier_listing_id sku_id position serial secret secret_key_id fingerprint "
    "commitment"
)


@dataclass(frozen=True, slots=True)
class SealingPlan:
    """How many keys are made that can be opened, of each pool and of the first."""

    keys_each: int
    keys_of_first: int

    def write(self, file: Path) -> None:
        """Write the plan for `main`."""
        file.write_bytes(orjson.dumps(asdict(self)))


def sealed_row(sku: BenchSku, number: int) -> tuple[object, ...]:
    """Make the row of a key in the order of the columns."""
    key_id = new_id()
    secret = f"BENCH-{sku.slug}-{number:08d}"
    sealed = seal_key(key_id=key_id, supplier_listing_id=sku.listing_id, secret=secret)
    return (
        key_id,
        sku.batch_id,
        sku.listing_id,
        sku.id,
        pool_position(expires_on_days=None, sequence=number),
        f"{SERIAL}{number:08d}",
        sealed.secret,
        sealed.secret_key_id,
        sealed.fingerprint,
        sealed.commitment,
    )


async def seal(plan: SealingPlan) -> int:
    """Add the keys to every pool and return how many they are."""
    owner = await asyncpg.connect(settings().database_url)
    try:
        skus = (await read_market(owner)).skus
        wanted = [sku for _ in range(plan.keys_each) for sku in skus]
        wanted += skus[:1] * (plan.keys_of_first - plan.keys_each)
        rows = await owner.fetch(
            "select nextval('key_positions') as number from generate_series(1, $1)", len(wanted)
        )
        records = [sealed_row(sku, row["number"]) for sku, row in zip(wanted, rows, strict=True)]
        await owner.copy_records_to_table("keys", columns=_COLUMNS.split(), records=records)
        return len(records)
    finally:
        await owner.close()


def main(plan_file: Path, result_file: Path) -> None:
    """Carry out a plan and write how many keys it made."""
    plan = SealingPlan(**orjson.loads(plan_file.read_bytes()))
    result_file.write_bytes(orjson.dumps({"keys": asyncio.run(seal(plan))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
