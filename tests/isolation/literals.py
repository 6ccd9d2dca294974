"""Values written into a document instead of beside it: the other way in."""

import json
from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)

from isolation.documents import RootField


def document_with_literals(root: RootField, given: Mapping[str, Any]) -> str:
    """Write a request for a root field with its arguments inside."""
    arguments = ", ".join(
        f"{name}: {_literal(value, root.definition.args[name].type)}"
        for name, value in given.items()
    )
    passed = f"({arguments})" if arguments else ""
    return f"{root.operation} {{ {root.name}{passed} {{ __typename }} }}"


def _literal(value: Any, kind: GraphQLInputType) -> str:
    """A value in GraphQL's spelling, which for texts and numbers is JSON's."""
    if isinstance(kind, GraphQLNonNull):
        return _literal(value, kind.of_type)
    if isinstance(kind, GraphQLList) and isinstance(value, list):
        return f"[{', '.join(_literal(item, kind.of_type) for item in value)}]"
    if isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
        fields = (
            f"{name}: {_literal(item, kind.fields[name].type)}" for name, item in value.items()
        )
        return f"{{{', '.join(fields)}}}"
    if isinstance(kind, GraphQLEnumType) and isinstance(value, str):
        return value
    return json.dumps(value)
