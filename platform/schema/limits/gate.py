"""The gate: a Strawberry extension that lets a request through to execution, or not."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    print_ast,
)
from strawberry.extensions import SchemaExtension

from schema.limits import refusals
from schema.limits.documents import DocumentCache, Prepared
from schema.limits.query_limits import QueryLimits
from schema.limits.refusals import QueryRefused, refusal


def build_extensions(
    limits: QueryLimits, *, production: bool, sensitive_mutations: frozenset[str]
) -> list[Callable[[], SchemaExtension]]:
    """This function will give the `extensions` of a schema that keeps to `limits`.

    `production` takes introspection and "Did you mean" away. `sensitive_mutations` are the GraphQL
    names of root fields that a guesser would repeat; one of them fits into a request.
    The list holds a factory, as Strawberry wants it; what it makes is an empty shell around one
    cache of prepared documents, so a known document is neither parsed nor validated again.
    """
    documents = DocumentCache(
        limits, production=production, sensitive_mutations=sensitive_mutations
    )
    return [lambda: QueryGate(documents, limits)]


class QueryGate(SchemaExtension):
    """Takes the place of Strawberry's parsing and validation, and adds the cost of each answer."""

    def __init__(self, documents: DocumentCache, limits: QueryLimits) -> None:
        self._documents = documents
        self._limits = limits
        self._prepared: Prepared | None = None
        self._requested: int | None = None

    def on_parse(self) -> Iterator[None]:
        """Prepare the document. A refusal waits for `on_validate`, the one place that every way
        of executing (once, synchronous, streamed) treats as the client's fault."""
        context = self.execution_context
        text = context.query
        if not text and context.graphql_document is not None:
            text = print_ast(context.graphql_document)
        prepared = self._documents.prepare(
            text or "", schema=context.schema._schema, rules=tuple(context.validation_rules)
        )
        if not prepared.errors:
            context.graphql_document = prepared.document
            if context.operation_name not in prepared.plans:
                prepared = Prepared(None, {}, (_no_operation(),))
        if prepared.errors:
            # Strawberry looks the operation up by its name before it validates.
            context.graphql_document = _nothing(context.operation_name)
        self._prepared = prepared
        yield

    def on_validate(self) -> Iterator[None]:
        """Hand over what was found, and look at what depends on the variables."""
        prepared = self._prepared
        if prepared is None:
            raise RuntimeError("a document reached validation without passing the gate")
        errors = list(prepared.errors) or self._variable_errors(prepared)
        self.execution_context.pre_execution_errors = errors
        yield

    def get_results(self) -> dict[str, Any]:
        """The cost, in the `extensions` of every answer; null where it was not computed."""
        return {"cost": {"requested": self._requested, "limit": self._limits.max_cost}}

    def _variable_errors(self, prepared: Prepared) -> list[GraphQLError]:
        variables = self.execution_context.variables or {}
        try:
            _require_few_values(variables, self._limits)
            self._requested = self._cost(prepared, variables)
        except QueryRefused as refused:
            return [refused.error]
        if self._requested > self._limits.max_cost:
            message = (
                f"The query costs {self._requested} points,"
                f" and a request may cost {self._limits.max_cost}. Ask for smaller pages."
            )
            return [refusal(refusals.TOO_COSTLY, message)]
        return []

    def _cost(self, prepared: Prepared, variables: Mapping[str, Any]) -> int:
        plan = prepared.plans[self.execution_context.operation_name]
        plan.require_page_sizes(variables, self._limits)
        return plan.requested(variables)


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


def _no_operation() -> GraphQLError:
    return refusal(refusals.NO_OPERATION, "The document has no operation of this name.")


def _nothing(operation_name: str | None) -> DocumentNode:
    """A document that stands in for a refused one, and is never executed."""
    field = FieldNode(name=NameNode(value="__typename"), arguments=(), directives=())
    operation = OperationDefinitionNode(
        operation=OperationType.QUERY,
        name=NameNode(value=operation_name) if operation_name else None,
        variable_definitions=(),
        directives=(),
        selection_set=SelectionSetNode(selections=(field,)),
    )
    return DocumentNode(definitions=(operation,))
