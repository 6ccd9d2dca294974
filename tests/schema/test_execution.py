"""Plans against graphql-core: the same answers, errors included, whatever the values do."""

import asyncio
import time
from collections import Counter
from functools import partial
from math import inf
from random import Random
from types import SimpleNamespace
from typing import Any, Final

import pytest
import strawberry
from graphql import (
    DocumentNode,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    parse,
    print_ast,
)
from graphql.execution import ExecutionResult
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

import odd_schema
from any_document import documents
from entrypoints.bench.load.documents import CATALOGUE
from fabricated import Fabric
from isolation.documents import RootField, document, root_fields
from odd_schema import Tray, Trouble
from schema.execution import Given, OperationPlan, compiler, composites, leaves
from schema.execution import plan as plan_module
from schema.execution.nested import NestedCalls
from schema.root import build_schema

ODD: Final = odd_schema.odd_schema._schema
PRODUCT: Final = build_schema(production=False)._schema
_TROUBLE: Final = (0.0, 0.01, 0.05, 0.2)
"""How likely a value is not what it should be."""
_VARIABLES: Final = (
    {"yes": True, "no": False},
    {"yes": False, "no": True, "maybe": False},
    {"yes": True, "no": False, "maybe": None},
)


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
    schema: GraphQLSchema, text: DocumentNode, tray: Tray, variables: dict[str, Any]
) -> ExecutionResult:
    """Execute a document as Strawberry has it done."""
    result: Any = execute(
        schema,
        text,
        context_value=tray,
        variable_values=variables,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # as Strawberry does
        executor_class=StrawberryGraphQLCoreExecutionContext,
    )
    answer: ExecutionResult = await result if optimized_is_awaitable(result) else result
    return answer


async def by_plan(
    schema: GraphQLSchema,
    text: DocumentNode,
    tray: Tray,
    variables: dict[str, Any],
    *,
    plan: OperationPlan | None = None,
) -> ExecutionResult:
    """Execute a document by its plan."""
    plan = plan or OperationPlan(schema, text, _operation(text))
    return await plan.execute(Given(tray, variables))


def told(result: ExecutionResult) -> tuple[str, list[Any]]:
    """All that a client can see of a result, the order of its keys included, and the causes."""
    errors = [
        (e.message, e.path, e.locations, e.extensions, type(e.original_error), e.original_error)
        for e in result.errors or []
    ]
    return repr(result.data), [(*error[:-1], str(error[-1])) for error in errors]


async def compare(
    schema: GraphQLSchema, text: DocumentNode, random: Random, *, trouble: float
) -> None:
    """Execute a document both ways on the same values."""
    fabric = Fabric(schema, random, trouble=trouble)
    served: dict[str, Any] = {}

    def make(kind: Any) -> Any:
        return Trouble("at the root") if random.random() < trouble else fabric.value(kind)

    planned = partial(by_plan, plan=OperationPlan(schema, text, _operation(text)))
    for variables in _VARIABLES:
        seen = []
        for way in (by_graphql_core, planned):
            odd_schema.asked_below.clear()
            tray = Tray(served, make)
            result = await way(schema, text, tray, variables)
            left_behind = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*left_behind, return_exceptions=True)
            seen.append((told(result), tray.asked, Counter(odd_schema.asked_below)))
        if seen[0] != seen[1]:  # said in few words: what differs may be megabytes
            raise Differs(f"{print_ast(text)}\nwith {variables} and {random!r}")


class Differs(AssertionError):
    """Both ways have not the same answer."""


SCHEMAS: Final = {"odd": ODD, "product": PRODUCT}


@pytest.mark.parametrize("operation", ["query", "mutation"])
@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize(
    ("examples", "at_random"), [(20, False), pytest.param(600, True, marks=pytest.mark.soak)]
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
        text=documents(schema, operation=operation),
        random=st.randoms(use_true_random=False),
    )
    def compared(text: DocumentNode, random: Random) -> None:
        for trouble in _TROUBLE:
            asyncio.run(compare(schema, text, random, trouble=trouble))
            counted["compared"] += 1

    compared()
    assert counted["compared"] >= examples


# --- what the comparison would notice -----------------------------------------------------------


def _null_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    real = leaves.classes_as_they_are
    monkeypatch.setattr(
        compiler, "classes_as_they_are", lambda leaf, **_: real(leaf, nullable=True)
    )


def _anything_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (leaves, composites):
        monkeypatch.setattr(module, "require_plain", lambda kind: None)


def _any_class_is_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_member(members: dict[type, Any]) -> Any:
        return next(iter(members.values()))

    monkeypatch.setattr(compiler, "union_completer", first_member)
    monkeypatch.setattr(composites, "_of_one_class", lambda complete, only: complete)


def _whole_numbers_have_no_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaves, "GRAPHQL_MAX_INT", 2**60)


def _asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NestedCalls, "get_field_resolver", lambda self, resolver: resolver)


def _forgets_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_condition_variables", lambda document: ())


@pytest.mark.parametrize(
    "mutate",
    [
        _null_is_fine,
        _anything_is_plain,
        _any_class_is_a_member,
        _whole_numbers_have_no_bounds,
        _asks_again,
        _forgets_conditions,
    ],
)
async def test_a_plan_that_is_wrong_in_one_place_is_noticed(
    mutate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(25):
        await compare(ODD, EVERYTHING, Random(seed), trouble=0.05)
    mutate(monkeypatch)
    with pytest.raises(Differs):
        for seed in range(100):
            await compare(ODD, EVERYTHING, Random(seed), trouble=0.05)


EVERYTHING: Final = parse(
    """
    query ($yes: Boolean!, $no: Boolean!) {
      person { ...Whole }
      people(first: 3) { ...Whole shadow { name greeting(to: "you", times: 2) } }
      rows { id matrix @skip(if: $no) }
      pets { ...PetParts }
      kinds: pets { __typename }
      named { __typename name ... on Cat { lives } ... on Dog @include(if: $yes) { loud } }
      colour
    }
    fragment Whole on Person {
      id name age odd matrix holes greeting
      pet { ...PetParts }
      pets { ...PetParts }
    }
    fragment PetParts on Pet {
      __typename
      ... on Cat { name nickname lives colour }
      ... on Dog { name loud colours walks }
    }
    """
)


# --- what is planned ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "root",
    [root for root in root_fields() if root.operation != "subscription"],
    ids=lambda root: root.coordinate,
)
async def test_graphql_core_completes_nothing_of_the_products_proper_answers(
    root: RootField, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = build_schema(production=False)._schema
    _serve_everything(schema)
    for kind in (schema.query_type, schema.mutation_type):
        assert kind is not None
        if root.name in kind.fields:  # the field itself is shared by all schemas
            monkeypatch.setattr(kind.fields[root.name], "args", {})
    text = parse(document(root, {}))
    tray = Tray({}, Fabric(schema, Random(7), trouble=0).value)
    expected = await by_graphql_core(schema, text, tray, {})
    assert expected.errors is None
    refuse = AssertionError("graphql-core was asked")

    def complete_value(*_: object) -> Any:
        raise refuse

    monkeypatch.setattr(StrawberryGraphQLCoreExecutionContext, "complete_value", complete_value)
    assert await by_plan(schema, text, tray, {}) == expected


async def test_a_mutations_resolver_runs_once_whatever_becomes_of_its_answer() -> None:
    text = parse("mutation { rename { name greeting shadow { name } } }")
    for troubled in (False, True):
        person = _made(ODD, "Person", seed=1)
        person.troubled, person.name, person.age = troubled, "n", None if troubled else 3
        odd_schema.asked_below.clear()
        tray = Tray({"rename": person}, lambda _: None)
        result = await by_plan(ODD, text, tray, {})
        assert bool(result.errors) is troubled
        assert tray.asked == {"rename": 1}
        assert set(odd_schema.asked_below.values()) == {1}


async def test_root_fields_of_a_query_run_together_and_those_of_a_mutation_in_turn() -> None:
    running: list[str] = []
    overlaps: list[int] = []

    @strawberry.type
    class Root:
        @strawberry.field
        async def step(self, info: strawberry.Info) -> str:
            running.append(str(info.path.key))
            overlaps.append(len(running))
            await asyncio.sleep(0.001)
            return running.pop()

    @strawberry.type
    class Other(Root):
        pass

    schema = strawberry.Schema(query=Root, mutation=Other)._schema
    for kind, most in (("query", 3), ("mutation", 1)):
        overlaps.clear()
        text = parse(kind + " { a: step b: step c: step }")
        result = await by_plan(schema, text, Tray({}, lambda _: None), {})
        assert result.data is not None
        assert (list(result.data), max(overlaps)) == (["a", "b", "c"], most)


async def test_a_root_resolver_sees_strawberrys_info() -> None:
    seen: dict[str, Any] = {}

    @strawberry.type
    class Item:
        name: str = "n"

    @strawberry.type
    class Root:
        @strawberry.field
        def item(self, info: strawberry.Info, size: int = 1) -> Item:
            (selected,) = info.selected_fields
            seen.update(
                path=info.path.as_list(),
                context=info.context,
                variables=info.variable_values,
                selected=[getattr(inner, "name", None) for inner in selected.selections],
                extensions=info.input_extensions,
                size=size,
            )
            return Item()

    schema = strawberry.Schema(query=Root)._schema
    text = parse("query ($size: Int) { one: item(size: $size) { name } }")
    plan = OperationPlan(schema, text, _operation(text))
    await plan.execute(Given(5, {"size": 9}, {"a": 1}))
    assert seen == {
        "path": ["one"],
        "context": 5,
        "variables": {"size": 9},
        "selected": ["name"],
        "extensions": {"a": 1},
        "size": 9,
    }


async def test_variables_that_do_not_fit_are_refused_as_graphql_core_does() -> None:
    text = parse("query ($yes: Boolean!, $first: Int) { people(first: $first) { id } }")
    for variables in ({}, {"yes": 1, "first": "x"}, {"yes": None}):
        seen = [
            told(await way(ODD, text, Tray({"people": []}, lambda _: None), variables))
            for way in (by_graphql_core, by_plan)
        ]
        assert seen[0] == seen[1]
        assert seen[0][1]


async def test_no_more_variants_of_a_plan_are_kept_than_a_few() -> None:
    names = [f"v{n}" for n in range(8)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    text = parse(f"query ({declared}) {{ person {{ id {fields} }} }}")
    plan = OperationPlan(ODD, text, _operation(text))
    person = _made(ODD, "Person", seed=2)
    for bits in range(2 ** len(names)):
        variables = {name: bool(bits >> n & 1) for n, name in enumerate(names)}
        tray = Tray({"person": person}, lambda _: None)
        result = await plan.execute(Given(tray, variables))
        wanted = ["id", *(name for name in names if variables[name])]
        assert result.data is not None and list(result.data["person"]) == wanted
    assert len(plan._variants) == plan_module.MAX_VARIANTS


async def test_a_condition_is_a_boolean_of_the_operation_itself() -> None:
    text = parse(
        "query A($x: Boolean!) { person { id name @skip(if: $x) } }"
        " query B($x: [String!]) { person { id } echo: people(names: $x) { id } }"
    )
    operations = [one for one in text.definitions if isinstance(one, OperationDefinitionNode)]
    one, other = (OperationPlan(ODD, text, operation) for operation in operations)
    assert (one._conditions, other._conditions) == (("x",), ())


# --- what it is for -----------------------------------------------------------------------------


async def test_a_page_of_24_costs_at_most_six_tenths_of_graphql_cores_processor_time() -> None:
    text = parse(CATALOGUE)
    plan = OperationPlan(PRODUCT, text, _operation(text))
    variables = {"first": 24, "after": None}
    edges = [_made(PRODUCT, "ProductEdge", seed=n) for n in range(24)]
    page = SimpleNamespace(edges=edges)

    async def spent_seconds(way: Any) -> float:
        before = time.thread_time()
        for _ in range(20):
            result = await way(Tray({"products": page}, lambda _: None))
            assert result.errors is None
        return time.thread_time() - before

    async def core(tray: Tray) -> ExecutionResult:
        return await by_graphql_core(PRODUCT, text, tray, variables)

    async def planned(tray: Tray) -> ExecutionResult:
        return await plan.execute(Given(tray, variables))

    least_planned = least_core = inf
    for _ in range(40):  # the least of them: the others met the collector or a busy neighbour
        least_planned = min(least_planned, await spent_seconds(planned))
        least_core = min(least_core, await spent_seconds(core))
        if least_planned <= 0.6 * least_core:
            break
    assert least_planned <= 0.6 * least_core


def _operation(text: DocumentNode) -> OperationDefinitionNode:
    (operation,) = (d for d in text.definitions if isinstance(d, OperationDefinitionNode))
    return operation


def _made(schema: GraphQLSchema, name: str, *, seed: int) -> Any:
    kind: Any = schema.type_map[name]
    return Fabric(schema, Random(seed), trouble=0).value(GraphQLNonNull(kind))
