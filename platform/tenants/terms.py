"""What holds between a tenant and its parent, and what the platform sets for the whole tree.

What a loss does, how deep the tree may grow, how much may be added to a cost. A parent sets the
terms of its direct children, an operator those of everybody. A cap that a price of today breaks
hides that price (guard G4) and tells who has made it, as a parent's floor does.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from kernel import db
from kernel.errors import Invalid, NotFound
from tenants import standing
from tenants.keep import KEEP, Kept
from tenants.life import TenantStatus
from tenants.parent_loss import release_children

#: The deepest tree that can be stored: `tenants_depth_check`.
MAX_DEPTH: Final = 9
MAX_MARKUP_BP: Final = 1_000_000
"""A hundred times the cost: the database takes no larger cap."""
MAX_EARNING_DEPTH: Final = 5

_OF = """
select parent_id from tenants where id = $1 and ($2::uuid is null or parent_id = $2)
for no key update
"""
_SET = """
update tenants set on_parent_loss = coalesce($2, on_parent_loss),
                   max_child_depth = coalesce($3, max_child_depth),
                   platform_markup_cap_bp = case when $4 or $10 then platform_markup_cap_bp
                                                 else $5 end,
                   max_markup_bp = case when $4 then max_markup_bp
                                        when $10 then least($5, platform_markup_cap_bp)
                                        else $5 end,
                   cumulative_cap_bp = case when $6 then cumulative_cap_bp else $7 end,
                   earning_depth = case when $8 then earning_depth else $9 end
where id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What shall hold. The first two stay as they are where they are None, the others with KEEP:
    None lifts a cap, and lets as many earn as usual.

    `max_child_depth` counts levels from the root, which is 0. `max_markup_bp` is the most that the
    tenant may add to its cost; a parent's is the platform's at most. The last two bound the whole
    tree, and are of its root alone: how far a price may exceed the platform's own, and how many
    agents of a path earn on a sale.
    """

    on_parent_loss: str | None = None
    max_child_depth: int | None = None
    max_markup_bp: int | None | Kept = KEEP
    cumulative_cap_bp: int | None | Kept = KEEP
    earning_depth: int | None | Kept = KEEP

    def __post_init__(self) -> None:
        """Raise `Invalid` for what no contract may say."""
        if self.max_child_depth is not None and not 0 <= self.max_child_depth <= MAX_DEPTH:
            raise _wrong_depth()
        _require_cap(self.max_markup_bp, field="maxMarkupBp")
        _require_cap(self.cumulative_cap_bp, field="cumulativeCapBp")
        depth = self.earning_depth
        if isinstance(depth, int) and not 0 <= depth <= MAX_EARNING_DEPTH:
            raise Invalid(f"0 to {MAX_EARNING_DEPTH} agents of a path earn.", field="earningDepth")

    def require_of_the_root(self) -> None:
        """Raise `Invalid` where something is said that only the root has."""
        for field, said in (
            ("cumulativeCapBp", self.cumulative_cap_bp),
            ("earningDepth", self.earning_depth),
        ):
            if said is not KEEP:
                raise Invalid("Only the platform's own shop has this term.", field=field)


async def set_terms(
    *, tenant_id: UUID, terms: Terms, parent_id: UUID | None, actor: str
) -> TenantStatus:
    """Change a contract. With `parent_id` only that one's child.

    Raises `Invalid` where `max_child_depth` is larger than the parent's, or smaller than what
    stands below, and `NotFound`. A child that may move now, and whose parent is lost already,
    moves at once.
    """
    try:
        async with db.transaction(standing.scope_of_life()):
            await db.execute("select lock_tree()")
            row = await db.fetch_row(_OF, tenant_id, parent_id)
            if row is None:
                raise NotFound("There is no such tenant.", field="tenantId")
            if row["parent_id"] is not None:
                terms.require_of_the_root()
            await _write(tenant_id, terms, by_parent=parent_id is not None)
            if terms.on_parent_loss == "REPARENT" and await _is_lost(row["parent_id"]):
                await release_children(row["parent_id"], actor=actor)
            now = "select status from tenants where id = $1"
            return TenantStatus(await db.fetch_value(now, tenant_id))
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name not in ("tenants_depth", "tenants_depth_check"):
            raise
        raise _wrong_depth() from None


async def _write(tenant_id: UUID, terms: Terms, *, by_parent: bool) -> None:
    """A parent's cap is the platform's at most, and where the parent lifts its own, that holds."""
    nullable = (terms.max_markup_bp, terms.cumulative_cap_bp, terms.earning_depth)
    values = [part for said in nullable for part in _kept_or(said)]
    await db.execute(
        _SET, tenant_id, terms.on_parent_loss, terms.max_child_depth, *values, by_parent
    )


def _kept_or(said: int | None | Kept) -> tuple[bool, int | None]:
    """Whether a column stays as it is, and what else it shall be."""
    return (True, None) if said is KEEP else (False, said)


def _require_cap(cap_bp: int | None | Kept, *, field: str) -> None:
    if isinstance(cap_bp, int) and not 0 <= cap_bp <= MAX_MARKUP_BP:
        raise Invalid(f"A cap is between 0 and {MAX_MARKUP_BP} basis points.", field=field)


def _wrong_depth() -> Invalid:
    message = "The tree may not grow so deep here, or is deeper already."
    return Invalid(message, field="maxChildDepth")


async def _is_lost(tenant_id: UUID | None) -> bool:
    """Say whether a parent has been lost; one that has not opened yet has not been."""
    lost = "select status in ('SUSPENDED', 'CLOSING', 'CLOSED') from tenants where id = $1"
    return bool(await db.fetch_value(lost, tenant_id))
