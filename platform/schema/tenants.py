"""A shop and the tree below it: its state, its children, and how a shop comes to be."""

from uuid import UUID

import strawberry

from identity import founders
from identity.founders import ShopFounded
from kernel.ids import parse_id, public_id
from schema.context import Info
from schema.inputs import or_keep
from schema.problems import Refusals
from schema.settlement import SettlementMode
from schema.tenant_types import (
    ChildTenantInvitationWithdrawn,
    ChildTenantInvitationWithdrawPayload,
    ChildTenantInvited,
    ChildTenantInvitePayload,
    ParentLoss,
    TenantChanged,
    TenantFounded,
    TenantFoundPayload,
    TenantPayload,
)
from tenants import invitations, reviews
from tenants.founding import Application, Contract
from tenants.life import TenantStatus
from tenants.terms import Terms, set_terms


@strawberry.input
class TenantApplyInput:
    """What the shop is to be called, in its address and above its door, and whom to write to."""

    slug: str
    name: str
    contact: str


@strawberry.input
class InvitationAcceptInput(TenantApplyInput):
    """The same, with an invitation of this shop."""

    token: str


@strawberry.input
class ChildTenantInviteInput:
    """What the invitation promises, and how long it is good."""

    days: int = 7
    on_parent_loss: ParentLoss = ParentLoss.FREEZE
    settlement_mode: SettlementMode = SettlementMode.PLATFORM_COLLECT


@strawberry.input
class ChildTenantInvitationWithdrawInput:
    """An open invitation of this shop."""

    invitation_id: strawberry.ID


@strawberry.input
class ChildTenantRestrictInput:
    """`restricted` stops the child's new orders; false lifts what this shop has stopped."""

    child_id: strawberry.ID
    restricted: bool
    reason: str = ""


@strawberry.input
class TenantTermsInput:
    """What is left out stays; null lifts a cap. `maxChildDepth` counts levels from the root, which
    is 0; `maxMarkupBp` is the most that the shop may add to its cost. The last two are the
    platform's own shop's, and hold for the whole tree: how far a price may exceed the platform's,
    and how many agents of a path earn on a sale."""

    tenant_id: strawberry.ID
    on_parent_loss: ParentLoss | None = None
    max_child_depth: int | None = None
    max_markup_bp: int | None = strawberry.UNSET
    cumulative_cap_bp: int | None = strawberry.UNSET
    earning_depth: int | None = strawberry.UNSET


@strawberry.input
class TenantWishInput:
    """What the owner says to it."""

    reason: str = ""


@strawberry.type
class TenantMutation:
    """How a shop comes to be, and what its parent and its owner decide."""

    @strawberry.mutation(
        description="Apply for a shop of one's own below this one.", extensions=[Refusals()]
    )
    async def tenant_apply(self, info: Info, input: TenantApplyInput) -> TenantFoundPayload:
        """Write the application, with its owner."""
        context = info.context
        founded = await founders.apply(
            parent_id=context.shop.id,
            application=_application(input),
            ip=context.ip,
            actor=context.actor,
        )
        return _founded(founded)

    @strawberry.mutation(
        description="Invite somebody to open a shop below this one.", extensions=[Refusals()]
    )
    async def child_tenant_invite(
        self, info: Info, input: ChildTenantInviteInput
    ) -> ChildTenantInvitePayload:
        """Make a token that is good once."""
        contract = Contract(input.on_parent_loss.value, input.settlement_mode.value)
        invited = await invitations.invite(
            parent_id=info.context.shop.id,
            contract=contract,
            days=input.days,
            actor=info.context.actor,
        )
        return ChildTenantInvited(
            id=strawberry.ID(public_id("tiv", invited.id)),
            token=invited.token,
            expires_at=invited.expires_at,
        )

    @strawberry.mutation(
        description="Take back an invitation that nobody has taken.", extensions=[Refusals()]
    )
    async def child_tenant_invitation_withdraw(
        self, info: Info, input: ChildTenantInvitationWithdrawInput
    ) -> ChildTenantInvitationWithdrawPayload:
        """End an open invitation of this shop."""
        await invitations.withdraw(
            parent_id=info.context.shop.id,
            invitation_id=parse_id("tiv", input.invitation_id, field="invitationId"),
        )
        return ChildTenantInvitationWithdrawn(id=input.invitation_id)

    @strawberry.mutation(
        description="Open a shop with an invitation of this one.", extensions=[Refusals()]
    )
    async def invitation_accept(
        self, info: Info, input: InvitationAcceptInput
    ) -> TenantFoundPayload:
        """Spend the invitation on a shop."""
        context = info.context
        founded = await founders.accept(
            parent_id=context.shop.id,
            token=input.token,
            application=_application(input),
            ip=context.ip,
            actor=context.actor,
        )
        return _founded(founded)

    @strawberry.mutation(
        description="Stop a child's new orders, or let them go on.", extensions=[Refusals()]
    )
    async def child_tenant_restrict(
        self, info: Info, input: ChildTenantRestrictInput
    ) -> TenantPayload:
        """Restrict a direct child; only the platform lifts what the platform has stopped."""
        child_id = parse_id("ten", input.child_id, field="childId")
        status = await reviews.restrict_child(
            parent_id=info.context.shop.id,
            child_id=child_id,
            restricted=input.restricted,
            actor=info.context.actor,
            reason=input.reason,
        )
        return changed(child_id, status)

    @strawberry.mutation(
        description="Change the contract of a child, or, as an operator, of any tenant.",
        extensions=[Refusals()],
    )
    async def tenant_terms_set(self, info: Info, input: TenantTermsInput) -> TenantPayload:
        """Set what a loss of the parent does, how deep the tree may grow, and caps."""
        context = info.context
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await set_terms(
            tenant_id=tenant_id,
            terms=_terms(input),
            parent_id=None if context.is_operator else context.shop.id,
            actor=context.actor,
        )
        return changed(tenant_id, status)

    @strawberry.mutation(
        description="Begin to close this shop: refunds and tickets for 30 days, then nothing.",
        extensions=[Refusals()],
    )
    async def tenant_close_request(self, info: Info, input: TenantWishInput) -> TenantPayload:
        """Close by the owner's wish."""
        shop_id = info.context.shop.id
        status = await reviews.ask_to_close(
            tenant_id=shop_id, actor=info.context.actor, reason=input.reason
        )
        return changed(shop_id, status)

    @strawberry.mutation(
        description="Ask for another look at a rejected application.", extensions=[Refusals()]
    )
    async def tenant_apply_again(self, info: Info, input: TenantWishInput) -> TenantPayload:
        """Apply again."""
        shop_id = info.context.shop.id
        status = await reviews.apply_again(
            tenant_id=shop_id, actor=info.context.actor, reason=input.reason
        )
        return changed(shop_id, status)


def changed(tenant_id: UUID, status: TenantStatus) -> TenantChanged:
    """Say what a tenant is now."""
    return TenantChanged(id=strawberry.ID(public_id("ten", tenant_id)), status=status.value)


def _terms(input: TenantTermsInput) -> Terms:
    return Terms(
        on_parent_loss=input.on_parent_loss.value if input.on_parent_loss else None,
        max_child_depth=input.max_child_depth,
        max_markup_bp=or_keep(input.max_markup_bp),
        cumulative_cap_bp=or_keep(input.cumulative_cap_bp),
        earning_depth=or_keep(input.earning_depth),
    )


def _application(input: TenantApplyInput) -> Application:
    return Application(slug=input.slug, name=input.name, contact=input.contact)


def _founded(founded: ShopFounded) -> TenantFounded:
    tenant = founded.tenant
    return TenantFounded(
        slug=tenant.slug,
        host=tenant.host,
        status=tenant.status.value,
        token=founded.token,
        expires_at=founded.expires_at,
    )
