"""The ledger beside orders and keys: order by order, and each in full.

The ledger is OURS here, and what the orders, their shares, refunds and keys say is THEIRS. An order
is looked at on every day on which something was posted for it, and on the day on which it was paid.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from kernel import db
from kernel.statements import Statement
from reconciliation import days
from reconciliation.findings import KEEP
from reconciliation.runs import Run

BOOK: Final = "ORDERS"
ORDERS_AT_ONCE: Final = 2_000

_RECORDS: Final = """
examined as materialized (
    select id, tenant_id, no::text as reference, currency::text as currency,
           total_minor::bigint as total_minor, refunded_minor, payment_status = 'PAID' as is_paid,
           fulfilment_status <> 'NONE' as is_fulfilled,
           case when cardinality(path) = 1 then 'R:WHOLESALE_MARGIN' else tenant_id::text end
               as shop
    from orders where id = any (:order_ids::uuid[])
), waiting as materialized (
    select line_id from manual_deliveries
    where order_id = any (:order_ids::uuid[]) and state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
    union all
    select line_id from instalment_lines
    where order_id = any (:order_ids::uuid[]) and state = 'WAITING'
), lines as materialized (
    select line.order_id, line.id, line.quantity, line.unit_price_minor::bigint as price_minor,
           line.net_minor::bigint as net_minor, line.channel_fee_minor as fee_minor,
           line.id in (select line_id from waiting) as is_waiting,
           coalesce(line.earned_points * program.point_minor, 0) as earned_minor,
           case when paying.line_id is not null then paying.handed
                when examined.is_fulfilled
                     and coalesce(manual.state = 'DELIVERED' and not manual.by_account, true)
                then line.quantity else 0 end as due_pieces
    from examined
    join order_lines line on line.order_id = examined.id
    left join manual_deliveries manual
        on manual.order_id = line.order_id and manual.line_id = line.id
    left join instalment_lines paying
        on paying.order_id = line.order_id and paying.line_id = line.id
    left join points_programs program on program.tenant_id = line.tenant_id
), replaced as materialized (
    select moved.order_id, moved.line_id, share_id,
           case when place = 1 then moved.given_up_minor + moved.cover_minor else 0 end as minor
    from key_replacements moved
    cross join lateral unnest(array[moved.supply_share_id, moved.commission_share_id])
        with ordinality as made (share_id, place)
    where moved.order_id = any (:order_ids::uuid[]) and moved.posting_id is not null
), legs as materialized (
    select posted.order_id, posted.id, account.code, account.owner_id, entry.amount_minor,
           bool_or(account.code = 'L:ESCROW') over posting as is_sale,
           bool_or(account.code = 'L:REFUND_DUE') over posting as is_refund
    from examined
    join ledger_transactions posted on posted.order_id = examined.id
    join ledger_entries entry on entry.transaction_id = posted.id
        and entry.currency = examined.currency
    join ledger_accounts account on account.id = entry.account_id
    window posting as (partition by posted.id)
)
"""
_SUMS: Final = """
posted as (
    select order_id,
           sum(amount_minor) filter (
               where is_sale and (code like 'A:GATEWAY:%' or code in (
                   'E:GATEWAY_FEE', 'L:WALLET', 'L:WALLET_HELD', 'L:TRADE', 'A:BANK',
                   'A:INSTALMENT'))) as paid_minor,
           sum(amount_minor) filter (
               where is_sale and code in ('L:WALLET', 'L:WALLET_HELD', 'L:TRADE',
                                          'A:INSTALMENT')) as wallet_minor,
           -sum(amount_minor) filter (where code = 'L:ESCROW') as escrow_minor,
           -sum(amount_minor) filter (where code = 'L:REFUND_DUE' and amount_minor < 0)
               as refunds_minor,
           -sum(amount_minor) filter (where code = 'L:REFUND_DUE') as owed_minor,
           count(distinct id) as postings
    from legs group by order_id
), paid_by as (
    select order_id, sum(wallet_minor)::bigint as wallet_minor, count(*) as payments
    from payments
    where order_id = any (:order_ids::uuid[]) and status = 'SUCCEEDED' group by order_id
), refunded as (
    select refund.order_id, sum(refund.amount_minor)::bigint as minor, count(*) as refunds,
           coalesce(sum(refund.amount_minor) filter (where refund.line_id is not null), 0)::bigint
               as lines_minor,
           coalesce(sum(refund.channel_minor) filter (where refund.status <> 'DONE'), 0)::bigint
               as least_owed_minor,
           coalesce(sum(refund.amount_minor) filter (where refund.status <> 'DONE'), 0)::bigint
               as most_owed_minor
    from examined join refunds refund on refund.order_id = examined.id
    where refund.currency = examined.currency group by refund.order_id
), earned as (
    select share.order_id,
           coalesce(share.party_id::text, case when share.role = 'EXCHANGE' then 'A:FX'
                                               else 'R:' || share.role end) as beneficiary,
           share.amount_minor::bigint as minor
    from examined join line_shares share on share.order_id = examined.id
        and share.currency = examined.currency
    where examined.is_paid and share.line_id not in (select line_id from waiting)
      and share.id not in (select share_id from replaced where share_id is not null)
    union all
    select order_id, examined.shop, -fee_minor - earned_minor
    from lines join examined on examined.id = order_id
    where examined.is_paid and not is_waiting
    union all
    select order_id, 'R:GATEWAY_RECOVERY', fee_minor
    from lines join examined on examined.id = order_id where examined.is_paid and not is_waiting
), credited as (
    select order_id,
           coalesce(owner_id::text, case when code like 'A:FX:%' then 'A:FX' else code end)
               as beneficiary,
           -amount_minor as minor
    from legs
    where is_sale and not is_refund
      and (code like 'L:PARTY:%' or code like 'A:FX:%'
           or code in ('A:RECV', 'R:SUPPLIER_COMMISSION', 'R:WHOLESALE_MARGIN',
                       'R:GATEWAY_RECOVERY'))
), misplaced as (
    select order_id, sum(ours)::bigint as ours, sum(theirs)::bigint as theirs,
           sum(abs(ours - theirs))::bigint as difference
    from (select order_id, beneficiary, sum(ours) as ours, sum(theirs) as theirs
          from (select order_id, beneficiary, minor as ours, 0 as theirs from credited
                union all
                select order_id, beneficiary, 0, minor from earned) as both_sides
          group by order_id, beneficiary) as of_each
    group by order_id
), unshared as (
    select lines.order_id, sum(abs(net_minor + coalesce(moved.minor, 0)
                                   - coalesce(shared.minor, 0)))::bigint as difference
    from lines
    left join (select line_id, sum(minor) as minor from replaced group by line_id) as moved
        on moved.line_id = lines.id
    left join (select line_id, sum(amount_minor) as minor
               from line_shares share join examined on examined.id = share.order_id
                   and share.currency = examined.currency group by line_id) as shared
        on shared.line_id = lines.id
    group by lines.order_id
), handed as (
    select lines.order_id, sum(due_pieces) as due,
           sum(coalesce(keys.pieces, 0)) as pieces,
           sum(due_pieces * price_minor) as due_minor,
           sum(coalesce(keys.pieces, 0) * price_minor) as pieces_minor,
           sum((abs(due_pieces - coalesce(keys.pieces, 0))
                + coalesce(keys.twice, 0)) * price_minor) as difference
    from lines
    left join (
        select mine.line_id, count(*) filter (where mine.replaced_by is null) as pieces,
               count(*) filter (where mine.returned_at is null and exists (
                   select from delivered_keys other
                   where other.key_id = mine.key_id and other.returned_at is null
                     and other.id <> mine.id)) as twice
        from delivered_keys mine where mine.order_id = any (:order_ids::uuid[])
        group by mine.line_id) as keys on keys.line_id = lines.id
    group by lines.order_id
)
"""
_FOUND: Final = """
found as (
    select examined.reference, checked.kind, 'LEDGER_ADJUST' as fix, 'OTHER' as category,
           examined.currency, null::text as their_currency, checked.our_count::bigint as our_count,
           checked.their_count::bigint as their_count, checked.ours::bigint as our_minor,
           checked.theirs::bigint as their_minor, 0::bigint as our_fee_minor,
           0::bigint as their_fee_minor, checked.difference::bigint as difference_minor
    from examined
    left join posted on posted.order_id = examined.id
    left join paid_by on paid_by.order_id = examined.id
    left join refunded on refunded.order_id = examined.id
    left join misplaced on misplaced.order_id = examined.id
    left join unshared on unshared.order_id = examined.id
    left join handed on handed.order_id = examined.id
    left join (select order_id, sum(net_minor) as minor from lines where is_waiting
               group by order_id) as awaited on awaited.order_id = examined.id
    cross join lateral (
        select case when examined.is_paid then total_minor else 0 end as due_minor,
               coalesce(posted.paid_minor, 0) as paid_minor,
               coalesce(posted.wallet_minor, 0) as wallet_minor,
               case when examined.is_paid then coalesce(paid_by.wallet_minor, 0) else 0 end
                   as from_wallet_minor,
               coalesce(posted.escrow_minor, 0) as escrow_minor,
               coalesce(awaited.minor, 0) as awaited_minor,
               coalesce(posted.refunds_minor, 0) as refunds_minor,
               coalesce(refunded.minor, 0) as refunded_minor,
               coalesce(posted.owed_minor, 0) as owed_minor
    ) as sums
    cross join lateral (values
        (case when examined.is_paid and sums.paid_minor = 0 then 'MISSING_IN_LEDGER'
              else 'PAYMENT' end,
         coalesce(posted.postings, 0), coalesce(paid_by.payments, 0), sums.paid_minor,
         sums.due_minor,
         abs(sums.paid_minor - sums.due_minor)
         + case when examined.is_paid and coalesce(paid_by.payments, 0) <> 1
                then sums.due_minor else 0 end),
        ('WALLET', 0, 0, sums.wallet_minor, sums.from_wallet_minor,
         abs(sums.wallet_minor - sums.from_wallet_minor)),
        ('ESCROW', 0, 0, sums.escrow_minor, sums.awaited_minor,
         abs(sums.escrow_minor - sums.awaited_minor)),
        ('SHARES', 0, 0, coalesce(misplaced.ours, 0), coalesce(misplaced.theirs, 0),
         greatest(coalesce(misplaced.difference, 0), coalesce(unshared.difference, 0))),
        ('KEYS', coalesce(handed.due, 0), coalesce(handed.pieces, 0),
         coalesce(handed.due_minor, 0), coalesce(handed.pieces_minor, 0),
         coalesce(handed.difference, 0)),
        ('REFUNDS', 0, coalesce(refunded.refunds, 0), sums.refunds_minor, sums.refunded_minor,
         abs(sums.refunds_minor - sums.refunded_minor)
         + abs(examined.refunded_minor - coalesce(refunded.lines_minor, 0))
         + greatest(coalesce(refunded.least_owed_minor, 0) - sums.owed_minor,
                    sums.owed_minor - coalesce(refunded.most_owed_minor, 0), 0))
    ) as checked (kind, our_count, their_count, ours, theirs, difference)
    where checked.difference <> 0
)
"""
_COMPARE: Final = Statement.of(_RECORDS, _SUMS, _FOUND, KEEP, then="select count(*) from examined")

# Those that are paid, and of which the ledger knows nothing: the others are found by the ledger.
_PAID: Final = Statement.of(
    """
batch as materialized (
    select id, currency, total_minor, payment_status = 'PAID'
           and paid_at >= :begin::timestamptz and paid_at < :end::timestamptz as is_of_day
    from orders where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), sales as (
    select batch.currency::text as currency, count(distinct batch.id) as orders,
           sum(line.net_minor)::bigint as minor
    from batch join order_lines line on line.order_id = batch.id
    where is_of_day group by batch.currency
), totals as (
    insert into reconciliation_totals as known (day, book, currency, their_count, their_minor)
    select :day::date, :book::text, currency, orders, minor from sales
    on conflict (day, book, currency) do update
    set their_count = coalesce(known.their_count, 0) + excluded.their_count,
        their_minor = coalesce(known.their_minor, 0) + excluded.their_minor
)
""",
    then="""
select count(*) as read, (array_agg(id order by id desc))[1] as last,
       array_agg(id) filter (where is_of_day and not exists (
           select from ledger_transactions posted where posted.order_id = batch.id)) as unposted
from batch
""",
)
_STILL_OPEN: Final = """
select orders.id from reconciliation_items item join orders on orders.no = item.reference
where item.book = $1 and item.state = 'OPEN' and item.last_day < $2 order by item.number limit $3
"""


async def compare(run: Run, order_ids: Sequence[UUID]) -> None:
    """Compare these orders with what was posted for them; inside a transaction."""
    if order_ids:
        values = {
            "order_ids": order_ids,
            "book": BOOK,
            "day": run.day,
            "until": run.seen_until,
        }
        await db.execute(_COMPARE.sql, *_COMPARE.values(values))


async def still_open(run: Run) -> list[UUID]:
    """Orders of which something is open from earlier days."""
    rows = await db.fetch(_STILL_OPEN, BOOK, run.day, ORDERS_AT_ONCE)
    return [row["id"] for row in rows]


async def unposted(run: Run, after: UUID | None) -> tuple[int, UUID | None, list[UUID]]:
    """Read a portion of the orders: how many, the last one (None: no more), and those that were
    paid on the day while the ledger has nothing of them."""
    values = {
        "after": after or days.first_id(run.begin - run.shift - days.PAID_WITHIN),
        "before": days.first_id(run.end + days.SKEW),
        "batch": ORDERS_AT_ONCE,
        "begin": run.begin,
        "end": run.end,
        "day": run.day,
        "book": BOOK,
    }
    (row,) = await db.fetch(_PAID.sql, *_PAID.values(values))
    last = row["last"] if row["read"] == ORDERS_AT_ONCE else None
    return row["read"], last, row["unposted"] or []
