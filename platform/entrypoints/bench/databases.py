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
async def market_template(config: Settings, size: Size) -> AsyncIterator[tuple[str, Market]]:
    """This function will hand out a filled database's URL to be cloned, and drop it after.

    It is made on the server of `config.database_url`.
    """
    async with _database(config.database_url, template="template0") as url:
        await migrate(config.model_copy(update={"database_url": url}))
        owner = await asyncpg.connect(url)
        try:
            market = await plant_market(owner, size)
        finally:
            await owner.close()
        yield url, market


@asynccontextmanager
async def clone(server_url: str, url: str) -> AsyncIterator[str]:
    """This function will copy a database that nobody is connected to, and drop the copy after."""
    async with _database(server_url, template=database_name(url)) as copied:
        yield copied


@asynccontextmanager
async def _database(server_url: str, *, template: str) -> AsyncIterator[str]:
    name = PREFIX + secrets.token_hex(6)
    try:
        await _run(server_url, f'create database "{name}" template "{template}" encoding \'UTF8\'')
        yield with_database(server_url, name)
    finally:
        await _run(server_url, f'drop database if exists "{name}" with (force)')


async def _run(server_url: str, statement: str) -> None:
    """A connection for each: what ended the last one must not keep us from tidying up."""
    server = await asyncpg.connect(server_url)
    try:
        await server.execute(statement)
    finally:
        await server.close()
