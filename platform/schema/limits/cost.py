"""The cost of an operation as a formula over its variables, compiled once.

A field costs its own weight. A list costs its length times what one of its items costs, and the
lengths multiply on the way down: `{b(first:100){b(first:100){id}}}` is 57 bytes, 3 levels deep
and 10,000 items. Depth, aliases and tokens do not see that; this does.

A connection (`orders(first: 20) { edges { node { … } } pageInfo { … } }`) hands its page size to
the lists directly inside it and multiplies nothing else. Every branch counts, also those that
`@skip` or a type condition will leave out: the sum is a bound, not a forecast.
"""

from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLField,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    TypeNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from schema.limits import refusals
from schema.limits.formula import CEILING, Cost, Size, Variables, larger, total
from schema.limits.query_limits import QueryLimits
from schema.limits.refusals import QueryRefused
from schema.limits.shape import Fragments, expanded

PAGE_ARGUMENTS = ("first", "last", "limit")
BATCH_ARGUMENTS = ("ids", "slugs")
_INTROSPECTION_COST = 100
_MAX_DIGITS = 10


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What has to be looked at for each request of one operation."""

    cost: Cost
    page_variables: tuple[str, ...]

    def require_page_sizes(self, variables: Variables, limits: QueryLimits) -> None:
        """Raise `QueryRefused` for a page size outside 1 to the limit."""
        for name in self.page_variables:
            value = variables.get(name)
            # Anything but a number is left to the coercion of variables, which names the type.
            if isinstance(value, int | float) and not isinstance(value, bool):
                _require_page_size(value, limits)

    def requested(self, variables: Variables) -> int:
        """Compute the cost in units, at most 2³¹ - 1."""
        return min(self.cost.value(variables), CEILING)


def plan_cost(
    operation: OperationDefinitionNode,
    *,
    schema: GraphQLSchema,
    fragments: Fragments,
    limits: QueryLimits,
) -> CostPlan:
    """Compile a valid operation's cost.

    Raises `QueryRefused` where a page size in the document itself is out of bounds.
    """
    compiler = _Compiler(operation, schema=schema, fragments=fragments, limits=limits)
    root = schema.get_root_type(operation.operation)
    cost = compiler.selections(operation.selection_set, root, page=None) if root else Cost()
    return CostPlan(cost, tuple(sorted(compiler.page_variables)))


def require_few_root_fields(
    operation: OperationDefinitionNode,
    *,
    fragments: Fragments,
    limits: QueryLimits,
    sensitive: frozenset[str],
) -> None:
    """Raise `QueryRefused` for a request that packs many tries into one."""
    names = [node.name.value for node in expanded(operation.selection_set, fragments)]
    if operation.operation.value == "mutation" and len(names) > limits.max_mutation_fields:
        raise QueryRefused(
            refusals.TOO_MANY_MUTATIONS,
            f"A request may hold at most {limits.max_mutation_fields} mutations.",
        )
    if sum(name in sensitive for name in names) > limits.max_sensitive_fields:
        raise QueryRefused(
            refusals.TOO_MANY_SENSITIVE,
            f"A request may hold at most {limits.max_sensitive_fields} field of this kind.",
        )


class _Compiler:
    def __init__(
        self,
        operation: OperationDefinitionNode,
        *,
        schema: GraphQLSchema,
        fragments: Fragments,
        limits: QueryLimits,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._limits = limits
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self.page_variables: set[str] = set()

    def selections(
        self, selection_set: SelectionSetNode, parent: GraphQLCompositeType, *, page: Size | None
    ) -> Cost:
        costs = (self._selection(s, parent, page=page) for s in selection_set.selections)
        return total(costs)

    def _selection(
        self, selection: SelectionNode, parent: GraphQLCompositeType, *, page: Size | None
    ) -> Cost:
        directives = Cost(len(selection.directives or ()))
        if isinstance(selection, FieldNode):
            return directives.plus(self._field(selection, parent, page=page))
        inner, condition = _fragment_parts(selection, self._fragments)
        if inner is None:
            return directives
        inner_parent = self._condition_type(condition) or parent
        return directives.plus(self.selections(inner, inner_parent, page=page))

    def _condition_type(self, condition: TypeNode | None) -> GraphQLCompositeType | None:
        name = getattr(getattr(condition, "name", None), "value", "")
        found = self._schema.get_type(name)
        return found if is_composite_type(found) else None

    def _field(self, node: FieldNode, parent: GraphQLCompositeType, *, page: Size | None) -> Cost:
        if node.name.value in ("__schema", "__type"):
            return Cost(_INTROSPECTION_COST)
        field = self._schema.get_field(parent, node.name.value)
        if field is None:
            return Cost(1)
        weight = Cost(_metadata(field, "cost", 1))
        own_page = self._page_size(node, field)
        child = get_named_type(field.type)
        if node.selection_set is None or not is_composite_type(child):
            return weight
        levels = _list_levels(field.type)
        if levels == 0:
            return weight.plus(self.selections(node.selection_set, child, page=own_page))
        size = own_page or page or self._batch_size(node) or self._assumed_size(field)
        item = self.selections(node.selection_set, child, page=None)
        for _ in range(levels - 1):
            item = item.times(Size(self._limits.assumed_list_size))
        return weight.plus(item.times(size))

    def _assumed_size(self, field: GraphQLField) -> Size:
        return Size(_metadata(field, "assumed_size", self._limits.assumed_list_size))

    def _page_size(self, node: FieldNode, field: GraphQLField) -> Size | None:
        """The largest that `first` and its like may come to; None where the field has none."""
        declared = [name for name in PAGE_ARGUMENTS if name in field.args]
        if not declared:
            return None
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if given.keys().isdisjoint(declared):
            return Size(max(_default_size(field, name, self._limits) for name in declared))
        size = Size(1)
        for name in declared:
            if name in given:
                default = _default_size(field, name, self._limits)
                size = larger(size, self._size_of_value(given[name], default))
        return size

    def _size_of_value(self, value: ValueNode, default: int) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            self.page_variables.add(name)
            if isinstance(written := self._defaults.get(name), IntValueNode):
                default = self._checked(written)
            return Size(1, ((name, default),))
        if isinstance(value, IntValueNode):
            return Size(self._checked(value))
        return Size(default)

    def _checked(self, node: IntValueNode) -> int:
        # Python refuses to read thousands of digits as a number.
        size = int(node.value) if len(node.value) <= _MAX_DIGITS else CEILING
        _require_page_size(size, self._limits)
        return size

    def _batch_size(self, node: FieldNode) -> Size | None:
        """`products(ids: […])` answers with at most as many items as it was given."""
        for argument in node.arguments or ():
            if argument.name.value not in BATCH_ARGUMENTS:
                continue
            if isinstance(argument.value, ListValueNode):
                return Size(max(1, len(argument.value.values)))
            if isinstance(argument.value, VariableNode):
                name = argument.value.name.value
                written = self._defaults.get(name)
                default = len(written.values) if isinstance(written, ListValueNode) else 1
                return Size(1, ((name, default),))
        return None


def _fragment_parts(
    selection: SelectionNode, fragments: Fragments
) -> tuple[SelectionSetNode | None, TypeNode | None]:
    if isinstance(selection, InlineFragmentNode):
        return selection.selection_set, selection.type_condition
    if isinstance(selection, FragmentSpreadNode) and (f := fragments.get(selection.name.value)):
        return f.selection_set, f.type_condition
    return None, None


def _require_page_size(size: float, limits: QueryLimits) -> None:
    if not 1 <= size <= limits.max_page_size:
        raise QueryRefused(
            refusals.PAGE_SIZE, f"A page holds between 1 and {limits.max_page_size} items."
        )


def _default_size(field: GraphQLField, argument: str, limits: QueryLimits) -> int:
    default = field.args[argument].default_value
    return default if isinstance(default, int) and default > 0 else limits.assumed_page_size


def _metadata(field: GraphQLField, name: str, default: int) -> int:
    """What the field's declaration says, `strawberry.field(metadata={"cost": 10})`."""
    definition = field.extensions.get("strawberry-definition")
    metadata = getattr(definition, "metadata", None) or {}
    value = metadata.get(name, default)
    if not isinstance(value, int) or value < 0:
        raise TypeError(f"metadata {name!r} must be a whole number, not {value!r}")
    return value


def _list_levels(type_: GraphQLOutputType | GraphQLInputType) -> int:
    levels = 0
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        levels += isinstance(type_, GraphQLList)
        type_ = type_.of_type
    return levels
