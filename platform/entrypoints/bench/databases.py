"""Databases that exist for a measurement and are gone after it, however it ends."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from entrypoints.bench.market import Market, plant_market
from entrypoints.bench.timing import Size
from kernel.settings import Settings
from migrations import migrate

PREFIX = "kameng_bench_"


def with_database(url: str, name: str) -> str:
    """This function will name another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def database_name(url: str) -> str:
    """This function will give the name in a URL."""
    return urlsplit(url).path.lstrip("/")


@asynccontextmanager
async def market_template(
    server: asyncpg.Connection, config: Settings, size: Size
) -> AsyncIterator[tuple[str, Market]]:
    """This function will hand out a filled database's URL to be cloned, and drop it after."""
    async with _database(server, config.database_url, template="template0") as url:
        await migrate(config.model_copy(update={"database_url": url}))
        owner = await asyncpg.connect(url)
        try:
            market = await plant_market(owner, size)
        finally:
            await owner.close()
        yield url, market


@asynccontextmanager
async def clone(server: asyncpg.Connection, url: str) -> AsyncIterator[str]:
    """This function will copy a database that nobody is connected to, and drop the copy after."""
    async with _database(server, url, template=database_name(url)) as copied:
        yield copied


@asynccontextmanager
async def _database(server: asyncpg.Connection, url: str, *, template: str) -> AsyncIterator[str]:
    name = PREFIX + secrets.token_hex(6)
    try:
        await server.execute(f'create database "{name}" template "{template}" encoding \'UTF8\'')
        yield with_database(url, name)
    finally:
        await server.execute(f'drop database if exists "{name}" with (force)')
