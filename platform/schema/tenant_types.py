"""Tenants as their own staff, their parents and operators see them."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from kernel.ids import public_id
from schema.balances import TenantBalances
from schema.connections import PageInfo
from schema.money import Money, amount
from schema.order_stops import OrderStop, order_stops
from schema.payment_methods import PaymentMethodCode
from schema.problems import Problem
from schema.settlement import SettlementMode
from tenants.founding import contact_of
from tenants.invitations import InvitationPage
from tenants.life import TenantStatus


@strawberry.enum
class ParentLoss(Enum):
    """What becomes of a tenant when its parent is lost. REPARENT: it moves below the next one
    above, at that one's prices. FREEZE: it takes no orders until the parent is back."""

    REPARENT = "REPARENT"
    FREEZE = "FREEZE"


strawberry.enum(TenantStatus, name="TenantStatus", description="Where a tenant is in its life.")


@strawberry.type(description="A shop directly below this one.")
class ChildTenant:
    """What a parent may know of a child. `open`: it takes orders now."""

    id: strawberry.ID
    slug: str
    name: str
    status: str
    depth: int
    open: bool
    restricted_by_parent: bool
    on_parent_loss: ParentLoss
    max_child_depth: int
    max_markup_bp: int | None


@strawberry.type(description="A child with the size of what stands below it, and nothing else.")
class TenantNode:
    """`below` counts tenants, down to the depth that was asked for."""

    child: ChildTenant
    below: int


@strawberry.type(description="A change in a tenant's life.")
class TenantEvent:
    """Who made it stays with the platform."""

    change: str
    from_status: str | None
    to_status: str
    reason: str
    at: datetime


@strawberry.type(description="A host name that leads, or shall lead, to the shop.")
class TenantDomain:
    """`host` in its ASCII form, `shown` as people write it. Until `status` is VERIFIED nobody is
    led there: the record `proofName` must be a TXT with `proofValue`."""

    id: strawberry.ID
    host: str
    shown: str
    kind: str
    status: str
    is_primary: bool
    proof_name: str | None
    proof_value: str | None
    verified_at: datetime | None
    checked_at: datetime | None


@strawberry.type(description="The shop as its staff sees it.")
class Tenant:
    """One agent. `maxMarkupBp` is the most that it may add to its cost; null: no limit."""

    id: strawberry.ID
    slug: str
    name: str
    status: str
    open: bool
    orders_stopped: bool
    orders_stopped_for: list[OrderStop]
    payouts_frozen: bool
    restricted_by_parent: bool
    settlement_mode: SettlementMode
    on_parent_loss: ParentLoss
    depth: int
    max_child_depth: int
    max_markup_bp: int | None
    grade: str | None
    parent_contact: str | None
    kyc_passed: bool
    deposit_due: Money
    deposit_paid: Money
    closes_at: datetime | None
    payment_methods: list[PaymentMethodCode] = strawberry.field(metadata={"assumed_size": 5})
    balances: TenantBalances
    children: list[ChildTenant] = strawberry.field(metadata={"assumed_size": 20})
    domains: list[TenantDomain] = strawberry.field(metadata={"assumed_size": 5})
    events: list[TenantEvent] = strawberry.field(metadata={"assumed_size": 20})


@strawberry.type(description="A tenant as an operator sees it.")
class TenantRecord:
    """`contact` is what the applicant has left. The caps of all levels together, and how many
    agents of a path earn, stand at the platform's own shop; null: no cap, and as many as usual."""

    id: strawberry.ID
    parent_id: strawberry.ID | None
    slug: str
    name: str
    status: str
    depth: int
    max_child_depth: int
    max_markup_bp: int | None
    cumulative_cap_bp: int | None
    earning_depth: int | None
    orders_stopped: bool
    orders_stopped_for: list[OrderStop]
    payouts_frozen: bool
    restricted_by_parent: bool
    on_parent_loss: ParentLoss
    contact: str | None
    kyc_passed: bool
    deposit_due: Money
    deposit_paid: Money
    opened_at: datetime
    closes_at: datetime | None


@strawberry.type
class TenantEdge:
    """A tenant and where it stands in the list."""

    cursor: str
    node: TenantRecord


@strawberry.type
class TenantConnection:
    """A page of tenants."""

    edges: list[TenantEdge]
    page_info: PageInfo


@strawberry.type(description="What a tenant is now.")
class TenantChanged:
    """The answer to every change in a tenant's life."""

    id: strawberry.ID
    status: str


TenantPayload = Annotated[TenantChanged | Problem, strawberry.union("TenantPayload")]


@strawberry.type(description="A shop that was just applied for.")
class TenantFounded:
    """`token` is its owner's: readable this once, at the new shop's `host`."""

    slug: str
    host: str
    status: str
    token: str
    expires_at: datetime


TenantFoundPayload = Annotated[TenantFounded | Problem, strawberry.union("TenantFoundPayload")]


@strawberry.type(description="An invitation to open a shop below this one.")
class ChildTenantInvited:
    """`token` is good once, and readable this once."""

    id: strawberry.ID
    token: str
    expires_at: datetime


@strawberry.type(description="An invitation that nobody has taken yet, and what it promises.")
class ChildTenantInvitation:
    """Its token was shown once, when it was made."""

    id: strawberry.ID
    on_parent_loss: ParentLoss
    settlement_mode: SettlementMode
    created_at: datetime
    expires_at: datetime


@strawberry.type
class ChildTenantInvitationEdge:
    """An invitation and the cursor that continues after it."""

    cursor: str
    node: ChildTenantInvitation


@strawberry.type
class ChildTenantInvitationConnection:
    """A page of open invitations, the newest first."""

    edges: list[ChildTenantInvitationEdge]
    page_info: PageInfo


@strawberry.type
class ChildTenantInvitationWithdrawn:
    """The invitation opens no shop any more."""

    id: strawberry.ID


ChildTenantInvitePayload = Annotated[
    ChildTenantInvited | Problem, strawberry.union("ChildTenantInvitePayload")
]
ChildTenantInvitationWithdrawPayload = Annotated[
    ChildTenantInvitationWithdrawn | Problem,
    strawberry.union("ChildTenantInvitationWithdrawPayload"),
]


def invitation_connection(page: InvitationPage) -> ChildTenantInvitationConnection:
    """Put a page of open invitations into the schema's words."""
    edges = [
        ChildTenantInvitationEdge(
            cursor=cursor,
            node=ChildTenantInvitation(
                id=strawberry.ID(public_id("tiv", one.id)),
                on_parent_loss=ParentLoss(one.contract.on_parent_loss),
                settlement_mode=SettlementMode(one.contract.settlement_mode),
                created_at=one.created_at,
                expires_at=one.expires_at,
            ),
        )
        for one, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    page_info = PageInfo(has_next_page=page.has_next, end_cursor=end)
    return ChildTenantInvitationConnection(edges=edges, page_info=page_info)


def child_type(row: Mapping[str, Any]) -> ChildTenant:
    """Put a child into the schema's words."""
    return ChildTenant(
        id=strawberry.ID(public_id("ten", row["id"])),
        slug=row["slug"],
        name=row["name"],
        status=row["status"],
        depth=row["depth"],
        open=row["open"],
        restricted_by_parent=row["restricted_by_parent"],
        on_parent_loss=ParentLoss(row["on_parent_loss"]),
        max_child_depth=row["max_child_depth"],
        max_markup_bp=row["max_markup_bp"],
    )


def record_type(row: Mapping[str, Any]) -> TenantRecord:
    """Put a tenant into an operator's words."""
    parent_id, currency = row["parent_id"], row["currency"]
    return TenantRecord(
        id=strawberry.ID(public_id("ten", row["id"])),
        parent_id=strawberry.ID(public_id("ten", parent_id)) if parent_id else None,
        slug=row["slug"],
        name=row["name"],
        status=row["status"],
        depth=row["depth"],
        max_child_depth=row["max_child_depth"],
        max_markup_bp=row["max_markup_bp"],
        cumulative_cap_bp=row["cumulative_cap_bp"],
        earning_depth=row["earning_depth"],
        orders_stopped=row["orders_stopped"],
        orders_stopped_for=order_stops(row),
        payouts_frozen=row["payouts_frozen"],
        restricted_by_parent=row["restricted_by_parent"],
        on_parent_loss=ParentLoss(row["on_parent_loss"]),
        contact=contact_of(row),
        kyc_passed=row["kyc_passed"],
        deposit_due=amount(row["deposit_due_minor"], currency),
        deposit_paid=amount(row["deposit_paid_minor"], currency),
        opened_at=row["opened_at"],
        closes_at=row["closes_at"],
    )
