"""Offers beside each other: reliability that few sales cannot fake, orders, and praise."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest

from kernel.ids import new_id
from offers.comparing import ENOUGH_SALES, NO_SALES, Figures, OfferSort, badges, in_order


@dataclass(frozen=True)
class Rival:
    unit_price_minor: int
    stock: int = 5
    figures: Figures = NO_SALES
    id: UUID = field(default_factory=new_id)


CHEAP = Rival(10_000, figures=Figures(200, 40, 600))
SOLID = Rival(10_500, figures=Figures(400, 2, 60))
FAST = Rival(11_500, figures=Figures(100, 10, 10))
NEW = Rival(10_800)
GONE = Rival(9_000, stock=0, figures=Figures(900, 0, 10))
ALL = [CHEAP, SOLID, NEW, FAST, GONE]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("PRICE", [CHEAP, SOLID, NEW, FAST, GONE]),
        ("RELIABILITY", [SOLID, NEW, FAST, CHEAP, GONE]),
        ("SPEED", [FAST, SOLID, CHEAP, NEW, GONE]),
        ("BALANCED", [SOLID, NEW, CHEAP, FAST, GONE]),
    ],
)
def test_each_order_puts_the_best_first_and_what_is_sold_out_last(
    sort: OfferSort, expected: list[Rival]
) -> None:
    assert in_order(ALL, sort) == [one.id for one in expected]


def test_a_share_is_told_only_where_enough_sales_stand_behind_it() -> None:
    assert Figures(ENOUGH_SALES - 1, 0, 10).reliability_bp is None
    assert Figures(ENOUGH_SALES, 1, 10).reliability_bp == 9_500
    assert Figures(ENOUGH_SALES, 99, 10).reliability_bp == 0  # refunds of keys sold before
    assert Figures(3, 0, 10).expected < Figures(300, 3, 10).expected


def test_praise_goes_to_those_who_can_be_bought_and_have_rivals() -> None:
    found = badges(ALL)
    assert found[CHEAP.id] == ["CHEAPEST"]
    assert found[SOLID.id] == ["MOST_RELIABLE"]
    assert found[GONE.id] == found[NEW.id] == found[FAST.id] == []
    assert badges([SOLID, GONE]) == {SOLID.id: [], GONE.id: []}
    both = Rival(9_000, figures=Figures(500, 0, 10))
    assert badges([both, CHEAP])[both.id] == ["CHEAPEST", "MOST_RELIABLE"]
