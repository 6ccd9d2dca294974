"""Deposits, what cases hold of them, and what is asked for, in the schema's words."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from billing.deposits.holds import DepositHold as HoldRow
from billing.deposits.holds import HoldPage
from billing.deposits.parties import DepositParty
from kernel.errors import Invalid
from kernel.ids import parse_id, public_id
from orders.deposits import whose
from orders.deposits.view import DepositView
from schema.connections import PageInfo
from schema.context import Context
from schema.money import Money, MoneyInput, amount
from schema.problems import Problem


@strawberry.enum
class DepositPartyKind(Enum):
    """Who puts deposits down."""

    SUPPLIER = "SUPPLIER"
    TENANT = "TENANT"


@strawberry.enum
class DepositHoldState(Enum):
    """RELEASED: all of it is free again. DEDUCTED: a part of it is gone."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    DEDUCTED = "DEDUCTED"


@strawberry.type(description="A seller's deposit, and how much there must be.")
class Deposit:
    """`required` = `base` + a part of `exposure`, which is what could still be claimed, by how bad
    the party's goods were (`invalidRateBp` of `sold` pieces). Short of it by more than `grace`, the
    party sells nothing new. `runsOutAt`: when that happens at today's pace (`exposurePerHour`);
    null: not within a year. `measuredAt` is null where nothing is asked for."""

    party_id: strawberry.ID
    free: Money
    held: Money
    required: Money
    short_by: Money
    base: Money
    grace: Money
    exposure: Money
    exposure_per_hour: Money
    sold: int
    invalid_rate_bp: int
    runs_out_at: datetime | None
    measured_at: datetime | None


@strawberry.type(description="A part of a deposit that a case holds, or has held.")
class DepositHold:
    """`deducted` is gone for good; the rest of `amount` was free again when the hold ended."""

    id: strawberry.ID
    case_id: strawberry.ID
    amount: Money
    deducted: Money
    state: DepositHoldState
    reason: str
    ended_reason: str | None
    held_at: datetime
    ended_at: datetime | None


@strawberry.type
class DepositHoldEdge:
    """A hold and the cursor that continues after it."""

    cursor: str
    node: DepositHold


@strawberry.type
class DepositHoldConnection:
    """A page of holds, the newest first."""

    edges: list[DepositHoldEdge]
    page_info: PageInfo


@strawberry.type(description="The deposit as it is now.")
class DepositChanged:
    """The answer to every change of a deposit."""

    deposit: Deposit


@strawberry.type(description="A hold as it is now.")
class DepositHoldChanged:
    """The answer to every change of a hold."""

    hold: DepositHold


@strawberry.type(description="The policy is written; who it is about is looked at soon.")
class DepositPolicyChanged:
    """Null: of everybody of the kind who has none of their own."""

    party_kind: DepositPartyKind
    party_id: strawberry.ID | None


DepositPayload = Annotated[DepositChanged | Problem, strawberry.union("DepositPayload")]
DepositHoldPayload = Annotated[DepositHoldChanged | Problem, strawberry.union("DepositHoldPayload")]
DepositPolicyPayload = Annotated[
    DepositPolicyChanged | Problem, strawberry.union("DepositPolicyPayload")
]


async def party_in(context: Context, party_id: strawberry.ID | None) -> DepositParty:
    """Whose deposit is meant: the caller's own, or for an operator anybody's.

    Raises `NotFound` for whoever names another than its own, `Invalid` for an operator who names
    none.
    """
    if context.is_operator:
        if party_id is None:
            raise Invalid("Say whose deposit it is.", field="partyId")
        return await named_party(party_id)
    assert context.caller is not None  # the role x field table lets only staff and suppliers in
    if len(context.shop.path) == 1 and context.caller.tenant_id is None:
        own = whose.party_of_supplier(context.caller.principal_id, root=context.shop)
    else:
        own = whose.party_of_shop(context.shop)
    if party_id is not None and party_id != public_party_id(own):
        raise whose.no_such_party()
    return own


async def named_party(party_id: strawberry.ID) -> DepositParty:
    """A supplier or a shop, for operators. Raises `NotFound`."""
    if party_id.startswith("sup_"):
        return await whose.party_by_id("SUPPLIER", parse_id("sup", party_id, field="partyId"))
    return await whose.party_by_id("TENANT", parse_id("ten", party_id, field="partyId"))


def public_party_id(party: DepositParty) -> strawberry.ID:
    """How a party is called outside."""
    return strawberry.ID(public_id("sup" if party.kind == "SUPPLIER" else "ten", party.id))


def amount_of(money: MoneyInput, party: DepositParty, *, field: str) -> int:
    """Read an amount in the deposit's currency, in minor units."""
    if money.currency != party.currency:
        raise Invalid(f"This deposit is in {party.currency}.", field=field)
    return money.amount_minor


def deposit_type(view: DepositView, party: DepositParty) -> Deposit:
    """Put a deposit into the schema's words."""
    currency = party.currency
    return Deposit(
        party_id=public_party_id(party),
        free=amount(view.free_minor, currency),
        held=amount(view.held_minor, currency),
        required=amount(view.required_minor, currency),
        short_by=amount(view.short_by_minor, currency),
        base=amount(view.base_minor, currency),
        grace=amount(view.grace_minor, currency),
        exposure=amount(view.exposure_minor, currency),
        exposure_per_hour=amount(view.growth_minor_per_hour, currency),
        sold=view.sold,
        invalid_rate_bp=view.invalid_rate_bp,
        runs_out_at=view.runs_out_at,
        measured_at=view.measured_at,
    )


def hold_type(row: HoldRow) -> DepositHold:
    """Put a hold into the schema's words."""
    return DepositHold(
        id=strawberry.ID(public_id("dph", row.id)),
        case_id=strawberry.ID(public_id("cas", row.case_id)),
        amount=amount(row.amount_minor, row.currency),
        deducted=amount(row.deducted_minor, row.currency),
        state=DepositHoldState(row.state),
        reason=row.reason,
        ended_reason=row.ended_reason,
        held_at=row.held_at,
        ended_at=row.ended_at,
    )


def hold_connection(page: HoldPage) -> DepositHoldConnection:
    """Put a page of holds into the schema's words."""
    edges = [
        DepositHoldEdge(cursor=cursor, node=hold_type(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    end = page.cursors[-1] if page.cursors else None
    return DepositHoldConnection(
        edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
    )
