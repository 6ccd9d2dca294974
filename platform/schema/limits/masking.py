"""What errors say: to the client what it can act on, to the log what a developer needs.

Strawberry logs each error with the line of the query that it points at, and graphql-core's
messages quote the literal or variable that was wrong; a one-time code in either would be in the
log. Here the log gets classes, codes, places and paths, and never a message's quoted part.
"""

import re

import strawberry
from graphql import GraphQLError, VariableDefinitionNode
from graphql import Node as AstNode
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext

from kernel.errors import Refusal
from kernel.log import current_request_id, error_class, error_frames, get_logger
from schema.limits import refusals

_log = get_logger(__name__)

_MAX_MESSAGE_CHARS = 1_000
_MAX_LOCATIONS = 3
_CLIENT_FAULTS = (CannotGetOperationTypeError, InvalidOperationTypeError, MissingQueryError)
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")

# How graphql-core's messages begin. Only these words are logged: what follows may be a value.
_KNOWN_OPENINGS = (
    "Syntax Error", "Cannot query field", "Unknown argument", "Unknown type", "Unknown fragment",
    "Unknown directive", "Fragment", "Variable", "Argument", "Directive", "Field", "Fields",
    "Expected value of type", "Int cannot represent", "Float cannot represent",
    "String cannot represent", "Boolean cannot represent", "ID cannot represent", "Enum",
    "GraphQL introspection", "Too many validation errors", "Validation aborted",
    "Must provide operation name", "There can be only one",
)  # fmt: skip


class MaskedErrors:
    """For a `strawberry.Schema`: replaces the errors of each answer, and logs them.

    Strawberry calls `process_errors` exactly once for each result, with the list that the result
    holds, on every way of executing; so what is put into the list is what leaves.
    """

    config: StrawberryConfig

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Replace each error by what the client may see, and log it."""
        operation = _operation_name(execution_context)
        faults: list[GraphQLError] = []
        for index, error in enumerate(errors):
            cause = _cause(error)
            if isinstance(cause, Refusal):
                _log.info("graphql.refused", **_where(error, operation), error_code=cause.code)
                errors[index] = _refused(error, cause)
            elif _is_clients_fault(error, cause):
                errors[index] = self._shown(error)
                faults.append(errors[index])
            else:
                _log_bug(error, cause, operation)
                errors[index] = _masked(error)
        if faults:
            _log_faults(faults, operation)

    def _shown(self, error: GraphQLError) -> GraphQLError:
        message = error.message
        if self.config.disable_field_suggestions:
            message = message.partition(" Did you mean ")[0]
        extensions = {"code": refusals.BAD_INPUT, **(error.extensions or {})}
        return _copy(error, message[:_MAX_MESSAGE_CHARS], extensions)


class GuardedSchema(MaskedErrors, strawberry.Schema):
    """A schema whose errors say nothing that they should not."""


def _cause(error: GraphQLError) -> BaseException:
    """The exception that somebody raised, under the layers that graphql-core put around it."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_clients_fault(error: GraphQLError, cause: BaseException) -> bool:
    if isinstance(cause, _CLIENT_FAULTS):
        return True
    if not error.path and any(isinstance(n, VariableDefinitionNode) for n in error.nodes or ()):
        return True  # a variable's value, whatever its scalar raised about it
    if not isinstance(cause, GraphQLError):
        return False
    if not error.path:
        return True  # of the request as a whole: syntax, validation, variables
    # Inside the execution: raised on purpose (it has a code), or about an argument (it points at
    # the document). What is left is a value of ours that its scalar could not put into words.
    return bool(cause.extensions and "code" in cause.extensions) or (
        cause is not error and bool(cause.nodes)
    )


def _log_bug(error: GraphQLError, cause: BaseException, operation: str | None) -> None:
    _log.error(
        "graphql.internal_error",
        **_where(error, operation),
        error_class=error_class(cause),
        frames=error_frames(cause),
    )


def _log_faults(faults: list[GraphQLError], operation: str | None) -> None:
    """One line for all of a request's: a client must not be able to fill the disk."""
    first = faults[0]
    _log.info(
        "graphql.client_error",
        **_where(first, operation),
        error_code=(first.extensions or {}).get("code"),
        about=_opening(first.message),
        more=len(faults) - 1,
    )


def _refused(error: GraphQLError, refused: Refusal) -> GraphQLError:
    extensions: dict[str, object] = {"code": refused.code}
    if refused.field is not None:
        extensions["field"] = refused.field
    if refused.details:
        extensions["details"] = refused.details
    return _copy(error, refused.message, extensions)


def _masked(error: GraphQLError) -> GraphQLError:
    extensions: dict[str, object] = {"code": refusals.INTERNAL}
    if request_id := current_request_id():
        extensions["requestId"] = request_id
    return _copy(error, "Internal error", extensions)


def _copy(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    """The same error without its history. A document can make one error point at a thousand
    places; the first few are enough."""
    nodes: list[AstNode] | None = error.nodes[:_MAX_LOCATIONS] if error.nodes else None
    return GraphQLError(
        message,
        nodes=nodes,
        source=None if nodes else error.source,
        positions=None if nodes else error.positions,
        path=error.path,
        extensions=extensions,
    )


def _where(error: GraphQLError, operation: str | None) -> dict[str, object]:
    path = ".".join(str(step) for step in error.path or ())
    first = error.locations[0] if error.locations else None
    place = f"{first.line}:{first.column}" if first else None
    return {"operation": operation, "path": path or None, "place": place}


def _operation_name(context: ExecutionContext | None) -> str | None:
    """The operation's name if it is one: the request may say anything in its place."""
    name = context.operation_name if context is not None else None
    return name if name is not None and _NAME.fullmatch(name) else None


def _opening(message: str) -> str | None:
    return next((known for known in _KNOWN_OPENINGS if message.startswith(known)), None)
