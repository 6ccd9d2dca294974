"""What the ledger has moved at channels and banks, by what those call it.

Headers have ids in the order of time, so a day's are found without an index of their own. A
movement is known by the accounts that it moves: whatever touches `A:GATEWAY` or `A:BANK` counts,
and what it keeps of it as a fee. Its own id stands in its idempotency key, and names a row of ours
that knows what the other side calls it.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kernel import db
from kernel.statements import Statement
from reconciliation import days
from reconciliation.runs import Run

POSTINGS_AT_ONCE: Final = 2_000

# A row of ours and what the other side calls it. Whoever moves money at a channel adds a line.
_AT_CHANNEL: Final = """
    select provider_ref, 'PAYMENT' from payments where id = named.own_id
    union all
    select provider_ref, 'PAYMENT' from payments
    where order_id = named.own_id and status = 'SUCCEEDED'
    union all
    select provider_ref, 'REFUND' from refunds where id = named.own_id
    union all
    select provider_ref, 'DISPUTE' from disputes where id = named.own_id
    union all
    -- A payout that failed and was tried again has a transfer for each try.
    select max(provider_ref), 'TRANSFER' from payout_events
    where payout_id = named.own_id and attempt::text = split_part(named.idempotency_key, ':', 3)
"""
# At the bank, a line is called by what of ours it names, else by the bank's own id.
_AT_BANK: Final = """
    select coalesce(names, bank_id),
           case left(names, 3) when 'pyt' then 'TRANSFER' when 'ref' then 'REFUND'
                               else 'PAYMENT' end
    from bank_lines where id = named.own_id
    union all
    select bank_reference, 'PAYMENT' from bank_credits where posting_id = named.id
    union all
    select public_id('pyt', id), 'TRANSFER' from payouts where id = named.own_id
    union all
    select public_id('ref', id), 'REFUND' from bank_refunds where id = named.own_id
    union all
    select public_id('ref', id), 'REFUND' from refunds where id = named.own_id and given_as = 'BANK'
"""
_CALLED: Final = f"""
    select * from ({_AT_CHANNEL}) as at_channel where named.book <> 'BANK'
    union all
    select * from ({_AT_BANK}) as at_bank where named.book = 'BANK'
    union all
    select reference, category from reconciliation_items where id = named.own_id
"""

_PARTS: Final = """
batch as materialized (
    select id, idempotency_key, order_id, posted_at from ledger_transactions
    where id > :after::uuid and id < :before::uuid order by id limit :batch::int
), legs as materialized (
    select batch.*, entry.currency, entry.amount_minor, account.code
    from batch
    join ledger_entries entry on entry.transaction_id = batch.id
    join ledger_accounts account on account.id = entry.account_id
    where batch.posted_at >= :begin::timestamptz and batch.posted_at < :until::timestamptz
), fees as (
    select id, currency, sum(amount_minor) as fee_minor from legs
    where code in ('E:GATEWAY_FEE', 'E:DISPUTE_FEE') group by id, currency
), outside as (
    select id, idempotency_key, posted_at, currency,
           case code when 'A:BANK' then 'BANK' else substr(code, length('A:GATEWAY:') + 1) end
               as book,
           sum(amount_minor) as net_minor
    from legs where code like 'A:GATEWAY:%' or code = 'A:BANK'
    group by id, idempotency_key, posted_at, currency, code
), named as (
    select outside.*,
           substring(idempotency_key
                     from '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')::uuid
               as own_id,
           case when book = 'BANK' then 0 else coalesce(fee_minor, 0) end as fee_minor
    from outside left join fees using (id, currency)
), gathered as (
    insert into settlement_movements (book, side, id, currency, reference, category, own_id,
                                      amount_minor, fee_minor, moved_at)
    select book, 'OURS', named.id::text, currency,
           coalesce(known.reference, 'ledger ' || left(idempotency_key, 200)),
           coalesce(known.category, 'OTHER'), own_id, net_minor + fee_minor, fee_minor, posted_at
    from named
    left join lateral (CALLED) as known (reference, category) on known.reference is not null
    on conflict do nothing
), sales as (
    select currency, count(distinct id) as sales, sum(minor)::bigint as minor
    from (select id, currency, -amount_minor as minor from legs
          where code = 'L:ESCROW' and amount_minor < 0 and posted_at < :end::timestamptz) as paid
    group by currency
), totals as (
    insert into reconciliation_totals as known (day, book, currency, our_count, our_minor)
    select :day::date, 'ORDERS', currency, sales, minor from sales
    on conflict (day, book, currency) do update
    set our_count = known.our_count + excluded.our_count,
        our_minor = known.our_minor + excluded.our_minor
)
"""
_GATHER: Final = Statement.of(
    _PARTS.replace("CALLED", _CALLED),
    then="""
select count(*) as read, (array_agg(id order by id desc))[1] as last,
       array_agg(distinct order_id) filter (
           where order_id is not null and posted_at >= :begin::timestamptz
             and posted_at < :end::timestamptz) as order_ids
from batch
""",
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A portion of the day's postings: the last one's id (None: that was all), and their orders."""

    read: int
    last: UUID | None
    order_ids: list[UUID]


async def gather(run: Run) -> Gathered:
    """Write down what a portion of the ledger has moved outside; inside a transaction."""
    after = UUID(run.place) if run.place else days.first_id(run.begin - run.shift - days.SKEW)
    values = {
        "after": after,
        "before": days.first_id(run.seen_until + days.SKEW),
        "batch": POSTINGS_AT_ONCE,
        "begin": run.begin,
        "end": run.end,
        "until": run.seen_until,
        "day": run.day,
    }
    (row,) = await db.fetch(_GATHER.sql, *_GATHER.values(values))
    whole = row["read"] == POSTINGS_AT_ONCE
    return Gathered(row["read"], row["last"] if whole else None, row["order_ids"] or [])
