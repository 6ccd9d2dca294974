"""What each role and scope may ask for: the role × field table, read by its columns."""

from functools import cache

from identity.rights import Giver
from schema.context import Context
from schema.field_table import GRANTS


@cache
def rights_of(column: str) -> frozenset[str]:
    """List the fields that one column of the table is granted; none for a column it lacks."""
    return frozenset(field for field, columns in GRANTS.items() if column in columns)


def giver_of(context: Context, act: str) -> Giver:
    """Name the caller as one who changes staff or programs by the field `act`."""
    assert context.caller is not None  # the role × field table lets only staff in
    return Giver(context.caller.principal_id, act, rights_of)
