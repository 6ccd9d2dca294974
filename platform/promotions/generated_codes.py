"""The generated codes of one coupon, page by page: which are used, and which are still free."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import cursors, db
from kernel.errors import NotFound
from tenants.directory import Shop

# A coupon without such codes has one row, without a code.
_PAGE: Final = """
select made.id, made.code, made.used
from coupons coupon
left join lateral (
    select code.id, code.code,
           exists (select from coupon_uses taken
                   where taken.single_code_id = code.id and taken.released_at is null) as used
    from coupon_codes code
    where code.coupon_id = coupon.id and code.is_single and ($3::uuid is null or code.id > $3)
    order by code.id limit $4
) as made on true
where coupon.tenant_id = $1 and coupon.id = $2 order by made.id
"""


@dataclass(frozen=True, slots=True)
class GeneratedCode:
    """A code that is good once, and whether an order has it."""

    id: UUID
    code: str
    used: bool


@dataclass(frozen=True, slots=True)
class CodePage:
    """Some of a coupon's generated codes, the oldest first, each with its cursor."""

    rows: tuple[GeneratedCode, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def generated_codes(
    *, shop: Shop, coupon_id: UUID, first: int | None, after: str | None
) -> CodePage:
    """A page of the codes that are good once. A use that was given back is none.

    Raises `NotFound` for a coupon that is not the shop's own, `Invalid` for a page size or a
    cursor that is none.
    """
    size = cursors.page_size(first)
    about = f"codes of {coupon_id}"
    mark = cursors.read(after, tenant_id=shop.id, about=about)
    place = UUID(mark[0]) if mark else None
    # Uses of a coupon for a subtree are rows of the shops below; they say no more than "used" here.
    scope = db.every_tenant(reason="an issuer sees which codes of its own coupon are used")
    rows = await db.read(scope, _PAGE, shop.id, coupon_id, place, size + 1)
    if not rows:
        raise NotFound("There is no such coupon.", field="couponId")
    codes = [GeneratedCode(**row) for row in rows if row["id"] is not None]
    shown = tuple(codes[:size])
    marks = [cursors.write([str(one.id)], tenant_id=shop.id, about=about) for one in shown]
    return CodePage(shown, tuple(marks), len(codes) > size)
