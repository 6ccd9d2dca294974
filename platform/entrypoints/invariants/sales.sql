-- What is always true of this database. Each query returns the rows that break its invariant, at
-- most 20 of them; no row at all means that it holds. `kameng verify` runs them in one snapshot,
-- and `psql -f` runs them one by one.
--
-- Amounts are minor units; in the ledger a debit is positive and a credit is negative. Where two
-- records of one truth are compared, both are added up with opposite signs, and the sum is zero.
-- A transaction is known by the accounts that it moves, never by its kind. An *unapplied* refund
-- has no line: it sends back money that came too late, twice, or in the wrong amount or currency,
-- and what it says is what the channel captured.
--
-- I13 (the audit chain) begins with the tables that it is about.


-- invariant: I1 every transaction has entries that add up to zero in each currency
select coalesce(posted.id, entry.transaction_id) as transaction_id, entry.currency,
       sum(entry.amount_minor)::bigint as sum_minor
from ledger_transactions posted
full join ledger_entries entry on entry.transaction_id = posted.id
group by posted.id, entry.transaction_id, entry.currency
having posted.id is null or entry.transaction_id is null or sum(entry.amount_minor) <> 0
limit 20;

-- invariant: I1 every entry stands on an account of its own currency
select entry.id as entry_id, entry.transaction_id, entry.account_id,
       entry.currency, account.currency as account_currency
from ledger_entries entry
left join ledger_accounts account on account.id = entry.account_id
where account.currency is distinct from entry.currency
limit 20;

-- invariant: I1 the balances of all accounts together are zero in each currency
select currency, sum(ledger_balance(id))::bigint as sum_minor
from ledger_accounts
group by currency
having sum(ledger_balance(id)) <> 0
limit 20;


-- invariant: I2 a folded balance is the sum of the entries that it stands for
-- A fold may only reach back to transactions that had all ended: one that was still running
-- would add its entries below the fold, where no balance looks for them.
select fold.account_id, account.code, fold.balance_minor, folded.sum_minor, fold.folded_below
from ledger_folds fold
join ledger_accounts account on account.id = fold.account_id
cross join lateral (
    select coalesce(sum(entry.amount_minor), 0)::bigint as sum_minor
    from ledger_entries entry
    where entry.account_id = fold.account_id and entry.written_by < fold.folded_below
) folded
where fold.balance_minor <> folded.sum_minor
   or fold.folded_below > pg_snapshot_xmin(pg_current_snapshot())
limit 20;


-- invariant: I3 nobody's money is negative, and no debt is
-- A channel's clearing account may be overdrawn: the fee on a refunded sale is gone.
select account.id as account_id, account.code, account.owner_id, account.currency,
       sum(entry.amount_minor)::bigint as balance_minor
from ledger_accounts account
join ledger_entries entry on entry.account_id = account.id
where account.code like 'L:%' or account.code = 'A:RECV'
group by account.id
having case when account.code = 'A:RECV' then sum(entry.amount_minor) < 0
            else sum(entry.amount_minor) > 0 end
limit 20;


-- invariant: I4 a key stands in at most one live delivery
select key_id, count(*) as live_deliveries, array_agg(line_id) as line_ids
from delivered_keys
where returned_at is null
group by key_id
having count(*) > 1
limit 20;

-- invariant: I4 a delivered line has exactly its quantity of keys, and any other line has none
select line.id as line_id, orders.no as order_no, orders.fulfilment_status, line.quantity,
       coalesce(handed.keys, 0) as delivered_keys
from order_lines line
join orders on orders.id = line.order_id
left join (select line_id, count(*) as keys from delivered_keys where replaced_by is null
           group by line_id) handed
    on handed.line_id = line.id
left join manual_deliveries manual on manual.line_id = line.id
left join instalment_lines paying on paying.line_id = line.id
where coalesce(handed.keys, 0)
      <> case when paying.line_id is not null then paying.handed
              when orders.fulfilment_status <> 'NONE'
                   and (manual.line_id is null
                        or (manual.state = 'DELIVERED' and not manual.by_account))
              then line.quantity else 0 end
limit 20;

-- invariant: I4 a line has taken back as many pieces as it says
-- A piece that was taken back is a key returned to the pool or, once seen, a key voided.
select line.id as line_id, line.returned_quantity, handed.returned, handed.returned_or_voided
from order_lines line
cross join lateral (
    select count(*) filter (where delivered.returned_at is not null) as returned,
           count(*) filter (where delivered.returned_at is not null or keys.status = 'VOIDED')
               as returned_or_voided
    from delivered_keys delivered
    join keys on keys.id = delivered.key_id
    where delivered.order_id = line.order_id and delivered.line_id = line.id
      and delivered.replaced_by is null
) handed
where line.returned_quantity not between handed.returned and handed.returned_or_voided
limit 20;

-- invariant: I4 a sold key is in the hands of the line that it is sold to, and of no other
select keys.id as key_id, keys.status, keys.held_by_line_id, live.line_id as delivered_to_line_id
from keys
join delivered_keys live on live.key_id = keys.id and live.returned_at is null
where (live.revealed_at is null and keys.status not in ('SOLD', 'VOIDED'))
   or keys.held_by_line_id <> live.line_id
union all
select keys.id, keys.status, keys.held_by_line_id, null
from keys
where keys.status in ('SOLD', 'REVEALED')
  and not exists (select from delivered_keys live
                  where live.key_id = keys.id and live.returned_at is null)
  -- A place is sold before anything stands in it, and that of a top-up stays empty.
  and not exists (select from manual_deliveries manual
                  where manual.line_id = keys.held_by_line_id
                    and (manual.state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
                         or (manual.state = 'DELIVERED' and manual.by_account)))
  -- What is paid in parts is nobody else's, and handed over part by part.
  and not exists (select from instalment_lines paying
                  where paying.line_id = keys.held_by_line_id and paying.state = 'WAITING')
limit 20;

-- invariant: I4 what was delivered is of the order and the listing that were paid for
select delivered.id as delivered_key_id, delivered.key_id, delivered.line_id, delivered.order_id
from delivered_keys delivered
left join order_lines line on line.order_id = delivered.order_id and line.id = delivered.line_id
left join key_replacements moved
    on (moved.tenant_id, moved.new_delivery_id) = (delivered.tenant_id, delivered.id)
join keys on keys.id = delivered.key_id
where line.id is null
   or (moved.id is null and delivered.key_id <> all (line.key_ids))
   or keys.supplier_listing_id <> coalesce(moved.to_listing_id, line.supplier_listing_id)
   or keys.sku_id <> line.sku_id
limit 20;

-- invariant: I4 a bad key has one other key for it, in the same line, and nobody uses it any more
select bad.id as delivered_key_id, bad.replaced_by, moved.id as replacement_id, keys.status
from delivered_keys bad
join keys on keys.id = bad.key_id
full join key_replacements moved
    on (moved.tenant_id, moved.old_delivery_id) = (bad.tenant_id, bad.id)
left join delivered_keys other on other.id = bad.replaced_by
where (bad.replaced_by is not null or moved.id is not null or keys.status = 'REPLACED')
  and (bad.replaced_by is distinct from moved.new_delivery_id or keys.status <> 'REPLACED'
       or bad.returned_at is null
       or (other.order_id, other.line_id) is distinct from (bad.order_id, bad.line_id)
       or (moved.order_id, moved.line_id) is distinct from (bad.order_id, bad.line_id))
limit 20;

-- invariant: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
select coalesce(keys.id, sealed.id) as key_id, keys.status, keys.supplier_listing_id, batch.id
           as batch_id, batch.supplier_listing_id as sealed_for_listing_id, sealed.withdrawn_at
from keys
full join sealed_keys sealed on sealed.id = keys.id
left join key_batches batch on batch.id = sealed.batch_id
where keys.id is null or sealed.id is null
   or (keys.supplier_listing_id, keys.sku_id)
      is distinct from (batch.supplier_listing_id, batch.sku_id)
   or (keys.status = 'WITHDRAWN') <> (sealed.withdrawn_at is not null)
limit 20;


-- invariant: I5 a key that somebody has seen is never for sale again
select keys.id as key_id, keys.status, seen.id as delivered_key_id, seen.revealed_at
from delivered_keys seen
join keys on keys.id = seen.key_id
where seen.revealed_at is not null and keys.status not in ('REVEALED', 'VOIDED', 'REPLACED')
limit 20;

-- invariant: I5 every reveal left its evidence, and all evidence is of a reveal
select delivered.id as delivered_key_id, delivered.key_id, delivered.revealed_at,
       evidence.reveals
from delivered_keys delivered
left join (select delivered_key_id, count(*) as reveals from key_reveals group by 1) evidence
    on evidence.delivered_key_id = delivered.id
where (delivered.revealed_at is null) <> (evidence.reveals is null)
limit 20;

-- invariant: I5 a further seat lies beside its first: of the same batch, and as long good
select seat.key_id, seat.first_key_id, seat.seat
from key_seats seat
join keys on keys.id = seat.key_id
join sealed_keys sealed on sealed.id = seat.key_id
join keys first on first.id = seat.first_key_id
join sealed_keys of_first on of_first.id = seat.first_key_id
where sealed.batch_id <> of_first.batch_id or keys.expires_at is distinct from first.expires_at
   or seat.key_id = seat.first_key_id
limit 20;


-- invariant: I6 money that came has delivered its order, or goes back
select payment.id as payment_id, payment.status, payment.order_id, orders.no as order_no,
       orders.payment_status
from payments payment
left join orders on orders.id = payment.order_id
where (payment.status = 'UNAPPLIED'
       or (payment.status = 'SUCCEEDED' and orders.payment_status <> 'PAID'))
  and not exists (select from refunds unapplied
                  where unapplied.payment_id = payment.id and unapplied.line_id is null)
limit 20;

-- invariant: I6 an event that was taken for money had its effect, and in the same amount
select event.provider, event.event_id, event.effect, event.amount_minor, event.currency,
       payment.id as payment_id, payment.status as payment_status, payment.channel_minor
from payment_events event
left join payments payment on payment.id = event.payment_id
left join refunds unapplied on unapplied.payment_id = event.payment_id and unapplied.line_id is null
where (event.effect = 'REFUNDING' and unapplied.id is null)
   or (event.effect in ('SETTLED', 'LATE_SETTLED', 'TOPPED_UP')
       and (payment.status is distinct from 'SUCCEEDED'
            or event.amount_minor <> payment.channel_minor
            or event.currency <> payment.currency))
limit 20;

-- invariant: I6 money that came from a channel was heard of in an event
select payment.id as payment_id, payment.provider, payment.provider_ref, payment.order_id
from payments payment
where payment.status in ('SUCCEEDED', 'UNAPPLIED') and payment.channel_minor > 0
  and not exists (select from payment_events event
                  where event.payment_id = payment.id
                    and event.effect in ('SETTLED', 'LATE_SETTLED', 'TOPPED_UP', 'REFUNDING'))
limit 20;


-- invariant: I7 an order is paid for at most once
select order_id, count(*) as succeeded_payments, array_agg(id) as payment_ids
from payments
where status = 'SUCCEEDED' and order_id is not null
group by order_id
having count(*) > 1
limit 20;

-- invariant: I7 a payment takes effect at most once
select payment_id, count(*) as effects, array_agg(event_id) as event_ids
from payment_events
where effect in ('SETTLED', 'LATE_SETTLED', 'TOPPED_UP', 'REFUNDING')
group by payment_id
having count(*) > 1
limit 20;

-- invariant: I7 a paid order was paid in full
select orders.id as order_id, orders.no as order_no, orders.total_minor, orders.currency
from orders
where orders.payment_status = 'PAID'
  and not exists (select from payments payment
                  where payment.order_id = orders.id and payment.status = 'SUCCEEDED'
                    and payment.channel_minor + payment.wallet_minor = orders.total_minor
                    and payment.currency = orders.currency)
limit 20;

-- invariant: I7 the ledger took in for an order what its payments brought
-- The gateway's movement before its fee is positive when money came in, and negative when a
-- refund went out; what came by bank is taken from what waits there. Holds and voids move money
-- between the two wallet accounts and add up to zero.
with brought as (
    select payment.order_id, coalesce(unapplied.currency, payment.currency) as currency,
           coalesce(unapplied.channel_minor, payment.channel_minor) as channel_minor,
           case when unapplied.id is null then payment.wallet_minor else 0 end as wallet_minor
    from payments payment
    left join refunds unapplied
        on unapplied.payment_id = payment.id and unapplied.line_id is null
    where payment.purpose = 'ORDER'
      and (payment.status = 'SUCCEEDED' or unapplied.id is not null)
), moved as (
    select posted.order_id, entry.currency,
           -- What a dispute has taken and given back is I24's.
           case when not bool_or(account.code = 'A:DISPUTE') then
               sum(entry.amount_minor) filter (where account.code like 'A:GATEWAY:%'
                                                  or account.code in ('E:GATEWAY_FEE',
                                                                      'L:UNAPPLIED:BANK'))
           end as channel_minor,
           sum(entry.amount_minor) filter (where account.code in ('L:WALLET', 'L:WALLET_HELD',
                                                                  'L:TRADE', 'A:INSTALMENT'))
               as wallet_minor,
           bool_or(account.code = 'L:REFUND_DUE') as is_refund
    from ledger_transactions posted
    join ledger_entries entry on entry.transaction_id = posted.id
    join ledger_accounts account on account.id = entry.account_id
    where posted.order_id is not null
    group by posted.id, entry.currency
)
select order_id, currency, sum(channel_minor)::bigint as channel_missing_minor,
       sum(wallet_minor)::bigint as wallet_missing_minor
from (select order_id, currency, channel_minor, wallet_minor from brought
      union all
      select order_id, currency, -greatest(channel_minor, 0),
             case when is_refund then 0 else -coalesce(wallet_minor, 0) end from moved) difference
group by order_id, currency
having sum(channel_minor) <> 0 or sum(wallet_minor) <> 0
limit 20;

-- invariant: I7 a wallet, a trade balance or a deposit was topped up with what its payments brought
-- A line of the bank that paid for nothing may have gone to a wallet instead.
with topped_up as (
    select account.code, account.owner_id, entry.currency, -entry.amount_minor as amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code in ('L:WALLET', 'L:TRADE', 'L:DEPOSIT:FREE') and entry.amount_minor < 0
      and exists (select from ledger_entries gateway
                  join ledger_accounts channel on channel.id = gateway.account_id
                  where gateway.transaction_id = entry.transaction_id
                    and gateway.amount_minor > 0
                    and (channel.code like 'A:GATEWAY:%' or channel.code = 'L:UNAPPLIED:BANK'))
)
select code, owner_id, currency, sum(amount_minor)::bigint as missing_minor
from (select case purpose when 'TOP_UP' then 'L:WALLET' when 'TRADE_TOP_UP' then 'L:TRADE'
                          else 'L:DEPOSIT:FREE' end as code,
             case purpose when 'TOP_UP' then customer_id when 'TRADE_TOP_UP' then payment.tenant_id
                          else deposit.party_id end as owner_id,
             currency, channel_minor as amount_minor
      from payments payment
      left join deposit_top_ups deposit on deposit.payment_id = payment.id
      where purpose in ('TOP_UP', 'TRADE_TOP_UP', 'DEPOSIT_TOP_UP') and status = 'SUCCEEDED'
        and not exists (select from refunds unapplied
                        where unapplied.payment_id = payment.id and unapplied.line_id is null)
      union all
      select 'L:WALLET', payment.customer_id, line.currency, line.amount_minor
      from bank_lines line join payments payment on payment.id = line.payment_id
      where line.state = 'CREDITED'
      union all
      select code, owner_id, currency, -amount_minor from topped_up) difference
group by code, owner_id, currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I7 refunds never exceed the payment, neither its channel's part nor its wallet's
-- What came in the wrong amount is left out: it may be more than was asked for. Where a buyer has
-- wished it, the wallet gets what the channel has brought.
select payment.id as payment_id, payment.channel_minor, payment.wallet_minor,
       sum(refund.channel_minor)::bigint as channel_refunds_minor,
       sum(refund.wallet_minor)::bigint as wallet_refunds_minor
from payments payment
join refunds refund on refund.payment_id = payment.id and refund.reason <> 'WRONG_PAYMENT'
group by payment.id
having sum(refund.channel_minor) > payment.channel_minor
    or sum(refund.wallet_minor) filter (where refund.destination = 'CHANNEL') > payment.wallet_minor
    or sum(refund.channel_minor + refund.wallet_minor) > payment.channel_minor + payment.wallet_minor
limit 20;

-- invariant: I7 an order, its lines and its payments say how much of them was refunded
select 'order' as of_what, orders.id, orders.refunded_minor,
       coalesce(sum(refund.amount_minor), 0)::bigint as refunds_minor
from orders
left join refunds refund on refund.order_id = orders.id and refund.line_id is not null
group by orders.id, orders.tenant_id
having orders.refunded_minor <> coalesce(sum(refund.amount_minor), 0)
union all
select 'line', line.id, line.refunded_minor, coalesce(sum(refund.amount_minor), 0)::bigint
from order_lines line
left join refunds refund on refund.order_id = line.order_id and refund.line_id = line.id
group by line.order_id, line.id, line.tenant_id
having line.refunded_minor <> coalesce(sum(refund.amount_minor), 0)
union all
select 'payment', payment.id, payment.refunded_channel_minor,
       coalesce(sum(refund.channel_minor), 0)::bigint
from payments payment
left join refunds refund on refund.payment_id = payment.id
group by payment.id
having payment.refunded_channel_minor
       not between coalesce(sum(refund.channel_minor) filter (where refund.line_id is not null), 0)
           and coalesce(sum(refund.channel_minor), 0)
limit 20;

-- invariant: I7 a refund is of its own payment, order and line, in their currency
select refund.id as refund_id, refund.payment_id, refund.order_id, refund.line_id
from refunds refund
join payments payment on payment.id = refund.payment_id
left join order_lines line on line.order_id = refund.order_id and line.id = refund.line_id
where refund.order_id is distinct from payment.order_id
   or refund.tenant_id <> payment.tenant_id
   or (refund.currency <> payment.currency and refund.reason <> 'WRONG_PAYMENT')
   or (refund.line_id is not null and line.id is null)
limit 20;

-- invariant: I7 an order's after-sale status says how much was refunded
select id as order_id, no as order_no, aftersale_status, refunded_minor, total_minor
from orders
where (aftersale_status = 'NONE') <> (refunded_minor = 0)
   or (aftersale_status = 'PARTIALLY_REFUNDED' and refunded_minor = total_minor)
   or (aftersale_status = 'REFUNDED' and refunded_minor < total_minor)
limit 20;

-- invariant: I7 every refund stands in the ledger, and is owed there until it is done
-- The wallet's part of a refund may be paid out before the channel's.
with promised as (
    select order_id, currency, amount_minor,
           case when status = 'DONE' then 0 else channel_minor - covered_minor end
               as least_owed_minor,
           case when status = 'DONE' then 0 else amount_minor - covered_minor end
               as most_owed_minor,
           0::bigint as posted_minor, 0::bigint as owed_minor
    from refunds
    union all  -- what came by bank for nobody
    select null, currency, amount_minor, case when state = 'DUE' then amount_minor else 0 end,
           case when state = 'DUE' then amount_minor else 0 end, 0, 0
    from bank_refunds where refund_id is null
), posted as (
    select posted.order_id, entry.currency, 0::bigint, 0::bigint, 0::bigint,
           greatest(-entry.amount_minor, 0), -entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    join ledger_transactions posted on posted.id = entry.transaction_id
    where account.code = 'L:REFUND_DUE'
)
select order_id, currency, sum(amount_minor)::bigint as refunds_minor,
       sum(posted_minor)::bigint as posted_minor, sum(most_owed_minor)::bigint as open_minor,
       sum(owed_minor)::bigint as owed_minor
from (select * from promised union all select * from posted) compared
group by order_id, currency
having sum(amount_minor) <> sum(posted_minor)
    or sum(owed_minor) not between sum(least_owed_minor) and sum(most_owed_minor)
limit 20;


-- invariant: I8 a channel's clearing account is what it captured, less refunds, payouts and fees
with at_channel as (
    select entry.transaction_id, substr(account.code, length('A:GATEWAY:') + 1) as provider,
           entry.currency, entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code like 'A:GATEWAY:%'
), fees as (
    select charged.provider, entry.currency, entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    join (select distinct transaction_id, provider from at_channel) charged
        on charged.transaction_id = entry.transaction_id
    where account.code = 'E:GATEWAY_FEE'
), recorded as (
    select upper(payment.provider) as provider,
           coalesce(unapplied.currency, payment.currency) as currency,
           coalesce(unapplied.channel_minor, payment.channel_minor) as amount_minor
    from payments payment
    left join refunds unapplied
        on unapplied.payment_id = payment.id and unapplied.line_id is null
    where payment.channel_minor > 0 and payment.provider <> 'bank'
      and (payment.status = 'SUCCEEDED' or unapplied.id is not null)
    union all
    -- A refund with this reason was paid by the bank, with what the dispute has taken; and what
    -- the channel has refused was given otherwise.
    select upper(payment.provider), refund.currency, refund.covered_minor - refund.channel_minor
    from refunds refund
    join payments payment on payment.id = refund.payment_id
    where refund.status = 'DONE' and refund.reason <> 'CHARGEBACK' and refund.given_as is null
      and payment.provider <> 'bank'
    union all
    select upper(provider), currency,
           case when withdrawn_at is not null then -amount_minor - fee_minor else 0 end
           + case when reinstated_at is not null then amount_minor + fee_back_minor else 0 end
    from disputes
    union all  -- what the channel has paid to the bank by itself
    select book, currency, their_minor from reconciliation_items
    where how = 'BOOK' and category = 'PAYOUT'
    union all
    select 'STRIPE', payout.currency, payout.fee_minor - payout.amount_minor
    from payouts payout
    where payout.state = 'PAID' and payout.method_kind = 'STRIPE_ACCOUNT'
)
select provider, currency, sum(amount_minor)::bigint as recorded_minus_ledger_minor
from (select provider, currency, amount_minor from recorded
      union all
      select provider, currency, -amount_minor from fees
      union all
      select provider, currency, -amount_minor from at_channel) difference
group by provider, currency
having sum(amount_minor) <> 0
limit 20;


-- invariant: I9 an order does not stay unpaid after its time
select id as order_id, no as order_no, expires_at
from orders
where payment_status = 'PENDING' and expires_at < platform_now() - interval '2 minutes'
limit 20;

-- invariant: I9 a delivery by hand does not stay open after its time
select line_id, order_id, state, due_at
from manual_deliveries
where state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
  and due_at < platform_now() - interval '2 minutes'
  and not exists (select from disputes kase
                  where kase.order_id = manual_deliveries.order_id
                    and kase.stopped_at is not null and kase.settled_at is null)
limit 20;

-- invariant: I9 an open payment will be asked about
select id as payment_id, order_id, status, provider_ref, created_at
from payments
where status in ('CREATED', 'PENDING') and next_poll_at is null
limit 20;

-- invariant: I9 a refund that is due will be tried
select id as refund_id, order_id, status, amount_minor, currency
from refunds
where status in ('DUE', 'SENT') and next_attempt_at is null
limit 20;

-- invariant: I9 wallet money is held for as long as its payment is open, and no longer
-- A channel may be asked for a while about an order that has expired, whose wallet part is free.
with compared as (
    select account.owner_id as customer_id, entry.currency, -entry.amount_minor as held_minor,
           0::bigint as least_minor, 0::bigint as most_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:WALLET_HELD'
    union all
    select payment.customer_id, payment.currency, 0,
           case when orders.payment_status = 'PENDING' then payment.wallet_minor else 0 end,
           payment.wallet_minor
    from payments payment
    join orders on orders.id = payment.order_id
    where payment.status in ('CREATED', 'PENDING') and payment.wallet_minor > 0
)
select customer_id, currency, sum(held_minor)::bigint as held_minor,
       sum(most_minor)::bigint as open_payments_minor
from compared
group by customer_id, currency
having sum(held_minor) not between sum(least_minor) and sum(most_minor)
limit 20;


-- invariant: I10 a coupon is used no more often than it may be
select coupon.id as coupon_id, coupon.name, coupon.max_uses, count(used.id) as uses
from coupons coupon
join coupon_uses used on used.coupon_id = coupon.id and used.released_at is null
group by coupon.id
having count(used.id) > coupon.max_uses
limit 20;

-- invariant: I10 a use of a coupon with a limit has its one place, and every taken place its use
select coalesce(used.coupon_id, slot.coupon_id) as coupon_id, used.id as use_id, slot.slot
from (select used.* from coupon_uses used join coupons coupon on coupon.id = used.coupon_id
      where used.released_at is null and coupon.max_uses is not null) as used
full join (select * from coupon_slots where use_id is not null) as slot
    on slot.use_id = used.id and slot.coupon_id = used.coupon_id
where used.id is null or slot.slot is null
limit 20;

-- invariant: I10 nobody uses a coupon, and no code is used, more often than allowed
select coupon_id, holder, count(*) as uses
from coupon_uses
where released_at is null and holder is not null
group by coupon_id, holder
having count(*) > max(holder_places)
union all
select coupon_id, null, count(*)
from coupon_uses
where released_at is null and single_code_id is not null
group by coupon_id, single_code_id
having count(*) > 1
limit 20;

-- invariant: I10 an order that can still be paid, or is, holds its coupons; one that ended does not
-- A wholly refunded order may have given its use back.
select orders.id as order_id, orders.no as order_no, orders.payment_status, named.coupon_id,
       used.id as use_id
from (select distinct order_id, coupon_id from discount_lines where coupon_id is not null) named
full join (select * from coupon_uses where released_at is null) used
    on used.order_id = named.order_id and used.coupon_id = named.coupon_id
join orders on orders.id = coalesce(named.order_id, used.order_id)
where named.coupon_id is null
   or (orders.payment_status in ('PENDING', 'PAID')) <> (used.id is not null)
      and not (used.id is null and orders.payment_status = 'PAID'
               and orders.refunded_minor = orders.total_minor)
limit 20;

-- invariant: I10 the discounts of a line are what its price was lowered by
select line.order_id, line.id as line_id, line.unit_price_minor, line.quantity, line.net_minor,
       line.funded_minor, coalesce(sum(given.amount_minor), 0)::bigint as discounts_minor
from order_lines line
left join discount_lines given on given.order_id = line.order_id and given.line_id = line.id
group by line.order_id, line.id, line.tenant_id
having line.funded_minor
       <> coalesce(sum(given.amount_minor) filter (where given.funder_kind <> 'SHOP'), 0)
    or line.unit_price_minor * line.quantity - line.net_minor + line.funded_minor
       <> coalesce(sum(given.amount_minor), 0)
limit 20;

-- invariant: I10 budgets hold what unpaid orders were promised, and have paid for what was sold
with promised as (
    select orders.currency, given.funder_id,
           case when orders.payment_status = 'PENDING' then given.amount_minor else 0 end
               as held_minor,
           case when orders.payment_status = 'PAID'
                then given.amount_minor - given.returned_minor else 0 end as spent_minor
    from discount_lines given join orders on orders.id = given.order_id
    where given.funder_kind in ('TENANT', 'PLATFORM', 'SUPPLIER')
), moved as (
    select entry.currency, account.owner_id,
           case when account.code = 'L:PROMO_HELD' then -entry.amount_minor else 0 end
               as held_minor,
           -- What an order's postings have taken from both accounts together.
           case when posted.order_id is not null then entry.amount_minor else 0 end as spent_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    join ledger_transactions posted on posted.id = entry.transaction_id
    where account.code in ('L:PROMO', 'L:PROMO_HELD')
)
select currency, funder_id, sum(held_minor)::bigint as held_missing_minor,
       sum(spent_minor)::bigint as spent_missing_minor
from (select * from promised
      union all
      select currency, owner_id, -held_minor, -spent_minor from moved) difference
group by currency, funder_id
having sum(held_minor) <> 0 or sum(spent_minor) <> 0
limit 20;


-- invariant: I11 a hold on a key ends in its time
select id as key_id, held_by_line_id, held_until
from keys
where status = 'HELD' and held_until < platform_now() - interval '5 minutes'
limit 20;

-- invariant: I11 a key is held for an order that can still be paid
select keys.id as key_id, keys.held_by_line_id, orders.no as order_no, orders.payment_status
from keys
left join order_lines line on line.id = keys.held_by_line_id
left join orders on orders.id = line.order_id
where keys.status = 'HELD' and orders.payment_status is distinct from 'PENDING'
limit 20;

-- invariant: I11 an order that can still be paid holds all its keys
select line.id as line_id, orders.no as order_no, line.quantity, count(keys.id) as held_keys
from orders
join order_lines line on line.order_id = orders.id
left join keys on keys.id = any (line.key_ids) and keys.status = 'HELD'
    and keys.held_by_line_id = line.id
where orders.payment_status = 'PENDING' and orders.expires_at > platform_now()
group by line.order_id, line.id, line.tenant_id, orders.no
having count(keys.id) <> line.quantity
limit 20;


-- invariant: I12 the result of a remembered request exists
-- A record is kept by what it made, whatever it is called: one of these rows, of the same tenant.
select record.tenant_id, record.actor, record.key, record.result_kind, record.result_id
from idempotency_records record
where not exists (
    select from (select tenant_id, id from orders
                 union all select tenant_id, id from payments
                 union all select tenant_id, id from refunds
                 union all select tenant_id, id from delivered_keys
                 union all select tenant_id, id from customers
                 union all select tenant_id, id from trade_moves
                 union all select tenant_id, id from ledger_transactions
                 union all select tenant_id, id from deposit_holds
                 union all select tenant_id, id from price_rules) made
    where made.id = record.result_id and made.tenant_id = record.tenant_id)
  and not exists (select from ledger_adjustments where id = record.result_id)
limit 20;


-- invariant: I14 the lines of an order add up to its total
-- The buyer pays a line's net without what others pay of it.
select orders.id as order_id, orders.no as order_no, orders.total_minor,
       coalesce(sum(line.net_minor - line.funded_minor), 0)::bigint as lines_minor
from orders
left join order_lines line on line.order_id = orders.id
group by orders.id, orders.tenant_id
having orders.total_minor <> coalesce(sum(line.net_minor - line.funded_minor), 0)
limit 20;

-- invariant: I14 the shares of a line add up to its net, and their reversals to its refunds
-- A refund out of the shop's goodwill touches no share, nor does what is borne of a lost dispute, nor
-- a fast one that is not upheld. What the funders of a discount get back is given back by the
-- shares, too, and what a bad key has brought its supplier; with what that one adds it stands in the
-- shares of the key that it was replaced by.
with goodwill as (
    select line_id, sum(case when borne_minor > 0 then borne_minor else amount_minor end)::bigint
               as minor
    from refunds
    where reason = 'GOODWILL' or borne_minor > 0
       or exists (select from fast_refunds claim
                  where claim.refund_id = refunds.id and claim.state <> 'UPHELD')
    group by line_id
), given_back as (
    select order_id, line_id, sum(minor)::bigint as minor
    from (select order_id, line_id, returned_minor as minor from discount_lines
          union all
          select order_id, line_id, given_up_minor + cover_returned_minor from key_replacements)
         as either
    group by order_id, line_id
), replaced as (
    select line_id, sum(given_up_minor + cover_minor)::bigint as minor
    from key_replacements group by line_id
)
select line.id as line_id, line.net_minor, coalesce(sum(share.amount_minor), 0)::bigint
           as shares_minor,
       line.refunded_minor, coalesce(sum(share.reversed_minor), 0)::bigint as reversed_minor
from order_lines line
join orders on orders.id = line.order_id
left join line_shares share on share.line_id = line.id and share.order_id = line.order_id
    and share.currency = orders.currency
left join goodwill on goodwill.line_id = line.id
left join given_back on given_back.order_id = line.order_id and given_back.line_id = line.id
left join replaced on replaced.line_id = line.id
group by line.order_id, line.id, line.tenant_id, goodwill.minor, given_back.minor, replaced.minor
having line.net_minor + coalesce(replaced.minor, 0) <> coalesce(sum(share.amount_minor), 0)
    or line.refunded_minor + coalesce(given_back.minor, 0)
       <> coalesce(sum(share.reversed_minor), 0) + coalesce(goodwill.minor, 0)
limit 20;

-- invariant: I14 the lines of a paid order bear its channel's fee, rounded up, and no others do
with fees as (
    -- A plan's fee is on all that it pays.
    select order_id,
           sum((case method when 'INSTALMENT' then wallet_minor else channel_minor end * fee_bp
                + 9999) / 10000)::bigint as fee_minor
    from payments
    where status = 'SUCCEEDED'
    group by order_id
)
select orders.id as order_id, orders.no as order_no, orders.payment_status,
       sum(line.channel_fee_minor)::bigint as lines_fee_minor, fees.fee_minor
from orders
join order_lines line on line.order_id = orders.id
left join fees on fees.order_id = orders.id and orders.payment_status = 'PAID'
group by orders.id, orders.tenant_id, fees.fee_minor
having sum(line.channel_fee_minor) <> coalesce(fees.fee_minor, 0)
limit 20;

-- invariant: I14 a sale credits everyone their shares, less fee and points for the shop
-- The fee is recovered from the shop, which is the platform itself where the root sells, and so are
-- the points that its buyer earns. What refunds move is left out: a shortage or a fault moves more.
-- What a person is still to deliver has earned nobody anything yet.
with waiting as (
    select line_id from manual_deliveries where state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
    union all
    select line_id from instalment_lines where state = 'WAITING'
), paid as (
    select orders.id as order_id, orders.currency,
           case when cardinality(orders.path) = 1 then 'R:WHOLESALE_MARGIN'
                else orders.tenant_id::text end as shop,
           line.channel_fee_minor as fee_minor,
           coalesce(line.earned_points * program.point_minor, 0) as earned_minor
    from orders
    join order_lines line on line.order_id = orders.id
    left join points_programs program on program.tenant_id = orders.tenant_id
    where orders.payment_status = 'PAID' and line.id not in (select line_id from waiting)
), sold as (
    select posted.order_id, entry.currency, coalesce(account.owner_id::text, account.code)
               as beneficiary, entry.amount_minor
    from ledger_transactions posted
    join ledger_entries entry on entry.transaction_id = posted.id
    join ledger_accounts account on account.id = entry.account_id
    where posted.order_id is not null
      and (account.code like 'L:PARTY:%'
           or account.code in ('A:RECV', 'R:SUPPLIER_COMMISSION', 'R:WHOLESALE_MARGIN',
                               'R:GATEWAY_RECOVERY'))
      and not exists (select from ledger_entries refund
                      join ledger_accounts due on due.id = refund.account_id
                      where refund.transaction_id = posted.id and due.code = 'L:REFUND_DUE')
      -- Of what was refunded before, a lost dispute owes the buyer nothing any more.
      and posted.kind <> 'E10_DISPUTE_LOST'
      and not exists (select from fast_refunds claim where claim.decided_posting = posted.id)
      and not exists (select from key_replacements moved where moved.posting_id = posted.id)
)
select order_id, currency, beneficiary, sum(amount_minor)::bigint as missing_minor
from (select share.order_id, share.currency,
             coalesce(share.party_id::text, 'R:' || share.role) as beneficiary, share.amount_minor
      from line_shares share
      join orders on orders.id = share.order_id
      where orders.payment_status = 'PAID' and share.line_id not in (select line_id from waiting)
        and share.role <> 'EXCHANGE'
        and not exists (select from key_replacements moved
                        where moved.order_id = share.order_id
                          and share.id in (moved.supply_share_id, moved.commission_share_id))
      union all
      select order_id, currency, shop, -fee_minor - earned_minor from paid
      union all
      select order_id, currency, 'R:GATEWAY_RECOVERY', fee_minor from paid
      union all
      select order_id, currency, beneficiary, amount_minor from sold) difference
group by order_id, currency, beneficiary
having sum(amount_minor) <> 0
limit 20;

-- invariant: I14 a refund takes from everyone what their shares give back, but for the lost fee
-- Who pays for the fee that the channel keeps depends on whose fault it was. What a party has not
-- earned yet any more comes from its deposit, and at last is a debt. The shop has back what it gave
-- for the points that the sale has earned. A fast refund is the supplier's own until it is upheld.
-- A replacement takes from one supplier, with a cover, what it brings another; and a refund after it
-- gives the cover back.
with reversed as (
    select share.order_id, share.currency,
           coalesce(share.party_id::text, 'R:' || share.role) as beneficiary,
           share.reversed_minor as amount_minor
    from line_shares share
    where share.reversed_minor > 0 and share.role <> 'EXCHANGE'
    union all
    select orders.id, refund.currency,
           case when cardinality(orders.path) = 1 then 'R:WHOLESALE_MARGIN'
                else orders.tenant_id::text end,
           refund.amount_minor
    from refunds refund join orders on orders.id = refund.order_id
    where refund.reason = 'GOODWILL'
    union all
    select kase.order_id, kase.currency, charge.party_id::text, charge.amount_minor
    from dispute_charges charge join disputes kase on kase.id = charge.dispute_id
    where kase.order_id is not null
    union all
    select share.order_id, share.currency,
           coalesce(share.party_id::text, 'R:' || share.role), -share.amount_minor
    from key_replacements moved
    join line_shares share on share.order_id = moved.order_id
        and share.id in (moved.supply_share_id, moved.commission_share_id)
    where moved.posting_id is not null
    union all
    select orders.id, orders.currency, moved.supplier_id::text,
           moved.cover_minor - moved.cover_returned_minor
    from key_replacements moved join orders on orders.id = moved.order_id
    union all
    select orders.id, refund.currency,
           case when cardinality(orders.path) = 1 then 'R:WHOLESALE_MARGIN'
                else orders.tenant_id::text end,
           -refund.points_minor - coalesce(back.points, 0) * coalesce(program.point_minor, 0)
    from refunds refund
    join orders on orders.id = refund.order_id
    left join points_programs program on program.tenant_id = orders.tenant_id
    left join (select refund_id, -sum(points) as points from points_moves
               where kind = 'REVERSED' group by refund_id) back on back.refund_id = refund.id
), taken as (
    select posted.order_id, entry.currency, coalesce(account.owner_id::text, account.code)
               as beneficiary, entry.amount_minor
    from ledger_transactions posted
    join ledger_entries entry on entry.transaction_id = posted.id
    join ledger_accounts account on account.id = entry.account_id
    where posted.order_id is not null
      and (account.code like 'L:PARTY:%' or account.code like 'L:DEPOSIT:%'
           or account.code in ('A:RECV', 'R:SUPPLIER_COMMISSION', 'R:WHOLESALE_MARGIN'))
      and (exists (select from ledger_entries refund
                   join ledger_accounts due on due.id = refund.account_id
                   where refund.transaction_id = posted.id and due.code = 'L:REFUND_DUE')
           or posted.kind = 'E10_DISPUTE_LOST'
           or exists (select from fast_refunds claim where claim.decided_posting = posted.id)
           or exists (select from key_replacements moved where moved.posting_id = posted.id))
      and not exists (select from fast_refunds claim
                      where claim.accepted_posting = posted.id and claim.state <> 'UPHELD')
)
select order_id, currency, beneficiary, sum(amount_minor)::bigint as missing_minor
from (select * from reversed
      union all
      select order_id, currency, beneficiary, -amount_minor from taken) difference
group by order_id, currency, beneficiary
having abs(sum(amount_minor)) > (select coalesce(sum(line.channel_fee_minor), 0)
                                 from order_lines line where line.order_id = difference.order_id)
limit 20;

-- invariant: I14 what orders have exchanged is what their shares say, on both sides of the bridge
-- At the rate of each order: whatever refunds undo is undone at that.
with waiting as (
    select line_id from manual_deliveries where state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
    union all
    select line_id from instalment_lines where state = 'WAITING'
), exchanged as (
    select bridge.order_id, bridge.currency, supply.currency as bought,
           bridge.amount_minor - bridge.reversed_minor as minor,
           supply.amount_minor - supply.reversed_minor as bought_minor
    from line_shares bridge
    join line_shares supply on (supply.order_id, supply.line_id) = (bridge.order_id, bridge.line_id)
        and supply.role = 'SUPPLY'
    join orders on orders.id = bridge.order_id and orders.payment_status = 'PAID'
    where bridge.role = 'EXCHANGE' and bridge.line_id not in (select line_id from waiting)
)
select order_id, currency, code, sum(minor)::bigint as missing_minor
from (select order_id, currency, 'A:FX:' || bought as code, minor from exchanged
      union all
      select order_id, bought, 'A:FX:' || currency, -bought_minor from exchanged
      union all
      select posted.order_id, entry.currency, account.code, entry.amount_minor
      from ledger_accounts account
      join ledger_entries entry on entry.account_id = account.id
      join ledger_transactions posted on posted.id = entry.transaction_id
      where account.code like 'A:FX:%' and posted.order_id is not null) as difference
group by order_id, currency, code
having sum(minor) <> 0
limit 20;

-- invariant: I14 escrow holds what is delivered by hand or paid in parts, and nothing else stays
select order_id, code, currency, sum(amount_minor)::bigint as balance_minor
from (select posted.order_id, account.code, entry.currency, entry.amount_minor
      from ledger_accounts account
      join ledger_entries entry on entry.account_id = account.id
      join ledger_transactions posted on posted.id = entry.transaction_id
      where account.code in ('L:ESCROW', 'L:UNAPPLIED')
      union all
      select orders.id, 'L:ESCROW', orders.currency, line.net_minor
      from manual_deliveries manual
      join order_lines line on line.order_id = manual.order_id and line.id = manual.line_id
      join orders on orders.id = line.order_id
      where manual.state in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
      union all
      select orders.id, 'L:ESCROW', orders.currency, line.net_minor
      from instalment_lines paying
      join order_lines line on line.order_id = paying.order_id and line.id = paying.line_id
      join orders on orders.id = line.order_id
      where paying.state = 'WAITING') as held
group by order_id, code, currency
having sum(amount_minor) <> 0
limit 20;

-- invariant: I16 a tenant hears of orders if and only if an endpoint of its own wants to
select tenants.id as tenant_id, tenants.hears_orders
from tenants
where tenants.hears_orders <> exists (
    select from webhook_endpoints endpoint
    where endpoint.tenant_id = tenants.id and endpoint.status in ('ACTIVE', 'DISABLED')
      and exists (select from unnest(endpoint.event_types) as wanted where wanted like 'order.%'))
limit 20;

-- invariant: I15 a trade balance's book has each movement of its account, and no other
with posted as (
    select account.owner_id as tenant_id, entry.transaction_id as id, entry.currency,
           -sum(entry.amount_minor)::bigint as amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:TRADE'
    group by account.owner_id, entry.transaction_id, entry.currency
)
select coalesce(move.tenant_id, posted.tenant_id) as tenant_id, coalesce(move.id, posted.id) as id,
       move.kind, move.amount_minor, posted.amount_minor as posted_minor
from trade_moves move
full join posted on (posted.tenant_id, posted.id, posted.currency)
                  = (move.tenant_id, move.id, move.currency)
where move.amount_minor is distinct from posted.amount_minor
limit 20;

-- invariant: I15 each balance of the book is the one before it and the amount
select tenant_id, number, amount_minor, balance_minor, before_minor
from (select move.*, lag(balance_minor, 1, 0::bigint)
                         over (partition by tenant_id, currency order by number) as before_minor
      from trade_moves move) followed
where balance_minor <> before_minor + amount_minor
limit 20;

-- invariant: I15 a low balance was told of where it crossed its threshold, and only there
select alert.tenant_id, alert.id, alert.threshold_minor, alert.balance_minor, move.amount_minor
from low_balance_alerts alert
left join trade_moves move on (move.tenant_id, move.id) = (alert.tenant_id, alert.id)
where move.balance_minor is distinct from alert.balance_minor
   or move.balance_minor - move.amount_minor < alert.threshold_minor
limit 20;

-- invariant: I15 a shop pays what it buys at cost out of its own balance, and earns nothing of it
select orders.id as order_id, orders.no as order_no, orders.at_cost, payment.method
from orders
join payments payment on payment.order_id = orders.id and payment.status = 'SUCCEEDED'
where orders.at_cost <> (payment.method = 'TRADE')
   or (orders.at_cost and exists (select from line_shares share
                                  where share.order_id = orders.id
                                    and share.role in ('SHOP_MARGIN', 'AFFILIATE')))
limit 20;

-- invariant: I15 what was bought at cost stands in the book, and what came back of it
with told as (
    select move.tenant_id, move.order_id,
           sum(case when move.kind = 'PURCHASE' then -move.amount_minor else 0 end)::bigint
               as bought_minor,
           sum(case when move.kind = 'REFUND' then move.amount_minor else 0 end)::bigint
               as refunded_minor
    from trade_moves move
    where move.order_id is not null
    group by move.tenant_id, move.order_id
)
select orders.id as order_id, orders.no as order_no, orders.total_minor, orders.refunded_minor,
       told.bought_minor, told.refunded_minor as told_refunded_minor
from (select * from orders where at_cost) as orders
full join told on (told.order_id, told.tenant_id) = (orders.id, orders.tenant_id)
where (told.bought_minor, told.refunded_minor)
      is distinct from (orders.total_minor::bigint, orders.refunded_minor)
limit 20;

-- invariant: I17 what is going to begin or end by itself is counted when it does
-- Else a price would change, and whoever has kept the old one would not know.
select edge.owner_id, edge.moment
from (select tenant_id as owner_id, starts_at as moment from price_rules
      union select tenant_id, ends_at from price_rules
      union select tenant_id, starts_at from promotions
      union select tenant_id, ends_at from promotions
      union select platform_id(), fresh_until from fx_rates) as edge
left join catalogue_moments known
     on known.owner_id = edge.owner_id and known.moment = edge.moment
left join catalogue_versions version on version.owner_id = edge.owner_id
where edge.moment > platform_now()
  and (known.moment is null or version.first_moment is null or version.first_moment > edge.moment)
limit 20;

-- invariant: I18 a shop ranks its customers if and only if a tier of it can be reached
select shop.id as tenant_id, shop.ranks_customers
from tenants shop
where shop.ranks_customers <> exists (
    select from membership_tiers tier
    where tier.tenant_id = shop.id and tier.retired_at is null and tier.spent_minor is not null)
limit 20;

-- invariant: I18 who is not about to be looked at stands on the tier that the orders earn
select buyer.tenant_id, buyer.id as customer_id, buyer.earned_tier_id, best.tier_id as earns_id
from customers buyer
join tenants shop on shop.id = buyer.tenant_id
left join lateral (
    select step.tier_id from tier_measures(buyer.tenant_id, buyer.id, platform_now()) as step
    where step.holds_until > platform_now() order by step.rank desc limit 1
) as best on true
where (shop.ranks_customers or buyer.earned_tier_id is not null)
  and buyer.earned_tier_id is distinct from best.tier_id
  and (buyer.tier_due_at is null or buyer.tier_due_at > platform_now())
  and not exists (select from tier_dues due where due.customer_id = buyer.id)
  and not exists (select from tier_recounts walk where walk.tenant_id = buyer.tenant_id)
limit 20;

-- invariant: I18 a tier that ends by itself is looked at when it does
select tenant_id, id as customer_id, given_tier_until, tier_due_at
from customers
where (earned_tier_id is not null and tier_due_at is null)
   or (given_tier_until is not null and (tier_due_at is null or tier_due_at > given_tier_until))
limit 20;

-- invariant: I19 what a person delivers has its row, which says what its line and order say
select line.id as line_id, line.order_id, line.delivery_mode, manual.state, orders.payment_status
from order_lines line
join orders on orders.id = line.order_id
left join manual_deliveries manual on manual.line_id = line.id
where (line.delivery_mode in ('MANUAL', 'DIRECT_TOPUP')) <> (manual.line_id is not null)
   or (manual.line_id is not null
       and (not orders.by_hand or manual.order_id <> line.order_id
            or (manual.quantity, manual.sku_id) <> (line.quantity, line.sku_id)
            or manual.by_account <> (line.delivery_mode = 'DIRECT_TOPUP')
            or (manual.state = 'UNPAID') = (orders.payment_status = 'PAID')))
limit 20;

-- invariant: I19 an order is as far as what is delivered of it
select seen.order_id, seen.fulfilment_status, seen.asked, seen.due, seen.come
from (select orders.id as order_id, orders.fulfilment_status,
             count(*) filter (where manual.state = 'NEEDS_CORRECTION') as asked,
             count(*) filter (where manual.state in ('DUE', 'BEGUN')
                                    or paying.state = 'WAITING') as due,
             count(*) filter (where case when paying.line_id is not null then paying.handed > 0
                                         else coalesce(manual.state::text, 'DELIVERED')
                                              = 'DELIVERED' end) as come
      from orders
      join order_lines line on line.order_id = orders.id
      left join manual_deliveries manual on manual.line_id = line.id
      left join instalment_lines paying on paying.line_id = line.id
      where orders.payment_status = 'PAID'
      group by orders.id, orders.tenant_id) as seen
where fulfilment_status <> case when asked > 0 then 'NEEDS_CORRECTION'
                                when due > 0 and come > 0 then 'PARTIALLY_DELIVERED'
                                when due > 0 then 'FULFILLING'
                                when come > 0 then 'DELIVERED'
                                else 'SUPPLY_FAILED' end
limit 20;

-- invariant: I19 a place is empty until its line is delivered, and stands in a listing by hand
select keys.id as key_id, keys.status, keys.held_by_line_id, listing.by_hand, manual.state
from keys
join sealed_keys sealed on sealed.id = keys.id
join supplier_listings listing on listing.id = keys.supplier_listing_id
left join manual_deliveries manual
    on manual.line_id = keys.held_by_line_id and manual.state = 'DELIVERED'
    and not manual.by_account
where (sealed.secret is null and not listing.by_hand)
   or (listing.by_hand and (sealed.secret is null) <> (manual.line_id is null))
limit 20;

-- invariant: I19 what a person did not deliver was given back whole, and what is due was not
select manual.line_id, manual.state, line.net_minor, line.funded_minor, line.refunded_minor
from manual_deliveries manual
join order_lines line on line.order_id = manual.order_id and line.id = manual.line_id
where (manual.state in ('REFUSED', 'MISSED', 'CANCELED')
       and line.refunded_minor <> line.net_minor - line.funded_minor)
   or (manual.state in ('UNPAID', 'DUE', 'BEGUN', 'NEEDS_CORRECTION') and line.refunded_minor <> 0)
limit 20;

-- invariant: I19 nobody begins to deliver without being seen, and nothing ends unseen
select manual.line_id, manual.state, manual.begun_at
from manual_deliveries manual
where (manual.begun_at is not null
       and not exists (select from manual_events event
                       where event.line_id = manual.line_id and event.kind = 'LOOKED'))
   or (manual.ended_at is not null
       and not exists (select from manual_events event
                       where event.line_id = manual.line_id and event.kind = manual.state))
limit 20;

-- invariant: I21 a shop owes for points what its customers hold, and unpaid orders have reserved
with worth as (
    select lot.tenant_id, lot.left_points * program.point_minor as minor
    from points_lots lot join points_programs program on program.tenant_id = lot.tenant_id
    union all
    select move.tenant_id, -move.points * program.point_minor
    from points_moves move
    join points_programs program on program.tenant_id = move.tenant_id
    join orders on orders.id = move.order_id and orders.payment_status = 'PENDING'
    where move.kind in ('REDEEMED', 'RELEASED')
    union all
    select account.owner_id, entry.amount_minor
    from ledger_accounts account
    join ledger_entries entry on entry.account_id = account.id
    where account.code = 'L:POINTS'
)
select tenant_id, sum(minor)::bigint as held_minus_owed_minor
from worth
group by tenant_id
having sum(minor) <> 0
limit 20;

-- invariant: I21 a lot of points holds what its movements have left of it, and began with all of it
select lot.tenant_id, lot.id as lot_id, lot.points, lot.left_points,
       coalesce(sum(move.points), 0)::bigint as moved_points
from points_lots lot
left join points_moves move on move.tenant_id = lot.tenant_id and move.lot_id = lot.id
    and move.customer_id = lot.customer_id
group by lot.tenant_id, lot.id
having lot.left_points <> coalesce(sum(move.points), 0) or lot.left_points < 0
    or lot.points <> coalesce(sum(move.points) filter (
           where move.kind = lot.origin and move.order_id is not distinct from lot.order_id), 0)
limit 20;

-- invariant: I21 an order that can still be paid, or is, has taken the points that pay for it
with promised as (
    select orders.id as order_id,
           case when orders.payment_status in ('PENDING', 'PAID')
                then given.amount_minor else 0 end as minor
    from discount_lines given join orders on orders.id = given.order_id
    where given.source = 'POINTS'
    union all
    select move.order_id, move.points * program.point_minor
    from points_moves move join points_programs program on program.tenant_id = move.tenant_id
    where move.kind in ('REDEEMED', 'RELEASED')
)
select order_id, sum(minor)::bigint as missing_minor
from promised
group by order_id
having sum(minor) <> 0
limit 20;

-- invariant: I21 a paid order has earned what its lines promise, and no other has
select orders.id as order_id, orders.no as order_no, orders.payment_status,
       coalesce(line.points, 0) as promised_points, coalesce(earned.points, 0) as earned_points
from orders
left join (select order_id, sum(earned_points)::bigint as points from order_lines
           group by order_id) line on line.order_id = orders.id
left join (select order_id, sum(points)::bigint as points from points_moves
           where kind = 'EARNED' group by order_id) earned on earned.order_id = orders.id
where coalesce(earned.points, 0)
      <> case when orders.payment_status = 'PAID' then coalesce(line.points, 0) else 0 end
limit 20;

-- invariant: I21 what came back of points by refunds is what the refunds say
select orders.id as order_id, orders.no as order_no, given.returned_minor, moved.returned_points,
       moved.reversed_points, earned.points as earned_points
from orders
join points_programs program on program.tenant_id = orders.tenant_id
left join (select order_id, sum(returned_minor)::bigint as returned_minor from discount_lines
           where source = 'POINTS' group by order_id) given on given.order_id = orders.id
left join (select order_id, sum(earned_points)::bigint as points from order_lines
           group by order_id) earned on earned.order_id = orders.id
left join (select order_id, sum(points_minor)::bigint as withheld_minor from refunds
           group by order_id) refund on refund.order_id = orders.id
left join (select order_id, sum(points) filter (where kind = 'RETURNED') as returned_points,
                  -sum(points) filter (where kind = 'REVERSED') as reversed_points
           from points_moves group by order_id) moved on moved.order_id = orders.id
where coalesce(given.returned_minor, 0)
      <> coalesce(moved.returned_points, 0) * program.point_minor
   or coalesce(moved.reversed_points, 0) * program.point_minor + coalesce(refund.withheld_minor, 0)
      > coalesce(earned.points, 0) * program.point_minor
limit 20;

-- invariant: I21 a shop's sales know of its program, and points that have ended are ended
select tenants.id as tenant_id, tenants.has_points, null as lot_id
from tenants
where tenants.has_points
      <> exists (select from points_programs program where program.tenant_id = tenants.id)
union all
select tenant_id, null, id from points_lots
where left_points > 0 and expires_at < platform_now() - interval '1 day'
limit 20;
