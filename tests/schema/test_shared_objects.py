"""What a plan makes of an object that many answers share, it makes once; of others it does not."""

import gc
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, parse

from schema.execution import Given, OperationPlan, Shared, composites


@strawberry.type
class Coin:
    """An amount that somebody can write for people."""

    minor: int

    @strawberry.field
    def written(self) -> str:
        return f"¥{self.minor}"


@strawberry.type
class Price(Shared):
    """A price that is made once."""

    coin: Coin


@strawberry.type
class Tag:
    """An object of its own in every answer."""

    coin: Coin


TEN = Price(coin=Coin(minor=10))


def plan_of(text: str, found: Any) -> OperationPlan:
    @strawberry.type
    class Query:
        @strawberry.field
        def prices(self) -> list[Price | None]:
            return list(found)

        @strawberry.field
        def tags(self) -> list[Tag]:
            return list(found)

    document = parse(text)
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    return OperationPlan(strawberry.Schema(query=Query)._schema, document, operation)


async def answer(plan: OperationPlan, field: str) -> list[Any]:
    result = await plan.execute(Given(context=None, variables={}))
    assert result.errors is None
    assert result.data is not None
    return list(result.data[field])


async def test_a_shared_object_is_completed_once_in_all_answers_of_a_plan() -> None:
    plan = plan_of("{ prices { coin { minor } } }", [TEN, None, TEN, Price(coin=Coin(minor=10))])
    first, second = await answer(plan, "prices"), await answer(plan, "prices")
    assert first == second == [{"coin": {"minor": 10}}, None, *[{"coin": {"minor": 10}}] * 2]
    assert first[0] is first[2] is second[0]
    assert first[3] is not first[0], "an object is known by what it is, not by what it is like"
    assert (await answer(plan_of("{ prices { coin { minor } } }", [TEN]), "prices"))[0] == first[0]


async def test_another_selection_of_it_is_another_answer() -> None:
    plan = plan_of("{ a: prices { coin { minor } } b: prices { c: coin { minor } } }", [TEN])
    assert await answer(plan, "a") == [{"coin": {"minor": 10}}]
    assert await answer(plan, "b") == [{"c": {"minor": 10}}]


async def test_where_a_resolver_is_asked_nothing_is_kept() -> None:
    plan = plan_of("{ prices { coin { written } } }", [TEN])
    first, second = await answer(plan, "prices"), await answer(plan, "prices")
    assert first == second == [{"coin": {"written": "¥10"}}]
    assert first[0] is not second[0]


async def test_other_objects_are_read_each_time() -> None:
    tag = Tag(coin=Coin(minor=10))
    plan = plan_of("{ tags { coin { minor } } }", [tag])
    assert await answer(plan, "tags") == [{"coin": {"minor": 10}}]
    tag.coin.minor = 11
    assert await answer(plan, "tags") == [{"coin": {"minor": 11}}]


async def test_a_selection_keeps_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composites, "MAX_SHARED", 3)
    many = [Price(coin=Coin(minor=n)) for n in range(10)]
    plan = plan_of("{ prices { coin { minor } } }", many)
    for _ in range(2):
        found = await answer(plan, "prices")
        assert [one["coin"]["minor"] for one in found] == list(range(10))
    first, second = await answer(plan, "prices"), await answer(plan, "prices")
    assert [one is other for one, other in zip(first, second, strict=True)] == [False] * 10
    plan = plan_of("{ prices { coin { minor } } }", many[:2])
    first, second = await answer(plan, "prices"), await answer(plan, "prices")
    assert [one is other for one, other in zip(first, second, strict=True)] == [True, True]


async def test_a_process_keeps_so_many_and_what_a_plan_kept_goes_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.collect()
    before = composites._Answers.kept
    monkeypatch.setattr(composites, "MOST_SHARED", before + 3)
    many = [Price(coin=Coin(minor=n)) for n in range(5)]
    plan = plan_of("{ prices { coin { minor } } }", many)
    first, second = await answer(plan, "prices"), await answer(plan, "prices")
    assert sum(one is other for one, other in zip(first, second, strict=True)) == 3
    assert composites._Answers.kept == before + 3
    del plan
    gc.collect()
    assert composites._Answers.kept == before


async def test_what_cannot_be_completed_is_said_each_time() -> None:
    broken = Price(coin=Coin(minor="ten"))  # type: ignore[arg-type]  # what is tested
    plan = plan_of("{ prices { coin { minor } } }", [broken])
    for _ in range(2):
        result = await plan.execute(Given(context=None, variables={}))
        assert [error.path for error in result.errors or ()] == [["prices", 0, "coin", "minor"]]
