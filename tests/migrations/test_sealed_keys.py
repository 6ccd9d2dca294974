"""The vault: a filled pool is divided without a loss, and what is sealed stays as it is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import pytest

import migrations
from kernel import db
from kernel.ids import new_id
from kernel.settings import Settings
from key_rows import FreeKey, insert_keys
from two_tenants import Goods, plant_goods, plant_root

HISTORY: Final = sorted(Path(migrations.__file__).parent.glob("*.sql"))
STEP: Final = next(file for file in HISTORY if file.stem.endswith("_sealed_keys"))
STATES: Final = ("AVAILABLE", "HELD", "SOLD", "REVEALED", "EXPIRED", "WITHDRAWN", "VOIDED")
COLUMNS: Final = """
    id, batch_id, supplier_listing_id, sku_id, position, serial, secret, secret_key_id,
    fingerprint, commitment, expires_at, status, held_by_line_id, held_until, line_number
"""
# They lie otherwise than they will be sold.
ONE_OF_EACH: Final = f"""
insert into keys ({COLUMNS})
select gen_random_uuid(), $1, $2, $3, 1000 - n, 'serial ' || n, sha256(int8send(n)), n,
       sha256(int8send(-n)), sha256(int8send(n << 1)),
       case when n % 2 = 0 then now() + interval '1 year' end, status,
       case when status in ('HELD', 'SOLD', 'REVEALED', 'VOIDED') then gen_random_uuid() end,
       case when status = 'HELD' then now() end, nullif(n, 1)
from unnest($4::text[]) with ordinality as planted (status, n)
"""
DELIVERED: Final = """
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), held_by_line_id, id, now()
from keys where status in ('SOLD', 'REVEALED', 'VOIDED')
"""
UNCHANGING: Final = (
    "id = gen_random_uuid()",
    "batch_id = gen_random_uuid()",
    "line_number = 7",
    "secret_key_id = 2",
    "serial = 'other'",
    "secret = 'other'",
    "fingerprint = sha256('other')",
    "commitment = sha256('other')",
)


@pytest.fixture
async def old(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner of a database from before the step, where a key is one row."""
    owner = await asyncpg.connect(empty_database)
    for file in HISTORY[: HISTORY.index(STEP)]:
        await owner.execute(file.read_text())
    yield owner
    await owner.close()


async def fill(old: asyncpg.Connection) -> Goods:
    """A key in every state, and deliveries of those that were sold."""
    await plant_root(old)
    goods = await plant_goods(old)
    of_goods = (goods.batch_id, goods.supplier_listing_id, goods.sku_id)
    await old.execute(ONE_OF_EACH, *of_goods, STATES)
    async with old.transaction():  # of orders that are not there
        await old.execute("set local session_replication_role = replica")
        await old.execute(DELIVERED)
    return goods


async def take_step(old: asyncpg.Connection) -> None:
    await old.execute(STEP.read_text())


async def test_a_filled_pool_is_divided_and_every_key_is_what_it_was(
    old: asyncpg.Connection,
) -> None:
    await fill(old)
    before = await old.fetch(f"select {COLUMNS} from keys order by id")
    delivered = await old.fetch("select * from delivered_keys order by id")

    await take_step(old)

    together = f"select {COLUMNS} from keys join sealed_keys using (id) order by id"
    assert {row["status"] for row in before} == set(STATES)
    assert await old.fetch(together) == before
    assert await old.fetch("select * from delivered_keys order by id") == delivered
    withdrawn = await old.fetch(
        "select status from keys join sealed_keys using (id) where withdrawn_at is not null"
    )
    assert [row["status"] for row in withdrawn] == ["WITHDRAWN"]


async def test_after_the_step_keys_lie_as_they_will_be_sold_and_are_counted(
    old: asyncpg.Connection,
) -> None:
    await fill(old)

    await take_step(old)

    positions = [
        row["position"] for row in await old.fetch("select position from keys order by ctid")
    ]
    assert positions == sorted(positions)
    counted = await old.fetch(
        "select reltuples from pg_class where relname in ('keys', 'sealed_keys')"
    )
    assert [row["reltuples"] for row in counted] == [len(STATES)] * 2


async def test_after_the_step_a_withdrawn_key_may_come_again_and_no_other(
    old: asyncpg.Connection,
) -> None:
    goods = await fill(old)
    await take_step(old)
    again = """
        insert into sealed_keys (id, batch_id, serial, secret, secret_key_id, fingerprint,
                                 commitment)
        select gen_random_uuid(), batch_id, serial, secret, secret_key_id, fingerprint, commitment
        from sealed_keys join keys using (id) where status = $1 and batch_id = $2
    """

    for status in STATES:
        if status != "WITHDRAWN":
            with pytest.raises(asyncpg.UniqueViolationError, match="sealed_keys_fingerprint"):
                await old.execute(again, status, goods.batch_id)
    assert await old.execute(again, "WITHDRAWN", goods.batch_id) == "INSERT 0 1"


async def test_an_empty_pool_is_not_taken_for_one_that_stays_empty(
    old: asyncpg.Connection,
) -> None:
    await take_step(old)

    counted = await old.fetch(
        "select reltuples from pg_class where relname in ('keys', 'sealed_keys')"
    )
    assert [row["reltuples"] for row in counted] == [-1, -1]


@pytest.fixture
async def sealed(database: Settings, owner: asyncpg.Connection) -> UUID:
    """The only key there is."""
    goods = await plant_goods(owner)
    key = FreeKey(goods.batch_id, goods.supplier_listing_id, goods.sku_id, secret="one")
    await insert_keys(owner, [key])
    key_id: UUID = await owner.fetchval("select id from sealed_keys")
    return key_id


@pytest.mark.parametrize("change", [*UNCHANGING, "withdrawn_at = now(), serial = 'other'"])
async def test_not_even_the_owner_changes_what_is_sealed(
    owner: asyncpg.Connection, sealed: UUID, change: str
) -> None:
    before = await owner.fetch("select * from sealed_keys")

    with pytest.raises(asyncpg.RestrictViolationError, match="withdrawn once, and else never"):
        await owner.execute(f"update sealed_keys set {change} where id = $1", sealed)

    assert await owner.fetch("select * from sealed_keys") == before


async def test_a_key_is_withdrawn_once_and_for_all(owner: asyncpg.Connection, sealed: UUID) -> None:
    await owner.execute("update sealed_keys set withdrawn_at = '2026-01-01'")

    for again in ("null", "'2026-01-02'"):
        with pytest.raises(asyncpg.RestrictViolationError, match="withdrawn once"):
            await owner.execute(f"update sealed_keys set withdrawn_at = {again}")


@pytest.mark.parametrize("end", ["delete from sealed_keys", "truncate sealed_keys cascade"])
async def test_nothing_leaves_the_vault(owner: asyncpg.Connection, sealed: UUID, end: str) -> None:
    await owner.execute("delete from keys")

    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await owner.execute(end)

    assert await owner.fetchval("select id from sealed_keys") == sealed


@pytest.mark.parametrize("change", UNCHANGING)
async def test_the_product_has_no_right_to_change_what_is_sealed(sealed: UUID, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(db.core_scope()):
            await db.execute(f"update sealed_keys set {change}")


async def test_the_product_may_withdraw_a_sealed_key(
    owner: asyncpg.Connection, sealed: UUID
) -> None:
    async with db.transaction(db.core_scope()):
        await db.execute("update sealed_keys set withdrawn_at = platform_now()")

    assert await owner.fetchval("select id from sealed_keys where withdrawn_at <= now()") == sealed


@pytest.mark.parametrize(
    "change",
    [
        "id = gen_random_uuid()",
        "supplier_listing_id = gen_random_uuid()",
        "sku_id = gen_random_uuid()",
        "expires_at = null",
    ],
)
async def test_the_product_has_no_right_to_make_another_key_of_one_in_the_pool(
    sealed: UUID, change: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(db.core_scope()):
            await db.execute(f"update keys set {change}")


async def test_no_key_is_sold_that_is_not_sealed(owner: asyncpg.Connection, sealed: UUID) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="sealed_keys"):
        await owner.execute(
            """insert into keys (id, supplier_listing_id, sku_id, position)
               select $1, supplier_listing_id, sku_id, 2 from keys""",
            new_id(),
        )
