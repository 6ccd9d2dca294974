"""The parts of a sale's statements for what a person delivers; no other order knows of them.

What is paid for such a line stays in escrow until it is delivered, and its clock runs from the
payment on.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from orders.drafts import Draft

LEAD_SECONDS: Final = 15
"""By how much the highest priority, 100, brings a line forward at its desk, for each minute that
was promised: a quarter of it. Whoever has come earlier than that is never behind."""

WRITE: Final = f"""
the_deliveries as (
    insert into manual_deliveries (tenant_id, order_id, line_id, party_id, sku_id, quantity,
                                   minutes, by_account, lead_seconds, state, due_at)
    select :tenant_id::uuid, :order_id::uuid, line.id, line.party_id, line.sku_id, line.quantity,
           line.minutes, line.by_account, line.minutes * standing.priority * {LEAD_SECONDS} / 100,
           case when :is_paid::boolean then 'DUE' else 'UNPAID' end,
           case when :is_paid::boolean then now + make_interval(mins => line.minutes) end
    from ready, moment,
         (select coalesce(max(tier.priority), 0)::int as priority
          from customers buyer
          join membership_tiers tier on (tier.tenant_id, tier.id) = (buyer.tenant_id, buyer.tier_id)
          where buyer.tenant_id = :tenant_id::uuid and buyer.id = :customer_id::uuid) as standing,
         unnest(:manual_lines::uuid[], :manual_parties::uuid[], :manual_skus::uuid[],
                :manual_quantities::int[], :manual_minutes::int[], :manual_by_accounts::boolean[])
         as line (id, party_id, sku_id, quantity, minutes, by_account)
)
"""
"""Writes the lines that a person delivers, each with the place at the desk that the buyer's tier
has now; their clock runs if the order is paid at once."""

START: Final = """
begun as (
    update manual_deliveries set state = 'DUE',
           due_at = moment.now + make_interval(mins => minutes)
    from ready, moment
    where line_id = any (:manual_lines::uuid[]) and order_id = :order_id::uuid and state = 'UNPAID'
)
"""
"""Starts the clocks of an order that is paid."""


def placing_values(draft: Draft) -> dict[str, Any]:
    """Give the values of `WRITE`, and of the order's own part."""
    lines = draft.by_hand
    return {
        "manual_lines": [line.id for line in lines],
        "manual_parties": [line.quoted.sourcing.supplier_id for line in lines],
        "manual_skus": [line.quoted.sku.id for line in lines],
        "manual_quantities": [line.quoted.quantity for line in lines],
        "manual_minutes": [line.quoted.manual_minutes for line in lines],
        "manual_by_accounts": [line.quoted.delivery_mode == "DIRECT_TOPUP" for line in lines],
        "fulfilment": fulfilment(draft),
    }


def starting_values(waiting: Collection[UUID], *, lines: Collection[UUID]) -> dict[str, Any]:
    """Give the values of `START`, and of the order's own part, for an order with these lines."""
    return {"manual_lines": list(waiting), "fulfilment": _fulfilment(len(waiting), len(lines))}


def fulfilment(draft: Draft) -> str:
    """Say how far an order is in the moment in which it is paid."""
    return _fulfilment(len(draft.by_hand), len(draft.lines))


def _fulfilment(waiting: int, lines: int) -> str:
    if not waiting:
        return "DELIVERED"
    return "FULFILLING" if waiting == lines else "PARTIALLY_DELIVERED"


def waiting_of(draft: Draft) -> Mapping[UUID, int]:
    """The lines that a person will deliver. A balance pays them, so no channel takes a fee."""
    return {line.id: 0 for line in draft.by_hand}
