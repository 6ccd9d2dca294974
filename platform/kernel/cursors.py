"""Keyset cursors: where a page ended, signed for the tenant and the list that it belongs to."""

from typing import Any
from uuid import UUID

import orjson

from kernel import crypto
from kernel.errors import Invalid

MAX_PAGE = 100
_PURPOSE = "cursor"


def page_size(first: int | None, *, usual: int = 20) -> int:
    """How many rows a page has: 1 to 100, `usual` when nobody asks. Raises `Invalid`."""
    if first is None:
        return usual
    if not 1 <= first <= MAX_PAGE:
        raise Invalid(f"A page has 1 to {MAX_PAGE} rows.", field="first")
    return first


def write(values: list[Any], *, tenant_id: UUID | None, about: str) -> str:
    """A cursor for the row with these sort values, good in this tenant's list only."""
    return crypto.sign(_PURPOSE, orjson.dumps([str(tenant_id), about, values]))


def read(cursor: str | None, *, tenant_id: UUID | None, about: str) -> list[Any] | None:
    """The sort values of a cursor, None without one; `Invalid` for anybody else's."""
    if cursor is None:
        return None
    raw = crypto.unsign(_PURPOSE, cursor)
    found: list[Any] = orjson.loads(raw) if raw is not None else [None, None, []]
    if found[:2] != [str(tenant_id), about]:
        raise Invalid("This cursor is not of this list.", field="after")
    values: list[Any] = found[2]
    return values
