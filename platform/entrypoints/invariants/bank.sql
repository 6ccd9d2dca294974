-- What is always true of money by bank. How such a file is read: sales.sql.


-- invariant: I26 what has come by bank and is nobody's yet are the lines that wait
select currency, sum(minor)::bigint as lines_minus_ledger_minor
from (select currency::text, amount_minor as minor from bank_lines where state = 'WAITING'
      union all
      select account.currency, entry.amount_minor
      from ledger_accounts account
      join ledger_entries entry on entry.account_id = account.id
      where account.code = 'L:UNAPPLIED:BANK') as compared
group by currency
having sum(minor) <> 0
limit 20;

-- invariant: I26 a payment by bank was paid by its own line, and by no other
select line.id as line_id, line.payment_id, event.event_id, line.amount_minor, event.amount_minor
           as event_minor
from (select * from bank_lines where state = 'MATCHED') as line
full join (select * from payment_events
           where provider = 'bank' and effect not in ('NOTHING', 'REFUSED', 'ENDED')) as event
    on event.event_id = line.id || ':' || line.payment_id
where line.id is null or event.event_id is null
   or (event.payment_id, event.amount_minor, event.currency)
      is distinct from (line.payment_id, line.amount_minor::bigint, line.currency::text)
limit 20;

-- invariant: I26 a line that has paid for nothing goes back whole, and so does a refund by bank
select line.id as line_id, owed.id as bank_refund_id, line.state, owed.state as refund_state,
       line.amount_minor, owed.amount_minor as owed_minor, refund.status
from (select * from bank_lines where state = 'RETURNED') as line
full join bank_refunds owed on owed.line_id = line.id and owed.refund_id is null
left join refunds refund on refund.id = owed.refund_id
where case when owed.id is null then true
           when owed.refund_id is null
               then line.id is null or (owed.amount_minor, owed.currency)
                    is distinct from (line.amount_minor::bigint, line.currency)
           else owed.amount_minor <> refund.channel_minor
                or (owed.state = 'DUE') = (refund.status = 'DONE') end
limit 20;
