"""What the platform, a parent and an owner decide about a tenant."""

from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from tenants import standing
from tenants.life import LifeChange, Mover, TenantStatus
from tenants.standing import Step

MAX_DEPOSIT_MINOR: Final = 100_000_000_000


async def review(
    *, tenant_id: UUID, accept: bool, deposit_due_minor: int, actor: str, reason: str
) -> TenantStatus:
    """Accept an application, with the deposit that opening asks for, or reject it.

    Raises `NotFound`, and `Invalid` for a tenant that has not applied.
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
            status = await _advance(tenant_id, actor=actor)
    return status


async def record_kyc(*, tenant_id: UUID, actor: str) -> TenantStatus:
    """Note that the owner is who they say; the tenant goes on if that was what it waited for."""
    return await _record(
        tenant_id,
        "kyc_passed_at = coalesce(kyc_passed_at, platform_now())",
        actor=actor,
    )


async def record_deposit_due(
    *, tenant_id: UUID, deposit_due_minor: int, actor: str
) -> TenantStatus:
    """Note how much opening asks for, in minor units of the tenant's currency."""
    return await _record(
        tenant_id, "deposit_due_minor = $2", _deposit(deposit_due_minor), actor=actor
    )


async def record_deposit_paid(
    *, tenant_id: UUID, deposit_paid_minor: int, actor: str
) -> TenantStatus:
    """Note how much of the deposit is there, in minor units; a tenant that has enough opens."""
    return await _record(
        tenant_id, "deposit_paid_minor = $2", _deposit(deposit_paid_minor), actor=actor
    )


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


async def _record(tenant_id: UUID, fact: str, *values: int, actor: str) -> TenantStatus:
    """Write a fact about a tenant that has not opened yet, and let it go on if it is ready."""
    async with db.transaction(standing.scope_of_life()):
        known = await db.execute(
            f"update tenants set {fact} where id = $1 and kind = 'AGENT'", tenant_id, *values
        )
        if not known:
            raise NotFound("There is no such tenant.", field="tenantId")
        return await _advance(tenant_id, actor=actor)


async def _advance(tenant_id: UUID, *, actor: str) -> TenantStatus:
    """Go as far towards ACTIVE as what is known allows: each step asks and moves at once."""
    for change in (LifeChange.KYC_PASSED, LifeChange.OPEN):
        await standing.make_if_due(Step(tenant_id, change, Mover.OPERATOR, actor))
    return TenantStatus(await db.fetch_value("select status from tenants where id = $1", tenant_id))


def _deposit(amount_minor: int) -> int:
    if not 0 <= amount_minor <= MAX_DEPOSIT_MINOR:
        message = f"A deposit is between 0 and {MAX_DEPOSIT_MINOR} minor units."
        raise Invalid(message, field="deposit")
    return amount_minor
