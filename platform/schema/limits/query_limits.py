"""The figures, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What one request may ask for.

    One unit of cost is one value in the answer, about 5 to 10 µs of processor time; so the
    dearest request that passes takes about 50 ms, and the cheapest attack is refused in less.
    """

    max_query_chars: int = 20_000
    """A document's length; one comment or string of any length is a single token."""
    max_tokens: int = 2_000
    max_depth: int = 10
    """Fields inside fields. Introspection (where it is allowed) does not count."""
    max_selections: int = 600
    """Fields, spreads and inline fragments, each as often as the fragments are spread."""
    max_aliases: int = 10
    max_directives: int = 20
    max_variables: int = 50
    """Declared ones, for each operation."""
    max_definitions: int = 30
    """Operations and fragments in one document."""
    max_same_name: int = 25
    """How often one response name may stand in one place: each pair of them is compared."""
    max_same_parent: int = 5
    """The same of one that selects something below: the pairs are compared at each level again."""
    max_cost: int = 5_000
    max_mutation_fields: int = 5
    max_sensitive_fields: int = 1
    """Of the fields that can be guessed at (sign-in, coupons): one try, one request."""
    max_page_size: int = 100
    assumed_page_size: int = 20
    """Of a field with `first` where neither the request nor the schema says a number."""
    assumed_list_size: int = 10
    """Of a list without `first`, unless the field's metadata says `assumed_size`."""
    max_variable_values: int = 5_000
    """Scalars in the variables, each of which is coerced before the first resolver runs."""
    max_validation_errors: int = 10
    max_cached_bytes: int = 32 * 1024 * 1024
    """Of all prepared documents together, with every variant of their plans: some hundred of the
    size that a storefront asks."""
