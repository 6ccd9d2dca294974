"""One supplier's pool of keys, planted by the owner with plain SQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from kernel import db
from kernel.ids import new_id
from key_rows import FreeKey, insert_keys
from supplier_stalls import Stall
from supply import pool
from supply.pool import Wanted
from supply.position import pool_position

IN_TIME = timedelta(minutes=15)


class Pool:
    """One supplier's keys, and buyers who want some of them."""

    def __init__(self, owner: asyncpg.Connection, stall: Stall) -> None:
        self.owner = owner
        self.stall = stall

    async def stock(self, *names: str, expires_in_days: int | None = None) -> None:
        """Put keys with these serials into the pool, in this order."""
        batch_id = new_id()
        await self.owner.execute(
            """insert into key_batches (id, supplier_listing_id, sku_id, file_hash, status)
               values ($1, $2, $3, $4, 'ACCEPTED')""",
            batch_id,
            self.stall.listing_id,
            self.stall.sku_id,
            batch_id.bytes * 2,
        )
        now = await self.owner.fetchval("select platform_now()")
        expires_at = None if expires_in_days is None else now + timedelta(days=expires_in_days)
        days = None
        if expires_at is not None:
            days = (expires_at - datetime(1970, 1, 1, tzinfo=UTC)).days
        for name in names:
            sequence = await self.owner.fetchval("select nextval('key_positions')")
            position = pool_position(expires_on_days=days, sequence=sequence)
            key = FreeKey(
                batch_id,
                self.stall.listing_id,
                self.stall.sku_id,
                secret=name,
                serial=name,
                position=position,
                expires_at=expires_at,
            )
            await insert_keys(self.owner, [key])

    async def hold(
        self, quantity: int, *, line_id: UUID | None = None, min_remaining_days: int = 0
    ) -> tuple[UUID, list[UUID]]:
        """Hold keys in a transaction of its own; the line and the keys."""
        line_id = line_id or new_id()
        async with db.transaction(db.core_scope()):
            until = await db.fetch_value("select platform_now()") + IN_TIME
            wanted = Wanted(line_id, self.stall.listing_id, quantity, min_remaining_days)
            return line_id, await pool.hold(wanted, until=until)

    async def held(self, quantity: int, *, min_remaining_days: int = 0) -> set[str]:
        """Hold keys; their serials."""
        _, keys = await self.hold(quantity, min_remaining_days=min_remaining_days)
        return await self.named(keys)

    async def named(self, key_ids: list[UUID]) -> set[str]:
        """The serials of keys."""
        rows = await self.owner.fetch("select serial from sealed_keys where id = any ($1)", key_ids)
        return {row["serial"] for row in rows}

    async def states(self) -> dict[str, str]:
        """Every key's state by its serial."""
        rows = await self.owner.fetch(
            "select serial, status from keys join sealed_keys using (id) order by serial"
        )
        return {row["serial"]: row["status"] for row in rows}

    async def shift_clock(self, interval: str) -> None:
        await self.owner.execute(
            "insert into sandbox_clock (shift) values ($1::text::interval)", interval
        )
