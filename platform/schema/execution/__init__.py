"""Executing a prepared document by a plan, made once for each operation.

graphql-core completes a value field by field: for each it looks up the definition, builds an info
object and a path, asks whether the value can be awaited, and walks through the type's wrappers,
about 4 µs a field. Nearly all of our fields are attributes of objects that a root field's
resolver has made, and none of that tells anything about them that was not known beforehand.

1. `compiler.py` makes, for the fields that are selected below a root field, a function from the
   resolver's value to the answer's; `leaves.py` and `composites.py` are its parts. What it cannot
   do (interfaces with rules of their own, resolvers that want an info object, permissions, …)
   raises `Unplannable`, and that root field is executed by graphql-core alone.
2. `plan.py` keeps these functions for each operation, and for each set of variables that
   `@skip` and `@include` depend on.
3. `executor.py` is graphql-core's own executor with one difference: a root field's value goes
   through the plan's function first.

A planned function never handles an error. Whatever it does not expect (a null where none may be,
a value that its scalar refuses, a resolver that raises) makes it give up, and graphql-core
completes the value that is already there. So errors, paths and nulls are graphql-core's by
construction; no root resolver runs twice; and what a resolver further down has answered or
raised is remembered and told again (`nested.py`).

`tests/schema/test_execution.py` compares both ways over random documents and random failures.
"""

from schema.execution.executor import PlannedExecutor
from schema.execution.plan import MAX_VARIANTS, Given, OperationPlan

__all__ = ["MAX_VARIANTS", "Given", "OperationPlan", "PlannedExecutor"]
