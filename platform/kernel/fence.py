"""Statements that raise their own fence, so that they need no transaction around them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

SCOPE_SETTINGS: Final = ("app.tenant_id", "app.path", "app.party_id", "app.fence_lifted_for")
"""What a transaction may see: read by every policy of row-level security."""


_NAMES: Final = tuple(name.replace(".", "_") for name in SCOPE_SETTINGS)
_CALLS: Final = " || ".join(
    f"set_config('{setting}', :{name}::text, true)"
    for setting, name in zip(SCOPE_SETTINGS, _NAMES, strict=True)
)
FENCE: Final = f"fence as materialized (select {_CALLS} as raised)"
"""The part of a statement that raises its fence; the values are those of `fence_values`.

Whatever touches a table must read it first, directly or through another part. What did not would
find the settings of no scope: it would see nothing, and might write nothing.
"""


def fence_values(scope_values: Sequence[str]) -> dict[str, str]:
    """Give the values of `FENCE`, from those of `SCOPE_SETTINGS`."""
    return dict(zip(_NAMES, scope_values, strict=True))


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
