"""Fields with a synchronous resolver of their own, below a root field."""

from collections import defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from graphql import FieldNode, GraphQLField, GraphQLResolveInfo, GraphQLSchema
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.field import StrawberryField

#: Arguments that nobody can change: they are converted once for all the calls of a field.
_UNCHANGEABLE: Final = (str, int, float, type(None), Enum, UUID, Decimal, date, datetime)


class Outcome:
    """What a resolver has answered, or raised. The source is held, so that its id stays its own."""

    __slots__ = ("_error", "_source", "_value")

    def __init__(self, source: object, value: object, error: Exception | None = None) -> None:
        self._source = source
        self._value = value
        self._error = error

    def again(self) -> Any:
        """Answer, or raise, as the resolver did."""
        if self._error is not None:
            raise self._error
        return self._value


class NestedCalls:
    """The calls of one operation: their arguments, and what came of them.

    It is a graphql-core middleware as well: when a plan has given up, graphql-core asks the same
    fields again, in the same order, and is told what is known already.
    """

    __slots__ = ("_arguments", "_outcomes", "hide_suggestions", "variables")

    def __init__(self, variables: VariableValues, *, hide_suggestions: bool) -> None:
        self.variables = variables
        self.hide_suggestions = hide_suggestions
        self._arguments: dict[int, dict[str, Any]] = {}
        self._outcomes: dict[tuple[int, int], deque[Outcome]] = defaultdict(deque)

    def call(self, field: "NestedField", source: Any) -> Any:
        """Call a field's resolver and remember what came of it."""
        outcomes = self._outcomes[id(source), id(field.node)]
        try:
            value = field.resolve(source, self._arguments_of(field))
        except Exception as error:
            outcomes.append(Outcome(source, None, error))
            raise
        outcomes.append(Outcome(source, value))
        return value

    def _arguments_of(self, field: "NestedField") -> dict[str, Any]:
        known = self._arguments.get(id(field))
        if known is None:
            known = field.arguments(self)
            if all(isinstance(value, _UNCHANGEABLE) for value in known.values()):
                self._arguments[id(field)] = known
        return known

    def get_field_resolver(self, resolver: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a resolver, for graphql-core, so that it is asked only once."""

        def once(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
            outcomes = self._outcomes.get((id(source), id(info.field_nodes[0])))
            if outcomes:
                return outcomes.popleft().again()
            return resolver(source, info, **arguments)

        return once


class NestedField:
    """One selection of a field whose resolver takes its source and arguments, and no info."""

    __slots__ = ("_definition", "_field", "_schema", "_source_name", "_takes_self", "node")

    def __init__(
        self,
        field: StrawberryField,
        *,
        definition: GraphQLField,
        node: FieldNode,
        schema: GraphQLSchema,
    ) -> None:
        resolver = field.base_resolver
        assert resolver is not None
        parameter = resolver.parent_parameter or resolver.root_parameter
        self.node = node
        self._field = field
        self._definition = definition
        self._schema = schema
        self._takes_self = resolver.self_parameter is not None
        self._source_name = parameter.name if parameter is not None else None

    def resolve(self, source: Any, arguments: dict[str, Any]) -> Any:
        """Call the resolver."""
        positional = [source] if self._takes_self else []
        if self._source_name is not None:
            arguments = {**arguments, self._source_name: source}
        return self._field.get_result(source, info=None, args=positional, kwargs=arguments)

    def arguments(self, calls: NestedCalls) -> dict[str, Any]:
        """Read the field's arguments as its resolver wants them."""
        given = get_argument_values(
            self._definition, self.node, calls.variables, None, calls.hide_suggestions
        )
        schema: Any = self._schema  # Strawberry has hung its own on it
        converter = schema._strawberry_schema.schema_converter
        _, converted = get_arguments(
            field=self._field,
            source=None,
            info=None,  # type: ignore[arg-type]  # resolvers that want it are not planned
            kwargs=given,
            config=converter.config,
            scalar_registry=converter.scalar_registry,
        )
        return converted
