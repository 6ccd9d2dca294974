"""A SELECT that raises its own fence, so that it needs no transaction around it."""

from functools import lru_cache
from typing import Final

SCOPE_SETTINGS: Final = ("app.tenant_id", "app.path", "app.party_id", "app.fence_lifted_for")
"""What a transaction may see: read by every policy of row-level security."""


@lru_cache(maxsize=1_000)
def fenced_statement(sql: str, *, values: int) -> str:
    """A SELECT with so many values that sets its own scope before it looks at any table.

    The scope's settings follow as further values. PostgreSQL plans the condition, which has no
    column in it, as a one-time filter above everything that `sql` reads. Were a table read before
    it, its policies would find the settings of no scope, and show nothing.
    """
    calls = " || ".join(
        f"set_config('{name}', ${values + place}::text, true)"
        for place, name in enumerate(SCOPE_SETTINGS, 1)
    )
    return f"select asked.* from (\n{sql}\n) as asked where (select {calls}) is not null"
