"""Refusals of a whole request, as GraphQL errors with a code that a client can act on."""

from collections.abc import Collection

from graphql import GraphQLError, Node

SYNTAX = "GRAPHQL_PARSE_FAILED"
VALIDATION = "GRAPHQL_VALIDATION_FAILED"
BAD_INPUT = "BAD_USER_INPUT"
TOO_LARGE = "QUERY_TOO_LARGE"
TOO_DEEP = "QUERY_TOO_DEEP"
TOO_COSTLY = "QUERY_TOO_COSTLY"
TOO_MANY_ALIASES = "TOO_MANY_ALIASES"
TOO_MANY_MUTATIONS = "TOO_MANY_MUTATIONS"
TOO_MANY_SENSITIVE = "TOO_MANY_SENSITIVE_FIELDS"
PAGE_SIZE = "PAGE_SIZE_OUT_OF_RANGE"
NO_OPERATION = "OPERATION_NOT_FOUND"
INTERNAL = "INTERNAL"


class QueryRefused(Exception):
    """The document asks for more than a request may; carries the answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error = refusal(code, message)


def refusal(code: str, message: str, nodes: Collection[Node] | None = None) -> GraphQLError:
    """Build the error that says what was refused and why."""
    return GraphQLError(message, nodes=nodes, extensions={"code": code})
