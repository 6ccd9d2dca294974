"""What is for every guest is told from what is not, and in doubt it is not."""

import pytest

from schema.public_reads import is_public_read


@pytest.mark.parametrize(
    ("document", "operation"),
    [
        ("{ products { edges { node { id } } } }", None),
        ("query A { storefront { name } } query B { me { id } }", "A"),
        (
            "{ ...Shop __typename } fragment Shop on Query { storefront { name } ...More }"
            " fragment More on Query { categories { id } }",
            None,
        ),
        (
            '{ ... on Query { product(slug: "x") { me: name } } ... { goods: products { id } } }',
            None,
        ),
        ("query Q($s: String!) { product(slug: $s) { id } }", "Q"),
    ],
)
def test_an_operation_of_public_fields_is_public(document: str, operation: str | None) -> None:
    assert is_public_read(document, operation)


@pytest.mark.parametrize(
    ("document", "operation"),
    [
        ("{ me { id } }", None),
        ("{ products: me { id } }", None),
        ("{ storefront { name } me { id } }", None),
        ("{ ...Mine } fragment Mine on Query { storefront { name } me { id } }", None),
        ("{ ... on Query { me { id } } }", None),
        ("{ ...Round } fragment Round on Query { ...Round }", None),
        ("{ ...Missing }", None),
        ("query A { storefront { name } } query B { me { id } }", "B"),
        ("query A { storefront { name } } query B { me { id } }", None),
        ("query A { storefront { name } }", "C"),
        ("mutation { products: signOut { ok } }", None),
        ("mutation products { products }", "products"),
        ("subscription { products }", None),
        ("{ __schema { types { name } } }", None),
        ("{ products", None),
        ("", None),
        ("{ a" * 3_000, None),
        ("{ products(first: 1) { __typename } }" + " " * 9_000, None),
    ],
)
def test_anything_else_is_not(document: str, operation: str | None) -> None:
    assert not is_public_read(document, operation)
