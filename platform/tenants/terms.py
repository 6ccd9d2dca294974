"""What holds between a tenant and its parent: what a loss does, and how deep the tree may grow."""

from typing import Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import Invalid, NotFound
from tenants import standing
from tenants.life import TenantStatus
from tenants.parent_loss import release_children

#: The deepest tree that can be stored: `tenants_depth_check`.
MAX_DEPTH: Final = 9

_SET = """
update tenants set on_parent_loss = coalesce($2, on_parent_loss),
                   max_child_depth = coalesce($3, max_child_depth)
where id = $1 and ($4::uuid is null or parent_id = $4)
returning parent_id
"""


async def set_terms(
    *,
    tenant_id: UUID,
    on_parent_loss: str | None,
    max_child_depth: int | None,
    parent_id: UUID | None,
    actor: str,
) -> TenantStatus:
    """Change a contract; None leaves a term as it is. With `parent_id` only that one's child.

    `max_child_depth` counts levels from the root, which is 0. Raises `Invalid` where it is larger
    than the parent's, or smaller than what stands below. A child that may move now, and whose
    parent is lost already, moves at once.
    """
    if max_child_depth is not None and not 0 <= max_child_depth <= MAX_DEPTH:
        raise _wrong_depth()
    try:
        async with db.transaction(standing.scope_of_life()):
            await db.execute("select lock_tree()")
            row = await db.fetch_row(_SET, tenant_id, on_parent_loss, max_child_depth, parent_id)
            if row is None:
                raise NotFound("There is no such tenant.", field="tenantId")
            if on_parent_loss == "REPARENT" and await _is_lost(row["parent_id"]):
                await release_children(row["parent_id"], actor=actor)
            now = "select status from tenants where id = $1"
            return TenantStatus(await db.fetch_value(now, tenant_id))
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name not in ("tenants_depth", "tenants_depth_check"):
            raise
        raise _wrong_depth() from None


def _wrong_depth() -> Invalid:
    message = "The tree may not grow so deep here, or is deeper already."
    return Invalid(message, field="maxChildDepth")


async def _is_lost(tenant_id: UUID | None) -> bool:
    """Say whether a parent has been lost; one that has not opened yet has not been."""
    lost = "select status in ('SUSPENDED', 'CLOSING', 'CLOSED') from tenants where id = $1"
    return bool(await db.fetch_value(lost, tenant_id))
