-- What is always true of deposits (sales.sql says how to read this).


-- invariant: I23 what is held of a deposit is what its open cases hold
with held as (
    select account.owner_id, entry.currency, -entry.amount_minor as minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:DEPOSIT:HELD'
    union all
    select party_id, currency, -amount_minor from deposit_holds where state = 'HELD'
)
select owner_id, currency, sum(minor)::bigint as difference_minor
from held
group by owner_id, currency
having sum(minor) <> 0
limit 20;

-- invariant: I23 penalties are what was deducted from deposits
with penalties as (
    select entry.currency, -entry.amount_minor as minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'R:PENALTY'
      and exists (select from ledger_entries beside
                  join ledger_accounts deposit on deposit.id = beside.account_id
                  where beside.transaction_id = entry.transaction_id
                    and deposit.code = 'L:DEPOSIT:HELD')
    union all
    select currency, -deducted_minor from deposit_holds
)
select currency, sum(minor)::bigint as difference_minor
from penalties
group by currency
having sum(minor) <> 0
limit 20;

-- invariant: I23 a bank transfer that was credited stands at the bank
select credited.bank_reference, credited.posting_id
from bank_credits credited
where not exists (select from ledger_entries entry
                  join ledger_accounts bank on bank.id = entry.account_id
                  where entry.transaction_id = credited.posting_id and entry.amount_minor > 0
                    and bank.code = 'A:BANK')
limit 20;

-- invariant: I23 who has put too little down sells nothing new, and nobody else stands still for it
select listing.id as listing_id, listing.supplier_id, listing.status, listing.paused_for,
       supplier.deposit_low
from supplier_listings listing
join suppliers supplier on supplier.id = listing.supplier_id
where case when supplier.deposit_low then listing.status = 'ACTIVE'
           else coalesce(listing.paused_for = 'LOW_DEPOSIT', false) end
limit 20;

-- invariant: I23 a deposit is called too low where it is
-- Refunds draw on deposits without looking: whoever is looked at within the next minutes may be
-- behind. Who was looked at after everything else is right.
select standing.party_id, standing.party_kind, standing.required_minor, standing.grace_minor,
       balance.free_minor
from deposit_standings standing
left join suppliers supplier on standing.party_kind = 'SUPPLIER' and supplier.id = standing.party_id
left join tenants tenant on standing.party_kind = 'TENANT' and tenant.id = standing.party_id
cross join lateral (
    select coalesce(sum(-ledger_balance(account.id)), 0)::bigint as free_minor
    from ledger_accounts account
    where account.code = 'L:DEPOSIT:FREE' and account.owner_id = standing.party_id
      and account.currency = standing.currency
) balance
where coalesce(supplier.deposit_low, stands(tenant.status) and tenant.deposit_low, false)
  and balance.free_minor + standing.grace_minor >= standing.required_minor
limit 20;

-- invariant: I23 a fast refund is a refund, and each is of one claim
select refund.id as refund_id, claim.id as claim_id, refund.amount_minor as refunded_minor,
       claim.amount_minor as claimed_minor
from (select * from refunds where reason = 'FAST_REFUND') refund
full join fast_refunds claim on claim.refund_id = refund.id
where refund.id is null or claim.id is null
   or (refund.order_id, coalesce(refund.line_id, claim.line_id), refund.amount_minor,
       refund.currency)
      is distinct from (claim.order_id, claim.line_id, claim.amount_minor, claim.currency)
limit 20;

-- invariant: I23 a claim holds what its line has earned until it is decided, and no longer
select claim.id as claim_id, claim.line_id, claim.state, count(stop.case_id) as holds
from fast_refunds claim
left join earning_holds stop on stop.case_id = claim.id and stop.released_at is null
group by claim.tenant_id, claim.id
having (claim.state = 'ACCEPTED') <> (count(stop.case_id) > 0)
limit 20;

-- invariant: I23 a rejected claim has given the supplier back all that it laid out
select claim.id as claim_id, claim.amount_minor, claim.taken_back_minor, posted.back_minor,
       posted.taken_minor
from fast_refunds claim
cross join lateral (
    select coalesce(sum(-entry.amount_minor) filter (
               where account.owner_id = claim.supplier_id
                 and account.code in ('L:DEPOSIT:FREE', 'A:RECV')), 0)::bigint as back_minor,
           coalesce(sum(entry.amount_minor) filter (where account.code = 'L:WALLET'), 0)::bigint
               as taken_minor
    from ledger_entries entry join ledger_accounts account on account.id = entry.account_id
    where entry.transaction_id = claim.decided_posting
) posted
where claim.state = 'REJECTED'
  and (posted.back_minor, posted.taken_minor) <> (claim.amount_minor, claim.taken_back_minor)
limit 20;

-- invariant: I23 a claim that nobody has answered is decided in its time
select tenant_id, id as claim_id, decide_by
from fast_refunds
where state = 'ACCEPTED' and decide_by < platform_now() - interval '2 minutes'
limit 20;
