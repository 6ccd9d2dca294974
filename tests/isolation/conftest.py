"""Fixtures of the isolation tests: the application in this process, and shops side by side."""

import logging
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from entrypoints.asgi import create_app
from isolation.api import Api
from isolation.neighbours import Neighbourhood, build_neighbourhood
from kernel import valkey
from kernel.settings import Settings
from tenants import directory


@pytest.fixture(autouse=True)
def _no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No payment channel answers, and no request is cut short because the machine is busy."""
    monkeypatch.setenv("KAMENG_STRIPE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KAMENG_STRIPE_API_KEY", "sk_test_abcdefghijklmnop")
    monkeypatch.setenv("KAMENG_REQUEST_DEADLINE_SECONDS", "60")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """The directory remembers hosts for a moment; every test has other shops at them."""
    directory.forget()
    yield
    directory.forget()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A refusal a line, thousands of times, is not worth the time of writing it."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
async def api(database: Settings) -> AsyncIterator[Api]:
    """A client of the application."""
    async with Api(create_app(database)) as client:
        yield client
    await valkey.close()


@pytest.fixture
async def town(owner: asyncpg.Connection, api: Api) -> Neighbourhood:
    """Shops that have traded."""
    return await build_neighbourhood(owner, api)
