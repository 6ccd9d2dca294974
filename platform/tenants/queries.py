"""Reads of the tree that other rooms may use."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kernel import db


async def children_of(tenant_id: UUID, limit: int = 100) -> list[Mapping[str, Any]]:
    """The direct children of a tenant: what a parent may know of them."""
    return await db.fetch(
        """select slug, name, status, depth from tenants
           where parent_id = $1 order by slug limit $2""",
        tenant_id,
        limit,
    )


async def child_by_slug(tenant_id: UUID, slug: str) -> UUID | None:
    """The direct child of a tenant that is called so; None for whoever is none."""
    child_id: UUID | None = await db.fetch_value(
        "select id from tenants where parent_id = $1 and slug = $2", tenant_id, slug
    )
    return child_id
