"""What is selected below a field is known, however the document says it."""

import gc
from typing import Any

import pytest
import strawberry

from schema import look_ahead
from schema.look_ahead import Selected, selected

seen: list[Selected] = []


@strawberry.type
class Leaf:
    """Has fields."""

    a: int = 1
    b: int = 2

    @strawberry.field
    def inner(self) -> "Leaf":
        """Go one deeper."""
        return Leaf()


@strawberry.type
class Query:
    """Looks ahead."""

    @strawberry.field
    def leaf(self, info: strawberry.Info) -> Leaf:
        """Note what is asked of it."""
        seen.append(selected(info))
        return Leaf()


schema = strawberry.Schema(Query)


def look(document: str, **variables: Any) -> Selected:
    seen.clear()
    result = schema.execute_sync(document, variable_values=variables)
    assert result.errors is None
    (found,) = seen
    return found


@pytest.mark.parametrize(
    "document",
    [
        "{ leaf { a inner { b } } }",
        "{ leaf { x: a y: inner { z: b } } }",
        "{ leaf { ...F } } fragment F on Leaf { a ...G } fragment G on Leaf { inner { b } }",
        "{ leaf { ... on Leaf { a } ... { inner { b } } } }",
        "{ leaf { a } leaf { inner { b } } }",
        "{ leaf { inner { b } x: inner { b } a } }",
        "query ($no: Boolean = false) { leaf { a @include(if: $no) inner { b @skip(if: true) } } }",
    ],
)
def test_names_are_found_behind_aliases_fragments_and_conditions(document: str) -> None:
    found = look(document)
    assert found.has("a") and found.has("inner") and not found.has("b")
    assert found.below("inner").has("b")
    assert not found.below("inner").has("inner")
    assert found.below("inner", "inner", "nowhere").fields == {}


def test_one_document_is_looked_at_once_and_another_by_itself() -> None:
    first = look("{ leaf { a } }")
    assert set(first.fields) == {"a"}
    for _ in range(3):
        assert set(look("{ leaf { b } }").fields) == {"b"}
    assert set(look("{ leaf { a } }").fields) == {"a"}


def test_a_document_that_is_forgotten_takes_its_selections_with_it() -> None:
    gc.collect()
    before = len(look_ahead._remembered)
    look("{ leaf { a b inner { a } } }")
    gc.collect()
    assert len(look_ahead._remembered) == before
