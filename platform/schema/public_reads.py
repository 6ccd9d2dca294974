"""Which operations read nothing but what every guest of a shop may see."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
)

PUBLIC_FIELDS: Final = frozenset({"storefront", "categories", "products", "product", "__typename"})
"""Of the query's root: the answer depends on the shop, the language and the question alone."""
_MAX_DOCUMENT_CHARS: Final = 8_000
_MAX_TOKENS: Final = 2_000


@lru_cache(maxsize=500)
def is_public_read(document: str, operation_name: str | None) -> bool:
    """This function will say whether an operation asks for public fields of the catalogue only.

    False for whatever is not clearly so: a mutation, a document that cannot be read, a name that
    names no operation.
    """
    if len(document) > _MAX_DOCUMENT_CHARS:
        return False
    try:
        parsed = parse(document, max_tokens=_MAX_TOKENS, no_location=True)
    except (GraphQLError, RecursionError):
        return False
    return is_public_operation(parsed, operation_name)


def is_public_operation(document: DocumentNode, operation_name: str | None) -> bool:
    """This function will say the same of a document that is parsed already."""
    operations = [
        node
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
        and (operation_name is None or (node.name and node.name.value == operation_name))
    ]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return False
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return _only_public(operations[0].selection_set, fragments, ())


def _only_public(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    inside: tuple[str, ...],
) -> bool:
    for node in selections.selections:
        if isinstance(node, FieldNode):
            public = node.name.value in PUBLIC_FIELDS
        elif isinstance(node, InlineFragmentNode):
            public = _only_public(node.selection_set, fragments, inside)
        else:
            assert isinstance(node, FragmentSpreadNode)
            name = node.name.value
            spread = fragments.get(name) if name not in inside else None
            public = spread is not None and _only_public(
                spread.selection_set, fragments, (*inside, name)
            )
        if not public:
            return False
    return True
