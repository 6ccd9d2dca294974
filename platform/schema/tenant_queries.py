"""Reading a shop's place in the tree: itself, its children, and for operators every shop."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import strawberry

from billing.balances import PartyBalance, party_balance
from billing.trade_balances import TradeBalance, trade_balance
from kernel import cursors, db
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from schema.balances import Outlook, outlook_of, tenant_balances
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.domains import domain_type
from schema.look_ahead import Selected, selected
from schema.money import amount
from schema.order_stops import order_stops
from schema.payment_methods import PaymentMethodCode
from schema.settlement import SettlementMode
from schema.tenant_types import (
    ChildTenantInvitationConnection,
    ParentLoss,
    Tenant,
    TenantConnection,
    TenantEdge,
    TenantEvent,
    TenantNode,
    child_type,
    invitation_connection,
    record_type,
)
from tenants import queries
from tenants.directory import Shop
from tenants.domains import domains_of
from tenants.invitations import open_invitations
from tenants.life import TenantStatus

MAX_SUBTREE_DEPTH: Final = 9
#: What the request has read already, and what is a statement of its own.
_OF_THE_SHOP: Final = frozenset(
    """__typename id slug name status open depth paymentMethods balances children domains
    events""".split()
)
_NOT_ASKED_FOR: Final[Mapping[str, Any]] = {
    "orders_stopped": False,
    "deposit_low": False,
    "payouts_frozen": False,
    "restricted_by_parent": False,
    "settlement_mode": SettlementMode.PLATFORM_COLLECT.value,
    "on_parent_loss": ParentLoss.FREEZE.value,
    "max_child_depth": 0,
    "max_markup_bp": None,
    "grade": None,
    "parent_contact": None,
    "kyc_passed": False,
    "deposit_due_minor": 0,
    "deposit_paid_minor": 0,
    "closes_at": None,
}
_NO_MONEY: Final = (PartyBalance(), TradeBalance(0, None))


@strawberry.type
class TenantQuery:
    """The shop, its children, and for operators all shops."""

    @strawberry.field(description="The shop as its staff sees it.")
    async def tenant(self, info: Info) -> Tenant:
        """Read the shop with its balances, children, domains and past."""
        context = info.context
        wanted = selected(info)
        shop, of_balances = context.shop, wanted.below("balances")
        outlook = await outlook_of(shop.id, shop, wanted=of_balances)
        async with db.transaction(context.core(), read_only=True):
            return await _tenant(context, wanted, outlook)

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

    @strawberry.field(description="Open invitations to a shop below this one, the newest first.")
    async def child_tenant_invitations(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> ChildTenantInvitationConnection:
        """Read a page of what is offered and not yet taken."""
        page = await open_invitations(info.context.shop.id, first=first, after=after)
        return invitation_connection(page)

    @strawberry.field(description="All shops of the platform, the newest first.")
    async def tenants(
        self,
        info: Info,
        status: TenantStatus | None = None,
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


async def _money(shop: Shop, wanted: Selected) -> tuple[PartyBalance, TradeBalance]:
    if not wanted.has("balances"):
        return _NO_MONEY
    return (
        await party_balance(shop.id, shop.currency),
        await trade_balance(shop.id, shop.currency),
    )


async def _tenant(context: Context, wanted: Selected, outlook: Outlook) -> Tenant:
    """Read what is asked for, and nothing else: each list is a statement of its own."""
    shop = context.shop
    is_known = wanted.fields.keys() <= _OF_THE_SHOP
    facts = _NOT_ASKED_FOR if is_known else await queries.tenant_facts(shop.id)
    money = await _money(shop, wanted)
    children = await queries.children_of(shop.id) if wanted.has("children") else []
    hosts = await domains_of(shop.id) if wanted.has("domains") else []
    events = await queries.events_of(shop.id) if wanted.has("events") else []
    return Tenant(
        id=strawberry.ID(public_id("ten", shop.id)),
        slug=shop.slug,
        name=shop.name,
        status=shop.status.value,
        open=shop.open,
        orders_stopped=facts["orders_stopped"],
        orders_stopped_for=order_stops(facts),
        payouts_frozen=facts["payouts_frozen"],
        restricted_by_parent=facts["restricted_by_parent"],
        settlement_mode=SettlementMode(facts["settlement_mode"]),
        on_parent_loss=ParentLoss(facts["on_parent_loss"]),
        depth=len(shop.levels) - 1,
        max_child_depth=facts["max_child_depth"],
        max_markup_bp=facts["max_markup_bp"],
        grade=facts["grade"],
        parent_contact=facts["parent_contact"],
        kyc_passed=facts["kyc_passed"],
        deposit_due=amount(facts["deposit_due_minor"], shop.currency),
        deposit_paid=amount(facts["deposit_paid_minor"], shop.currency),
        closes_at=facts["closes_at"],
        payment_methods=[PaymentMethodCode(code) for code in shop.payment_methods],
        balances=tenant_balances(*money, outlook, shop.currency),
        children=[child_type(child) for child in children],
        domains=[domain_type(host) for host in hosts],
        events=[TenantEvent(**event) for event in events],
    )
