"""What one GraphQL request may ask for, decided before anything of it is executed.

The way of a document through this folder:

1. `documents.py`: length, then the parser with its bound on tokens, then
2. `shape.py`: depth, aliases, selections and fragments, without the schema: it keeps the rules of
   the specification, some of which take quadratic time, on documents that they can afford;
3. graphql-core's own rules;
4. `cost.py`: a plan of the cost, as a formula over the request's variables.

All four happen once for a document, and so does collecting its fields (`asked_fields.py`);
`gate.py` then only evaluates the formula and asks who may ask for these fields. `masking.py` is
what leaves: readable refusals, and "Internal error" for everything that nobody foresaw.

    schema = CompiledSchema(
        query=Query,
        mutation=Mutation,
        gate=Gate(
            QueryLimits(),
            production=True,
            sensitive_mutations=frozenset({"signIn", "quickBuy"}),
            permit=refused_by_table,
        ),
        config=StrawberryConfig(disable_field_suggestions=True),
    )

A field's price is set where it is declared: `strawberry.field(metadata={"cost": 10})`; a list
without `first` says how long it usually is with `metadata={"assumed_size": 50}`.
"""

from schema.limits.gate import Gate
from schema.limits.masking import GuardedSchema, MaskedErrors
from schema.limits.query_limits import QueryLimits

__all__ = ["Gate", "GuardedSchema", "MaskedErrors", "QueryLimits"]
