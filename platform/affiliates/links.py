"""Links of affiliates: a code, the goods that it leads to, and the affiliate's own word for it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

MOST_LINKS: Final = 200
LETTERS: Final = "abcdefghjkmnpqrstvwxyz23456789"
_CODE_LENGTH: Final = 12
_SUB_ID: Final = re.compile(r"[A-Za-z0-9._-]{0,64}")
_CODE: Final = re.compile(r"[a-z0-9]{3,32}")


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `slug` names the product that it leads to, None the shop's first page."""

    id: UUID
    code: str
    sub_id: str
    slug: str | None
    created_at: datetime

    @property
    def path(self) -> str:
        """What is asked of the shop to follow it."""
        return f"/a/{self.code}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a code leads, and whom it thanks."""

    affiliate_id: UUID
    link_id: UUID | None
    slug: str | None

    @property
    def path(self) -> str:
        """A page of the shop: no code leads anywhere else."""
        return f"/p/{self.slug}" if self.slug else "/"


_LINK: Final = """
select link.id, link.code, link.sub_id, product.slug, link.created_at
from affiliate_links link left join products product on product.id = link.product_id
where link.tenant_id = current_tenant_id() and link.affiliate_id = $1
"""


async def create_link(
    *, tenant_id: UUID, affiliate_id: UUID, product_id: UUID | None, sub_id: str
) -> Link:
    """Make a link to the shop's first page, or to a product.

    An affiliate has at most 200. Raises `Invalid`, `NotFound`.
    """
    if _SUB_ID.fullmatch(sub_id) is None:
        raise Invalid(
            "A sub-id has at most 64 letters, digits, points, hyphens and underscores.",
            field="subId",
        )
    link_id = new_id()
    async with db.transaction(db.core_scope(tenant_id)):
        await db.fetch("select from affiliates where id = $1 for no key update", affiliate_id)
        number = await db.fetch_value(
            "select count(*) from affiliate_links where affiliate_id = $1", affiliate_id
        )
        if number >= MOST_LINKS:
            raise Invalid(f"An affiliate has at most {MOST_LINKS} links.", field="subId")
        written = await db.execute(
            """insert into affiliate_links (tenant_id, id, affiliate_id, code, product_id, sub_id)
               select $1, $2, $3, $4, $5, $6
               where $5::uuid is null
                  or exists (select from products where id = $5 and status = 'ACTIVE')""",
            tenant_id,
            link_id,
            affiliate_id,
            "".join(secrets.choice(LETTERS) for _ in range(_CODE_LENGTH)),
            product_id,
            sub_id,
        )
        if not written:
            raise NotFound("There is no such product.", field="productId")
        row = await db.fetch_row(f"{_LINK} and link.id = $2", affiliate_id, link_id)
    assert row is not None
    return Link(**row)


async def links_of(*, tenant_id: UUID, affiliate_id: UUID) -> list[Link]:
    """An affiliate's links, the newest first."""
    rows = await db.read(
        db.core_scope(tenant_id), f"{_LINK} order by link.id desc limit {MOST_LINKS}", affiliate_id
    )
    return [Link(**row) for row in rows]


async def target_of(code: str, *, tenant_id: UUID) -> Target | None:
    """Where a code of the shop leads: a link's, or an affiliate's own; None for no such code."""
    if _CODE.fullmatch(code) is None:
        return None
    rows = await db.read(
        db.core_scope(tenant_id),
        """select affiliate.id as affiliate_id, link.id as link_id, product.slug
           from (select affiliate_id, id as link_id, product_id from affiliate_links
                 where tenant_id = current_tenant_id() and code = $1
                 union all
                 select id, null, null from affiliates
                 where tenant_id = current_tenant_id() and code = $1) as named
           join affiliates affiliate
               on affiliate.id = named.affiliate_id and affiliate.status = 'ACTIVE'
           left join affiliate_links link on link.id = named.link_id
           left join products product
               on product.id = named.product_id and product.status = 'ACTIVE'
           limit 1""",
        code,
    )
    return _target(rows[0]) if rows else None


def _target(row: Mapping[str, Any]) -> Target:
    return Target(row["affiliate_id"], row["link_id"], row["slug"])
