# mypy: disable-error-code="no-any-return"
"""A schema with everything that ours does without: interfaces, lists of lists, rules of its own.

Its root fields answer with what the request's context holds for them, so that the same values can
be executed in two ways.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Generic, NewType, TypeVar

import strawberry
from strawberry.schema.config import StrawberryConfig

T = TypeVar("T")


class Trouble(Exception):
    """What a resolver raises."""


class Tray:
    """What root fields answer, each made when it is first asked for, and how often they were."""

    def __init__(self, served: dict[str, Any], make: Callable[[Any], Any]) -> None:
        self.served = served
        self.asked: Counter[str] = Counter()
        self._make = make

    def serve(self, info: Any) -> Any:
        """Answer for a root field, by its name in the answer."""
        name = str(info.path.key)
        self.asked[name] += 1
        if name not in self.served:
            self.served[name] = self._make(getattr(info, "_raw_info", info).return_type)
        if isinstance(self.served[name], Trouble):
            raise self.served[name]
        return self.served[name]


asked_below: Counter[tuple[str, int]] = Counter()
"""How often a resolver below a root field was asked for an object; a test empties it."""


def _odd(value: object) -> int:
    if not isinstance(value, int) or value % 2 == 0:
        raise ValueError(f"{value!r} is not odd")
    return value


Odd = NewType("Odd", int)


@strawberry.enum
class Colour(Enum):
    RED = "r"
    GREEN = strawberry.enum_value("g", name="VERT")


@strawberry.interface
class Named:
    name: str
    nickname: str | None


@strawberry.type
class Cat(Named):
    lives: int
    colour: Colour
    friends: list["Pet"] | None


@strawberry.type
class Dog(Named):
    loud: bool
    colours: list[list[Colour | None]] | None
    walks: list[datetime]
    master: "Person | None"


@strawberry.type
class Stone:
    """Of no class of its own: the type itself says which values are stones."""

    weight: float

    @classmethod
    def is_type_of(cls, value: object, _: object) -> bool:
        return hasattr(value, "weight")


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]
Thing = Annotated[Cat | Stone, strawberry.union("Thing")]


@strawberry.type
class Box(Generic[T]):
    inside: T
    more: list[T]


@strawberry.type
class Person:
    id: strawberry.ID
    name: str
    age: int | None
    odd: Odd
    matrix: list[list[int]]
    holes: list[list[int | None] | None] | None
    pet: Pet | None
    pets: list[Pet]
    named: Named | None
    troubled: bool = False
    """Its own resolvers raise."""

    @strawberry.field
    def greeting(self, to: str | None = None, times: int = 1) -> str:
        asked_below["greeting", id(self)] += 1
        if self.troubled:
            raise Trouble("no greeting")
        # A random document may ask for two thousand million greetings.
        return " ".join([f"hello {to or self.name}"] * min(times, 5))

    @strawberry.field
    def shadow(self) -> "Person | None":
        asked_below["shadow", id(self)] += 1
        if self.troubled:
            raise Trouble("no shadow")
        return None if self.age is None else self


@strawberry.type
class Query:
    @strawberry.field
    def person(self, info: strawberry.Info) -> Person | None:
        return info.context.serve(info)

    @strawberry.field
    async def people(self, info: strawberry.Info, first: int | None = None) -> list[Person]:
        return info.context.serve(info)[:first]

    @strawberry.field
    async def rows(self, info: strawberry.Info) -> list[list[Person | None] | None] | None:
        return info.context.serve(info)

    @strawberry.field
    def pets(self, info: strawberry.Info) -> list[Pet | None]:
        return info.context.serve(info)

    @strawberry.field
    async def named(self, info: strawberry.Info) -> list[Named] | None:
        return info.context.serve(info)

    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing] | None:
        return info.context.serve(info)

    @strawberry.field
    def box(self, info: strawberry.Info) -> Box[Person] | None:
        return info.context.serve(info)

    @strawberry.field
    def colour(self, info: strawberry.Info) -> Colour:
        return info.context.serve(info)

    @strawberry.field
    async def count(self, info: strawberry.Info) -> int:
        return info.context.serve(info)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def adopt(self, info: strawberry.Info, times: int = 1) -> Pet:
        return info.context.serve(info)

    @strawberry.mutation
    def rename(self, info: strawberry.Info) -> Person:
        return info.context.serve(info)


odd_schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    types=[Cat, Dog],
    config=StrawberryConfig(
        scalar_map={Odd: strawberry.scalar(name="Odd", serialize=_odd, parse_value=_odd)}
    ),
)
