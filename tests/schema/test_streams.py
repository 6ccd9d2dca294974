"""Subscriptions by the short way: what is streamed is what Strawberry would stream."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import pytest
import strawberry

from kernel.errors import Forbidden
from schema.compiled_schema import CompiledSchema
from schema.limits import Gate, QueryLimits


@strawberry.type
class Line:
    name: str
    quantity: int


@strawberry.type
class Order:
    no: str
    lines: list[Line]

    @strawberry.field
    def shout(self, twice: bool = False) -> str:
        return self.no.upper() * (2 if twice else 1)


@strawberry.type
class Query:
    @strawberry.field
    def id(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def orders(self, up_to: int = 2) -> AsyncIterator[Order]:
        for number in range(up_to):
            yield Order(no=f"k{number}", lines=[Line(name="月卡", quantity=number)])

    @strawberry.subscription
    async def refused_at_once(self) -> AsyncIterator[int]:
        raise Forbidden("Not for you.")
        yield 1

    @strawberry.subscription
    async def refused_later(self) -> AsyncIterator[int]:
        yield 1
        raise Forbidden("No longer for you.")

    @strawberry.subscription
    async def broken(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("canary")

    @strawberry.subscription
    async def unspeakable(self) -> AsyncIterator[int]:
        yield 2**40  # more than the type `Int` holds
        yield 2

    @strawberry.subscription
    async def perhaps(self) -> AsyncIterator[int | None]:
        yield None
        yield 1


REQUESTS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "events": ("subscription { orders { no lines { name quantity } } }", {}),
    "no event": ("subscription { orders(upTo: 0) { no } }", {}),
    "a resolver of a field": ("subscription { orders { shout loud: shout(twice: true) } }", {}),
    "an argument": ("subscription ($n: Int!) { orders(upTo: $n) { no } }", {"n": 3}),
    "a variable of the wrong type": ("subscription ($n: Int!) { orders(upTo: $n) { no } }", {}),
    "a condition": (
        "subscription ($yes: Boolean!) { orders { no @skip(if: $yes) ...L } }"
        " fragment L on Order { __typename lines @include(if: $yes) { name } }",
        {"yes": True},
    ),
    "an unknown field": ("subscription { orders { price } }", {}),
    "nothing that can be read": ("subscription {", {}),
    "two fields": ("subscription { orders { no } perhaps }", {}),
    "a refusal at once": ("subscription { refusedAtOnce }", {}),
    "a refusal later": ("subscription { refusedLater }", {}),
    "a bug": ("subscription { broken }", {}),
    "an event that its type cannot say": ("subscription { unspeakable }", {}),
    "an event that is nothing": ("subscription { perhaps }", {}),
    "a query": ("{ id }", {}),
}


def make_schema(*, compiled: bool) -> CompiledSchema:
    gate = Gate(QueryLimits(), production=True, sensitive_mutations=frozenset())
    return CompiledSchema(query=Query, subscription=Subscription, gate=gate, compiled=compiled)


async def streamed(schema: CompiledSchema, text: str, variables: dict[str, Any]) -> list[Any]:
    """What came: the kind of each result, its data, its errors, its extensions."""
    stream: AsyncGenerator[Any, None] = await schema.stream(text, variable_values=variables)
    async with aclosing(stream) as results:
        return [
            (
                type(result),
                result.data,
                [error.formatted for error in result.errors or ()],
                result.extensions,
            )
            async for result in results
        ]


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_short_way_streams_what_strawberry_does(name: str) -> None:
    text, variables = REQUESTS[name]
    ours = await streamed(make_schema(compiled=True), text, variables)
    theirs = await streamed(make_schema(compiled=False), text, variables)
    assert ours == theirs
    assert "canary" not in str(ours)


async def test_a_source_is_closed_with_its_stream() -> None:
    closed = asyncio.Event()

    @strawberry.type
    class Endless:
        @strawberry.subscription
        async def ticks(self) -> AsyncIterator[int]:
            try:
                while True:
                    yield 1
            finally:
                closed.set()

    gate = Gate(QueryLimits(), production=True, sensitive_mutations=frozenset())
    schema = CompiledSchema(query=Query, subscription=Endless, gate=gate)
    results = await schema.stream("subscription { ticks }")
    first: Any = await anext(results)
    assert first.data == {"ticks": 1}
    assert not closed.is_set()
    await results.aclose()
    assert closed.is_set()
