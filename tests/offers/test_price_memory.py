"""Computed prices are a shop's at its versions, and there is an end to how many are kept."""

from uuid import UUID

import pytest

from offers.price_memory import PriceMemory
from tenants.path_terms import BuyerClass
from tenants.pricing import Priced

PRICED = Priced((8_000, 9_000), 11_000)
MOST = 25


@pytest.fixture
def memory() -> PriceMemory:
    return PriceMemory(MOST)


def tenant(number: int) -> UUID:
    return UUID(int=number)


def seat(number: int, tier: int | None = None) -> tuple[UUID, BuyerClass]:
    return tenant(number), BuyerClass(None if tier is None else tenant(tier))


def ask(memory: PriceMemory, shop: int, *, version: int = 1) -> bool:
    """Ask for ten prices of a shop; True when they were known."""
    prices = memory.prices_at(seat(shop), [version])
    known = len(prices) == 10
    prices.update({(tenant(100 + n), 1): PRICED for n in range(10)})
    return known


def test_what_was_computed_is_found_at_the_same_versions_and_at_no_others(
    memory: PriceMemory,
) -> None:
    memory.prices_at(seat(1), [3, 4, 5])[tenant(9), 1] = PRICED
    assert memory.prices_at(seat(1), [3, 4, 5]) == {(tenant(9), 1): PRICED}
    assert memory.prices_at(seat(2), [3, 4, 5]) == {}
    for others in ([3, 4, 6], [3, 5, 4], [12], [3, 4, 5, 0]):
        assert memory.prices_at(seat(1), others) == {}
    assert memory.prices_at(seat(1), [3, 4, 5]) == {}, "the older versions do not come back"


def test_shops_that_nobody_asks_for_make_room(memory: PriceMemory) -> None:
    for shop in range(1, 6):
        for asked in (0, shop, shop):  # shop 0 is asked for all the time
            ask(memory, asked)
    assert ask(memory, 0)
    assert ask(memory, 5)
    assert not ask(memory, 1)


def test_a_shop_that_adds_its_prices_late_counts_too(memory: PriceMemory) -> None:
    for _ in range(3):
        known = [ask(memory, shop) for shop in range(4)]
    assert sum(known) < 4, "forty prices stay where twenty-five may"
    assert sum(ask(memory, shop) for shop in (3, 3)) >= 1


def test_the_shop_that_nobody_asked_for_longest_may_come_with_new_versions_to_a_full_memory(
    memory: PriceMemory,
) -> None:
    for shop in (1, 2):
        ask(memory, shop)
        ask(memory, shop)
    assert not ask(memory, 1, version=2)
    assert ask(memory, 1, version=2)
    assert ask(memory, 2)


def test_one_shop_may_hold_more_than_the_bound_while_it_is_the_only_one(
    memory: PriceMemory,
) -> None:
    prices = memory.prices_at(seat(1), [1])
    prices.update({(tenant(100 + n), 1): PRICED for n in range(MOST * 2)})
    assert len(memory.prices_at(seat(1), [1])) == MOST * 2
    assert memory.prices_at(seat(2), [1]) == {}
    assert memory.prices_at(seat(1), [1]) == {}


def test_prices_of_one_class_of_buyers_are_not_anothers(memory: PriceMemory) -> None:
    memory.prices_at(seat(1, tier=7), [1])[tenant(9), 1] = PRICED
    assert memory.prices_at(seat(1, tier=7), [1]) == {(tenant(9), 1): PRICED}
    for others in (seat(1), seat(1, tier=8), (tenant(1), BuyerClass(tenant(7), tenant(5)))):
        assert memory.prices_at(others, [1]) == {}
