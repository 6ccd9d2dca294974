"""From the fields that are selected to the functions that complete them."""

from typing import Any, Final, Protocol

from graphql import (
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    is_leaf_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from schema.execution.composites import (
    Completion,
    PlannedField,
    Shared,
    list_completer,
    object_completer,
    union_completer,
)
from schema.execution.leaves import Complete, classes_as_they_are, leaf_completer
from schema.execution.nested import NestedCalls, NestedField

_MAX_FIELDS: Final = 2_000
"""Of one plan. A type in a union is planned for each place where it may stand."""


class Unplannable(Exception):
    """The field asks for something that only graphql-core does."""


class Collector(Protocol):
    """graphql-core's executor, as far as the compiler needs it."""

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Gather the fields that are selected below a field: fragments, `@skip`, `@include`."""
        ...


class Compiler:
    """Compiles the fields of one operation, with one set of variables for its conditions."""

    def __init__(self, schema: GraphQLSchema, collector: Collector) -> None:
        self._schema = schema
        self._collector = collector
        self._fields = 0

    def root_field(self, root: GraphQLObjectType, details: FieldDetailsList) -> Complete | None:
        """Compile what is selected below a root field, or return None."""
        field = self._schema.get_field(root, details[0].node.name.value)
        if field is None or details[0].node.name.value.startswith("__"):
            return None
        try:
            completion = self._completion(field.type, details)
        except (Unplannable, GraphQLError, RecursionError):
            return None  # an error of the document belongs to the field where it is met
        non_null = isinstance(field.type, GraphQLNonNull)
        return completion.complete if non_null else _or_null(completion.complete)

    def _completion(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Completion:
        nullable = not isinstance(kind, GraphQLNonNull)
        inner: Any = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if is_leaf_type(inner):
            as_they_are = classes_as_they_are(inner, nullable=nullable)
            return Completion(as_they_are, leaf_completer(inner), settled=True)
        as_they_are = frozenset({type(None)}) if nullable else frozenset()
        return Completion(as_they_are, *self._composite(inner, details))

    def _composite(self, kind: Any, details: FieldDetailsList) -> tuple[Complete, bool]:
        """The completer, and whether its answers are settled."""
        if isinstance(kind, GraphQLList):
            item = self._completion(kind.of_type, details)
            return list_completer(item), item.settled
        if isinstance(kind, GraphQLObjectType):
            return self._object(kind, details)
        return self._abstract(kind, details), False

    def _object(self, kind: GraphQLObjectType, details: FieldDetailsList) -> tuple[Complete, bool]:
        definition = _definition(kind)
        if definition.is_type_of is not None:
            raise Unplannable
        collected = self._collector.collect_subfields(kind, details)
        fields = [
            planned
            for response_name, inner in collected.grouped_field_set.items()
            if (planned := self._field(kind, response_name, inner)) is not None
        ]
        only = definition.origin if definition.interfaces else None
        if only is not None and definition.concrete_of is not None:
            raise Unplannable
        settled = all(one.nested is None and one.completion.settled for one in fields)
        shared = settled and issubclass(definition.origin, Shared)
        return object_completer(fields, only=only, shared=shared), settled

    def _abstract(self, kind: GraphQLAbstractType, details: FieldDetailsList) -> Complete:
        if isinstance(kind, GraphQLInterfaceType) and _definition(kind).resolve_type is not None:
            raise Unplannable
        members: dict[type, Complete] = {}
        for member in self._schema.get_possible_types(kind):
            definition = _definition(member)
            if definition.concrete_of is not None or definition.is_graphql_generic:
                raise Unplannable  # the class alone does not tell the type
            if isinstance(kind, GraphQLInterfaceType) and definition.name != member.name:
                raise Unplannable
            members[definition.origin], _ = self._object(member, details)
        return union_completer(members)

    def _field(
        self, parent: GraphQLObjectType, response_name: str, details: FieldDetailsList
    ) -> PlannedField | None:
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            raise Unplannable
        node = details[0].node
        definition = self._schema.get_field(parent, node.name.value)
        if definition is None:
            return None
        if node.name.value == "__typename":
            return _typename(response_name, parent.name)
        field = _strawberry_field(definition)
        completion = self._completion(definition.type, details)
        if field.base_resolver is None:
            return PlannedField(response_name, field.python_name, None, completion)
        _require_plannable(field)
        nested = NestedField(field, definition=definition, node=node, schema=self._schema)
        return PlannedField(response_name, None, nested, completion)


def _or_null(complete: Complete) -> Complete:
    def complete_or_null(value: Any, calls: NestedCalls) -> Any:
        return None if value is None else complete(value, calls)

    return complete_or_null


def _typename(response_name: str, name: str) -> PlannedField:
    """Every object has a class to be read, and whichever it is, the answer is the type's name."""

    def complete(_: Any, __: NestedCalls) -> Any:
        return name

    return PlannedField(
        response_name, "__class__", None, Completion(frozenset(), complete, settled=True)
    )


def _definition(kind: Any) -> StrawberryObjectDefinition:
    definition = kind.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryObjectDefinition):
        raise Unplannable
    return definition


def _strawberry_field(definition: GraphQLField) -> StrawberryField:
    """The field as it was declared, if reading it or calling its resolver is all there is to it."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if (
        not isinstance(field, StrawberryField)
        or field.extensions
        or type(field).get_result is not StrawberryField.get_result
        or field.default_resolver is not getattr
    ):
        raise Unplannable
    return field


def _require_plannable(field: StrawberryField) -> None:
    resolver = field.base_resolver
    if resolver is None or resolver.is_async or resolver.info_parameter is not None:
        raise Unplannable
    if resolver.parent_parameter is not None and resolver.root_parameter is not None:
        raise Unplannable
