"""What we can prove about a disputed sale: a document out of our own records.

Who ordered and paid when, what was promised and delivered, who opened it, when and from where. No
secret of a key, no contact, no cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db

MAX_REVEALS: Final = 500


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, when, and by whom or what."""

    at: datetime
    what: str
    details: str


@dataclass(frozen=True, slots=True)
class RevealFact:
    """A key that left the platform: who opened it, when and from where."""

    at: datetime
    serial: str
    commitment_hex: str
    actor: str
    channel: str
    ip: str | None
    user_agent: str


@dataclass(frozen=True, slots=True)
class SoldLine:
    """What was sold, and the fingerprints that were promised before it was paid."""

    name: str
    quantity: int
    returned_quantity: int
    delivery_mode: str
    commitments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The bundle of one case."""

    order_no: str | None
    paid_minor: int
    refunded_minor: int
    currency: str
    customer_since: datetime | None
    lines: tuple[SoldLine, ...]
    log: tuple[Fact, ...]
    reveals: tuple[RevealFact, ...]


_HEAD = """
select pay.channel_minor as paid_minor, pay.refunded_channel_minor as refunded_minor,
       pay.currency::text as currency, pay.created_at as asked_at, pay.method::text as method,
       orders.no as order_no, orders.created_at as ordered_at, orders.paid_at, orders.delivered_at,
       customer.created_at as customer_since
from disputes kase
join payments pay on pay.id = kase.payment_id
left join orders on orders.id = kase.order_id and orders.tenant_id = kase.tenant_id
left join customers customer on customer.id = orders.customer_id
     and customer.tenant_id = orders.tenant_id
where kase.id = $1
"""
_LINES = """
select coalesce(line.title, sku.name_en) as name, line.quantity, line.returned_quantity,
       line.delivery_mode::text as delivery_mode,
       (select array_agg(encode(key.commitment, 'hex') order by key.id) from sealed_keys key
        where key.id = any (line.key_ids) and key.commitment is not null) as commitments
from disputes kase
join order_lines line on line.order_id = kase.order_id
join skus sku on sku.id = line.sku_id
where kase.id = $1 order by line.id
"""
_REVEALS = """
select seen.revealed_at as at, key.serial, encode(key.commitment, 'hex') as commitment_hex,
       seen.actor, seen.channel, host(seen.ip) as ip, seen.user_agent
from disputes kase
join delivered_keys handed on handed.order_id = kase.order_id
join key_reveals seen on seen.delivered_key_id = handed.id
join sealed_keys key on key.id = handed.key_id
where kase.id = $1 order by seen.revealed_at, seen.id limit $2
"""
_REFUNDS = """
select refund.created_at as at, refund.reason, refund.amount_minor, refund.status
from disputes kase join refunds refund on refund.payment_id = kase.payment_id
where kase.id = $1 order by refund.created_at, refund.id limit 100
"""
_BY_HAND = """
select event.at, event.kind
from disputes kase
join manual_deliveries manual on manual.order_id = kase.order_id
join manual_events event on event.line_id = manual.line_id
where kase.id = $1 order by event.at, event.id limit 100
"""


async def evidence_of(case_id: UUID) -> Evidence | None:
    """What can be proved about a case of the transaction's tenant; None where there is none."""
    head = await db.fetch_row(_HEAD, case_id)
    if head is None:
        return None
    return Evidence(
        order_no=head["order_no"],
        paid_minor=head["paid_minor"],
        refunded_minor=head["refunded_minor"],
        currency=head["currency"],
        customer_since=head["customer_since"],
        lines=tuple(
            SoldLine(**{**row, "commitments": tuple(row["commitments"] or ())})
            for row in await db.fetch(_LINES, case_id)
        ),
        log=tuple(sorted(await _log(case_id, head), key=lambda fact: fact.at)),
        reveals=tuple(RevealFact(**row) for row in await db.fetch(_REVEALS, case_id, MAX_REVEALS)),
    )


async def _log(case_id: UUID, head: Mapping[str, Any]) -> list[Fact]:
    facts = [
        Fact(head["asked_at"], "PAYMENT_STARTED", head["method"]),
        *(
            Fact(head[moment], what, "")
            for moment, what in (
                ("ordered_at", "PRICE_ACCEPTED_AND_ORDERED"),
                ("paid_at", "PAID"),
                ("delivered_at", "DELIVERED"),
            )
            if head[moment] is not None
        ),
    ]
    facts += [
        Fact(row["at"], "REFUND", f"{row['reason']} {row['amount_minor']} {row['status']}")
        for row in await db.fetch(_REFUNDS, case_id)
    ]
    by_hand = await db.fetch(_BY_HAND, case_id)
    return [*facts, *(Fact(row["at"], "DELIVERY", row["kind"]) for row in by_hand)]
