"""What the platform, a parent and an owner decide about a tenant."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from tenants import standing
from tenants.life import LifeChange, Mover, TenantStatus
from tenants.standing import Step

MAX_DEPOSIT_MINOR: Final = 100_000_000_000

_FACTS = """
update tenants set
    kyc_passed_at = case when $2 then coalesce(kyc_passed_at, platform_now())
                         else kyc_passed_at end,
    deposit_due_minor = coalesce($3, deposit_due_minor)
where id = $1 and kind = 'AGENT'
"""


async def review(
    *, tenant_id: UUID, accept: bool, deposit_due_minor: int, actor: str, reason: str
) -> TenantStatus:
    """Accept an application, with the deposit that opening asks for, or reject it.

    Who was accepted can still be rejected until the shop opens. Raises `NotFound`, and `Invalid`
    for a tenant that is past that.
    """
    due_minor = _deposit(deposit_due_minor)
    change = LifeChange.ACCEPT if accept else LifeChange.REJECT
    step = Step(tenant_id, change, Mover.OPERATOR, actor, reason)
    async with db.transaction(standing.scope_of_life()):
        status = await standing.make_in_transaction(step)
        if accept:
            await db.execute(
                "update tenants set deposit_due_minor = $2 where id = $1", tenant_id, due_minor
            )
            status = await advance(tenant_id, actor=actor)
    return status


async def record_facts(
    *,
    tenant_id: UUID,
    actor: str,
    kyc_passed: bool = False,
    deposit_due_minor: int | None = None,
) -> TenantStatus:
    """Note what opening waits for; a tenant that has all of it opens.

    That the owner is who they say, once known, stays known. The amount is in minor units of the
    tenant's currency; None stays as it is. That it is paid nobody notes: the ledger says so.
    """
    due_minor = None if deposit_due_minor is None else _deposit(deposit_due_minor)
    async with db.transaction(standing.scope_of_life()):
        if not await db.execute(_FACTS, tenant_id, kyc_passed, due_minor):
            raise NotFound("There is no such tenant.", field="tenantId")
        return await advance(tenant_id, actor=actor)


async def restrict(
    *, tenant_id: UUID, orders_stopped: bool, payouts_frozen: bool, actor: str, reason: str
) -> TenantStatus:
    """Set the platform's own restrictions; with neither they are lifted. The parent's stays."""
    return await standing.make(
        Step(
            tenant_id,
            LifeChange.RESTRICT,
            Mover.OPERATOR,
            actor,
            reason,
            orders_stopped=orders_stopped,
            payouts_frozen=payouts_frozen,
        )
    )


async def restrict_child(
    *, parent_id: UUID, child_id: UUID, restricted: bool, actor: str, reason: str
) -> TenantStatus:
    """Stop a direct child's new orders, or let them go on. The platform's restriction stays.

    Raises `NotFound` for who is not a direct child.
    """
    return await standing.make(
        Step(
            child_id,
            LifeChange.RESTRICT_CHILD,
            Mover.PARENT,
            actor,
            reason,
            parent_id=parent_id,
            restricted_by_parent=restricted,
        )
    )


async def suspend(*, tenant_id: UUID, actor: str, reason: str) -> TenantStatus:
    """Stop a tenant; those below it move or wait, as their contracts say."""
    return await standing.make(Step(tenant_id, LifeChange.SUSPEND, Mover.OPERATOR, actor, reason))


async def reopen(*, tenant_id: UUID, actor: str, reason: str) -> TenantStatus:
    """Let a suspended tenant go on. Who has moved away from it stays away."""
    return await standing.make(Step(tenant_id, LifeChange.REOPEN, Mover.OPERATOR, actor, reason))


async def close(*, tenant_id: UUID, actor: str, reason: str) -> TenantStatus:
    """Begin to close a tenant: it refunds and answers for a while, then it is closed."""
    return await standing.make(Step(tenant_id, LifeChange.CLOSE, Mover.OPERATOR, actor, reason))


async def ask_to_close(*, tenant_id: UUID, actor: str, reason: str) -> TenantStatus:
    """Begin to close by the owner's own wish."""
    return await standing.make(Step(tenant_id, LifeChange.ASK_TO_CLOSE, Mover.OWNER, actor, reason))


async def apply_again(*, tenant_id: UUID, actor: str, reason: str) -> TenantStatus:
    """Ask for another look at a rejected application."""
    return await standing.make(Step(tenant_id, LifeChange.APPLY_AGAIN, Mover.OWNER, actor, reason))


async def end_closings(limit: int) -> int:
    """Close the tenants whose time to wind up is over; says how many. Called by a sweep."""
    async with db.transaction(standing.scope_of_life()):
        due = await db.fetch(
            """select id from tenants where status = 'CLOSING' and closes_at <= platform_now()
               order by closes_at limit $1 for no key update skip locked""",
            limit,
        )
        for row in due:
            step = Step(row["id"], LifeChange.END, Mover.CLOCK, "clock")
            await standing.make_in_transaction(step)
    return len(due)


async def advance(tenant_id: UUID, *, actor: str) -> TenantStatus:
    """Go as far towards ACTIVE as what is known and paid allows: each step asks and moves at once.

    In the open transaction of the tenant's scope, or of `standing.scope_of_life`.
    """
    for change in (LifeChange.KYC_PASSED, LifeChange.OPEN):
        await standing.make_if_due(Step(tenant_id, change, Mover.OPERATOR, actor))
    return TenantStatus(await db.fetch_value("select status from tenants where id = $1", tenant_id))


def _deposit(amount_minor: int) -> int:
    if not 0 <= amount_minor <= MAX_DEPOSIT_MINOR:
        message = f"A deposit is between 0 and {MAX_DEPOSIT_MINOR} minor units."
        raise Invalid(message, field="deposit")
    return amount_minor
