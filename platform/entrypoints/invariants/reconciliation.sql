-- What reconciliation says of the books is true of them (I27). Whether the books agree with
-- everybody else's is not an invariant: that is what it finds out.


-- invariant: I27 what was read of the ledger is what stands there
select moved.book, moved.id as transaction_id, moved.currency,
       moved.amount_minor - moved.fee_minor as read_minor, posted.minor as posted_minor
from settlement_movements moved
left join lateral (
    select sum(entry.amount_minor)::bigint as minor
    from ledger_entries entry join ledger_accounts account on account.id = entry.account_id
    where entry.transaction_id = moved.id::uuid and entry.currency = moved.currency
      and account.code = case moved.book when 'BANK' then 'A:BANK'
                                         else 'A:GATEWAY:' || moved.book end
) as posted on true
where moved.side = 'OURS' and posted.minor is distinct from moved.amount_minor - moved.fee_minor
limit 20;

-- invariant: I27 what was put right by a posting has one, of the difference
select item.id as item_id, item.how, item.difference_minor, posted.minor as posted_minor
from reconciliation_items item
left join lateral (
    select sum(entry.amount_minor)::bigint as minor
    from ledger_transactions header
    join ledger_entries entry on entry.transaction_id = header.id
    join ledger_accounts account on account.id = entry.account_id
    where header.idempotency_key = 'reconciled:' || item.id
      and account.code = case item.book when 'BANK' then 'A:BANK'
                                        else 'A:GATEWAY:' || item.book end
) as posted on true
where posted.minor is distinct from case item.how
          when 'ADJUST_FEE' then item.our_fee_minor - item.their_fee_minor
          when 'BOOK' then item.their_minor - item.their_fee_minor
                           - case item.book when 'BANK' then item.our_minor else 0 end end
limit 20;

-- invariant: I27 the gate of payouts says what is open, and is shut where that is too much
select coalesce(gate.currency, found.currency) as currency, gate.open_items, gate.open_minor,
       found.items, found.minor, gate.shut_since
from payout_gates gate
full join (
    select currency, count(*) as items, sum(difference_minor)::bigint as minor
    from reconciliation_items where state = 'OPEN' and kind <> 'TIMING' group by currency
) as found on found.currency = gate.currency
where ((gate.open_items, gate.open_minor)
       is distinct from (coalesce(found.items, 0), coalesce(found.minor, 0))
       -- What a run has found so far counts when it ends.
       and not exists (select from reconciliation_runs where ended_at is null))
   or (gate.open_minor > gate.threshold_minor) <> (gate.shut_since is not null)
limit 20;
