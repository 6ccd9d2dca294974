"""Documents made ready once: parsed, measured, validated, their cost compiled."""

import re
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from graphql.validation import ASTValidationRule
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from schema.execution import MAX_VARIANTS, OperationPlan
from schema.limits import refusals
from schema.limits.asked_fields import fields_of
from schema.limits.cost import CostPlan, plan_cost, require_few_root_fields
from schema.limits.query_limits import QueryLimits
from schema.limits.refusals import QueryRefused, refusal
from schema.limits.shape import (
    Fragments,
    Shape,
    expanded,
    fragments_of,
    operations_of,
    require_modest_shape,
)

Rules = tuple[type[ASTValidationRule], ...]

_NUL_ESCAPE = re.compile(r"\\u(?:0000|\{0+\})")


_NO_FIELDS: Final[frozenset[str]] = frozenset()
_TOKEN_BYTES: Final = 600
_SELECTION_BYTES: Final = 700
"""Measured: what a token of a parsed document takes, and a selection in one variant of a plan."""


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """One operation of a document: what it is, what it may cost, and how it is executed.

    `variables` are the names that it declares. `is_public` says that it asks for nothing but what
    every guest may see.
    """

    kind: OperationType
    variables: tuple[str, ...]
    is_public: bool
    cost: CostPlan
    plan: OperationPlan


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that may be executed with its operations by name, or why it may not."""

    document: DocumentNode | None
    operations: dict[str | None, PreparedOperation]
    errors: tuple[GraphQLError, ...] = ()
    fields: frozenset[str] = _NO_FIELDS
    """Every field that it asks for, `Type.field`, in whichever operation."""
    weight_bytes: int = 0
    """What keeping it takes, with every variant of its plans, on the safe side."""

    def operation(self, name: str | None) -> PreparedOperation | None:
        """The operation that a request means; None where there is none of the name."""
        return self.operations.get(self.first_name if name is None else name)

    @property
    def first_name(self) -> str | None:
        """The name of the operation that is meant when a request names none."""
        return next(iter(self.operations), None)


class DocumentCache:
    """Prepared documents, the least recently used thrown out first.

    Refused documents are not kept: their errors belong to one answer each (masking replaces
    them), and remembering them would let anybody push the good ones out. The bound is on what
    they take and not on their number: a comment of any length is no token, and a fragment that is
    spread often makes a plan much larger than its text.
    """

    def __init__(
        self,
        limits: QueryLimits,
        *,
        production: bool,
        sensitive_mutations: frozenset[str],
        public_fields: frozenset[str] = frozenset(),
    ) -> None:
        self._limits = limits
        self._hide_suggestions = production
        self._own_rules: Rules = (MaybeNullValidationRule, OneOfInputValidationRule)
        if production:
            self._own_rules += (NoSchemaIntrospectionCustomRule,)
        self._sensitive = sensitive_mutations
        self._public = public_fields
        self._entries: OrderedDict[tuple[str, GraphQLSchema, Rules], Prepared] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def prepare(self, text: str, *, schema: GraphQLSchema, rules: Rules) -> Prepared:
        """Give the document's preparation, from the cache if it is there.

        `rules` are the rules to validate with; the tuple's classes must outlive the request,
        because they are part of the key. It does not raise: refusals are in `errors`.
        """
        key = (text, schema, rules)
        known = self._entries.get(key)
        if known is not None:
            self._entries.move_to_end(key)
            return known
        prepared = self._prepare(text, schema=schema, rules=rules)
        if prepared.document is not None and not prepared.errors:
            self._keep(key, prepared)
        return prepared

    def _keep(self, key: tuple[str, GraphQLSchema, Rules], prepared: Prepared) -> None:
        self._entries[key] = prepared
        self._bytes += prepared.weight_bytes
        while self._bytes > self._limits.max_cached_bytes:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.weight_bytes

    def _prepare(self, text: str, *, schema: GraphQLSchema, rules: Rules) -> Prepared:
        try:
            document = self._parse(text)
            shape = require_modest_shape(document, self._limits)
        except QueryRefused as refused:
            return Prepared(None, {}, (refused.error,))
        if errors := self._validate(document, schema=schema, rules=rules):
            return Prepared(document, {}, tuple(errors))
        try:
            operations = self._operations(document, schema)
        except QueryRefused as refused:
            return Prepared(document, {}, (refused.error,))
        return Prepared(
            document,
            operations,
            fields=fields_of(document, schema),
            weight_bytes=_weight_bytes(text, document, shape),
        )

    def _parse(self, text: str) -> DocumentNode:
        if _NUL_ESCAPE.search(text):  # the database cannot store it, and nobody means it
            raise QueryRefused(refusals.SYNTAX, "A string cannot hold the character NUL.")
        if len(text) > self._limits.max_query_chars:
            raise QueryRefused(
                refusals.TOO_LARGE,
                f"The document is longer than {self._limits.max_query_chars} characters.",
            )
        try:
            return parse(text, max_tokens=self._limits.max_tokens)
        except GraphQLSyntaxError as error:
            refused = QueryRefused(refusals.SYNTAX, error.message)
            # Not the syntax error itself: Strawberry puts that one's whole text into the closing
            # frame of a WebSocket, which has room for 123 bytes.
            refused.error = GraphQLError(
                error.message,
                source=error.source,
                positions=error.positions,
                extensions={"code": refusals.SYNTAX},
            )
            raise refused from None

    def _validate(
        self, document: DocumentNode, *, schema: GraphQLSchema, rules: Rules
    ) -> list[GraphQLError]:
        if not operations_of(document):
            return [refusal(refusals.NO_OPERATION, "The document has no operation.")]
        errors = validate(
            schema,
            document,
            (*rules, *self._own_rules),
            max_errors=self._limits.max_validation_errors,
            hide_suggestions=self._hide_suggestions,
        )
        return [_validation_error(error) for error in errors]

    def _operations(
        self, document: DocumentNode, schema: GraphQLSchema
    ) -> dict[str | None, PreparedOperation]:
        fragments = fragments_of(document)
        operations: dict[str | None, PreparedOperation] = {}
        for operation in operations_of(document):
            require_few_root_fields(
                operation, fragments=fragments, limits=self._limits, sensitive=self._sensitive
            )
            cost = plan_cost(operation, schema=schema, fragments=fragments, limits=self._limits)
            plan = OperationPlan(schema, document, operation)
            name = operation.name.value if operation.name else None
            operations[name] = PreparedOperation(
                kind=operation.operation,
                variables=tuple(
                    declared.variable.name.value
                    for declared in operation.variable_definitions or ()
                ),
                is_public=_asks_only_for(self._public, operation, fragments),
                cost=cost,
                plan=plan,
            )
        return operations


def _asks_only_for(
    fields: frozenset[str], operation: OperationDefinitionNode, fragments: Fragments
) -> bool:
    return operation.operation is OperationType.QUERY and all(
        field.name.value in fields for field in expanded(operation.selection_set, fragments)
    )


def _weight_bytes(text: str, document: DocumentNode, shape: Shape) -> int:
    """The text twice, for a comment's words are kept with it; the tokens, and the plans."""
    variants = MAX_VARIANTS if shape.directives else 1
    parsed = _TOKEN_BYTES * document.token_count
    return 2 * sys.getsizeof(text) + parsed + _SELECTION_BYTES * shape.selections * variants


def _validation_error(error: GraphQLError) -> GraphQLError:
    """The rule's finding alone: what a scalar raised while it read a literal is no bug of ours."""
    extensions = {"code": refusals.VALIDATION, **(error.extensions or {})}
    return GraphQLError(error.message, nodes=error.nodes, extensions=extensions)
