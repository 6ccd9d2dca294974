"""Plans against graphql-core: the same answers, errors included, whatever the values do."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Final

import pytest
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, execute
from graphql.execution import ExecutionResult
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

import odd_schema
from any_document import documents
from fabricated import Fabric
from odd_schema import Tray, Trouble
from schema.execution import OperationPlan
from schema.root import build_schema

ODD: Final = odd_schema.odd_schema._schema
PRODUCT: Final = build_schema(production=False)._schema
_TROUBLE: Final = (0.0, 0.01, 0.05, 0.2)
"""How likely a value is not what it should be."""
_VARIABLES: Final = ({"yes": True, "no": False}, {"yes": False, "no": True})


def _serve_everything(schema: GraphQLSchema) -> None:
    """Let the product's root fields answer with what the context holds, and count."""

    async def serve(_: object, info: Any, **__: Any) -> Any:
        return info.context.serve(info)

    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for field in root.fields.values():
            field.resolve = serve


_serve_everything(PRODUCT)


async def by_graphql_core(
    schema: GraphQLSchema, document: DocumentNode, tray: Tray, variables: dict[str, Any]
) -> ExecutionResult:
    """This function will execute a document as Strawberry has it done."""
    result: Any = execute(
        schema,
        document,
        context_value=tray,
        variable_values=variables,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    return await result if optimized_is_awaitable(result) else result  # type: ignore[no-any-return]


async def by_plan(
    schema: GraphQLSchema, document: DocumentNode, tray: Tray, variables: dict[str, Any]
) -> ExecutionResult:
    """This function will execute a document by its plan."""
    (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    plan = OperationPlan(schema, document, operation)
    return await plan.execute(context_value=tray, variables=variables)


def told(result: ExecutionResult) -> tuple[str, list[Any]]:
    """All that a client can see of a result, the order of its keys included, and the causes."""
    errors = [
        (e.message, e.path, e.locations, e.extensions, type(e.original_error), e.original_error)
        for e in result.errors or []
    ]
    return repr(result.data), [(*error[:-1], str(error[-1])) for error in errors]


async def compare(
    schema: GraphQLSchema, document: DocumentNode, random: Random, *, trouble: float
) -> None:
    """This function will execute a document both ways on the same values."""
    fabric = Fabric(schema, random, trouble=trouble)
    served: dict[str, Any] = {}

    def make(kind: Any) -> Any:
        return Trouble("at the root") if random.random() < trouble else fabric.value(kind)

    for variables in _VARIABLES:
        seen = []
        for way in (by_graphql_core, by_plan):
            odd_schema.asked_below.clear()
            tray = Tray(served, make)
            result = await way(schema, document, tray, variables)
            left_behind = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*left_behind, return_exceptions=True)
            seen.append((told(result), tray.asked, Counter(odd_schema.asked_below)))
        assert seen[0] == seen[1]


SCHEMAS: Final = {"odd": ODD, "product": PRODUCT}


@pytest.mark.parametrize("operation", ["query", "mutation"])
@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(
    ("examples", "at_random"), [(40, False), pytest.param(600, True, marks=pytest.mark.soak)]
)
# graphql-core drops what it has not awaited yet when a field beside it has failed.
@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
def test_a_plan_answers_as_graphql_core_does(
    name: str, operation: str, examples: int, at_random: bool
) -> None:
    schema = SCHEMAS[name]
    counted: Counter[str] = Counter()

    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        derandomize=not at_random,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if at_random else [])],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        document=documents(schema, operation=operation),
        random=st.randoms(use_true_random=False),
    )
    def compared(document: DocumentNode, random: Random) -> None:
        for trouble in _TROUBLE:
            asyncio.run(compare(schema, document, random, trouble=trouble))
            counted["compared"] += 1

    compared()
    assert counted["compared"] >= examples
