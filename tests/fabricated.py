"""Values for any field of a schema, made out of its types, some of them not what they should be."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    is_abstract_type,
)
from strawberry.types.base import StrawberryObjectDefinition

from schema.statements import Statement

_MAX_DEPTH: Final = 6


class Later:
    """A value that can be awaited, as often as one likes."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from ()
        return self.value


class Raising:
    """Whatever is asked of it, it raises."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"no {name}")


_SCALARS: Final[dict[str, Callable[[Random], Any]]] = {
    "String": lambda random: random.choice(["", "a", "原神"]),
    "ID": lambda random: random.choice(["id_1", 7]),
    "Int": lambda random: random.choice([0, -1, 2**31 - 1]),
    "Float": lambda random: random.choice([0.5, 3]),
    "Boolean": lambda random: random.random() < 0.5,
    "Date": lambda _: date(2026, 1, 2),
    "DateTime": lambda _: datetime(2026, 1, 2, tzinfo=UTC),
    "MinorUnits": lambda random: random.choice([1, 2**53 - 1]),
    "Odd": lambda random: random.choice([1, 3]),
}
_TROUBLES: Final[tuple[Callable[[Any], Any], ...]] = (
    lambda _: None,
    lambda _: "text",
    lambda _: 2**40,
    lambda _: 2.5,
    lambda _: True,
    lambda _: [],
    lambda _: [None],
    lambda _: {},
    lambda _: ("a", "b"),
    lambda _: object(),
    lambda _: Raising(),
    lambda _: ValueError("as a value"),
    lambda value: Later(value),
    lambda value: Later(None),
    lambda value: [value],
)


class Fabric:
    """Makes values for one schema; `trouble` is how likely each of them is a wrong one."""

    def __init__(self, schema: GraphQLSchema, random: Random, *, trouble: float) -> None:
        self._schema = schema
        self._random = random
        self._trouble = trouble

    def value(self, kind: Any, depth: int = 0) -> Any:
        """Make a value for a field of this type."""
        if self._happens(self._trouble):
            return self._random.choice(_TROUBLES)(self._fitting(kind, _MAX_DEPTH))
        return self._fitting(kind, depth)

    def _fitting(self, kind: Any, depth: int) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, depth)
        empty = not isinstance(kind, GraphQLScalarType | GraphQLEnumType) and depth >= _MAX_DEPTH
        return None if empty or self._happens(0.15) else self._present(kind, depth)

    def _present(self, kind: Any, depth: int) -> Any:
        if isinstance(kind, GraphQLList):
            count = 0 if depth >= _MAX_DEPTH else self._random.randrange(4)
            items = [self.value(kind.of_type, depth + 1) for _ in range(count)]
            return tuple(items) if self._happens(0.2) else items
        if isinstance(kind, GraphQLEnumType):
            wrapped: Any = kind  # Strawberry's own subclass knows the Python class
            return self._random.choice(list(wrapped.wrapped_cls))
        if isinstance(kind, GraphQLScalarType):
            return _SCALARS[kind.name](self._random)
        if is_abstract_type(kind):
            return self._object(self._random.choice(self._schema.get_possible_types(kind)), depth)
        return self._object(kind, depth)

    def _object(self, kind: GraphQLObjectType, depth: int) -> Any:
        definition = kind.extensions["strawberry-definition"]
        assert isinstance(definition, StrawberryObjectDefinition)
        made = object.__new__(definition.origin)
        for declared in kind.fields.values():
            if (name := _attribute(declared)) and not self._happens(self._trouble / 4):
                value = self.value(declared.type, depth + 1)
                # A word that is written with an amount has to be a currency's.
                setattr(
                    made, name, "CNY" if name == "currency" and isinstance(value, str) else value
                )
        if definition.origin is Statement:  # which pages are asked for, it knows from the document
            lines = self.value(kind.fields["lines"].type, depth + 1)
            made.pages = defaultdict(lambda: lines)
        if "troubled" in definition.origin.__annotations__:
            made.troubled = self._happens(self._trouble)
        return made

    def _happens(self, likelihood: float) -> bool:
        return self._random.random() < likelihood


def _attribute(declared: GraphQLField) -> str | None:
    """The attribute that a field is read from; None where a resolver of its own is asked."""
    field = declared.extensions["strawberry-definition"]
    name: str | None = None if field.base_resolver is not None else field.python_name
    return name
