"""What a request wants of a field, known before the field is resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from weakref import ref

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
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
