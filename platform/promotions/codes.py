"""Codes of a coupon: one that everybody may know, or thousands that are good for one use each."""

import re
import secrets
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from promotions.code_spelling import spelt_code
from promotions.queries import own_coupon
from tenants.directory import Shop

MOST_AT_ONCE: Final = 10_000
MOST_OF_A_COUPON: Final = 100_000
_WRITTEN_AT_ONCE: Final = 2_500
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is taken for something else: 0 and O, 1, I and L, U beside V."""
_RANDOM_LETTERS: Final = 12
"""58 bits: with 100,000 codes out, one guess in five million million is right."""
_SPELLING: Final = re.compile(r"[0-9A-Z][0-9A-Z-]{2,30}[0-9A-Z]")
_PREFIX: Final = re.compile(r"[0-9A-Z]{0,12}")


class CodeTaken(Invalid):
    """The issuer has another coupon with this code."""


def required_spelling(code: str) -> str:
    """The code as it is stored; `Invalid` for one that nobody could type."""
    spelt = spelt_code(code)
    if _SPELLING.fullmatch(spelt) is None:
        raise Invalid("A code has 4 to 32 letters, digits and hyphens.", field="code")
    return spelt


async def write_shared_code(*, tenant_id: UUID, coupon_id: UUID, code: str) -> None:
    """Give a coupon a code that everybody may use; inside the use case's transaction.

    Raises `CodeTaken`.
    """
    written = await db.execute(
        """insert into coupon_codes (tenant_id, id, coupon_id, code, is_single)
           values ($1, $2, $3, $4, false) on conflict (tenant_id, code) do nothing""",
        tenant_id,
        new_id(),
        coupon_id,
        code,
    )
    if not written:
        raise CodeTaken("Another coupon has this code.", field="code")


async def generate_codes(*, shop: Shop, coupon_id: UUID, count: int, prefix: str = "") -> list[str]:
    """Make so many random codes, each good for one use; returns them.

    Raises `NotFound` for a coupon that is not the shop's own, and `Invalid`.
    """
    begin = spelt_code(prefix)
    if not 1 <= count <= MOST_AT_ONCE:
        raise Invalid(f"One to {MOST_AT_ONCE} codes are made at once.", field="count")
    if _PREFIX.fullmatch(begin) is None:
        raise Invalid("A prefix has at most 12 letters and digits.", field="prefix")
    made: list[str] = []
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        await own_coupon(coupon_id)
        await _require_room(coupon_id, count)
        while len(made) < count:
            wanted = min(count - len(made), _WRITTEN_AT_ONCE)
            made += await _written(shop.id, coupon_id, _random_codes(begin, wanted))
    return made


async def _require_room(coupon_id: UUID, count: int) -> None:
    """Who makes codes of the same coupon at the same time waits here, and counts them, too."""
    await db.execute("select from coupons where id = $1 for no key update", coupon_id)
    known: int = await db.fetch_value(
        "select count(*) from coupon_codes where coupon_id = $1", coupon_id
    )
    if known + count > MOST_OF_A_COUPON:
        raise Invalid(f"A coupon has at most {MOST_OF_A_COUPON} codes.", field="count")


def _random_codes(prefix: str, count: int) -> list[str]:
    begin = f"{prefix}-" if prefix else ""
    return [
        begin + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LETTERS))
        for _ in range(count)
    ]


async def _written(tenant_id: UUID, coupon_id: UUID, codes: Sequence[str]) -> list[str]:
    """The codes among these that were new; the others are made again."""
    rows = await db.fetch(
        """insert into coupon_codes (tenant_id, id, coupon_id, code, is_single)
           select $1, made.id, $2, made.code, true
           from unnest($3::uuid[], $4::text[]) as made (id, code)
           on conflict (tenant_id, code) do nothing returning code""",
        tenant_id,
        coupon_id,
        [new_id() for _ in codes],
        codes,
    )
    return [row["code"] for row in rows]
