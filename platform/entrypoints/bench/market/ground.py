"""What the market's SQL stands on: a schema of the bench's own beside the product's tables."""

from typing import Final

import asyncpg

GROUND: Final = """
create schema if not exists bench;

-- Which steps of planting are done, so that a run that was killed goes on where it stopped.
create table if not exists bench.steps (name text primary key);

-- How to make the indexes that a planting has dropped and not made again yet.
create table if not exists bench.indexes (definition text primary key);

-- An id as the product makes them (version 7): ordered by the milliseconds, so that new rows fall
-- into the same pages of an index; the rest of it follows from the salt.
create or replace function bench.time_id(at_ms bigint, salt text) returns uuid
language sql immutable parallel safe as $$
    select (lpad(to_hex(at_ms), 12, '0') || '7' || substr(md5(salt), 1, 3)
            || '8' || substr(md5(salt), 4, 15))::uuid
$$;

-- An id that anybody can work out again from its name.
create or replace function bench.named_id(name text) returns uuid
language sql immutable parallel safe as $$ select md5('bench:' || name)::uuid $$;
"""


async def lay_ground(owner: asyncpg.Connection) -> None:
    """Make the schema; a second time changes nothing."""
    await owner.execute(GROUND)
