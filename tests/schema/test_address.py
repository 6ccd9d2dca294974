"""The client's address behind proxies: believed as far as trusted proxies wrote it."""

from collections.abc import Iterator

import pytest
from starlette.requests import HTTPConnection

from kernel.settings import settings
from schema.address import client_address


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KAMENG_TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")
    settings.cache_clear()
    yield
    settings.cache_clear()


def seen_from(peer: str, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "headers": headers, "client": (peer, 5)}
    return client_address(HTTPConnection(scope))


def test_a_stranger_cannot_tell_another_address() -> None:
    assert seen_from("203.0.113.9", "198.51.100.1") == "203.0.113.9"


def test_a_trusted_proxy_is_believed() -> None:
    assert seen_from("127.0.0.1", "198.51.100.1") == "198.51.100.1"


def test_what_stands_before_the_trusted_part_is_not_believed() -> None:
    assert seen_from("10.1.1.1", "1.2.3.4, 198.51.100.1, 10.2.2.2") == "198.51.100.1"
    assert seen_from("10.1.1.1", "1.2.3.4", "198.51.100.1") == "198.51.100.1"


def test_a_chain_of_trusted_proxies_alone_gives_the_first_of_them() -> None:
    assert seen_from("10.1.1.1", "10.3.3.3, 10.2.2.2") == "10.3.3.3"


@pytest.mark.parametrize("nonsense", ["", "unknown", "1.2.3.4.5", "' or 1=1"])
def test_nonsense_is_no_address(nonsense: str) -> None:
    assert seen_from("127.0.0.1", nonsense) == ""
