"""Reads of the tree that other rooms may use, inside an open core transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound

MAX_SUBTREE: Final = 100
"""Direct children in one answer."""


async def children_of(tenant_id: UUID, limit: int = MAX_SUBTREE) -> list[Mapping[str, Any]]:
    """The direct children of a tenant: what a parent may know of them."""
    return await db.fetch(
        """select id, slug, name, status, depth, restricted_by_parent, on_parent_loss,
                  max_child_depth, max_markup_bp, shop_closure(id, path) is null as open
           from tenants where parent_id = $1 order by slug limit $2""",
        tenant_id,
        limit,
    )


@dataclass(frozen=True, slots=True)
class DirectChild:
    """A direct child of a tenant, and the grade at which it buys."""

    id: UUID
    grade_id: UUID | None


async def child_of(
    tenant_id: UUID, slug: str, *, scope: db.Scope | None = None, field: str = "child"
) -> DirectChild:
    """The direct child of a tenant that is called so; raises `NotFound` for anybody else.

    In an open transaction: `scope` is that one's, where it is not the tenant's own.
    """
    rows = await db.read(
        scope or db.core_scope(tenant_id),
        "select id, grade_id from tenants where parent_id = $1 and slug = $2",
        tenant_id,
        slug,
    )
    if not rows:
        raise NotFound("There is no such shop below this one.", field=field)
    return DirectChild(rows[0]["id"], rows[0]["grade_id"])


async def below_children(child_ids: Sequence[UUID], *, levels: int) -> dict[UUID, int]:
    """How many tenants stand below each of these, so many levels down and no deeper."""
    rows = await db.fetch(
        """select child.id, count(*) as number from tenants child
           join tenants below on below.path @> array[child.id] and below.id <> child.id
           where child.id = any ($1::uuid[]) and below.depth <= child.depth + $2 group by 1""",
        list(child_ids),
        levels,
    )
    return {row["id"]: row["number"] for row in rows}


async def tenant_facts(tenant_id: UUID) -> Mapping[str, Any]:
    """One tenant as its own staff sees it, with how to reach its parent."""
    row = await db.fetch_row(
        """select t.id, t.slug, t.name, t.status, t.depth, t.settlement_mode, t.orders_stopped,
                  t.payouts_frozen, t.restricted_by_parent, t.on_parent_loss, t.max_child_depth,
                  t.max_markup_bp, t.closes_at, t.currency, t.deposit_due_minor,
                  t.deposit_low, tenant_deposit(t.id, t.currency) as deposit_paid_minor,
                  t.kyc_passed_at is not null as kyc_passed,
                  parent.support_contact as parent_contact, grade.name as grade
           from tenants t left join tenants parent on parent.id = t.parent_id
           left join agent_grades grade on grade.id = t.grade_id
           where t.id = $1""",
        tenant_id,
    )
    assert row is not None
    return dict(row)


async def events_of(tenant_id: UUID, limit: int = 100) -> list[Mapping[str, Any]]:
    """The changes in a tenant's life, the newest first."""
    return await db.fetch(
        """select change, from_status, to_status, reason, at from tenant_events
           where tenant_id = $1 order by at desc, id desc limit $2""",
        tenant_id,
        limit,
    )


async def tenants_page(
    *, status: str | None, below: UUID | None, first: int, after: tuple[datetime, UUID] | None
) -> list[Mapping[str, Any]]:
    """A page of all tenants for operators, the newest first, and one row more if there is one.

    `below` keeps to the subtree of one tenant, itself included.
    """
    if not 1 <= first <= 100:
        raise Invalid("A page has 1 to 100 rows.", field="first")
    opened_at, tenant_id = after or (None, None)
    return await db.fetch(
        """select id, slug, name, status, depth, parent_id, orders_stopped, payouts_frozen,
                  restricted_by_parent, on_parent_loss, max_child_depth, max_markup_bp,
                  cumulative_cap_bp, earning_depth, opened_at, closes_at, currency,
                  deposit_due_minor, tenant_deposit(id, currency) as deposit_paid_minor,
                  deposit_low, contact, contact_key_id,
                  kyc_passed_at is not null as kyc_passed
           from tenants
           where ($1::text is null or status = $1)
             and ($2::uuid is null or path @> array[$2])
             and ($3::timestamptz is null or (opened_at, id) < ($3, $4))
           order by opened_at desc, id desc limit $5""",
        status,
        below,
        opened_at,
        tenant_id,
        first + 1,
    )


async def root_id() -> UUID:
    """The platform's own tenant, in the open transaction."""
    found: UUID = await db.fetch_value("select id from tenants where parent_id is null")
    return found
