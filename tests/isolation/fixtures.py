"""Fixtures: the application in this process, without a network, and shops side by side."""

import io
import logging
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from bank_desk import ACCOUNTS
from billing.payment_methods import stripe_api
from entrypoints.asgi import create_app
from isolation.api import Api
from isolation.neighbours import Neighbourhood
from isolation.towns import Towns
from kernel import valkey
from kernel.log import configure_logging
from kernel.settings import Settings, settings
from tenants import directory, dns_proof

__all__ = ["api", "offline", "quiet", "town", "towns", "written"]


class _NoDns:
    """A DNS in which there is nothing."""

    def __init__(self, server: str) -> None:
        assert not server

    async def texts(self, name: str) -> frozenset[str]:
        return frozenset()


@pytest.fixture
def offline(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """No payment channel answers, and no request is cut short because the machine is busy."""
    monkeypatch.setenv("KAMENG_STRIPE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("KAMENG_STRIPE_API_KEY", "sk_test_abcdefghijklmnop")
    monkeypatch.setenv("KAMENG_REQUEST_DEADLINE_SECONDS", "60")
    monkeypatch.setenv("KAMENG_OUTWARD_LOOPBACK", "true")
    monkeypatch.setenv("KAMENG_BANK_ACCOUNTS", ACCOUNTS)
    monkeypatch.setattr(dns_proof, "DnsResolver", _NoDns)
    settings.cache_clear()
    stripe_api.client.cache_clear()
    directory.forget()  # it remembers hosts for a moment, and every test has other shops there
    yield settings()
    directory.forget()
    stripe_api.client.cache_clear()


@pytest.fixture
def quiet() -> Iterator[None]:
    """A line for each refusal, thousands of times, is not worth the time of writing it."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def written(api: Api) -> Iterator[io.StringIO]:
    """The log of the application, refusals and all."""
    logging.disable(logging.NOTSET)
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    configure_logging()


@pytest.fixture
async def api(offline: Settings, quiet: None, database: Settings) -> AsyncIterator[Api]:
    """A client of the application."""
    async with Api(create_app(offline)) as client:
        yield client
    await valkey.close()


@pytest.fixture(scope="session")
def towns() -> Towns:
    """Who builds the town."""
    return Towns()


@pytest.fixture
async def town(towns: Towns, api: Api, owner: asyncpg.Connection) -> Neighbourhood:
    """Shops that have traded."""
    return await towns.town(owner, api)
