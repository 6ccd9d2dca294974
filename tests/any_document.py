# mypy: disable-error-code="no-any-return"
"""Documents of a schema that nobody wrote: generated, and then turned about in valid ways."""

from datetime import UTC
from random import Random
from typing import Any, Final

from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    print_ast,
    visit,
)
from hypothesis import strategies as st
from hypothesis_graphql import mutations, nodes, queries

VARIABLES: Final = ("yes", "no", "maybe")
"""`maybe` may be null, which no condition can be."""
_CUSTOM: Final = {
    "MinorUnits": st.integers(-5, 2**40).map(nodes.Int),
    "DateTime": st.datetimes(timezones=st.just(UTC)).map(lambda at: nodes.String(at.isoformat())),
    "Date": st.dates().map(lambda day: nodes.String(day.isoformat())),
    "Odd": st.integers(0, 50).map(lambda n: nodes.Int(2 * n + 1)),
}


def documents(schema: GraphQLSchema, *, operation: str) -> st.SearchStrategy[DocumentNode]:
    """Give documents with one query or mutation, which may use `VARIABLES`."""
    make = mutations if operation == "mutation" else queries
    scalars = {name: made for name, made in _CUSTOM.items() if name in schema.type_map}
    texts = make(schema, custom_scalars=scalars, allow_x00=False)
    return st.builds(_turned, texts, st.randoms(use_true_random=False))


def _turned(text: str, random: Random) -> DocumentNode:
    turned = visit(parse(text), _Turning(random))
    # Printed and read again: errors point at lines and columns.
    return parse(print_ast(_declared(turned)))


class _Turning(Visitor):
    """Adds aliases, type names, conditions, fragments and repetitions."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self._aliases = 0

    def leave_field(self, node: FieldNode, *_: Any) -> FieldNode:
        if node.alias is not None or self._random.random() > 0.2:
            return node
        self._aliases += 1
        return _with(node, alias=NameNode(value=f"alias{self._aliases}"))

    def leave_selection_set(self, node: SelectionSetNode, *_: Any) -> SelectionSetNode:
        selections: list[SelectionNode] = []
        for selection in node.selections:
            selections.append(self._conditioned(selection))
            if self._random.random() < 0.1:
                selections.append(selections[-1])
            if self._random.random() < 0.1:
                selections.append(_field("__typename"))
        if self._random.random() < 0.15:
            inner = SelectionSetNode(selections=tuple(selections))
            selections = [InlineFragmentNode(selection_set=inner, directives=())]
        return _with(node, selections=tuple(selections))

    def _conditioned(self, node: SelectionNode) -> SelectionNode:
        if self._random.random() > 0.1:
            return node
        value = self._random.choice(
            [VariableNode(name=NameNode(value=name)) for name in VARIABLES]
            + [BooleanValueNode(value=flag) for flag in (True, False)]
        )
        condition = ArgumentNode(name=NameNode(value="if"), value=value)
        name = NameNode(value=self._random.choice(["skip", "include"]))
        return _with(node, directives=(DirectiveNode(name=name, arguments=(condition,)),))


def _declared(document: DocumentNode) -> DocumentNode:
    boolean = NamedTypeNode(name=NameNode(value="Boolean"))
    declared = tuple(
        VariableDefinitionNode(
            variable=VariableNode(name=NameNode(value=name)),
            type=boolean if name == "maybe" else NonNullTypeNode(type=boolean),
            default_value=BooleanValueNode(value=True) if name == "maybe" else None,
        )
        for name in VARIABLES
    )
    definitions = tuple(
        _with(node, variable_definitions=declared)
        if isinstance(node, OperationDefinitionNode)
        else node
        for node in document.definitions
    )
    return DocumentNode(definitions=definitions)


def _field(name: str) -> FieldNode:
    return FieldNode(name=NameNode(value=name), arguments=(), directives=())


def _with(node: Any, **changes: Any) -> Any:
    """The node with some of its parts replaced."""
    return type(node)(**{**{key: getattr(node, key) for key in node.keys}, **changes})
