"""The size of a document, measured without the schema and in linear time.

A fragment is measured once, however often it is spread, so a document whose expansion is
exponential is counted (the counts are exact whole numbers) and refused without being expanded.
What passes has a small expansion, which everything after this may walk freely.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from schema.limits import refusals
from schema.limits.query_limits import QueryLimits
from schema.limits.refusals import QueryRefused

Fragments = Mapping[str, FragmentDefinitionNode]

_INTROSPECTION = frozenset({"__schema", "__type"})
_NESTING_PER_DEPTH = 3  # inline fragments and spreads nest too, but fetch nothing


@dataclass(frozen=True, slots=True)
class Shape:
    """What a selection set amounts to with its fragments expanded."""

    selections: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    levels: int = 0
    """Of selection sets inside each other; fragments and inline fragments count."""

    def beside(self, other: "Shape") -> "Shape":
        return Shape(
            self.selections + other.selections,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            max(self.levels, other.levels),
        )


def fragments_of(document: DocumentNode) -> Fragments:
    """Index a document's fragments by name."""
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    """List a document's operations."""
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]


def require_modest_shape(document: DocumentNode, limits: QueryLimits) -> Shape:
    """Measure all operations of a document together.

    Raises `QueryRefused` for a document that is too large to validate.
    """
    if len(document.definitions) > limits.max_definitions:
        raise QueryRefused(
            refusals.TOO_LARGE,
            f"The document has more than {limits.max_definitions} operations and fragments.",
        )
    fragments = fragments_of(document)
    measure = _Measure(fragments, limits)
    shape = Shape()
    for operation in operations_of(document):
        measured = measure.operation(operation)
        _require_within(measured, limits)
        shape = shape.beside(measured)
    _require_within(shape, limits)
    _require_used(measure, fragments)
    for operation in operations_of(document):
        _require_few_of_one_name(operation.selection_set, fragments, limits)
    return shape


def expanded(selection_set: SelectionSetNode, fragments: Fragments) -> Iterator[FieldNode]:
    """Yield a selection set's fields, those inside its fragments included.

    Only for documents that `require_modest_shape` has let through.
    """
    pending: list[SelectionNode] = list(reversed(selection_set.selections))
    while pending:
        selection = pending.pop()
        if isinstance(selection, FieldNode):
            yield selection
        elif inner := _inner_selections(selection, fragments):
            pending.extend(reversed(inner.selections))


def _inner_selections(selection: SelectionNode, fragments: Fragments) -> SelectionSetNode | None:
    if isinstance(selection, InlineFragmentNode):
        return selection.selection_set
    if isinstance(selection, FragmentSpreadNode) and (f := fragments.get(selection.name.value)):
        return f.selection_set
    return None


class _Measure:
    """Adds up shapes; a fragment's is kept, and a fragment inside itself is refused."""

    def __init__(self, fragments: Fragments, limits: QueryLimits) -> None:
        self._fragments = fragments
        self._limits = limits
        self._max_level = limits.max_depth * _NESTING_PER_DEPTH
        self.measured: dict[str, Shape] = {}
        self._open: set[str] = set()
        self._too_deep = QueryRefused(
            refusals.TOO_DEEP, f"The query nests more than {limits.max_depth} levels deep."
        )

    def operation(self, operation: OperationDefinitionNode) -> Shape:
        shape = self._selection_set(operation.selection_set, level=1)
        variables = operation.variable_definitions or ()
        if len(variables) > self._limits.max_variables:
            raise QueryRefused(
                refusals.TOO_LARGE,
                f"The query declares more than {self._limits.max_variables} variables.",
            )
        directives = len(operation.directives or ()) + sum(
            len(v.directives or ()) for v in variables
        )
        return shape.beside(Shape(directives=directives))

    def fragment(self, name: str, *, level: int) -> Shape:
        if (known := self.measured.get(name)) is not None:
            if level + known.levels - 1 > self._max_level:  # deeper here than where it was met
                raise self._too_deep
            return known
        definition = self._fragments.get(name)
        if definition is None:
            return Shape()  # the rules will say that there is no such fragment
        if name in self._open:
            raise self._too_deep
        self._open.add(name)
        shape = self._selection_set(definition.selection_set, level=level)
        self._open.discard(name)
        self.measured[name] = shape
        return shape

    def _selection_set(self, selection_set: SelectionSetNode, *, level: int) -> Shape:
        if level > self._max_level:
            raise self._too_deep
        shape = Shape()
        for selection in selection_set.selections:
            shape = shape.beside(self._selection(selection, level=level))
        return replace(shape, levels=shape.levels + 1)

    def _selection(self, selection: SelectionNode, *, level: int) -> Shape:
        own = Shape(selections=1, directives=len(selection.directives or ()))
        if isinstance(selection, FieldNode):
            return own.beside(self._field(selection, level=level))
        if isinstance(selection, InlineFragmentNode):
            return own.beside(self._selection_set(selection.selection_set, level=level + 1))
        if isinstance(selection, FragmentSpreadNode):
            return own.beside(self.fragment(selection.name.value, level=level + 1))
        return own

    def _field(self, node: FieldNode, *, level: int) -> Shape:
        inner = Shape()
        if node.selection_set is not None:
            inner = self._selection_set(node.selection_set, level=level + 1)
        depth = 1 if node.name.value in _INTROSPECTION else inner.depth + 1
        aliases = inner.aliases + (node.alias is not None)
        return Shape(inner.selections, depth, aliases, inner.directives, inner.levels)


def _require_used(measure: _Measure, fragments: Fragments) -> None:
    """The rules refuse an unused fragment too, but only after they have compared its fields."""
    unused = next((name for name in fragments if name not in measure.measured), None)
    if unused is not None:
        raise QueryRefused(refusals.VALIDATION, f"Fragment '{unused}' is never used.")


def _require_within(shape: Shape, limits: QueryLimits) -> None:
    if shape.depth > limits.max_depth:
        raise QueryRefused(
            refusals.TOO_DEEP, f"The query nests more than {limits.max_depth} levels deep."
        )
    if shape.aliases > limits.max_aliases:
        raise QueryRefused(
            refusals.TOO_MANY_ALIASES, f"The query has more than {limits.max_aliases} aliases."
        )
    if shape.selections > limits.max_selections or shape.directives > limits.max_directives:
        raise QueryRefused(
            refusals.TOO_LARGE,
            f"The query selects more than {limits.max_selections} fields"
            f" or has more than {limits.max_directives} directives.",
        )


def _require_few_of_one_name(
    root: SelectionSetNode, fragments: Fragments, limits: QueryLimits
) -> None:
    """Selections that merge are compared pair by pair, at each level below them again."""
    pending = [[root]]
    while pending:
        by_name: dict[str, list[SelectionSetNode]] = {}
        counts: dict[str, int] = {}
        for selection_set in pending.pop():
            for node in expanded(selection_set, fragments):
                name = (node.alias or node.name).value
                counts[name] = counts.get(name, 0) + 1
                if node.selection_set is not None:
                    by_name.setdefault(name, []).append(node.selection_set)
        if counts and max(counts.values()) > limits.max_same_name:
            raise QueryRefused(
                refusals.TOO_LARGE,
                f"The query selects one field more than {limits.max_same_name} times in one place.",
            )
        if any(len(parents) > limits.max_same_parent for parents in by_name.values()):
            raise QueryRefused(
                refusals.TOO_LARGE,
                "The query selects one field and what is below it more than"
                f" {limits.max_same_parent} times in one place. Write its fields together.",
            )
        pending.extend(by_name.values())
