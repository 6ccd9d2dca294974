"""Differences become items: one for each book, reference and kind, for as long as it is there.

A comparison is a statement that says what it has `examined` and what it has found. What is found
is opened or kept up to date, and what was open and is found no more closes itself. What somebody
has accepted, or has put right after the run's last moment, is not opened again with the same
values.
"""

from typing import Final

KEEP: Final = """
opened as (
    insert into reconciliation_items as item
        (id, day, last_day, book, reference, kind, fix, category, currency, their_currency,
         our_count, their_count, our_minor, their_minor, our_fee_minor, their_fee_minor,
         difference_minor)
    select gen_random_uuid(), :day::date, :day::date, :book::text, reference, kind, fix, category,
           currency, their_currency, our_count, their_count, our_minor, their_minor, our_fee_minor,
           their_fee_minor, difference_minor
    from found
    where not exists (
        select from reconciliation_items decided
        where decided.book = :book::text and decided.reference = found.reference
          and decided.kind = found.kind
          and (decided.state = 'ACCEPTED' or (decided.state = 'RESOLVED' and decided.how <> 'GONE'
                                              and decided.decided_at >= :until::timestamptz))
          and (decided.our_count, decided.their_count, decided.our_minor, decided.their_minor,
               decided.our_fee_minor, decided.their_fee_minor)
            = (found.our_count, found.their_count, found.our_minor, found.their_minor,
               found.our_fee_minor, found.their_fee_minor))
    on conflict (book, reference, kind) where state = 'OPEN' do update
    set last_day = greatest(item.last_day, excluded.last_day), fix = excluded.fix,
        currency = excluded.currency, their_currency = excluded.their_currency,
        our_count = excluded.our_count, their_count = excluded.their_count,
        our_minor = excluded.our_minor, their_minor = excluded.their_minor,
        our_fee_minor = excluded.our_fee_minor, their_fee_minor = excluded.their_fee_minor,
        difference_minor = excluded.difference_minor
), closed as (
    update reconciliation_items item
    set state = 'RESOLVED', how = 'GONE', decided_by = 'reconciliation', decided_at = platform_now()
    from examined
    where item.book = :book::text and item.state = 'OPEN' and item.reference = examined.reference
      and not exists (select from found
                      where found.reference = item.reference and found.kind = item.kind)
)
"""
"""The part of a statement that keeps what `found` has, of the references in `examined`."""
