"""Query limits and masked errors, on a small schema of their own."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, NewType

import pytest
import strawberry
import structlog
from graphql import (
    GraphQLError,
    ValidationRule,
    get_introspection_query,
    parse,
    specified_rules,
)
from hypothesis import given
from hypothesis import strategies as st
from strawberry.extensions import AddValidationRules
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult

from kernel import log
from kernel.errors import Forbidden, Refusal
from quickness import answered_quickly
from schema.compiled_schema import CompiledSchema
from schema.limits import Gate, GuardedSchema, QueryLimits
from schema.limits import documents as documents_module
from schema.limits.documents import DocumentCache

CANARY = "canaryzzz"


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.type
class Offer:
    id: int = 1
    price: int = 100
    delivery: str = "instant"
    seller: str = "s"


@strawberry.type
class OfferEdge:
    cursor: str = "c"
    node: Offer = strawberry.field(default_factory=Offer)


@strawberry.type
class OfferConnection:
    page_info: PageInfo = strawberry.field(default_factory=PageInfo)
    edges: list[OfferEdge] = strawberry.field(default_factory=list)


@strawberry.type
class Product:
    id: int = 1
    name: str = "n"
    slug: str = "s"
    price: int = 1
    stock: str = "9"

    @strawberry.field
    def offers(self, first: int | None = 5) -> OfferConnection:
        return OfferConnection()

    @strawberry.field
    def similar(self, first: int | None = None) -> list["Product"]:
        return []

    @strawberry.field
    def tags(self) -> list["Tag"]:
        return []

    @strawberry.field(metadata={"assumed_size": 50})
    def images(self) -> list["Tag"]:
        return []

    @strawberry.field(metadata={"cost": 30})
    def recommendation(self) -> str:
        return "r"


@strawberry.type
class Tag:
    name: str = "t"


@strawberry.type
class ProductEdge:
    cursor: str = "c"
    node: Product = strawberry.field(default_factory=Product)


@strawberry.type
class ProductConnection:
    page_info: PageInfo = strawberry.field(default_factory=PageInfo)
    edges: list[ProductEdge] = strawberry.field(default_factory=list)


@strawberry.type
class Missing:
    reason: str = "gone"


SearchHit = Annotated[Product | Missing, strawberry.union("SearchHit")]


def _parse_even(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError(f"{value} is not even")
    return value


Even = NewType("Even", int)


class Unprintable:
    def __str__(self) -> str:
        return CANARY


@strawberry.type
class Query:
    @strawberry.field
    def me(self) -> "Query":
        return Query()

    @strawberry.field
    def b(self, first: int | None = None, last: int | None = None) -> list["Query"]:
        return []

    @strawberry.field
    def id(self) -> str:
        return "1"

    @strawberry.field
    def hello(self, name: str = "you", times: int = 1) -> str:
        return f"hello {name}" * times

    @strawberry.field
    def products(self, first: int | None = 20) -> ProductConnection:
        return ProductConnection(edges=[ProductEdge()])

    @strawberry.field
    def products_by_id(self, ids: list[int]) -> list[Product]:
        return []

    @strawberry.field
    def search(self, first: int = 8) -> list[SearchHit]:
        return []

    @strawberry.field
    def double(self, of: Even) -> int:
        return of * 2

    @strawberry.field
    def boom(self) -> str:
        raise RuntimeError(CANARY)

    @strawberry.field
    async def async_boom(self) -> str:
        await asyncio.sleep(0)
        raise RuntimeError(CANARY)

    @strawberry.field
    def forbidden(self) -> str:
        raise Forbidden("You may not see this.", field="forbidden", details={"limit": 3})

    @strawberry.field
    def deliberate(self) -> str:
        raise GraphQLError("Try later.", extensions={"code": "TRY_LATER"})

    @strawberry.field
    def careless(self) -> str:
        raise GraphQLError(CANARY)

    @strawberry.field
    def unserializable(self) -> int:
        return Unprintable()  # type: ignore[return-value]  # on purpose


@strawberry.type
class Mutation:
    @strawberry.mutation
    def sign_in(self, code: str) -> bool:
        return False

    @strawberry.mutation
    def rename(self, name: str = "n") -> bool:
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self, fail: bool = False) -> AsyncIterator[int]:
        yield 1
        if fail:
            raise RuntimeError(CANARY)


def make_schema(*, production: bool = True, **limits: Any) -> CompiledSchema:
    return CompiledSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        gate=Gate(
            QueryLimits(**limits), production=production, sensitive_mutations=frozenset({"signIn"})
        ),
        config=_config(production=production),
    )


def make_extended_schema(*extensions: Any) -> GuardedSchema:
    gate = Gate(QueryLimits(), production=True, sensitive_mutations=frozenset({"signIn"}))
    return GuardedSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[*extensions, gate.extension],
        config=_config(production=True),
    )


def _config(*, production: bool) -> StrawberryConfig:
    return StrawberryConfig(
        disable_field_suggestions=production,
        scalar_map={Even: strawberry.scalar(name="Even", parse_value=_parse_even)},
    )


SCHEMA = make_schema()


@pytest.fixture(autouse=True, params=["by plan", "by graphql-core"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test holds for both ways of executing."""
    monkeypatch.setattr(SCHEMA, "compiled", request.param == "by plan")


async def run(
    query: str,
    variables: dict[str, Any] | None = None,
    *,
    schema: GuardedSchema = SCHEMA,
    **more: Any,
) -> ExecutionResult:
    return await schema.execute(query, variable_values=variables, **more)


def code_of(result: ExecutionResult) -> str | None:
    if not result.errors:
        return None
    return str((result.errors[0].extensions or {}).get("code"))


def cost_of(result: ExecutionResult) -> int:
    assert result.errors is None, result.errors
    assert result.extensions is not None
    requested: int = result.extensions["cost"]["requested"]
    return requested


# --- cost ---------------------------------------------------------------------------------------

NESTED = "{b(first:100){b(first:100){b(first:10){id}}}}"


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{id}", 1),
        ("{me{id}}", 2),
        ("{id id id}", 3),
        ("{id @include(if:true)}", 2),
        ("{b(first:7){id hello}}", 1 + 7 * 2),
        ("{b(first:7){b(first:3){id}}}", 1 + 7 * (1 + 3)),
        ("{b{id}}", 1 + 20),
        ("{b(first:null){id}}", 1 + 20),
        ("{b(first:2,last:9){id}}", 1 + 9),
        ("{products(first:24){pageInfo{hasNextPage} edges{node{id}}}}", 1 + 2 + 1 + 24 * 2),
        ("{products{edges{node{id}}}}", 1 + 1 + 20 * 2),
        ("{products(first:10){edges{node{tags{name}}}}}", 1 + 1 + 10 * (1 + 1 + 10)),
        ("{products(first:1){edges{node{images{name} recommendation}}}}", 2 + 1 + 1 + 50 + 30),
        ("{productsById(ids:[1,2,3]){id name}}", 1 + 3 * 2),
        ("{search{... on Product{id name} ... on Missing{reason}}}", 1 + 8 * 3),
        ("{...F ...F} fragment F on Query{id hello}", 4),
        (
            "{b(first:3){...F}} fragment F on Query{id b(first:2){...G}} fragment G on Query{id}",
            1 + 3 * 4,
        ),
    ],
)
async def test_lists_multiply_what_is_inside_them(query: str, cost: int) -> None:
    assert cost_of(await run(query)) == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [({"n": 50}, 51), ({"n": 1}, 2), ({}, 13), ({"n": None}, 13), ({"n": 4.0}, 5)],
)
async def test_a_page_size_in_a_variable_counts_as_each_request_sets_it(
    variables: dict[str, Any], cost: int
) -> None:
    assert cost_of(await run("query($n:Int=12){b(first:$n){id}}", variables)) == cost


async def test_a_batch_counts_as_many_as_were_asked_for() -> None:
    query = "query($ids:[Int!]!){productsById(ids:$ids){id name}}"
    assert cost_of(await run(query, {"ids": [1, 2, 3, 4]})) == 9
    assert cost_of(await run(query, {"ids": 1})) == 3
    assert code_of(await run(query, {"ids": list(range(3_000))})) == "QUERY_TOO_COSTLY"


async def test_a_page_of_24_products_with_their_offers_is_affordable() -> None:
    result = await run(
        """query Page($first: Int!, $offers: Int!) {
          products(first: $first) {
            pageInfo { hasNextPage }
            edges { cursor node {
              id name slug price stock tags { name }
              offers(first: $offers) { edges { node { id price delivery seller } } }
            } } } }""",
        {"first": 24, "offers": 10},
    )
    assert cost_of(result) == 1 + 2 + 1 + 24 * (2 + 5 + 11 + 2 + 10 * 5)


async def test_short_nested_lists_are_refused_with_what_they_would_have_cost() -> None:
    assert len(NESTED) <= 57
    result = await run(NESTED)
    assert code_of(result) == "QUERY_TOO_COSTLY"
    assert result.data is None
    assert result.extensions == {"cost": {"requested": 110_101, "limit": 5_000}}


async def test_the_same_through_variables_is_refused_only_when_they_are_large() -> None:
    query = "query($n:Int){b(first:$n){b(first:$n){b(first:$n){id}}}}"
    assert code_of(await run(query, {"n": 100})) == "QUERY_TOO_COSTLY"
    assert cost_of(await run(query, {"n": 10})) == 1 + 10 * (1 + 10 * (1 + 10))


async def test_a_cost_beyond_counting_stays_a_32_bit_number() -> None:
    query = "{" + "b(first:100){" * 9 + "id" + "}" * 10
    result = await run(query)
    assert code_of(result) == "QUERY_TOO_COSTLY"
    assert result.extensions is not None
    assert result.extensions["cost"]["requested"] == 2**31 - 1


@pytest.mark.parametrize("size", [0, -1, 101, 2**31, 1e308])
async def test_a_page_size_outside_1_to_100_is_refused_as_literal_default_and_variable(
    size: float,
) -> None:
    variable = "query($n:Int){b(first:$n){id}}"
    assert code_of(await run(variable, {"n": size})) == "PAGE_SIZE_OUT_OF_RANGE"
    if -(2**31) <= size < 2**31:
        assert code_of(await run(f"{{b(first:{size}){{id}}}}")) == "PAGE_SIZE_OUT_OF_RANGE"
        default = f"query($n:Int={size}){{b(last:$n){{id}}}}"
        assert code_of(await run(default)) == "PAGE_SIZE_OUT_OF_RANGE"


async def test_a_value_that_its_scalar_refuses_is_the_clients_fault_however_it_came() -> None:
    results = [
        await run("{double(of:3)}"),
        await run("query($n:Even!){double(of:$n)}", {"n": 3}),
        await run("query($n:Even=3){double(of:$n)}", {}),
    ]
    codes = ["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"]
    assert [code_of(result) for result in results] == codes
    assert "3 is not even" in (results[1].errors or [])[0].message
    assert (await run("query($n:Even!){double(of:$n)}", {"n": 4})).data == {"double": 8}


@pytest.mark.parametrize("value", ["5", True, [5], {"a": 5}])
async def test_a_page_size_of_the_wrong_type_is_left_to_the_coercion_of_variables(
    value: object,
) -> None:
    result = await run("query($n:Int){b(first:$n){id}}", {"n": value})
    assert code_of(result) == "BAD_USER_INPUT"


async def test_only_the_operation_that_runs_is_counted() -> None:
    query = f"query Cheap{{id}} query Dear{NESTED}"
    assert cost_of(await run(query, operation_name="Cheap")) == 1
    assert code_of(await run(query, operation_name="Dear")) == "QUERY_TOO_COSTLY"


async def test_every_answer_says_its_cost_and_the_limit() -> None:
    for query in ("{id}", "{boom}", "{nope}", "{", NESTED):
        result = await run(query)
        assert result.extensions is not None
        assert result.extensions["cost"]["limit"] == 5_000
    (event,) = [r async for r in await SCHEMA.stream("subscription{ticks}")]
    assert event.extensions == {"cost": {"requested": 1, "limit": 5_000}}


# --- shape --------------------------------------------------------------------------------------

EXPONENTIAL = "{...f0} " + " ".join(
    f"fragment f{n} on Query{{...f{n + 1} ...f{n + 1}}}" for n in range(25)
) + " fragment f25 on Query{id}"  # fmt: skip

COSTLY_DOCUMENTS: dict[str, tuple[str, str]] = {
    "nested pages": (NESTED, "QUERY_TOO_COSTLY"),
    "wide and nested": ("{" + "b(first:100){b(first:9){id}} " * 5 + "}", "QUERY_TOO_COSTLY"),
    "unpaged lists": (
        "{b(first:100){products(first:100){edges{node{tags{name}}}}}}",
        "QUERY_TOO_COSTLY",
    ),
    "11 levels": ("{" + "me{" * 10 + "id" + "}" * 11, "QUERY_TOO_DEEP"),
    "150 levels": ("{" + "me{" * 150 + "id" + "}" * 151, "QUERY_TOO_DEEP"),
    "600 levels": ("{" + "me{" * 600 + "id" + "}" * 601, "GRAPHQL_PARSE_FAILED"),
    "depth through fragments": (
        "{...f0}"
        + "".join(f"fragment f{n} on Query{{me{{...f{n + 1}}}}}" for n in range(12))
        + "fragment f12 on Query{id}",
        "QUERY_TOO_DEEP",
    ),
    "inline fragments": ("{" + "...{" * 150 + "id" + "}" * 151, "QUERY_TOO_DEEP"),
    "exponential fragments": (EXPONENTIAL, "QUERY_TOO_LARGE"),
    "exponential empty fragments": (EXPONENTIAL.replace("{id}", "{...{}}"), "QUERY_TOO_LARGE"),
    "fragments in a circle": (
        "{...a} fragment a on Query{...b} fragment b on Query{...a}",
        "QUERY_TOO_DEEP",
    ),
    "a fragment of itself": ("{...a} fragment a on Query{me{...a}}", "QUERY_TOO_DEEP"),
    "unused fragments": (
        "{id}" + "".join(f"fragment f{n} on Query{{{'id ' * 60}}}" for n in range(25)),
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "11 aliases": ("{" + " ".join(f"a{n}:id" for n in range(11)) + "}", "TOO_MANY_ALIASES"),
    "aliases through fragments": (
        "{...f me{...f}} fragment f on Query{" + " ".join(f"a{n}:id" for n in range(6)) + "}",
        "TOO_MANY_ALIASES",
    ),
    "one field 1,900 times": ("{" + "id " * 1_900 + "}", "QUERY_TOO_LARGE"),
    "one field 500 times": ("{" + "id " * 500 + "}", "QUERY_TOO_LARGE"),
    "one branch 26 times": ("{" + "me{me{id}}" * 26 + "}", "QUERY_TOO_LARGE"),
    "one field in many fragments": ("{" + "...{me{id}}" * 26 + "}", "QUERY_TOO_LARGE"),
    "one branch 6 times": ("{" + "me{id}" * 6 + "}", "QUERY_TOO_LARGE"),
    "overlap that multiplies": ("{" + "me{me{me{me{id hello}}}}" * 25 + "}", "QUERY_TOO_LARGE"),
    "overlap as it may be": (("{" + "me{" * 5) + ("me{id hello}" * 5) + "}" * 6 + "", "PASSES"),
    "levels below a fragment that was measured at the top": (
        "{...f "
        + "...{" * 20
        + "...f"
        + "}" * 21
        + " fragment f on Query"
        + "{..." * 20
        + "{id}"
        + "}" * 20,
        "QUERY_TOO_DEEP",
    ),
    "21 directives": ("{id " + "@include(if:true) " * 21 + "}", "QUERY_TOO_LARGE"),
    "600 directives": ("{id " + "@a " * 600 + "}", "QUERY_TOO_LARGE"),
    "directives on variables": ("query(" + "$v:Int @a @a @a " * 30 + "){id}", "QUERY_TOO_LARGE"),
    "2,001 tokens": ("{" + "id," * 2_001 + "}", "GRAPHQL_PARSE_FAILED"),
    "one huge comment": ("{id}#" + "x" * 250_000, "QUERY_TOO_LARGE"),
    "one huge text": ('{hello(name:"' + "x" * 250_000 + '")}', "QUERY_TOO_LARGE"),
    "only spaces": ("{id" + " " * 250_000 + "}", "QUERY_TOO_LARGE"),
    "390 operations": (" ".join(f"query q{n}{{id}}" for n in range(390)), "QUERY_TOO_LARGE"),
    "450 variables": (
        "query(" + " ".join(f"$v{n}:Int" for n in range(450)) + "){id}",
        "QUERY_TOO_LARGE",
    ),
    "600 arguments": ("{hello(" + "times:1 " * 600 + ")}", "GRAPHQL_VALIDATION_FAILED"),
    "500 unknown fields": (
        "{" + " ".join(f"z{n}" for n in range(500)) + "}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "nested list literals": (
        "{hello(times:" + "[" * 150 + "]" * 150 + ")}",
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "5,000 digits": ("{b(first:" + "9" * 5_000 + "){id}}", "GRAPHQL_VALIDATION_FAILED"),
    "6 mutations": ("mutation{" + "rename " * 6 + "}", "TOO_MANY_MUTATIONS"),
    "introspection": ("{__schema{types{name}}}", "GRAPHQL_VALIDATION_FAILED"),
    "introspection of a type": ('{__type(name:"Query"){name}}', "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize("name", COSTLY_DOCUMENTS)
async def test_a_costly_document_is_refused_quickly_and_in_less_than_64_kib(name: str) -> None:
    document, code = COSTLY_DOCUMENTS[name]
    schema = make_schema()
    await run("{id}", schema=schema)  # what only the first request pays
    result = await answered_quickly(lambda: run(document, schema=schema))
    if code == "PASSES":
        assert result.errors is None
        return
    assert code_of(result) == code
    assert result.data is None
    formatted = json.dumps([error.formatted for error in result.errors or ()])
    assert len(formatted) < 64 * 1024


@pytest.mark.parametrize(
    "query",
    [
        "{" + "me{" * 9 + "id" + "}" * 10,
        "{" + " ".join(f"a{n}:id" for n in range(10)) + "}",
        "{" + "id " * 25 + "}",
        "{" + "me{id}" * 5 + "}",
        "{id " + "@include(if:true) " * 0 + "}",
        "{" + "...{" * 20 + "id" + "}" * 21,
        "mutation{" + " ".join("rename" for _ in range(5)) + "}",
        "query Q{__typename}",
        "{id}#" + "x" * 19_000,
    ],
)
async def test_what_is_exactly_at_a_limit_passes(query: str) -> None:
    assert (await run(query)).errors is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ('mutation{signIn(code:"1")}', None),
        ('mutation{signIn(code:"1") rename}', None),
        ('mutation{a:signIn(code:"1") b:signIn(code:"2")}', "TOO_MANY_SENSITIVE_FIELDS"),
        ('mutation{signIn(code:"1") signIn(code:"1")}', "TOO_MANY_SENSITIVE_FIELDS"),
        (
            'mutation{...a ...b} fragment a on Mutation{x:signIn(code:"1")}'
            ' fragment b on Mutation{...{y:signIn(code:"2")}}',
            "TOO_MANY_SENSITIVE_FIELDS",
        ),
        (
            'mutation($no:Boolean=false){a:signIn(code:"1") b:signIn(code:"2") @include(if:$no)}',
            "TOO_MANY_SENSITIVE_FIELDS",
        ),
    ],
)
async def test_a_request_holds_one_try_at_what_can_be_guessed(query: str, code: str | None) -> None:
    assert code_of(await run(query)) == code


async def test_variables_with_very_many_values_are_refused_before_they_are_coerced() -> None:
    query = "query($ids:[Int!]!){productsById(ids:$ids){id}}"
    variables = {"ids": ["x"] * 100_000}
    result = await answered_quickly(lambda: run(query, variables))
    assert code_of(result) == "QUERY_TOO_LARGE"


@given(st.text(alphabet='{}()[]:.$!@#"\\ \n,=|abme1 fragmentonquery_', max_size=120))
def test_no_text_at_all_makes_it_fail(query: str) -> None:
    result = SCHEMA.execute_sync(query or " ")
    assert all((error.extensions or {}).get("code") != "INTERNAL" for error in result.errors or ())


# --- operations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["execute", "execute_sync", "stream"])
async def test_every_way_of_executing_refuses_alike(way: str) -> None:
    async def answer(query: str, **more: Any) -> ExecutionResult:
        if way == "execute":
            return await SCHEMA.execute(query, **more)
        if way == "execute_sync":
            return SCHEMA.execute_sync(query, **more)
        (only,) = [result async for result in await SCHEMA.stream(query, **more)]
        assert isinstance(only, ExecutionResult)
        return only

    assert (await answer("{hello}")).data == {"hello": "hello you"}
    assert code_of(await answer(NESTED)) == "QUERY_TOO_COSTLY"
    assert code_of(await answer("{")) == "GRAPHQL_PARSE_FAILED"
    assert code_of(await answer("{nope}")) == "GRAPHQL_VALIDATION_FAILED"
    assert code_of(await answer("{boom}")) == "INTERNAL"
    assert code_of(await answer("{id}", operation_name="Other")) == "OPERATION_NOT_FOUND"
    assert code_of(await answer("{", operation_name="Other")) == "GRAPHQL_PARSE_FAILED"
    assert code_of(await answer("fragment f on Query{id}")) == "GRAPHQL_VALIDATION_FAILED"


async def test_a_document_without_an_operation_is_refused() -> None:
    assert code_of(await run("type Query{id:ID}")) == "OPERATION_NOT_FOUND"


async def test_introspection_and_suggestions_are_there_for_developers_only() -> None:
    developers = make_schema(production=False)
    introspection = "{__schema{types{name fields{name type{name ofType{name ofType{name}}}}}}}"
    assert (await run(introspection, schema=developers)).errors is None
    for query, variables in (("{helo}", {}), ("query($n:Int){b(fist:$n){id}}", {"n": 1})):
        open_result = await run(query, variables, schema=developers)
        closed_result = await run(query, variables)
        assert "Did you mean" in (open_result.errors or [])[0].message
        assert "Did you mean" not in (closed_result.errors or [])[0].message


async def test_the_whole_introspection_query_passes_for_developers() -> None:
    result = await run(get_introspection_query(), schema=make_schema(production=False))
    assert cost_of(result) == 100


# --- the cache ----------------------------------------------------------------------------------


class CountingRule(ValidationRule):
    """A validation rule that counts how often documents are validated."""

    validations = 0

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        CountingRule.validations += 1


async def test_a_known_document_is_neither_parsed_nor_validated_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[str] = []

    def counting_parse(text: str, **options: Any) -> Any:
        parsed.append(text)
        return parse(text, **options)

    monkeypatch.setattr(documents_module, "parse", counting_parse)
    rules = [CountingRule]
    schema = make_extended_schema(
        lambda: AddValidationRules(rules)  # type: ignore[arg-type]  # a list of classes is invariant
    )
    CountingRule.validations = 0
    query = "query($n:Int!){b(first:$n){id}}"
    for size in (1, 2, 3):
        assert cost_of(await run(query, {"n": size}, schema=schema)) == 1 + size
    assert code_of(await run(query, {"n": 1_000}, schema=schema)) == "PAGE_SIZE_OUT_OF_RANGE"
    assert cost_of(await run(query, {"n": 4}, schema=schema)) == 5
    assert (CountingRule.validations, parsed) == (1, [query])


async def test_a_refused_document_is_refused_again_and_not_kept() -> None:
    cache = DocumentCache(QueryLimits(), production=True, sensitive_mutations=frozenset())
    core = SCHEMA._schema
    for _ in range(2):
        for refused in ("{nope}", "{", EXPONENTIAL, "{b(first:0){id}}"):
            assert cache.prepare(refused, schema=core, rules=tuple(specified_rules)).errors
        assert len(cache) == 0
    assert cache.prepare("{id}", schema=core, rules=()) is cache.prepare(
        "{id}", schema=core, rules=()
    )
    assert len(cache) == 1


async def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache = small_cache()
    core = SCHEMA._schema
    kept = cache.prepare("{id}", schema=core, rules=())
    for n in range(200):
        cache.prepare(f"query q{n}{{id}}", schema=core, rules=())
        assert cache.prepare("{id}", schema=core, rules=()) is kept
    assert 5 <= len(cache) <= 9


def small_cache() -> DocumentCache:
    limits = QueryLimits(max_cached_bytes=36_000)
    return DocumentCache(limits, production=True, sensitive_mutations=frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "query q%d {id} #" + "x" * 12_000,
        "query q%d {id} #" + "\N{KEY}" * 4_000,
        "query q%d { ...f ...f ...f ...f ...f ...f } fragment f on Query { id hello }",
        "query q%d { id @include(if: true) ... { hello id } }",
    ],
    ids=["a long comment", "a wide comment", "a fragment spread often", "variants of a plan"],
)
async def test_a_document_that_takes_more_than_its_tokens_tell_counts_for_more(text: str) -> None:
    cache = small_cache()
    for n in range(50):
        assert not cache.prepare(text % n, schema=SCHEMA._schema, rules=()).errors
    assert len(cache) <= 3


async def test_an_operation_is_public_when_all_its_root_fields_are() -> None:
    limits = QueryLimits()
    cache = DocumentCache(
        limits,
        production=True,
        sensitive_mutations=frozenset(),
        public_fields=frozenset({"id", "__typename"}),
    )

    def public(text: str, name: str | None = None) -> bool:
        found = cache.prepare(text, schema=SCHEMA._schema, rules=()).operation(name)
        return found is not None and found.is_public

    for text in ("{id}", "{hello: id __typename}", "{...F} fragment F on Query{id}", "{...{id}}"):
        assert public(text)
    for text in ("{hello}", "{id: hello}", "{id hello}", "{...F} fragment F on Query{id hello}"):
        assert not public(text)
    assert public("query A{id} query B{hello}", "A")
    assert not public("query A{id} query B{hello}", "B")
    assert not public("query A{id}", "C")
    assert not public("{id", None)


async def test_two_schemas_do_not_share_prepared_documents() -> None:
    @strawberry.type
    class Query:
        other: str = "o"

    gate = Gate(QueryLimits(), production=True, sensitive_mutations=frozenset())
    other = GuardedSchema(query=Query, extensions=[gate.extension])
    assert code_of(await run("{hello}", schema=other)) == "GRAPHQL_VALIDATION_FAILED"
    assert (await run("{hello}")).errors is None


async def test_concurrent_requests_of_one_document_keep_their_own_costs() -> None:
    query = "query($n:Int!){b(first:$n){id}}"
    results = await asyncio.gather(*(run(query, {"n": n}) for n in range(1, 60)))
    assert [cost_of(result) for result in results] == [1 + n for n in range(1, 60)]


# --- masked errors ------------------------------------------------------------------------------


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, sys.excepthook
    stream = io.StringIO()
    log.configure_logging(level="DEBUG", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.mark.parametrize("field", ["boom", "asyncBoom", "careless", "unserializable"])
async def test_what_nobody_foresaw_is_an_internal_error_with_the_request_id(
    field: str, logged: io.StringIO
) -> None:
    with log.request_scope("feedbeef00000000"):
        result = await run(f"query Find{{me{{{field}}}}}")
    (error,) = result.errors or []
    assert error.message == "Internal error"
    assert error.extensions == {"code": "INTERNAL", "requestId": "feedbeef00000000"}
    assert error.path == ["me", field]
    line = json.loads(logged.getvalue())
    assert (line["event"], line["level"]) == ("graphql.internal_error", "error")
    assert (line["path"], line["operation"]) == (f"me.{field}", "Find")
    assert line["request_id"] == "feedbeef00000000"
    assert line["error_class"] in ("RuntimeError", "graphql.error.graphql_error.GraphQLError")
    assert CANARY not in logged.getvalue()


async def test_a_bug_log_line_says_where_it_happened(logged: io.StringIO) -> None:
    await run("{boom}")
    assert json.loads(logged.getvalue())["frames"][-1].startswith("schema/test_limits.py:")


async def test_a_refusal_is_told_to_the_client_with_its_code(logged: io.StringIO) -> None:
    (error,) = (await run("{forbidden}")).errors or []
    assert error.message == "You may not see this."
    assert error.extensions == {"code": "FORBIDDEN", "field": "forbidden", "details": {"limit": 3}}
    assert issubclass(Forbidden, Refusal)
    assert json.loads(logged.getvalue())["event"] == "graphql.refused"


async def test_an_error_that_was_raised_with_a_code_is_shown() -> None:
    (error,) = (await run("{deliberate}")).errors or []
    assert (error.message, error.extensions) == ("Try later.", {"code": "TRY_LATER"})


async def test_an_error_of_a_subscriptions_source_is_masked(logged: io.StringIO) -> None:
    results = [r async for r in await SCHEMA.stream("subscription{ticks(fail:true)}")]
    assert isinstance(results[-1], ExecutionResult)
    assert code_of(results[-1]) == "INTERNAL"
    assert CANARY not in logged.getvalue()


LEAKY_REQUESTS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "literal of the wrong type": (f'{{hello(times:"{CANARY}")}}', None),
    "enum in its place": (f"{{hello(times:{CANARY})}}", None),
    "object in its place": (f'{{hello(times:{{a:"{CANARY}"}})}}', None),
    "variable of the wrong type": ("query($t:Int!){hello(times:$t)}", {"t": CANARY}),
    "variable with a list inside": ("query($t:Int!){hello(times:$t)}", {"t": [{"a": CANARY}]}),
    "wrong list item": ("query($i:[Int!]!){productsById(ids:$i){id}}", {"i": [1, CANARY]}),
    "default value": (f'query($t:Int="{CANARY}"){{hello(times:$t)}}', None),
    "broken text": (f'{{hello(name:"{CANARY}', None),
    "text where a name belongs": (f'{{"{CANARY}"}}', None),
    "comment": (f"{{hello #{CANARY}\n boom}}", None),
    "literal beside a bug": (f'{{a:hello(name:"{CANARY}") boom}}', None),
    "literal of a mutation": (f'mutation{{signIn(code:"{CANARY}",no:1)}}', None),
    "literal beside a costly list": (f'{{hello(name:"{CANARY}") b(first:101){{id}}}}', None),
    "variable that nobody declared": ("{hello(name:$x)}", {"x": CANARY}),
    "operation name": ("{hello}", None),
}


@pytest.mark.parametrize("name", LEAKY_REQUESTS)
async def test_what_a_client_wrote_never_reaches_the_log(name: str, logged: io.StringIO) -> None:
    query, variables = LEAKY_REQUESTS[name]
    operation_name = f"{CANARY} x" if name == "operation name" else None
    result = await run(query, variables, operation_name=operation_name)
    assert result.errors
    assert logged.getvalue(), "nothing was logged at all"
    assert CANARY not in logged.getvalue()


async def test_many_faults_of_one_request_are_one_line_in_the_log(logged: io.StringIO) -> None:
    result = await run("{" + " ".join(f"z{n}" for n in range(8)) + "}")
    assert len(result.errors or []) == 8
    line = json.loads(logged.getvalue())
    assert (line["event"], line["more"]) == ("graphql.client_error", 7)


async def test_the_client_still_reads_what_was_wrong_with_its_own_value(
    logged: io.StringIO,
) -> None:
    (error,) = (await run(f'{{hello(times:"{CANARY}")}}')).errors or []
    assert error.message == f'Int cannot represent non-integer value: "{CANARY}"'
    assert error.locations is not None
    line = json.loads(logged.getvalue())
    assert (line["event"], line["about"]) == ("graphql.client_error", "Int cannot represent")
    assert line["place"] == "1:14"
