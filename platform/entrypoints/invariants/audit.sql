-- The audit log and corrections by hand.

-- invariant: I13 the audit chain is whole, and says what the events say
select seal.sequence, seal.event_number, seal.hash
from (select sequence, event_number, hash, lag(sequence) over whole as sequence_before,
             lag(hash) over whole as hash_before
      from audit_seals window whole as (order by sequence)) as seal
left join audit_events event on event.number = seal.event_number
where event.number is null
   or seal.sequence <> coalesce(seal.sequence_before, 0) + 1
   or seal.hash <> audit_link(seal.hash_before, audit_digest(event))
limit 20;

-- invariant: I13 no event was slipped in below the place that is sealed
select event.number, event.subject, event.subject_id, event.written_by
from audit_events event, audit_mark mark
where event.written_by < mark.sealed_below
  and mark.sealed_below <= pg_snapshot_xmax(pg_current_snapshot())
  and not exists (select from audit_seals where event_number = event.number)
limit 20;

-- invariant: I13 every trigger that keeps decisions is there and switched on
-- Whoever switches one off would leave no trace of what follows.
select kept.relname as table_name
from (values ('tenants'), ('memberships'), ('api_clients'), ('suppliers'), ('supplier_listings'),
             ('price_rules'), ('coupons'), ('refunds'), ('ledger_adjustments'),
             ('voucher_batches'), ('bank_lines'), ('bank_refunds'), ('bank_credits'),
             ('deposit_policies'), ('payout_methods'), ('payouts'), ('payout_approvals')) as expected (name)
left join pg_class kept on kept.oid = to_regclass(expected.name)
where not exists (select from pg_trigger
                  where tgrelid = kept.oid and tgname = 'audited' and tgenabled in ('O', 'A'))
limit 20;


-- invariant: I29 a correction by hand was posted as it was decided, by two people
select adjustment.id as adjustment_id, adjustment.state, adjustment.posting_id
from ledger_adjustments adjustment
where adjustment.state = 'POSTED'
  and (adjustment.decided_by = adjustment.proposed_by
       or exists (
            select from (
                select account.code, account.owner_id, entry.currency, entry.amount_minor
                from ledger_entries entry join ledger_accounts account on account.id = entry.account_id
                where entry.transaction_id = adjustment.posting_id
                union all
                select line.code, line.owner_id, adjustment.currency, -line.minor
                from unnest(adjustment.codes, adjustment.owner_ids, adjustment.amounts_minor)
                     as line (code, owner_id, minor)) as difference
            group by code, owner_id, currency having sum(amount_minor) <> 0))
limit 20;

-- invariant: I29 no correction was posted that nobody has decided
select posted.id as transaction_id, posted.idempotency_key
from ledger_transactions posted
where posted.kind = 'ADJUSTMENT'
  and not exists (select from ledger_adjustments adjustment where adjustment.posting_id = posted.id)
limit 20;
