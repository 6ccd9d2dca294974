"""Who may ask for what: fields are denied by default, and the role × field table grants.

The check reads the document and not the answer: a field that one of the caller's roles is not
granted refuses the request before anything runs, so nothing is written and no null stands for a
refusal. The gate collects a document's fields once (`schema/limits/`), and asks here each time.
"""

from functools import lru_cache
from typing import Any

from graphql import GraphQLError

from identity.tokens import Caller
from kernel.errors import Forbidden
from schema.context import Context, caller_of
from schema.field_table import GRANTS
from schema.life_table import is_restricted
from schema.limits.refusals import refusal
from tenants.directory import TenantRestricted

FORBIDDEN = "FORBIDDEN"
_NAMED_AT_MOST = 5
_REMEMBERED = 500


def forbidden_fields(fields: frozenset[str], roles: frozenset[str]) -> list[str]:
    """Name the fields that none of the roles is granted; no role, no field."""
    return sorted(field for field in fields if not roles & GRANTS.get(field, frozenset()))


@lru_cache(maxsize=_REMEMBERED)
def field_refusal_message(fields: frozenset[str], roles: frozenset[str]) -> str | None:
    """Say what the roles may not ask for, and None when they may ask for it.

    Remembered for each set of fields and roles: the table does not change while we run.
    """
    forbidden = forbidden_fields(fields, roles)
    return f"You may not ask for {', '.join(forbidden[:_NAMED_AT_MOST])}." if forbidden else None


def refused_by_table(fields: frozenset[str], context: Any) -> GraphQLError | None:
    """Refuse a document's fields to the caller of a context, or return None."""
    message = field_refusal_message(fields, context.roles)
    if message is not None:
        return refusal(FORBIDDEN, message)
    if is_restricted(fields, context.shop.status):
        return refusal(TenantRestricted.code, "This shop does not show that in its state.")
    return None


async def ask_again(asker: Context, field: str) -> Caller | None:
    """Ask who holds a watcher's token now, and return him.

    Raises `Forbidden` for a token that has ended, and for who may not ask for the field any more.
    """
    asker.caller = await caller_of(asker.token, asker.shop, ip=asker.ip)
    if forbidden_fields(frozenset({field}), asker.roles):
        raise Forbidden("This token may not watch that any more.")
    return asker.caller
