"""The schema that executes single operations by the shortest way."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Final

from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError, OperationType, specified_rules
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES, StreamResult
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType as StrawberryOperationType

from schema.execution import Given
from schema.limits import Gate, GuardedSchema
from schema.limits.documents import Prepared, PreparedOperation

_RULES: Final = tuple(specified_rules)


class CompiledSchema(GuardedSchema):
    """A guarded schema that hands an operation from the gate straight to its plan.

    Strawberry's own `execute` makes an object for each extension and opens a context manager for
    each stage. Here the same stages are calls: prepare, admit, execute, mask. What comes with a
    root value, and an operation that is not allowed, take Strawberry's way, where the same gate
    stands as an extension.
    """

    def __init__(
        self,
        *,
        query: type,
        gate: Gate,
        mutation: type | None = None,
        subscription: type | None = None,
        config: StrawberryConfig | None = None,
        compiled: bool = True,
    ) -> None:
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            extensions=[gate.extension],
            config=config,
        )
        self.compiled = compiled
        """False: everything takes Strawberry's way, and graphql-core executes it."""
        self.gate = gate

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[StrawberryOperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute one operation; errors, masked, are in its result."""
        allowed = allowed_operation_types or DEFAULT_ALLOWED_OPERATION_TYPES
        prepared = self._prepared(query, root_value)
        if prepared is None or not _is_plain(prepared, operation_name, allowed):
            return await super().execute(
                query,
                variable_values=variable_values,
                context_value=context_value,
                root_value=root_value,
                operation_name=operation_name,
                allowed_operation_types=allowed_operation_types,
                operation_extensions=operation_extensions,
            )
        name = operation_name if operation_name is not None else prepared.first_name
        try:
            return await self._execute_plan(
                prepared,
                name=name,
                variables=variable_values or {},
                context=context_value,
                operation_extensions=operation_extensions,
            )
        except Exception as error:  # outside of any field: a bug, and said like one
            errors = self._masked([_located(error)], name)
            return PreExecutionError(None, errors, self.gate.results(None))

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[StrawberryOperationType] | None = None,
    ) -> StreamResult:
        """Give the results of one operation as they come; errors, masked, are in
        them. Between two events a subscription holds its source, and no more."""
        allowed = allowed_operation_types or DEFAULT_ALLOWED_OPERATION_TYPES
        prepared = self._prepared(query, root_value)
        if prepared is None or not _is_subscription(prepared, operation_name, allowed):
            return await super().stream(
                query,
                variable_values=variable_values,
                context_value=context_value,
                root_value=root_value,
                operation_name=operation_name,
                operation_extensions=operation_extensions,
                allowed_operation_types=allowed_operation_types,
            )
        name = operation_name if operation_name is not None else prepared.first_name
        return self._events(
            prepared,
            name=name,
            variables=variable_values or {},
            context=context_value,
            operation_extensions=operation_extensions,
        )

    async def _events(
        self,
        prepared: Prepared,
        *,
        name: str | None,
        variables: dict[str, Any],
        context: Any,
        operation_extensions: dict[str, Any] | None,
    ) -> AsyncGenerator[ExecutionResult, None]:
        extensions: dict[str, Any] | None = None
        try:
            extensions, refusal = self._admitted(prepared, name, variables, context)
            if refusal is not None:
                yield refusal
                return
            given = Given(context, variables, operation_extensions)
            plan = prepared.operations[name].plan
            source = await plan.source(given)
            if isinstance(source, GraphQLExecutionResult):
                yield PreExecutionError(None, self._masked(source.errors or [], name), extensions)
                return
            async with aclosing(source):
                async for event in source:
                    yield self._result(await plan.execute(given, event), name, extensions)
                    del event  # it may be long until the next
        except Exception as error:  # of the source, most likely: it ends the subscription
            yield ExecutionResult(None, self._masked([_located(error)], name), extensions)

    def operation(self, query: str, name: str | None) -> PreparedOperation | None:
        """Say what a request means; None where it would be refused."""
        return self.gate.prepare(query, schema=self._schema, rules=_RULES).operation(name)

    def refuse(self, error: GraphQLError) -> ExecutionResult:
        """Answer a request of which nothing was prepared: logged, and masked
        like any other."""
        return PreExecutionError(None, self._masked([error], None), self.gate.results(None))

    def _prepared(self, query: str | None, root_value: object) -> Prepared | None:
        if not self.compiled or not query or root_value is not None:
            return None
        return self.gate.prepare(query, schema=self._schema, rules=_RULES)

    async def _execute_plan(
        self,
        prepared: Prepared,
        *,
        name: str | None,
        variables: dict[str, Any],
        context: Any,
        operation_extensions: dict[str, Any] | None,
    ) -> ExecutionResult:
        extensions, refusal = self._admitted(prepared, name, variables, context)
        if refusal is not None:
            return refusal
        given = Given(context, variables, operation_extensions)
        result = await prepared.operations[name].plan.execute(given)
        return self._result(result, name, extensions)

    def _admitted(
        self, prepared: Prepared, name: str | None, variables: dict[str, Any], context: Any
    ) -> tuple[dict[str, Any], PreExecutionError | None]:
        """Ask the gate: what stands beside every answer, and why there is none."""
        admission = self.gate.admit(prepared, name, variables=variables, context=context)
        extensions = self.gate.results(admission.requested)
        if not admission.errors:
            return extensions, None
        errors = self._masked(admission.errors, name)
        return extensions, PreExecutionError(None, errors, extensions)

    def _result(
        self, result: GraphQLExecutionResult, name: str | None, extensions: dict[str, Any]
    ) -> ExecutionResult:
        errors = self._masked(result.errors, name) if result.errors else None
        return ExecutionResult(result.data, errors, extensions)

    def _masked(self, errors: list[GraphQLError], name: str | None) -> list[GraphQLError]:
        context = self._create_execution_context(
            query=None, allowed_operation_types=(), operation_name=name
        )
        self._process_errors(errors, context)
        return errors


def _is_plain(
    prepared: Prepared, name: str | None, allowed: Iterable[StrawberryOperationType]
) -> bool:
    """Whether this is a refusal, or a query or mutation that may be asked here."""
    operation = prepared.operation(name)
    if operation is None:
        return True
    if operation.kind is OperationType.SUBSCRIPTION:
        return False
    return StrawberryOperationType(operation.kind.value) in allowed


def _is_subscription(
    prepared: Prepared, name: str | None, allowed: Iterable[StrawberryOperationType]
) -> bool:
    operation = prepared.operation(name)
    return (
        operation is not None
        and operation.kind is OperationType.SUBSCRIPTION
        and StrawberryOperationType.SUBSCRIPTION in allowed
    )


def _located(error: Exception) -> GraphQLError:
    return (
        error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    )
