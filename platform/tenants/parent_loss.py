"""What becomes of the children of a tenant that is lost: by each child's own contract.

REPARENT: the child moves below the next tenant above that stands, and buys at that one's prices;
everything below it moves with it, and the database makes the paths anew (`tenants_below`). What
the lost parent gave, a grade and a restriction, ends with it. FREEZE: the child stays, and sells
nothing while a tenant above it is lost (`shop_closure`).
"""

from uuid import UUID

from kernel import db
from kernel.ids import new_id

_MOVE = """
with refuge as materialized (
    select above.id from tenants lost
    join tenants above on above.id = any (lost.path) and above.id <> lost.id
    where lost.id = $1 and stands(above.status)
    order by above.depth desc limit 1
)
update tenants child set
    parent_id = refuge.id,
    restricted_by_parent = false,
    status = case when child.status = 'RESTRICTED'
                       and not (child.orders_stopped or child.payouts_frozen or child.deposit_low)
                  then 'ACTIVE' else child.status end
from refuge, tenants was
where child.parent_id = $1 and child.on_parent_loss = 'REPARENT' and was.id = child.id
  and child.status <> 'CLOSED'
returning child.id, was.status as from_status, child.status, child.parent_id
"""
_NOTE = """
insert into tenant_events (tenant_id, id, change, from_status, to_status, actor, reason, parent_id)
values ($1, $2, 'MOVE', $3, $4, $5, 'its parent was lost', $6)
"""


async def release_children(lost_id: UUID, *, actor: str) -> int:
    """Move the children that move, in the open transaction, which holds the tree's lock.

    Says how many. With no tenant above that stands, nobody moves, and all are closed.
    """
    moved = await db.fetch(_MOVE, lost_id)
    for child in moved:
        await db.execute(
            _NOTE,
            child["id"],
            new_id(),
            child["from_status"],
            child["status"],
            actor,
            child["parent_id"],
        )
    return len(moved)
