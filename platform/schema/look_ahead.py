"""What a request wants of a field, known before the field is resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import ref

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    Undefined,
    value_from_ast_untyped,
)

from schema.context import Info


@dataclass(frozen=True, slots=True)
class Selected:
    """The fields that are selected below a field, whatever their aliases, fragments merged.

    A field behind `@skip` or `@include` counts as selected.
    """

    fields: dict[str, "Selected"] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Say whether a field of this name is selected here."""
        return name in self.fields

    def below(self, *path: str) -> "Selected":
        """Give what is selected below a path; nothing where it is not asked."""
        here = self
        for name in path:
            here = here.fields.get(name, _NOTHING)
        return here


_NOTHING: Final = Selected()
# A prepared document keeps its nodes, so a node's identity names a selection for as long as it
# lives, and no longer: a node that were held here would hold its whole document.
_remembered: dict[int, tuple[ref[FieldNode], Selected]] = {}


def selected(info: Info) -> Selected:
    """Look ahead from the field that is being resolved."""
    raw = info._raw_info  # strawberry's own look-ahead converts every argument, each time
    first = raw.field_nodes[0]
    if len(raw.field_nodes) > 1:  # the same field twice: both selections count
        return _selected(raw.field_nodes, raw.fragments)
    known = _remembered.get(id(first))
    if known is None or known[0]() is not first:
        known = (_watched(first), _selected([first], raw.fragments))
        _remembered[id(first)] = known
    return known[1]


def arguments_below(info: Info, name: str) -> list[Mapping[str, Any]]:
    """The arguments of each selection of a field directly below the one that is being resolved, by
    their names in the schema; what is left out is not among them."""
    raw = info._raw_info
    variables: Any = raw.variable_values
    values: Mapping[str, Any] = getattr(variables, "coerced", variables)
    nodes: list[FieldNode] = []
    for node in raw.field_nodes:
        if node.selection_set is not None:
            _collect_nodes(node.selection_set.selections, raw.fragments, name, nodes)
    return [
        {
            argument.name.value: value
            for argument in node.arguments or ()
            if (value := value_from_ast_untyped(argument.value, dict(values))) is not Undefined
        }
        for node in nodes
    ]


def _collect_nodes(
    selections: Iterable[SelectionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    name: str,
    found: list[FieldNode],
) -> None:
    for node in selections:
        if isinstance(node, FieldNode):
            found += [node] if node.name.value == name else []
        elif isinstance(node, FragmentSpreadNode):
            inside = fragments[node.name.value].selection_set.selections
            _collect_nodes(inside, fragments, name, found)
        elif isinstance(node, InlineFragmentNode):
            _collect_nodes(node.selection_set.selections, fragments, name, found)


def _watched(node: FieldNode) -> ref[FieldNode]:
    """A reference that takes the node's selection with it when the node goes."""
    number = id(node)
    return ref(node, lambda _gone: _remembered.pop(number, None))


def _selected(
    nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> Selected:
    found = Selected()
    for node in nodes:
        if node.selection_set is not None:
            _collect(node.selection_set.selections, fragments, found)
    return found


def _collect(
    selections: Iterable[SelectionNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    found: Selected,
) -> None:
    for node in selections:
        if isinstance(node, FieldNode):
            inside = found.fields.setdefault(node.name.value, Selected())
            if node.selection_set is not None:
                _collect(node.selection_set.selections, fragments, inside)
        elif isinstance(node, FragmentSpreadNode):
            _collect(fragments[node.name.value].selection_set.selections, fragments, found)
        elif isinstance(node, InlineFragmentNode):
            _collect(node.selection_set.selections, fragments, found)
