"""The ledger beside a statement of account, reference by reference.

Both sides are added up over everything that has moved for a payment, a refund, a dispute: so a
refund that failed and came back is nothing on both sides, whatever it was called on the way, and a
fee that was corrected is right. What one side has today and the other tomorrow is in order if they
agree by the time of the run, or if it moved shortly before the end of the day; it is carried over.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.payment_methods.statement import Statement as StatementOfAccount
from kernel import db
from kernel.statements import Statement
from reconciliation import days
from reconciliation.findings import KEEP
from reconciliation.own_lines import BROUGHT
from reconciliation.runs import Run
from reconciliation.statements import gathered_books

MOVEMENTS_AT_ONCE: Final = 4_000
ROUNDING_MINOR: Final = 1
"""A fee is rounded by whoever takes it: by so many minor units it may be another than ours."""

_MOVED: Final = """
batch as materialized (
    select reference, moved_at, id from settlement_movements
    where book = :book::text and moved_at >= :begin::timestamptz and moved_at < :end::timestamptz
      and (moved_at, id) > (:after_at::timestamptz, :after_id::text)
    order by moved_at, id limit :batch::int
)
"""
_STILL_OPEN: Final = """
batch as materialized (
    select reference, number from reconciliation_items
    where book = :book::text and state = 'OPEN' and last_day < :day::date
      and number > :after_number::bigint
    order by number limit :batch::int
)
"""
_PARTS: Final = """
examined as materialized (
    select distinct reference from batch
), summed as (
    select examined.reference,
           count(*) filter (where side = 'OURS') as our_count,
           count(*) filter (where side = 'THEIRS') as their_count,
           count(distinct (category, amount_minor, fee_minor)) filter (where side = 'OURS')
               as our_kinds,
           count(distinct (category, amount_minor, fee_minor)) filter (where side = 'THEIRS')
               as their_kinds,
           coalesce(sum(amount_minor) filter (where side = 'OURS'), 0)::bigint as our_minor,
           coalesce(sum(amount_minor) filter (where side = 'THEIRS'), 0)::bigint as their_minor,
           coalesce(sum(fee_minor) filter (where side = 'OURS'), 0)::bigint as our_fee_minor,
           coalesce(sum(fee_minor) filter (where side = 'THEIRS'), 0)::bigint as their_fee_minor,
           -- What had not moved by the end of the day.
           coalesce(sum(case side when 'OURS' then amount_minor else -amount_minor end)
                    filter (where moved_at < :end::timestamptz), 0) as then_minor,
           array_agg(distinct currency::text) filter (where side = 'OURS') as our_currencies,
           array_agg(distinct currency::text) filter (where side = 'THEIRS') as their_currencies,
           min(category) filter (where category <> 'OTHER') as category,
           (array_agg(own_id) filter (where side = 'THEIRS' and own_id is not null))[1] as own_id,
           min(moved_at) as moved_at, max(moved_at) filter (where side = 'OURS') as our_last_at
    from examined
    -- By the reference and nothing else, whatever is known of a table that grows by a day at once.
    cross join lateral (
        select * from settlement_movements
        where book = :book::text and reference = examined.reference offset 0
    ) as moved
    where moved.moved_at < :until::timestamptz
    group by examined.reference
), compared as (
    select summed.*, coalesce(summed.category, 'OTHER') as of_what,
           our_minor <> their_minor or coalesce(our_currencies <> their_currencies, false)
               or abs(our_fee_minor - their_fee_minor) > :rounding::bigint as differs,
           -- At the bank whatever is not of ours is OTHER: who has imported a line has looked.
           :book::text = 'BANK' and coalesce(summed.category, 'OTHER') <> 'OTHER'
           or case coalesce(summed.category, 'OTHER')
               when 'PAYMENT' then exists (
                   select from payments
                   where (provider = lower(:book::text) and provider_ref = summed.reference)
                      or (id = summed.own_id and provider_ref is null))
               when 'REFUND' then exists (select from refunds where id = summed.own_id)
               when 'DISPUTE' then exists (
                   select from disputes where provider_ref = summed.reference)
               when 'TRANSFER' then exists (
                   select from payout_events where provider_ref = summed.reference)
               when 'PAYOUT' then true
               when 'FEE' then true
               else false
           end as is_ours,
           :book::text <> 'BANK' and exists (
               select from refunds
               where id = summed.own_id and status in ('DUE', 'SENT')) as is_under_way,
           coalesce(:book::text = 'BANK' and our_minor > their_minor and BROUGHT, false)
               as is_brought
    from summed
), judged as (
    select compared.*, case
        when not differs and then_minor = 0 then null
        when not differs or is_under_way then 'TIMING'
        when our_count = 0 and moved_at >= :late::timestamptz then 'TIMING'
        when their_count = 0 and moved_at >= :late_there::timestamptz then 'TIMING'
        when their_count < our_count and our_last_at >= :late_there::timestamptz
             and :late_there::timestamptz < :late::timestamptz then 'TIMING'
        when their_count = 0 and of_what = 'OTHER' then 'UNKNOWN_REFERENCE'
        when our_count = 0 and not is_ours then 'UNKNOWN_REFERENCE'
        when their_count = 0 then 'MISSING_AT_PROVIDER'
        when our_count = 0 then 'MISSING_IN_LEDGER'
        when our_currencies <> their_currencies then 'CURRENCY'
        when our_minor <> their_minor and (our_count <> our_kinds or their_count <> their_kinds)
            then 'DUPLICATE'
        when our_minor <> their_minor then 'AMOUNT'
        else 'FEE' end as kind
    from compared
), found as (
    select reference, kind,
           case when is_brought then 'BOOK'
                when kind = 'TIMING' then 'WAIT'
                when kind = 'FEE' then 'ADJUST_FEE'
                when kind = 'MISSING_IN_LEDGER' and of_what = 'PAYMENT' and :book::text = 'BANK'
                    then 'LEDGER_ADJUST'
                when kind = 'MISSING_IN_LEDGER' and of_what = 'PAYMENT' then 'APPLY_EVENT'
                when kind = 'MISSING_IN_LEDGER' and of_what in ('PAYOUT', 'FEE') then 'BOOK'
                when kind = 'MISSING_IN_LEDGER' and :book::text = 'BANK' then 'RECORD_RESULT'
                when kind = 'UNKNOWN_REFERENCE' and their_count = 0 then 'REVERSE'
                when kind = 'DUPLICATE' and our_count <> our_kinds then 'REVERSE'
                else 'ASK_PROVIDER' end as fix,
           of_what as category, coalesce(our_currencies[1], their_currencies[1]) as currency,
           their_currencies[1] as their_currency, our_count, their_count, our_minor, their_minor,
           our_fee_minor, their_fee_minor,
           greatest(abs(our_minor - their_minor),
                    case when our_currencies <> their_currencies
                         then greatest(abs(our_minor), abs(their_minor)) else 0 end,
                    abs(our_fee_minor - their_fee_minor)) as difference_minor
    from judged where kind is not null
)
"""
_JUDGE: Final = _PARTS.replace(
    "BROUGHT",
    BROUGHT.format(
        minor="our_minor - their_minor",
        currency="our_currencies[1]",
        reference="summed.reference",
        category="summed.category",
    ).strip(),
)
_MATCH_MOVED: Final = Statement.of(
    _MOVED,
    _JUDGE,
    KEEP,
    then="""
select (select count(*) from examined) as matched, count(*) as read,
       (array_agg(moved_at order by moved_at desc, id desc))[1] as last_at,
       (array_agg(id order by moved_at desc, id desc))[1] as last_id
from batch
""",
)
_MATCH_STILL_OPEN: Final = Statement.of(
    _STILL_OPEN,
    _JUDGE,
    KEEP,
    then="""
select (select count(*) from examined) as matched, count(*) as read, max(number) as place
from batch
""",
)

_TOTALS: Final = """
insert into reconciliation_totals (day, book, currency, our_count, our_minor, our_fee_minor,
                                   their_count, their_minor, their_fee_minor)
select $1::date, book, currency,
       count(*) filter (where side = 'OURS'),
       coalesce(sum(amount_minor) filter (where side = 'OURS'), 0),
       coalesce(sum(fee_minor) filter (where side = 'OURS'), 0),
       case when book = any ($2) then count(*) filter (where side = 'THEIRS') end,
       case when book = any ($2)
            then coalesce(sum(amount_minor) filter (where side = 'THEIRS'), 0) end,
       case when book = any ($2)
            then coalesce(sum(fee_minor) filter (where side = 'THEIRS'), 0) end
from settlement_movements where moved_at >= $3 and moved_at < $4 and book = any ($5)
group by book, currency
"""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a book has been compared: first what is open from earlier days, by its number, then
    what has moved on the day, by its time and id (`moved` None: not begun)."""

    number: int = 0
    moved: tuple[datetime, str] | None = None

    @classmethod
    def of(cls, text: str) -> "Place":
        """Read what `str` has written; an empty text is the beginning."""
        kind, _, rest = text.partition(" ")
        if kind != "moved":
            return cls(number=int(rest or 0))
        at, _, entry_id = rest.partition(" ")
        return cls(moved=(datetime.fromisoformat(at), entry_id))

    def __str__(self) -> str:
        if self.moved is None:
            return f"open {self.number}"
        return f"moved {self.moved[0].isoformat()} {self.moved[1]}"


async def match(
    run: Run, statement: StatementOfAccount, *, after: Place
) -> tuple[int, Place | None]:
    """Compare a portion of the references of a statement's book, inside a transaction.

    Returns how many, and where to go on; None where there is no more.
    """
    values = {
        "book": statement.book,
        "batch": MOVEMENTS_AT_ONCE,
        "begin": run.begin,
        "end": run.end,
        "until": run.seen_until,
        "late": run.end - days.GRACE,
        "late_there": run.end - max(days.GRACE, statement.slack),
        "rounding": ROUNDING_MINOR,
        "day": run.day,
        "after_number": after.number,
    }
    if after.moved is None:
        (row,) = await db.fetch(_MATCH_STILL_OPEN.sql, *_MATCH_STILL_OPEN.values(values))
        whole = row["read"] == MOVEMENTS_AT_ONCE
        begins = Place(moved=(run.begin, ""))
        return row["matched"], Place(number=row["place"]) if whole else begins
    values |= {"after_at": after.moved[0], "after_id": after.moved[1]}
    (row,) = await db.fetch(_MATCH_MOVED.sql, *_MATCH_MOVED.values(values))
    whole = row["read"] == MOVEMENTS_AT_ONCE
    last = Place(moved=(row["last_at"], row["last_id"])) if whole else None
    return row["matched"], last


async def sum_up(run: Run, *, compared: list[str]) -> None:
    """Write the day's totals of every book; those that nobody has a statement of, of one side."""
    await db.execute(_TOTALS, run.day, compared, run.begin, run.end, await gathered_books())
