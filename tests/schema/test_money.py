"""What a client may send as an amount: a JSON integer, and no other spelling of one."""

import pytest
from graphql import GraphQLError

from kernel.money import MAX_AMOUNT_MINOR
from schema.money import _minor_units


@pytest.mark.parametrize("value", [0, 1050, -1, MAX_AMOUNT_MINOR, -MAX_AMOUNT_MINOR])
def test_a_client_writes_whole_minor_units(value: int) -> None:
    assert _minor_units(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("1050", "10.50", "1e3", "+5", "007", "-0", "", " 5", "5_0", "0x10", "９", "NaN"),
        *(1.0, 10.5, float("nan"), True, False, None, [], {}, b"5"),
    ],
)
def test_any_other_spelling_of_an_amount_is_refused(value: object) -> None:
    with pytest.raises(GraphQLError, match="whole number"):
        _minor_units(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**100])
def test_a_client_cannot_write_an_amount_beyond_the_bounds(value: int) -> None:
    with pytest.raises(GraphQLError, match="at most"):
        _minor_units(value)
