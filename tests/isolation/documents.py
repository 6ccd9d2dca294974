"""Documents and variables made out of the schema, so that no field is forgotten.

A document asks for everything below a root field that its caller is granted. The variables come
from values by path, `("input", "lines", "skuId")`; a list gets one item.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedInputType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from schema.root import schema as product_schema

SCHEMA: Final[GraphQLSchema] = product_schema._schema
OMIT: Final = object()
"""Stands for an input that is left out."""

Path = tuple[str, ...]
Granted = Callable[[str], bool]


@dataclass(frozen=True)
class RootField:
    """A query, mutation or subscription of the schema."""

    operation: str
    name: str
    definition: GraphQLField

    @property
    def coordinate(self) -> str:
        """`Query.order`."""
        return f"{self.operation.capitalize()}.{self.name}"


@dataclass(frozen=True)
class Leaf:
    """An argument, or a field of an input object, that takes a scalar or an enum."""

    root: RootField
    path: Path
    kind: GraphQLNamedInputType
    required: bool

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path[-1]

    @property
    def coordinate(self) -> str:
        """`Mutation.quickBuy(input.skuId)`."""
        return f"{self.root.coordinate}({'.'.join(self.path)})"


def root_fields() -> list[RootField]:
    """List every root field of the schema."""
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    return [
        RootField(root.name.lower(), name, definition)
        for root in roots
        if root is not None
        for name, definition in root.fields.items()
    ]


def object_types() -> set[str]:
    """Name every object type but the roots and the introspection's."""
    roots = {"Query", "Mutation", "Subscription"}
    return {
        name
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__") and name not in roots
    }


def schema_fields() -> set[str]:
    """Name every field of the schema, `Type.field`."""
    return {
        f"{name}.{field}"
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        for field in kind.fields
    }


def leaves_of(root: RootField) -> list[Leaf]:
    """List the scalars and enums that a root field takes."""
    return [
        leaf
        for name, argument in root.definition.args.items()
        for leaf in _leaves(root, (name,), argument.type, required=_required(argument))
    ]


def _leaves(
    root: RootField, path: Path, kind: GraphQLInputType, *, required: bool
) -> Iterator[Leaf]:
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        assert isinstance(named, GraphQLScalarType | GraphQLEnumType)
        yield Leaf(root, path, named, required)
        return
    for name, field in named.fields.items():
        yield from _leaves(root, (*path, name), field.type, required=required and _required(field))


def _required(argument: Any) -> bool:
    return is_non_null_type(argument.type) and argument.default_value is Undefined


def variables(root: RootField, values: Mapping[Path, Any]) -> dict[str, Any]:
    """Lay values out as the variables of a root field's document."""
    laid_out = {
        name: _laid_out((name,), argument.type, values)
        for name, argument in root.definition.args.items()
    }
    return {name: value for name, value in laid_out.items() if value is not OMIT}


def _laid_out(path: Path, kind: GraphQLInputType, values: Mapping[Path, Any]) -> Any:
    if path in values:  # of a leaf, or of a whole input object
        value = values[path]
        listed = is_list_type(getattr(kind, "of_type", kind)) or is_list_type(kind)
        return [value] if listed and value is not OMIT and not isinstance(value, list) else value
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        return OMIT
    inner = {
        name: _laid_out((*path, name), field.type, values) for name, field in named.fields.items()
    }
    given = {name: value for name, value in inner.items() if value is not OMIT}
    if not given and not is_non_null_type(kind):
        return OMIT
    return [given] if _is_list(kind) else given


def _is_list(kind: GraphQLInputType) -> bool:
    return isinstance(kind.of_type if is_non_null_type(kind) else kind, GraphQLList)


def document(
    root: RootField, given: Mapping[str, Any], granted: Granted = lambda _: True, *, tail: str = ""
) -> str:
    """Write the largest document for a root field and the given arguments.

    `tail` stands behind the root field, for a directive.
    """
    arguments = {name: root.definition.args[name].type for name in given}
    declared = ", ".join(f"${name}: {kind}" for name, kind in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    return (
        f"{root.operation} {f'({declared})' if declared else ''} {{ {root.name}"
        f"{f'({passed})' if passed else ''} {tail} {selection(root.definition.type, granted)} }}"
    )


def selection(kind: GraphQLOutputType, granted: Granted, above: Path = ()) -> str:
    """Write the selection of every granted field below a type.

    A type is not selected inside itself.
    """
    named = get_named_type(kind)
    if isinstance(named, GraphQLUnionType):
        members = (f"... on {m.name} {selection(m, granted, above)}" for m in named.types)
        return f"{{ __typename {' '.join(members)} }}"
    if not isinstance(named, GraphQLObjectType):
        return ""
    inside = (*above, named.name)
    fields = [
        f"{name} {selection(field.type, granted, inside)}"
        for name, field in named.fields.items()
        if granted(f"{named.name}.{name}") and get_named_type(field.type).name not in inside
    ]
    return f"{{ __typename {' '.join(fields)} }}"
