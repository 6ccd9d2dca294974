"""Keys that can be opened: sealed by the product's own vault, in a process with its secrets.

Run as a module: the keys that encrypt rows follow from the measured product's settings, which are
not this bench's. They stand at the head of each pool, so that they are sold first.
"""

import asyncio
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from entrypoints.bench.market.records import BenchSku, read_market
from kernel.ids import new_id
from kernel.settings import settings
from supply.position import pool_position
from supply.vault import seal_key

SERIAL: Final = "OPENS-"
"""How the serial of a key begins that can be opened."""
_SEALED: Final = "id batch_id serial secret secret_key_id fingerprint commitment"
_POOLED: Final = "id supplier_listing_id sku_id position"


@dataclass(frozen=True, slots=True)
class SealingPlan:
    """How many keys are made that can be opened, of each pool and of the first."""

    keys_each: int
    keys_of_first: int

    def write(self, file: Path) -> None:
        """Write the plan for `main`."""
        file.write_bytes(orjson.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class _Key:
    """A key in the order of its pool, and its rows in the order of their columns."""

    id: UUID
    sku: BenchSku
    number: int

    def sealed_row(self) -> tuple[object, ...]:
        """Make what stands in the vault."""
        secret = f"BENCH-{self.sku.slug}-{self.number:08d}"
        sealed = seal_key(key_id=self.id, supplier_listing_id=self.sku.listing_id, secret=secret)
        return (
            self.id,
            self.sku.batch_id,
            f"{SERIAL}{self.number:08d}",
            sealed.secret,
            sealed.secret_key_id,
            sealed.fingerprint,
            sealed.commitment,
        )

    def pooled_row(self) -> tuple[object, ...]:
        """Make what stands in the pool."""
        position = pool_position(expires_on_days=None, sequence=self.number)
        return self.id, self.sku.listing_id, self.sku.id, position


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
        keys = [_Key(new_id(), sku, row["number"]) for sku, row in zip(wanted, rows, strict=True)]
        await _copy(owner, "sealed_keys", _SEALED, [key.sealed_row() for key in keys])
        await _copy(owner, "keys", _POOLED, [key.pooled_row() for key in keys])
        return len(keys)
    finally:
        await owner.close()


async def _copy(
    owner: asyncpg.Connection, table: str, columns: str, rows: list[tuple[object, ...]]
) -> None:
    await owner.copy_records_to_table(table, columns=columns.split(), records=rows)


def main(plan_file: Path, result_file: Path) -> None:
    """Carry out a plan and write how many keys it made."""
    plan = SealingPlan(**orjson.loads(plan_file.read_bytes()))
    result_file.write_bytes(orjson.dumps({"keys": asyncio.run(seal(plan))}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
