"""A shop and the tree below it: its state, its children, and how a shop comes to be."""

from datetime import datetime
from uuid import UUID

import strawberry

from billing.balances import party_balance
from identity import founders
from identity.founders import ShopFounded
from kernel import cursors, db
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.desks import balances_type
from schema.domains import domain_type
from schema.money import amount
from schema.problems import Refusals
from schema.tenant_types import (
    ChildTenantInvited,
    ChildTenantInvitePayload,
    ParentLoss,
    SettlementMode,
    Tenant,
    TenantChanged,
    TenantConnection,
    TenantEdge,
    TenantEvent,
    TenantFounded,
    TenantFoundPayload,
    TenantNode,
    TenantPayload,
    TenantStatusName,
    child_type,
    record_type,
)
from tenants import invitations, queries, reviews
from tenants.domains import domains_of
from tenants.founding import Application, Contract
from tenants.life import TenantStatus
from tenants.terms import set_terms

MAX_SUBTREE_DEPTH = 9


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
class ChildTenantRestrictInput:
    """`restricted` stops the child's new orders; false lifts what this shop has stopped."""

    child_id: strawberry.ID
    restricted: bool
    reason: str = ""


@strawberry.input
class TenantTermsInput:
    """What is left out stays. `maxChildDepth` counts levels from the root, which is 0."""

    tenant_id: strawberry.ID
    on_parent_loss: ParentLoss | None = None
    max_child_depth: int | None = None


@strawberry.input
class TenantWishInput:
    """What the owner says to it."""

    reason: str = ""


@strawberry.type
class TenantQuery:
    """The shop, its children, and for operators all shops."""

    @strawberry.field(description="The shop as its staff sees it.")
    async def tenant(self, info: Info) -> Tenant:
        """Read the shop with its balances, children, domains and past."""
        context = info.context
        async with db.transaction(context.core(), read_only=True):
            return await _tenant(context)

    @strawberry.field(
        description="The shops directly below; of what is deeper, only how many there are.",
        metadata={"assumed_size": 20},
    )
    async def subtree(self, info: Info, depth: int = 1) -> list[TenantNode]:
        """Read the children, and count what stands below each."""
        if not 1 <= depth <= MAX_SUBTREE_DEPTH:
            raise Invalid(f"A depth is between 1 and {MAX_SUBTREE_DEPTH}.", field="depth")
        context = info.context
        async with db.transaction(context.core(), read_only=True):
            children = await queries.children_of(context.shop.id)
            below = await queries.below_children(
                [child["id"] for child in children], levels=depth - 1
            )
        return [
            TenantNode(child=child_type(child), below=below.get(child["id"], 0))
            for child in children
        ]

    @strawberry.field(description="All shops of the platform, the newest first.")
    async def tenants(
        self,
        info: Info,
        status: TenantStatusName | None = None,
        below: strawberry.ID | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> TenantConnection:
        """Read a page of tenants."""
        size = cursors.page_size(first)
        mark = cursors.read(after, tenant_id=None, about="tenants")
        async with db.transaction(db.core_scope(), read_only=True):
            found = await queries.tenants_page(
                status=status,
                below=parse_id("ten", below, field="below") if below else None,
                first=size,
                after=(datetime.fromisoformat(mark[0]), UUID(mark[1])) if mark else None,
            )
        edges = [
            TenantEdge(
                cursor=cursors.write(
                    [row["opened_at"].isoformat(), str(row["id"])], tenant_id=None, about="tenants"
                ),
                node=record_type(row),
            )
            for row in found[:size]
        ]
        end = edges[-1].cursor if edges else None
        page_info = PageInfo(has_next_page=len(found) > size, end_cursor=end)
        return TenantConnection(edges=edges, page_info=page_info)


async def _tenant(context: Context) -> Tenant:
    shop = context.shop
    facts = await queries.tenant_facts(shop.id)
    balance = await party_balance(shop.id, shop.currency)
    return Tenant(
        id=strawberry.ID(public_id("ten", shop.id)),
        slug=facts["slug"],
        name=facts["name"],
        status=facts["status"],
        open=shop.open,
        orders_stopped=facts["orders_stopped"],
        payouts_frozen=facts["payouts_frozen"],
        restricted_by_parent=facts["restricted_by_parent"],
        settlement_mode=SettlementMode(facts["settlement_mode"]),
        on_parent_loss=ParentLoss(facts["on_parent_loss"]),
        depth=facts["depth"],
        max_child_depth=facts["max_child_depth"],
        parent_contact=facts["parent_contact"],
        kyc_passed=facts["kyc_passed"],
        deposit_due=amount(facts["deposit_due_minor"], shop.currency),
        deposit_paid=amount(facts["deposit_paid_minor"], shop.currency),
        closes_at=facts["closes_at"],
        balances=balances_type(balance, shop.currency),
        children=[child_type(child) for child in await queries.children_of(shop.id)],
        domains=[domain_type(domain) for domain in await domains_of(shop.id)],
        events=[TenantEvent(**event) for event in await queries.events_of(shop.id)],
    )


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
        return ChildTenantInvited(token=invited.token, expires_at=invited.expires_at)

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
        """Set what a loss of the parent does, and how deep the tree may grow."""
        context = info.context
        tenant_id = parse_id("ten", input.tenant_id, field="tenantId")
        status = await set_terms(
            tenant_id=tenant_id,
            on_parent_loss=input.on_parent_loss.value if input.on_parent_loss else None,
            max_child_depth=input.max_child_depth,
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
