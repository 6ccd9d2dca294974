"""Computed prices are a shop's at its versions, and there is an end to how many are kept."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from offers import price_memory
from offers.price_memory import prices_at
from tenants.pricing import Priced

PRICED = Priced((8_000, 9_000), 11_000)


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    price_memory.forget()
    yield
    price_memory.forget()


def tenant(number: int) -> UUID:
    return UUID(int=number)


def test_what_was_computed_is_found_at_the_same_versions_and_at_no_others() -> None:
    prices_at(tenant(1), [3, 4, 5])[tenant(9)] = PRICED
    assert prices_at(tenant(1), [3, 4, 5]) == {tenant(9): PRICED}
    assert prices_at(tenant(2), [3, 4, 5]) == {}
    for others in ([3, 4, 6], [3, 5, 4], [12], [3, 4, 5, 0]):
        assert prices_at(tenant(1), others) == {}
    assert prices_at(tenant(1), [3, 4, 5]) == {}, "the older versions do not come back"


def test_shops_that_nobody_asks_for_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_memory, "MAX_PRICES_KEPT", 25)
    for shop in range(5):
        prices_at(tenant(0), [1])  # asked for all the time
        known = prices_at(tenant(shop), [1])
        known.update({tenant(100 + n): PRICED for n in range(10)})
        assert sum(len(prices) for _, prices in price_memory._kept.values()) <= 25 + 10
    assert len(prices_at(tenant(0), [1])) == 10
    assert prices_at(tenant(1), [1]) == {}
