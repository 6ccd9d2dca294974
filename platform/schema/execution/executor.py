"""graphql-core's executor, with the plan's functions for the values of root fields."""

from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails
from graphql.execution.executor import default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.leaves import Complete
from schema.execution.nested import NestedCalls


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation once.

    Root fields are resolved by graphql-core, and what they answer is completed by the plan, or by
    graphql-core where there is no plan or where the plan gives up.
    """

    planned: dict[str, Complete]
    """Completers by response name; each is tried once."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        operation: OperationDefinitionNode,
        fragment_definitions: dict[str, FragmentDefinitionNode],
        fragments: dict[str, FragmentDetails],
        root_value: Any,
        context_value: Any,
        variable_values: VariableValues,
        operation_extensions: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            schema,
            fragment_definitions,
            fragments,
            root_value,
            context_value,
            operation,
            variable_values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=optimized_is_awaitable,
            operation_extensions=operation_extensions,
        )
        self.planned = {}
        self._calls = NestedCalls(variable_values, hide_suggestions=self.hide_suggestions)

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value by the plan, and if that gives up as it is done
        without one."""
        if path.prev is None and isinstance(path.key, str):
            complete = self.planned.pop(path.key, None)
            if complete is not None:
                try:
                    return complete(result, self._calls)
                except Exception:
                    # Whatever it was: graphql-core finds it again and says it properly.
                    self.middleware_manager = self._calls  # type: ignore[assignment]  # as good as one
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )
