-- What is earned, stage by stage.

-- invariant: I22 what a party has pending, and what was drawn ahead of it, is what its shares say
-- A line that nobody has noted yet has pending all that its delivery has credited.
with shares as (
    select party_id, currency, pending_minor as minor from earnings
    union all
    select share.party_id, share.currency,
           share.amount_minor - case when share.role = 'SHOP_MARGIN' then line.channel_fee_minor
               + coalesce(line.earned_points * program.point_minor, 0) else 0 end
    from line_shares share
    join order_lines line on (line.order_id, line.id) = (share.order_id, share.line_id)
    join orders on orders.id = share.order_id and orders.payment_status = 'PAID'
    left join manual_deliveries manual on manual.line_id = line.id
    left join points_programs program on program.tenant_id = share.tenant_id
    left join earnings known on (known.order_id, known.share_id) = (share.order_id, share.id)
    where share.party_id is not null and known.share_id is null
      and coalesce(manual.state::text, 'DELIVERED')
          not in ('UNPAID', 'DUE', 'BEGUN', 'NEEDS_CORRECTION')
      and not exists (select from instalment_lines paying
                      where paying.line_id = line.id and paying.state = 'WAITING')
)
select party_id, currency, sum(minor)::bigint as shares_minus_pending_minor
from (select party_id, currency, minor from shares
      union all
      select party_id, currency, -ahead_minor from earnings_ahead
      union all
      select account.owner_id, account.currency, entry.amount_minor
      from ledger_accounts account join ledger_entries entry on entry.account_id = account.id
      where account.code = 'L:PARTY:PENDING') as difference
group by party_id, currency
having sum(minor) <> 0
limit 20;

-- invariant: I22 what a party has on hold is what its shares say
select party_id, currency, sum(minor)::bigint as shares_minus_held_minor
from (select party_id, currency, held_minor as minor from earnings
      union all
      select account.owner_id, account.currency, entry.amount_minor
      from ledger_accounts account join ledger_entries entry on entry.account_id = account.id
      where account.code = 'L:PARTY:HOLD') as difference
group by party_id, currency
having sum(minor) <> 0
limit 20;

-- invariant: I22 what is left of an earning is what no refund has taken of its share
-- The shop's share has paid the channel's fee and the buyer's points, and may get them back.
select earning.order_id, earning.share_id, share.amount_minor, share.reversed_minor,
       earning.amount_minor as earned_minor, left_over.minor as left_minor
from earnings earning
join line_shares share on (share.order_id, share.id) = (earning.order_id, earning.share_id)
cross join lateral (
    select earning.pending_minor + earning.held_minor + earning.available_minor as minor
) as left_over
where left_over.minor not between greatest(earning.amount_minor - share.reversed_minor, 0)
                              and share.amount_minor - share.reversed_minor
   or (earning.party_id, earning.line_id, earning.tenant_id, earning.currency)
      <> (share.party_id, share.line_id, share.tenant_id, share.currency)
limit 20;

-- invariant: I22 what has matured left the pending money, but for what had been drawn ahead
select matured.matured_by, matured.party_id, matured.minor, coalesce(posted.minor, 0) as posted_minor
from (select matured_by, party_id, sum(matured_minor - made_good_minor)::bigint as minor
      from earnings where matured_by is not null group by matured_by, party_id) as matured
left join lateral (
    select sum(entry.amount_minor)::bigint as minor
    from ledger_entries entry join ledger_accounts account on account.id = entry.account_id
    where entry.transaction_id = matured.matured_by and account.code = 'L:PARTY:PENDING'
      and account.owner_id = matured.party_id
) as posted on true
where matured.minor <> coalesce(posted.minor, 0)
limit 20;

-- invariant: I22 an earning is stopped by as many cases as hold its line, and held by none otherwise
select earning.order_id, earning.share_id, earning.open_holds, earning.held_minor,
       count(stop.case_id) as cases
from earnings earning
left join earning_holds stop on (stop.order_id, stop.line_id) = (earning.order_id, earning.line_id)
    and stop.released_at is null and coalesce(stop.party_kind = earning.party_kind, true)
group by earning.order_id, earning.share_id
having earning.open_holds <> count(stop.case_id)
    or (earning.open_holds = 0 and earning.held_minor > 0)
limit 20;

-- invariant: I22 the search for deliveries has passed over none
select posted.order_id, share.id as share_id, posted.id as transaction_id
from earnings_mark mark
join ledger_transactions posted on posted.id < mark.after_id and posted.order_id is not null
join orders on orders.id = posted.order_id and orders.payment_status = 'PAID'
join line_shares share on share.order_id = posted.order_id and share.party_id is not null
left join manual_deliveries manual on manual.line_id = share.line_id
left join earnings known on (known.order_id, known.share_id) = (share.order_id, share.id)
where known.share_id is null and manual.line_id is null
  and not exists (select from instalment_lines paying where paying.line_id = share.line_id)
limit 20;
