"""What operators decide about a tenant, at whatever shop's address they are."""

import strawberry

from kernel.ids import parse_id
from schema.context import Info
from schema.money import MinorUnits
from schema.problems import Refusals
from schema.tenant_types import TenantPayload
from schema.tenants import changed
from tenants import reviews


@strawberry.input
class TenantReviewInput:
    """`accept` with the deposit that opening asks for, in minor units of the shop's currency."""

    tenant_id: strawberry.ID
    accept: bool
    deposit_due_minor: MinorUnits = MinorUnits(0)
    reason: str = ""


@strawberry.input
class TenantFactsInput:
    """What has become known of a tenant before it opens; what is left out stays. That its deposit
    is paid follows from the money."""

    tenant_id: strawberry.ID
    kyc_passed: bool = False
    deposit_due_minor: MinorUnits | None = None


@strawberry.input
class TenantRestrictInput:
    """Both false lifts the platform's restrictions; the parent's stays."""

    tenant_id: strawberry.ID
    orders_stopped: bool
    payouts_frozen: bool
    reason: str = ""


@strawberry.input
class TenantDecisionInput:
    """About whom, and why."""

    tenant_id: strawberry.ID
    reason: str = ""


@strawberry.type
class TenantReviewMutation:
    """The platform's decisions."""

    @strawberry.mutation(description="Accept or reject an application.", extensions=[Refusals()])
    async def tenant_review(self, info: Info, input: TenantReviewInput) -> TenantPayload:
        """Decide about an application."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.review(
            tenant_id=tenant_id,
            accept=input.accept,
            deposit_due_minor=input.deposit_due_minor,
            actor=info.context.actor,
            reason=input.reason,
        )
        return changed(tenant_id, status)

    @strawberry.mutation(
        description="Note what opening waits for: who the owner is, and how much deposit.",
        extensions=[Refusals()],
    )
    async def tenant_facts_record(self, info: Info, input: TenantFactsInput) -> TenantPayload:
        """Record facts; a tenant that has all it needs opens."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.record_facts(
            tenant_id=tenant_id,
            kyc_passed=input.kyc_passed,
            deposit_due_minor=input.deposit_due_minor,
            actor=info.context.actor,
        )
        return changed(tenant_id, status)

    @strawberry.mutation(
        description="Stop a tenant's new orders or freeze its payouts, or lift both.",
        extensions=[Refusals()],
    )
    async def tenant_restrict(self, info: Info, input: TenantRestrictInput) -> TenantPayload:
        """Set the platform's own restrictions."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.restrict(
            tenant_id=tenant_id,
            orders_stopped=input.orders_stopped,
            payouts_frozen=input.payouts_frozen,
            actor=info.context.actor,
            reason=input.reason,
        )
        return changed(tenant_id, status)

    @strawberry.mutation(
        description="Stop a tenant; who is below it moves or waits.", extensions=[Refusals()]
    )
    async def tenant_suspend(self, info: Info, input: TenantDecisionInput) -> TenantPayload:
        """Suspend a tenant."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.suspend(
            tenant_id=tenant_id, actor=info.context.actor, reason=input.reason
        )
        return changed(tenant_id, status)

    @strawberry.mutation(description="Let a suspended tenant go on.", extensions=[Refusals()])
    async def tenant_reopen(self, info: Info, input: TenantDecisionInput) -> TenantPayload:
        """Reopen a tenant."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.reopen(
            tenant_id=tenant_id, actor=info.context.actor, reason=input.reason
        )
        return changed(tenant_id, status)

    @strawberry.mutation(
        description="Begin to close a tenant: refunds and tickets for 30 days, then nothing.",
        extensions=[Refusals()],
    )
    async def tenant_close(self, info: Info, input: TenantDecisionInput) -> TenantPayload:
        """Close a tenant."""
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await reviews.close(
            tenant_id=tenant_id, actor=info.context.actor, reason=input.reason
        )
        return changed(tenant_id, status)
