-- Instalment plans: what is owed, what was paid, and what was handed over for it.

-- invariant: I34 what a plan is owed is what its account says, and one that is over is owed nothing
with said as (
    select plan.order_id as owner_id, plan.currency::text as currency,
           coalesce(sum(part.amount_minor - part.waived_minor)
                        filter (where part.state in ('DUE', 'LATE', 'DISPUTED')), 0)::bigint as minor
    from instalment_plans plan
    join instalments part on part.order_id = plan.order_id
    where plan.state <> 'PROPOSED'
    group by plan.order_id, plan.currency
), moved as (
    select account.owner_id, entry.currency::text, -entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'A:INSTALMENT'
)
select owner_id as order_id, currency, sum(minor)::bigint as missing_minor
from (select * from said union all select * from moved) compared
group by owner_id, currency
having sum(minor) <> 0
union all
select plan.order_id, plan.currency, sum(part.amount_minor - part.waived_minor)::bigint
from instalment_plans plan
join instalments part on part.order_id = plan.order_id
where plan.state in ('PAID', 'ENDED', 'DEFAULTED') and part.state in ('DUE', 'LATE', 'DISPUTED')
group by plan.order_id, plan.currency
limit 20;

-- invariant: I34 the parts of a plan add up to the order and its fee
select plan.order_id, plan.parts, plan.total_minor, plan.buyer_fee_minor, count(*) as parts_found,
       sum(part.amount_minor)::bigint as parts_minor
from instalment_plans plan
left join instalments part on part.order_id = plan.order_id
join orders on orders.id = plan.order_id
group by plan.order_id, plan.tenant_id, orders.total_minor, orders.currency, orders.customer_id
having count(*) <> plan.parts
    or sum(part.amount_minor) is distinct from plan.total_minor + plan.buyer_fee_minor
    or plan.total_minor <> orders.total_minor or plan.currency <> orders.currency
    or plan.customer_id is distinct from orders.customer_id
limit 20;

-- invariant: I34 a part is paid by a payment of its own plan, and each payment has paid all it says
select part.order_id, part.part, part.state, part.paid_by as payment_id
from instalments part
left join instalment_payments link on link.payment_id = part.paid_by
left join payments payment on payment.id = part.paid_by
where part.paid_by is not null
  and (link.order_id is distinct from part.order_id
       or coalesce(link.part, part.part) <> part.part
       or payment.status is distinct from 'SUCCEEDED' or payment.purpose <> 'INSTALMENT')
union all
select link.order_id, link.part, payment.status, payment.id
from payments payment
join instalment_payments link on link.payment_id = payment.id
left join instalments part on part.paid_by = payment.id
where payment.purpose = 'INSTALMENT' and payment.status = 'SUCCEEDED'
  -- One that a bank has taken for good pays for nothing any more.
  and not exists (select from disputes kase where kase.payment_id = payment.id
                  and kase.state = 'LOST' and kase.taken_minor > 0)
group by link.order_id, link.part, payment.status, payment.id
having coalesce(sum(part.amount_minor - part.waived_minor), 0)
       <> payment.channel_minor + payment.wallet_minor
limit 20;

-- invariant: I34 a plan that has begun pays its order, and no other order is paid by one
select orders.id as order_id, plan.state, payment.method
from orders
left join instalment_plans plan on plan.order_id = orders.id and plan.state <> 'PROPOSED'
left join payments payment on payment.order_id = orders.id and payment.status = 'SUCCEEDED'
where (plan.order_id is not null) <> (payment.method is not distinct from 'INSTALMENT')
   or (plan.order_id is not null
       and (orders.payment_status <> 'PAID' or orders.at_cost
            or (select count(*) from order_lines line where line.order_id = orders.id)
               <> (select count(*) from instalment_lines paying
                   where paying.order_id = orders.id)))
limit 20;

-- invariant: I34 nobody has pieces that were not paid for, unless the plan lends them
-- What was handed over stays when a bank takes a part back: that is the platform's risk.
with handed as (
    select paying.order_id,
           sum(((line.net_minor - line.funded_minor) * paying.handed + paying.quantity - 1)
               / paying.quantity) as goods_minor
    from instalment_lines paying
    join order_lines line on line.order_id = paying.order_id and line.id = paying.line_id
    group by paying.order_id
), covered as (
    select order_id, sum(case when state in ('DUE', 'LATE', 'DISPUTED') then 0
                              else amount_minor - waived_minor end + waived_minor) as minor
    from instalments group by order_id
)
select plan.order_id, plan.state, handed.goods_minor, covered.minor as covered_minor
from instalment_plans plan
join handed on handed.order_id = plan.order_id
join covered on covered.order_id = plan.order_id
where plan.release <> 'AT_START' and plan.state in ('OPEN', 'PAID')
  and handed.goods_minor * (plan.total_minor + plan.buyer_fee_minor)
      > covered.minor * plan.total_minor
  and not exists (select from instalment_payments link
                  join disputes kase on kase.payment_id = link.payment_id
                  where link.order_id = plan.order_id)
limit 20;

-- invariant: I34 a line waits while its plan is open and pieces are missing, and no longer
select paying.line_id, paying.order_id, paying.state, plan.state as plan_state
from instalment_lines paying
join instalment_plans plan on plan.order_id = paying.order_id
join order_lines line on line.order_id = paying.order_id and line.id = paying.line_id
where (paying.state = 'WAITING' and plan.state <> 'OPEN')
   or (paying.state = 'ENDED' and plan.state not in ('ENDED', 'DEFAULTED'))
   or paying.quantity <> line.quantity
limit 20;

-- invariant: I34 a plan does not stay open after its grace
select plan.order_id, min(part.due_at) as due_at, plan.grace_days
from instalment_plans plan
join instalments part on part.order_id = plan.order_id
where plan.state = 'OPEN' and part.state in ('DUE', 'LATE')
  and part.due_at + make_interval(days => plan.grace_days)
      < platform_now() - interval '10 minutes'
  and not exists (select from disputes kase
                  join instalment_payments link on link.payment_id = kase.payment_id
                  where link.order_id = plan.order_id
                    and kase.stopped_at is not null and kase.settled_at is null)
group by plan.order_id, plan.tenant_id
limit 20;
