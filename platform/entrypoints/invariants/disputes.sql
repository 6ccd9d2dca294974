-- Disputes: what a bank has taken is somewhere, and nobody is paid twice.


-- invariant: I24 what a case holds is what the bank has taken and nobody has borne yet
with said as (
    select id as case_id, currency::text as currency,
           case when withdrawn_at is not null then amount_minor else 0 end
           - case when reinstated_at is not null then amount_minor else 0 end
           - case when settled_at is null then taken_minor
                  when state = 'LOST' then amount_minor else 0 end as minor
    from disputes
), moved as (
    select account.owner_id, entry.currency::text, -entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'A:DISPUTE'
)
select case_id, currency, sum(minor)::bigint as missing_minor
from (select * from said union all select * from moved) compared
group by case_id, currency
having sum(minor) <> 0
limit 20;

-- invariant: I24 the fees of disputes are what the channels have taken and not given back
with said as (
    select currency::text as currency,
           case when withdrawn_at is not null then fee_minor else 0 end - fee_back_minor as minor
    from disputes
), moved as (
    select entry.currency::text, -entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'E:DISPUTE_FEE'
)
select currency, sum(minor)::bigint as missing_minor
from (select * from said union all select * from moved) compared
group by currency
having sum(minor) <> 0
limit 20;

-- invariant: I24 a payment is claimed by its open disputes, and by no others
select payment.id as payment_id, payment.disputed_minor,
       coalesce(claimed.minor, 0)::bigint as claimed_minor
from payments payment
left join (select payment_id, sum(claimed_minor)::bigint as minor from disputes
           where settled_at is null group by payment_id) claimed on claimed.payment_id = payment.id
where coalesce(payment.disputed_minor, 0) <> coalesce(claimed.minor, 0)
limit 20;

-- invariant: I24 a dispute is of its own payment, in its tenant, order and currency
select kase.id as case_id, kase.payment_id, kase.order_id
from disputes kase
join payments payment on payment.id = kase.payment_id
where payment.order_id is distinct from kase.order_id
   or payment.tenant_id <> kase.tenant_id
   or payment.currency <> kase.currency
   or payment.provider <> kase.provider
   or (kase.claimed_minor > 0 and payment.status <> 'SUCCEEDED')
limit 20;

-- invariant: I24 what was paid back by a bank was lost, and an order says that it was
select refund.id as refund_id, refund.payment_id, refund.amount_minor, refund.covered_minor
from refunds refund
left join (select payment_id, sum(amount_minor)::bigint as lost_minor from disputes
           where state = 'LOST' and settled_at is not null group by payment_id) lost
    on lost.payment_id = refund.payment_id
join lateral (select sum(case when reason = 'CHARGEBACK' then amount_minor else 0 end
                         + covered_minor)::bigint as paid_minor
              from refunds other where other.payment_id = refund.payment_id) bank on true
left join orders on orders.id = refund.order_id
where (refund.reason = 'CHARGEBACK' or refund.covered_minor > 0)
  and (bank.paid_minor > coalesce(lost.lost_minor, 0)
       or (refund.reason = 'CHARGEBACK' and orders.aftersale_status <> 'CHARGED_BACK'))
limit 20;

-- invariant: I24 a refund waits for a bank only while one decides, and then it does not go out
select refund.id as refund_id, refund.status, refund.attempts
from refunds refund
where refund.status in ('DUE', 'STOPPED')
  and (refund.status = 'STOPPED' or refund.attempts = 0)
  and (refund.status = 'STOPPED')
      <> exists (select from disputes kase
                 where kase.payment_id = refund.payment_id and kase.stopped_at is not null
                   and kase.settled_at is null)
limit 20;

-- invariant: I24 nobody opens a key while the bank decides about its payment
select seen.id as reveal_id, seen.delivered_key_id, kase.id as case_id
from disputes kase
join delivered_keys handed on handed.order_id = kase.order_id
join key_reveals seen on seen.delivered_key_id = handed.id
where kase.stopped_at is not null
  and handed.revealed_at > kase.stopped_at
  and handed.revealed_at < coalesce(kase.settled_at, 'infinity')
limit 20;

-- invariant: I24 who bears a dispute is who did when the order was made
select kase.id as case_id, kase.liability, held.liability as held_then
from disputes kase
join payments payment on payment.id = kase.payment_id
left join orders on orders.id = kase.order_id
left join lateral (
    select liability from chargeback_liabilities term
    where term.tenant_id = kase.tenant_id
      and term.since <= coalesce(orders.created_at, payment.created_at)
    order by term.since desc limit 1
) held on true
where kase.liability <> coalesce(held.liability, 'SHOP')
limit 20;

-- invariant: I24 a dispute that is not over will be asked about
select id as case_id, state, provider_ref
from disputes
where next_poll_at is null and (settled_at is null
                                or (state = 'WON' and withdrawn_at is not null
                                    and reinstated_at is null))
limit 20;
