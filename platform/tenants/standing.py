"""Changes in a tenant's life: each compares the old state and sets the new one, with its event.

A change that takes a tenant away from those below it (`life.is_loss`) does in the same transaction
what their contracts say (`tenants.parent_loss`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kernel import crypto, db
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from tenants.life import CLOSING_DAYS, TRANSITIONS, LifeChange, Mover, TenantStatus, is_loss
from tenants.parent_loss import release_children

LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One change that somebody wants to make; `reason` is for the record.

    A restriction that is None stays as it is. `parent_id` is whose child the tenant must be.
    """

    tenant_id: UUID
    change: LifeChange
    by: Mover
    actor: str
    reason: str = ""
    parent_id: UUID | None = None
    orders_stopped: bool | None = None
    payouts_frozen: bool | None = None
    restricted_by_parent: bool | None = None
    deposit_low: bool | None = None


# The platform's own shop has no such life: without it there is no platform.
_CHANGE = f"""
with before as materialized (  -- as it is when it is ours: another change may have come between
    select id, status, orders_stopped, payouts_frozen, restricted_by_parent, deposit_low,
           kyc_passed_at, currency, deposit_due_minor
    from tenants
    where id = $1 and kind = 'AGENT' and ($2::uuid is null or parent_id = $2)
    for no key update
), wanted as materialized (
    select id, status as from_status,
           coalesce($5, orders_stopped) as orders_stopped,
           coalesce($6, payouts_frozen) as payouts_frozen,
           coalesce($7, restricted_by_parent) as restricted_by_parent,
           coalesce($12, deposit_low) as deposit_low
    from before
    where status = any ($3::text[])
      and ($8 <> 'KYC_PASSED' or kyc_passed_at is not null)
      and ($8 <> 'OPEN' or tenant_deposit(id, currency) >= deposit_due_minor)
      and ($12::boolean is null or deposit_low <> $12)
), changed as (
    update tenants set
        orders_stopped = wanted.orders_stopped,
        payouts_frozen = wanted.payouts_frozen,
        restricted_by_parent = wanted.restricted_by_parent,
        deposit_low = wanted.deposit_low,
        status = case
            when cardinality($4::text[]) = 1 then ($4::text[])[1]
            when wanted.orders_stopped or wanted.payouts_frozen or wanted.restricted_by_parent
                 or wanted.deposit_low
                then 'RESTRICTED'
            else 'ACTIVE' end,
        closes_at = case when 'CLOSING' = any ($4)
                         then platform_now() + interval '{CLOSING_DAYS} days'
                         else closes_at end,
        opened_at = case when $8 = 'OPEN' then platform_now() else opened_at end
    from wanted where tenants.id = wanted.id
    returning tenants.id, wanted.from_status, tenants.status
), noted as (
    insert into tenant_events (tenant_id, id, change, from_status, to_status, actor, reason)
    select id, $9, $8, from_status, status, $10, $11 from changed
)
select before.status as was, changed.status from before left join changed using (id)
"""


async def make(step: Step) -> TenantStatus:
    """Make one change, alone in its transaction, and say what the tenant is now.

    Raises `NotFound` for no such tenant (or child), `Invalid` when its state does not allow the
    change, `Forbidden` when nobody of this kind makes it; then nothing is written.
    """
    async with db.transaction(scope_of_life()):
        return await make_in_transaction(step)


def scope_of_life() -> db.Scope:
    """The scope of a change: one tenant's loss is another tenant's event."""
    return db.every_tenant(reason="a change in a tenant's life, and in those of the ones below it")


async def make_in_transaction(step: Step) -> TenantStatus:
    """Do what `make` does, in the open transaction of `scope_of_life`."""
    row = await _changed(step)
    if row is None:
        raise NotFound("There is no such tenant.", field="tenantId")
    if row["status"] is None:
        raise Invalid("The tenant's state does not allow this.", details={"status": row["was"]})
    return TenantStatus(row["status"])


async def make_if_due(step: Step) -> bool:
    """Make a change where the tenant is ready for it, in the open transaction."""
    row = await _changed(step)
    return row is not None and row["status"] is not None


async def _changed(step: Step) -> Mapping[str, Any] | None:
    transition = TRANSITIONS[step.change]
    if step.by not in transition.by:
        raise Forbidden("Somebody else makes this change.")
    if is_loss(step.change):
        await db.execute("select lock_tree()")  # before any row: moves lock many
    row = await db.fetch_row(
        _CHANGE,
        step.tenant_id,
        step.parent_id,
        sorted(transition.before),
        sorted(transition.to),
        step.orders_stopped,
        step.payouts_frozen,
        step.restricted_by_parent,
        step.change.value,
        new_id(),
        step.actor,
        checked_reason(step.reason),
        step.deposit_low,
    )
    if row is not None and row["status"] is not None and is_loss(step.change):
        await release_children(step.tenant_id, actor=step.actor)
    return row


def checked_reason(text: str) -> str:
    """Normalise a reason; `Invalid` for one that is too long."""
    reason = crypto.normalised(text)
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Invalid(
            f"A reason has at most {LONGEST_REASON} printable characters.", field="reason"
        )
    return reason
