-- Money out. Amounts are minor units; a liability's credit is negative in the ledger.

-- invariant: I25 what is reserved is what open payouts have asked for
with compared as (
    select party_id, currency::text as currency, amount_minor from payouts
    where state in ('REQUESTED', 'CHECKING', 'HELD', 'APPROVED', 'BATCHED')
    union all
    select account.owner_id, account.currency, entry.amount_minor
    from ledger_accounts account join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:PARTY:RESERVED'
)
select party_id, currency, sum(amount_minor)::bigint as asked_minus_reserved_minor
from compared
group by party_id, currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I25 what is clearing was sent and is not confirmed
with compared as (
    select currency::text as currency, amount_minor - fee_minor as amount_minor from payouts
    where state = 'SENT'
    union all
    select account.currency, entry.amount_minor
    from ledger_accounts account join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:PAYOUT_CLEARING'
)
select currency, sum(amount_minor)::bigint as sent_minus_clearing_minor
from compared
group by currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I25 a fee is kept of what was sent and did not come back
with compared as (
    select currency::text as currency, fee_minor as amount_minor from payouts
    where state in ('SENT', 'PAID')
    union all
    select account.currency, entry.amount_minor
    from ledger_accounts account join ledger_entries entry on entry.account_id = account.id
    where account.code = 'R:PAYOUT_FEE'
)
select currency, sum(amount_minor)::bigint as due_minus_kept_minor
from compared
group by currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I25 a bank has paid out what is said to have arrived, once
-- What came back to a bank goes straight to its party, and takes the fee back with it.
with of_payouts as (
    select distinct posted.id
    from ledger_transactions posted
    join ledger_entries entry on entry.transaction_id = posted.id
    join ledger_accounts account on account.id = entry.account_id
    where account.code = 'L:PAYOUT_CLEARING'
       or posted.idempotency_key like 'payout-returned:%'
), compared as (
    select currency::text as currency, amount_minor - fee_minor as amount_minor from payouts
    where state = 'PAID' and method_kind = 'BANK_ACCOUNT'
    union all
    select account.currency, entry.amount_minor
    from of_payouts
    join ledger_entries entry on entry.transaction_id = of_payouts.id
    join ledger_accounts account on account.id = entry.account_id
    where account.code = 'A:BANK'
)
select currency, sum(amount_minor)::bigint as arrived_minus_paid_minor
from compared
group by currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I25 a payout is in the state that its history ends with, and was paid once at most
select payout.id as payout_id, payout.state, past.last_state, past.arrivals, past.returns
from payouts payout cross join lateral (
    select (array_agg(to_state order by number desc))[1] as last_state,
           count(*) filter (where to_state = 'PAID') as arrivals,
           count(*) filter (where from_state = 'PAID') as returns
    from payout_events where payout_id = payout.id
) past
where past.last_state is distinct from payout.state
   or past.arrivals - past.returns <> (payout.state = 'PAID')::integer
limit 20;

-- invariant: I25 what has been approved was so by as many people as it takes
select payout.id as payout_id, payout.state, payout.approvals_needed, given.people
from payouts payout cross join lateral (
    select count(distinct approver_id) filter (where approver_id <> payout.requested_by) as people
    from payout_approvals where payout_id = payout.id and round = payout.round
) given
where payout.state in ('APPROVED', 'BATCHED', 'SENT', 'PAID', 'FAILED', 'RETURNED')
  and given.people < payout.approvals_needed
limit 20;
