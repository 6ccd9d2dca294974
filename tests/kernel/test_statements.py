"""Parts of a statement, put together: names become numbers, and nothing else changes."""

import pytest

from kernel.statements import Statement


def test_each_name_becomes_one_number_wherever_it_stands() -> None:
    statement = Statement("select :id, :name where id = :id and name <> :other_name")
    assert statement.sql == "select $1, $2 where id = $1 and name <> $3"
    assert statement.values({"other_name": 3, "id": 1, "name": 2, "unused": 4}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("select :a::uuid[]", "select $1::uuid[]"),
        ("select (:a::int[])[1 : 2]", "select ($1::int[])[1 : 2]"),
        ("select 'a'::text", "select 'a'::text"),
        ("select x[:a]", "select x[$1]"),
    ],
)
def test_casts_and_slices_are_left_alone(text: str, sql: str) -> None:
    assert Statement(text).sql == sql


def test_a_missing_value_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Statement("select :a, :b").values({"a": 1})


def test_parts_stand_in_one_with_clause() -> None:
    statement = Statement.of("one as (select :a)", " two as (select 2) ", then=" select 3 ")
    assert statement.sql == "with one as (select $1),\ntwo as (select 2)\nselect 3"
