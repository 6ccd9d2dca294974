"""Noting what delivered lines have earned, and when each share becomes available.

No sale writes this. The ledger is searched behind a mark for orders that were delivered; whoever
refunds or holds a line before that notes it at once. The rows of a line are noted together, and
once: their key is the share's.

The mark passes over nothing that commits late. Its next place is named together with the database's
newest transaction; it goes there when all that were running then have ended, and what lies below
was searched after that. What is younger than ten minutes is searched again and again: an id is made
by a clock, and a little before its transaction begins.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kernel import db
from kernel.clock import unix_milliseconds
from kernel.faults import crash_point
from orders.earnings.rows import Earning, lock_rows
from orders.earnings.terms import DEFAULTS, Terms, available_at
from orders.split import PartyKind

NOT_SETTLED_SECONDS: Final = 600
_REASON: Final = "note what delivered orders of all shops have earned"

_EARNED: Final = """
select share.tenant_id, share.order_id, share.id as share_id, share.line_id,
       share.party_kind::text as party_kind, share.party_id, share.currency::text as currency,
       share.amount_minor - case when share.role = 'SHOP_MARGIN' then line.channel_fee_minor
           + coalesce(line.earned_points * program.point_minor, 0) else 0 end as amount_minor,
       coalesce(moved.replaced_at, manual.ended_at, paying.ended_at, orders.paid_at)
           as delivered_at,
       listing.warranty_hours,
       payment.method::text as method, terms.hold_hours, terms.card_hours
from unnest($1::uuid[]) as wanted (order_id)
join orders on orders.id = wanted.order_id and orders.payment_status = 'PAID'
join order_lines line on line.order_id = orders.id
join line_shares share on (share.order_id, share.line_id) = (line.order_id, line.id)
join payments payment on payment.order_id = orders.id and payment.status = 'SUCCEEDED'
left join key_replacements moved on moved.order_id = share.order_id
    and moved.line_id = share.line_id and moved.supply_share_id = share.id
    and moved.posting_id is not null
join supplier_listings listing
    on listing.id = coalesce(moved.to_listing_id, line.supplier_listing_id)
left join manual_deliveries manual on manual.line_id = line.id
left join instalment_lines paying on paying.line_id = line.id
left join points_programs program on program.tenant_id = share.tenant_id
left join lateral (
    select hold_hours, card_hours from earning_terms
    where earning_terms.party_kind = share.party_kind
      and (owner_id is null or owner_id = case when share.party_kind = 'AFFILIATE'
                                               then share.tenant_id else share.party_id end)
    order by owner_id nulls last limit 1
) as terms on true
where share.party_id is not null
  and coalesce(manual.state::text, 'DELIVERED')
      not in ('UNPAID', 'DUE', 'BEGUN', 'NEEDS_CORRECTION')
  and paying.state is distinct from 'WAITING'
  and not exists (select from earnings known
                  where (known.order_id, known.share_id) = (share.order_id, share.id))
"""
_NOTE: Final = """
insert into earnings (tenant_id, order_id, share_id, line_id, party_kind, party_id, currency,
                      amount_minor, pending_minor, delivered_at, available_at, due_at, open_holds)
select earned.tenant_id, earned.order_id, share_id, earned.line_id, party_kind, party_id, currency,
       amount_minor, amount_minor, delivered_at, available_at, available_at,
       (select count(*) from earning_holds stop
        where (stop.order_id, stop.line_id) = (earned.order_id, earned.line_id)
          and stop.released_at is null
          and coalesce(stop.party_kind = earned.party_kind, true))
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[],
            $8::bigint[], $9::timestamptz[], $10::timestamptz[])
     as earned (tenant_id, order_id, share_id, line_id, party_kind, party_id, currency,
                amount_minor, delivered_at, available_at)
order by earned.order_id, share_id
on conflict do nothing
"""
_NOTED_COLUMNS: Final = (
    "tenant_id",
    "order_id",
    "share_id",
    "line_id",
    "party_kind",
    "party_id",
    "currency",
    "amount_minor",
    "delivered_at",
)


async def note_orders(order_ids: Sequence[UUID]) -> int:
    """Note what the delivered lines of these orders have earned; returns how many shares that were
    new. In the caller's transaction; what somebody else is noting is waited for."""
    rows = await db.fetch(_EARNED, order_ids)
    if not rows:
        return 0
    columns = [[row[name] for row in rows] for name in _NOTED_COLUMNS]
    return await db.execute(_NOTE, *columns, [_available_at(row) for row in rows])


def _available_at(row: Mapping[str, Any]) -> datetime:
    terms = DEFAULTS[PartyKind(row["party_kind"])]
    if row["hold_hours"] is not None:
        terms = Terms(row["hold_hours"], row["card_hours"])
    return available_at(
        delivered_at=row["delivered_at"],
        terms=terms,
        warranty_hours=row["warranty_hours"],
        method=row["method"],
    )


async def lock_earnings(order_id: UUID, line_ids: Sequence[UUID]) -> list[Earning]:
    """What these lines of a locked order have earned, noted if nobody has yet, and locked."""
    found = await lock_rows(order_id, line_ids)
    if {row.line_id for row in found} == set(line_ids):
        return found
    await note_orders([order_id])
    return await lock_rows(order_id, line_ids)


async def note_delivered(at_once: int) -> int:
    """Note what was delivered since the mark, so many postings at once, and move the mark on;
    returns how many shares were new. Several at a time note nothing twice."""
    mark = await _mark()
    after, noted = mark["after_id"], 0
    while True:
        async with db.transaction(db.every_tenant(reason=_REASON)):
            rows = await db.fetch(
                "select id, order_id from ledger_transactions where id > $1 order by id limit $2",
                after,
                at_once,
            )
            order_ids = sorted({row["order_id"] for row in rows if row["order_id"]})
            noted += await note_orders(order_ids) if order_ids else 0
            crash_point("earnings.noting")
        if len(rows) < at_once:
            break
        after = rows[-1]["id"]
    await _move_on(mark)
    return noted


async def _mark() -> Mapping[str, Any]:
    """Where to search from, and whether everything below the next place could be seen by now."""
    async with db.transaction(db.core_scope()):
        rows = await db.fetch(
            """insert into earnings_mark (after_id, next_id, next_horizon)
               values ($1, $1, pg_snapshot_xmax(pg_current_snapshot()))
               on conflict (is_only) do update set is_only = true
               returning after_id, next_id, next_horizon,
                   next_horizon <= pg_snapshot_xmin(pg_current_snapshot()) as is_settled""",
            UUID(int=0),
        )
    mark: Mapping[str, Any] = rows[0]
    return mark


async def _move_on(mark: Mapping[str, Any]) -> None:
    """Take the next place of a mark that stands where it was read, and name another."""
    if not mark["is_settled"]:
        return
    async with db.transaction(db.core_scope()):
        await db.execute(
            """update earnings_mark set after_id = next_id, next_id = $3,
                      next_horizon = pg_snapshot_xmax(pg_current_snapshot())
               where after_id = $1 and next_id = $2 and next_id < $3""",
            mark["after_id"],
            mark["next_id"],
            UUID(int=(unix_milliseconds() - NOT_SETTLED_SECONDS * 1_000) << 80),
        )
