"""Databases that exist for a measurement and are gone after it, however it ends.

Only the filled template may stay (`keep`): it has a name that follows from what is in it, so that
a later run of the same size and schema finds it, whole or half made.
"""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg

import migrations
from entrypoints.bench import market as market_room
from entrypoints.bench.market.planting import plant_market
from entrypoints.bench.market.records import Market
from entrypoints.bench.timing import Size
from kernel.settings import Settings
from migrations import migrate

PREFIX: Final = "kameng_bench_"
KEPT: Final = f"{PREFIX}kept_"
COPIED_AS_FILES_FROM_BYTES: Final = 64 * 1024 * 1024
"""PostgreSQL copies a small database faster through its log, and a large one faster as files."""

Seal = Callable[[str], Awaitable[None]]


def with_database(url: str, name: str) -> str:
    """Name another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def database_name(url: str) -> str:
    """Give the name in a URL."""
    return urlsplit(url).path.lstrip("/")


@asynccontextmanager
async def market_template(
    config: Settings, size: Size, *, seal: Seal, say: Callable[[str], object], keep: bool = False
) -> AsyncIterator[tuple[str, Market]]:
    """Hand out a filled database's URL to be cloned, and drop it after,
    unless it is to be kept.

    It is made on the server of `config.database_url`; `seal` adds the keys that can be opened to
    the database of a URL.
    """
    database = _kept(config.database_url, size) if keep else _database(config.database_url)
    async with database as url:
        await migrate(config.model_copy(update={"database_url": url}))
        owner = await asyncpg.connect(url)
        try:
            market = await plant_market(owner, size, seal=lambda: seal(url), say=say)
        finally:
            await owner.close()
        yield url, market


@asynccontextmanager
async def clone(server_url: str, url: str) -> AsyncIterator[str]:
    """Copy a database that nobody is connected to, and drop the copy after."""
    async with _database(server_url, template=database_name(url)) as copied:
        yield copied


@asynccontextmanager
async def _kept(server_url: str, size: Size) -> AsyncIterator[str]:
    name = KEPT + _digest(size)
    if not await _run(server_url, "select from pg_database where datname = $1", name):
        await _create(server_url, name, template="template0")
    yield with_database(server_url, name)


def _digest(size: Size) -> str:
    """What decides what is in a template: its size, the schema, and how it is planted."""
    rooms = (migrations.__file__, market_room.__file__)
    files = [file for room in rooms for file in sorted(Path(room).parent.glob("*.*"))]
    parts = [repr(size).encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@asynccontextmanager
async def _database(server_url: str, template: str = "template0") -> AsyncIterator[str]:
    name = f"{PREFIX}{os.getpid()}_{secrets.token_hex(6)}"  # who finds it left over knows whose
    try:
        await _create(server_url, name, template=template)
        yield with_database(server_url, name)
    finally:
        await _run(server_url, f'drop database if exists "{name}" with (force)')


async def _create(server_url: str, name: str, *, template: str) -> None:
    (size,) = await _run(server_url, "select pg_database_size($1::name) as bytes", template)
    strategy = "file_copy" if size["bytes"] >= COPIED_AS_FILES_FROM_BYTES else "wal_log"
    await _run(
        server_url,
        f'create database "{name}" template "{template}" encoding \'UTF8\' strategy {strategy}',
    )


async def _run(server_url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    """A connection for each: what ended the last one must not keep us from tidying up."""
    server = await asyncpg.connect(server_url)
    try:
        if values:
            return list(await server.fetch(statement, *values))
        await server.execute(statement)
        return []
    finally:
        await server.close()
