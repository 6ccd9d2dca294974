"""Which plans an order may be paid by, and each part's amount."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Refusal
from orders import records
from orders.instalments import arithmetic
from orders.instalments.terms import Terms, terms_inside
from orders.records import Line, Order, ShareRow, Viewer
from orders.split import channel_fees_by_line
from tenants.directory import Shop


class InstalmentsNotOffered(Refusal):
    """This order cannot be paid in parts, or not in so many."""

    code = "INSTALMENTS_NOT_OFFERED"


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """A plan as it would be: its parts, of which the buyer's fee is a part. In minor units."""

    parts: int
    amounts: tuple[int, ...]
    buyer_fee_minor: int
    interval_days: int


def plan_offer(terms: Terms, *, total_minor: int, parts: int) -> PlanOffer | None:
    """The plan of so many parts for so much; None where the terms have none."""
    in_bounds = arithmetic.LEAST_PARTS <= parts <= terms.most_parts
    if not terms.is_offered or total_minor < terms.least_minor or not in_bounds:
        return None
    fee_minor = 0
    if terms.fee_by == "BUYER":
        fee_minor = arithmetic.fee_minor(total_minor=total_minor, fee_bp=terms.fee_bp)
    amounts = arithmetic.part_amounts(
        owed_minor=total_minor + fee_minor, parts=parts, first_bp=terms.first_bp
    )
    return PlanOffer(parts, tuple(amounts), fee_minor, terms.interval_days)


def plan_offers(terms: Terms | None, *, total_minor: int) -> list[PlanOffer]:
    """All plans for so much, the shortest first."""
    if terms is None:
        return []
    counts = range(arithmetic.LEAST_PARTS, terms.most_parts + 1)
    found = (plan_offer(terms, total_minor=total_minor, parts=parts) for parts in counts)
    return [offer for offer in found if offer is not None]


async def order_offers(*, shop: Shop, viewer: Viewer, order_no: str) -> list[PlanOffer]:
    """The plans that the viewer's order may be paid by, in a transaction of its own; none for a
    guest, and none once it is paid."""
    if viewer.customer_id is None or shop.prepaid:
        return []
    async with db.transaction(db.core_scope(shop.id, path=shop.path), read_only=True):
        order = await records.order_by_no(order_no, viewer)
        terms = await terms_inside(shop.id)
        if terms is None or not terms.is_offered or not order.payable:
            return []
        lines, shares = await records.lines_and_shares(order.id)
        if not is_suited(order, lines, shares, terms):
            return []
        return plan_offers(terms, total_minor=order.total_minor)


def is_suited(
    order: Order, lines: Sequence[Line], shares: Sequence[ShareRow], terms: Terms
) -> bool:
    """Whether an order's goods come from the pool, and the shop earns enough of each line to bear
    its fee."""
    if order.at_cost or order.customer_id is None or any(line.by_hand for line in lines):
        return False
    payer = "WHOLESALE_MARGIN" if len(order.path) == 1 else "SHOP_MARGIN"
    earned = {share.line_id: share.amount_minor for share in shares if share.role == payer}
    fees = fees_by_line(lines, total_minor=order.total_minor, fee_bp=shop_fee_bp(terms))
    return all(fee <= earned.get(line.id, 0) for line, fee in zip(lines, fees, strict=True))


def shop_fee_bp(terms: Terms) -> int:
    """The fee that the shop bears, in basis points."""
    return terms.fee_bp if terms.fee_by == "SHOP" else 0


def fees_by_line(lines: Sequence[Line], *, total_minor: int, fee_bp: int) -> list[int]:
    """The shop's fee on each line, as a channel's would be."""
    return channel_fees_by_line(
        nets_minor=[line.paid_minor for line in lines], channel_minor=total_minor, fee_bp=fee_bp
    )


# An unpaid order holds its place, so that two at once are not both the last one.
_OPEN_PLANS: Final = """
select count(*) from instalment_plans plan join orders on orders.id = plan.order_id
where plan.tenant_id = $1 and plan.customer_id = $2 and plan.order_id <> $3
  and (plan.state = 'OPEN' or (plan.state = 'PROPOSED' and orders.payment_status = 'PENDING'
                               and orders.expires_at > platform_now()))
"""


async def require_place(order: Order, terms: Terms) -> None:
    """Raise `InstalmentsNotOffered` where the customer, who is locked for it, has as many plans as
    the terms allow."""
    await _lock_customer(order.tenant_id, order.customer_id)
    taken: int = await db.fetch_value(_OPEN_PLANS, order.tenant_id, order.customer_id, order.id)
    if taken >= terms.most_open:
        raise InstalmentsNotOffered(
            "You are paying for as many orders in parts as you may: pay for one of them first.",
            field="orderNo",
            details={"most": terms.most_open},
        )


async def _lock_customer(tenant_id: UUID, customer_id: UUID | None) -> None:
    await db.execute(
        "select from customers where tenant_id = $1 and id = $2 for no key update",
        tenant_id,
        customer_id,
    )
