"""The gate: a Strawberry extension that lets a request through to execution, or not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    print_ast,
)
from strawberry.extensions import SchemaExtension

from schema.limits import refusals
from schema.limits.documents import DocumentCache, Prepared, Rules
from schema.limits.formula import Variables
from schema.limits.query_limits import QueryLimits
from schema.limits.refusals import QueryRefused, refusal


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate says of one request."""

    errors: list[GraphQLError]
    requested: int | None = None
    """The cost in units; None where it was not computed."""


Permit = Callable[[frozenset[str], Any], GraphQLError | None]
"""Given the fields that a document asks for and the request's context: the refusal, or None."""


def everything(fields: frozenset[str], context: object) -> None:
    """Permit every field to everybody."""


class Gate:
    """The limits of one schema, around one cache of prepared documents.

    `production` takes introspection and "Did you mean" away. `sensitive_mutations` are the GraphQL
    names of root fields that a guesser would repeat; one of them fits into a request.
    `public_fields` are root fields whose answers are anybody's. `permit` is asked last: who may
    ask for which field.
    """

    def __init__(
        self,
        limits: QueryLimits,
        *,
        production: bool,
        sensitive_mutations: frozenset[str],
        public_fields: frozenset[str] = frozenset(),
        permit: Permit = everything,
    ) -> None:
        self._limits = limits
        self._permit = permit
        self._documents = DocumentCache(
            limits,
            production=production,
            sensitive_mutations=sensitive_mutations,
            public_fields=public_fields,
        )

    def extension(self) -> "QueryGate":
        """Make the gate's Strawberry extension of one request."""
        return QueryGate(self)

    def prepare(self, text: str, *, schema: GraphQLSchema, rules: Rules) -> Prepared:
        """Give a document's preparation; refusals are in its `errors`."""
        return self._documents.prepare(text, schema=schema, rules=rules)

    def admit(
        self, prepared: Prepared, name: str | None, *, variables: Variables, context: Any
    ) -> Admission:
        """Look at what depends on the request: the operation that it names,
        what that costs with these variables, and whether the caller may ask for it."""
        if prepared.errors:
            return Admission(list(prepared.errors))
        operation = prepared.operations.get(name)
        if operation is None:
            return Admission([no_operation()])
        try:
            _require_few_values(variables, self._limits)
            operation.cost.require_page_sizes(variables, self._limits)
        except QueryRefused as refused:
            return Admission([refused.error])
        requested = operation.cost.requested(variables)
        if requested > self._limits.max_cost:
            message = (
                f"The query costs {requested} points,"
                f" and a request may cost {self._limits.max_cost}. Ask for smaller pages."
            )
            return Admission([refusal(refusals.TOO_COSTLY, message)], requested)
        forbidden = self._permit(prepared.fields, context)
        return Admission([] if forbidden is None else [forbidden], requested)

    def results(self, requested: int | None) -> dict[str, Any]:
        """Give the cost, for the `extensions` of every answer."""
        return {"cost": {"requested": requested, "limit": self._limits.max_cost}}


class QueryGate(SchemaExtension):
    """Takes the place of Strawberry's parsing and validation, and adds the cost of each answer."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._requested: int | None = None
        self.prepared: Prepared | None = None

    def on_parse(self) -> Iterator[None]:
        """Prepare the document. A refusal waits for `on_validate`, the one place that every way
        of executing (once, synchronous, streamed) treats as the client's fault."""
        context = self.execution_context
        text = context.query
        if not text and context.graphql_document is not None:
            text = print_ast(context.graphql_document)
        prepared = self._gate.prepare(
            text or "", schema=context.schema._schema, rules=tuple(context.validation_rules)
        )
        if not prepared.errors:
            context.graphql_document = prepared.document
            if context.operation_name not in prepared.operations:
                prepared = Prepared(None, {}, (no_operation(),))
        if prepared.errors:
            # Strawberry looks the operation up by its name before it validates.
            context.graphql_document = _nothing(context.operation_name)
        self.prepared = prepared
        yield

    def on_validate(self) -> Iterator[None]:
        """Hand over what was found, and look at what depends on the variables."""
        prepared, context = self.prepared, self.execution_context
        if prepared is None:
            raise RuntimeError("a document reached validation without passing the gate")
        admission = self._gate.admit(
            prepared,
            context.operation_name,
            variables=context.variables or {},
            context=context.context,
        )
        self._requested = admission.requested
        context.pre_execution_errors = admission.errors
        yield

    def get_results(self) -> dict[str, Any]:
        """The cost, in the `extensions` of every answer; null where it was not computed."""
        return self._gate.results(self._requested)


def _require_few_values(variables: Mapping[str, Any], limits: QueryLimits) -> None:
    pending: list[Any] = [variables]
    seen = 0
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend(value.values())
        elif isinstance(value, list | tuple):
            pending.extend(value)
        seen += 1
        if seen + len(pending) > limits.max_variable_values:
            raise QueryRefused(
                refusals.TOO_LARGE,
                f"The variables hold more than {limits.max_variable_values} values.",
            )


def no_operation() -> GraphQLError:
    """Build the refusal of a request that names no operation there is."""
    return refusal(refusals.NO_OPERATION, "The document has no operation of this name.")


def _nothing(operation_name: str | None) -> DocumentNode:
    """A document that stands in for a refused one, and is never executed."""
    field = FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=NameNode(value=operation_name) if operation_name is not None else None,
        variable_definitions=(),
        directives=(),
        selection_set=SelectionSetNode(selections=(field,)),
    )
    return DocumentNode(definitions=(operation,))
