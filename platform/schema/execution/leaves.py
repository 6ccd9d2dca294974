"""Scalars and enums: from a resolver's value to the answer's."""

from collections.abc import Callable
from enum import Enum
from types import CoroutineType, FunctionType, GeneratorType, NoneType
from typing import Any, Final

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    UndefinedType,
)
from strawberry.types.scalar import identity

from schema.execution.nested import NestedCalls

Complete = Callable[[Any, NestedCalls], Any]
"""Makes the answer's value out of a resolver's; raises anything when it does not know how."""


class Unfit(Exception):
    """A value that the plan did not expect."""


#: Which values leave as they came.
_AS_THEY_ARE: Final[dict[GraphQLLeafType, frozenset[type]]] = {
    GraphQLString: frozenset({str}),
    GraphQLID: frozenset({str}),
    GraphQLBoolean: frozenset({bool}),
}
_NULL: Final = frozenset({NoneType})
_ANYTHING_PLAIN: Final = frozenset({str, bool, int, float})
_NEVER_PLAIN: Final = (Exception, CoroutineType, GeneratorType, NoneType, UndefinedType)
plain_classes: Final[set[type]] = set()
"""Classes whose values are just values, as far as anybody has looked."""


def require_plain(kind: type) -> None:
    """Raise `Unfit` for a class whose values are not just values.

    Those are null, exceptions, and what can be awaited or may pretend that it can be. The answer
    is remembered for each class.
    """
    if kind in plain_classes:
        return
    pretends = hasattr(kind, "__getattr__") or isinstance(kind.__getattribute__, FunctionType)
    if issubclass(kind, _NEVER_PLAIN) or hasattr(kind, "__await__") or pretends:
        raise Unfit
    plain_classes.add(kind)


def classes_as_they_are(leaf: GraphQLLeafType, *, nullable: bool) -> frozenset[type]:
    """Name the classes whose values leave as they came."""
    own = _AS_THEY_ARE.get(leaf, frozenset())
    if leaf.coerce_output_value is identity:
        own = _ANYTHING_PLAIN
    return own | _NULL if nullable else own


def leaf_completer(leaf: GraphQLLeafType) -> Complete:
    """Make the completer of a scalar or an enum; null is not its business."""
    if leaf is GraphQLInt:
        return _whole_number
    coerce = leaf.coerce_output_value
    names = _names_by_member(leaf) if isinstance(leaf, GraphQLEnumType) else {}

    def complete(value: Any, _: NestedCalls) -> Any:
        if (name := names.get(id(value))) is not None:
            return name
        require_plain(type(value))
        coerced = coerce(value)
        require_plain(type(coerced))
        return coerced

    return complete


def _whole_number(value: Any, _: NestedCalls) -> Any:
    if type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        return value
    raise Unfit


def _names_by_member(leaf: GraphQLEnumType) -> dict[int, str]:
    """The names of Python's members by identity: their own hash is a function in Python."""
    members = getattr(leaf, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return {}
    return {id(member): leaf.coerce_output_value(member) for member in members}
