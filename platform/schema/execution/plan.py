"""Plans, kept for each operation of a prepared document."""

from collections.abc import AsyncGenerator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
)
from graphql.execution import ExecutionResult, create_source_event_stream
from graphql.execution.collect_fields import FragmentDetails, GroupedFieldSet, collect_fields
from graphql.execution.values import VariableValues, get_variable_values

from schema.execution.compiler import Compiler
from schema.execution.executor import PlannedExecutor
from schema.execution.leaves import Complete

_MAX_COERCION_ERRORS: Final = 50
"""graphql-core's own bound, without which its answers would differ."""
MAX_VARIANTS: Final = 4
"""Of one operation, each as large as the document: two conditions have room."""

Conditions = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """What a request brings along: the same for every event of a subscription."""

    context: Any
    variables: dict[str, Any]
    extensions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """An operation as it is with certain values of the variables that decide on its fields."""

    root: GraphQLObjectType
    fields: GroupedFieldSet
    completers: dict[str, Complete]


class OperationPlan:
    """One operation of a validated document, made ready to be executed many times."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragment_definitions = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._fragments = {
            name: FragmentDetails(definition)
            for name, definition in self._fragment_definitions.items()
        }
        # Another operation of the document may give the same name to something else.
        declared = set(_declared_booleans(operation))
        self._conditions = tuple(sorted(declared.intersection(_condition_variables(document))))
        self._variants: dict[Conditions, Variant] = {}

    async def execute(self, given: Given, event: Any = None) -> ExecutionResult:
        """Execute the operation, a subscription for one of its events; errors of
        its fields are in the result."""
        values = self._values(given)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        executor = self._executor(given, values, event)
        try:
            data = await self._data(executor, values)
        except GraphQLError as error:  # a root field that may not be null
            executor.collected_errors.add(error, None)
            data = None
        return ExecutionResult(data, executor.collected_errors.errors or None)

    async def source(self, given: Given) -> AsyncGenerator[Any, None] | ExecutionResult:
        """Give a subscription's events, or why there are none."""
        values = self._values(given)
        if isinstance(values, list):
            return ExecutionResult(None, values)
        source = create_source_event_stream(self._executor(given, values))
        if isinstance(source, Awaitable):
            source = await source
        if not isinstance(source, AsyncGenerator | ExecutionResult):
            raise TypeError("a subscription's resolver must be an async generator")
        return source

    def _values(self, given: Given) -> VariableValues | list[GraphQLError]:
        return get_variable_values(
            self._schema,
            self._operation.variable_definitions or (),
            given.variables,
            max_errors=_MAX_COERCION_ERRORS,
        )

    def _executor(self, given: Given, values: VariableValues, event: Any = None) -> PlannedExecutor:
        return PlannedExecutor(
            self._schema,
            operation=self._operation,
            fragment_definitions=self._fragment_definitions,
            fragments=self._fragments,
            root_value=event,
            context_value=given.context,
            variable_values=values,
            operation_extensions=given.extensions,
        )

    async def _data(self, executor: PlannedExecutor, values: VariableValues) -> Any:
        variant = self._variant(executor, values)
        executor.planned = variant.completers.copy()
        answer = executor.execute_collected_root_fields(
            variant.root,
            executor.root_value,
            variant.fields,
            self._operation.operation is OperationType.MUTATION,
            (),
        )
        return await answer if executor.is_awaitable(answer) else answer

    def _variant(self, executor: PlannedExecutor, values: VariableValues) -> Variant:
        conditions = tuple(values.coerced.get(name) for name in self._conditions)
        known = self._variants.get(conditions)
        if known is None:
            known = self._compile(executor, values)
            if len(self._variants) < MAX_VARIANTS:
                self._variants[conditions] = known
        return known

    def _compile(self, executor: PlannedExecutor, values: VariableValues) -> Variant:
        root = self._schema.get_root_type(self._operation.operation)
        assert root is not None  # the document is valid
        collected = collect_fields(self._schema, self._fragments, values, root, self._operation)
        fields = collected.grouped_field_set
        if len(self._variants) >= MAX_VARIANTS:
            return Variant(root, fields, {})  # for one request a plan is not worth its making
        compiler = Compiler(self._schema, executor)
        completers = {
            response_name: complete
            for response_name, details in fields.items()
            if (complete := compiler.root_field(root, details)) is not None
        }
        return Variant(root, fields, completers)


def _declared_booleans(operation: OperationDefinitionNode) -> Iterator[str]:
    for definition in operation.variable_definitions or ():
        named = (
            definition.type.type
            if isinstance(definition.type, NonNullTypeNode)
            else (definition.type)
        )
        if isinstance(named, NamedTypeNode) and named.name.value == "Boolean":
            yield definition.variable.name.value


def _condition_variables(document: DocumentNode) -> Iterator[str]:
    """The variables that `@skip` and `@include` depend on, anywhere in the document."""
    pending: list[Node] = list(document.definitions)
    while pending:
        node = pending.pop()
        for directive in getattr(node, "directives", None) or ():
            yield from _variables_of(directive)
        selection_set = getattr(node, "selection_set", None)
        if selection_set is not None:
            pending.extend(selection_set.selections)


def _variables_of(directive: DirectiveNode) -> Iterator[str]:
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode):
            yield argument.value.name.value
