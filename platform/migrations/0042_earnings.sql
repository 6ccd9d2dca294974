-- What is earned, stage by stage (docs/decisions/0059).

-- How long a party's earnings wait after delivery; a row without an owner is for all of a kind, and
-- what no row says is in the code. The owner is the supplier, the tenant whose margin it is, or the
-- shop whose affiliates they are.
create domain term_hours as integer check (value between 0 and 8760);
create table earning_terms (
    party_kind party_kind not null check (party_kind <> 'PLATFORM'),
    owner_id uuid,
    hold_hours term_hours not null,
    card_hours term_hours not null,     -- more, where a card has paid
    redeemed_hours term_hours,          -- who is trusted: so long after a redemption, if earlier
    set_by text not null check (length(set_by) between 1 and 200),
    set_at timestamptz not null default platform_now(),
    unique nulls not distinct (party_kind, owner_id),
    check (redeemed_hours is null or (party_kind = 'SUPPLIER' and owner_id is not null))
);
grant select, insert on earning_terms to kameng_core;
grant update (hold_hours, card_hours, redeemed_hours, set_by, set_at) on earning_terms
    to kameng_core;

-- A party's share of a delivered line, and where what is left of it lies. A sale does not write it:
-- a sweep does, or whoever refunds or holds the line before that.
create table earnings (
    tenant_id uuid not null,             -- the shop whose sale it was
    order_id uuid not null,
    share_id uuid not null,
    line_id uuid not null,
    party_kind party_kind not null check (party_kind <> 'PLATFORM'),
    party_id uuid not null,
    currency currency_code not null,
    amount_minor part_minor not null,    -- as delivered: the share less the shop's fee and points
    pending_minor part_minor not null,
    held_minor part_minor not null default 0,
    available_minor part_minor not null default 0,  -- what it has brought, less what was taken back
    delivered_at timestamptz not null,
    available_at timestamptz not null,
    due_at timestamptz not null,         -- when it is looked at: later, where something stops it
    open_holds smallint not null default 0 check (open_holds >= 0),
    matured_at timestamptz,
    matured_minor part_minor not null default 0,
    made_good_minor part_minor not null default 0,  -- of that, what was drawn ahead
    matured_by uuid references ledger_transactions (id),
    primary key (order_id, share_id),
    foreign key (order_id, share_id) references line_shares (order_id, id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    check (case when matured_at is null
                then available_minor = 0 and matured_minor = 0 and matured_by is null
                else pending_minor = 0 end),
    check (made_good_minor <= matured_minor)
);
create index earnings_due on earnings (due_at) where matured_at is null and open_holds = 0;
create index earnings_of_party on earnings (party_id, available_at, share_id);
create index earnings_matured_by on earnings (matured_by, party_id) where matured_by is not null;
call fence_party_table('earnings');
grant select (order_id, share_id, line_id, party_kind, party_id, currency, amount_minor,
              pending_minor, held_minor, available_minor, delivered_at, available_at, open_holds,
              matured_at, matured_minor) on earnings to kameng_shop;
grant select, insert on earnings to kameng_core;
grant update (pending_minor, held_minor, available_minor, available_at, due_at, open_holds,
              matured_at, matured_minor, made_good_minor, matured_by) on earnings to kameng_core;

-- What of a party's pending money was taken before its shares have matured: by refunds of other
-- sales, or goodwill. Pending money and this are together what the shares say is pending. Written
-- with the account of the pending money locked.
create table earnings_ahead (
    party_id uuid not null,
    currency currency_code not null,
    ahead_minor part_minor not null,
    primary key (party_id, currency)
);
grant select, insert on earnings_ahead to kameng_core;
grant update (ahead_minor) on earnings_ahead to kameng_core;

-- A case (a ticket, a dispute, a suspicion) stops what one line has earned, once.
create table earning_holds (
    tenant_id uuid not null,
    case_id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    reason text not null check (length(reason) between 1 and 200),
    opened_at timestamptz not null default platform_now(),
    released_at timestamptz,
    primary key (case_id, order_id, line_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id)
);
create index earning_holds_open on earning_holds (order_id, line_id) where released_at is null;
call fence_tenant_table('earning_holds');
grant select, insert on earning_holds to kameng_core;
grant update (released_at) on earning_holds to kameng_core;

-- Up to where the ledger was searched for deliveries. Below `next_id` everything is there to be
-- seen once no transaction of before `next_horizon` runs any more.
create table earnings_mark (
    is_only boolean primary key default true check (is_only),
    after_id uuid not null,
    next_id uuid not null,
    next_horizon xid8 not null
);
insert into earnings_mark (after_id, next_id, next_horizon)
select coalesce((array_agg(id order by id desc))[1], '00000000-0000-0000-0000-000000000000'),
       coalesce((array_agg(id order by id desc))[1], '00000000-0000-0000-0000-000000000000'),
       pg_snapshot_xmax(pg_current_snapshot())
from ledger_transactions;
grant select, insert, update on earnings_mark to kameng_core;

-- What was sold before. Row-level security is forced upon whoever owns the tables.
alter table orders no force row level security;
alter table order_lines no force row level security;
alter table line_shares no force row level security;
alter table manual_deliveries no force row level security;
alter table points_programs no force row level security;
alter table earnings no force row level security;
insert into earnings (tenant_id, order_id, share_id, line_id, party_kind, party_id, currency,
                      amount_minor, pending_minor, delivered_at, available_at, due_at)
select tenant_id, order_id, share_id, line_id, party_kind, party_id, currency, amount_minor,
       greatest(amount_minor - reversed_minor, 0), delivered_at, delivered_at + waits,
       delivered_at + waits
from (
    select share.tenant_id, share.order_id, share.id as share_id, share.line_id, share.party_kind,
           share.party_id, share.currency, share.reversed_minor,
           share.amount_minor - case when share.role = 'SHOP_MARGIN' then line.channel_fee_minor
               + coalesce(line.earned_points * program.point_minor, 0) else 0 end as amount_minor,
           coalesce(manual.ended_at, orders.paid_at) as delivered_at,
           make_interval(hours => greatest(listing.warranty_hours, case
               when share.party_kind <> 'AFFILIATE' then 168
               when payment.method = 'CARD' then 696 else 360 end)) as waits
    from line_shares share
    join order_lines line on (line.order_id, line.id) = (share.order_id, share.line_id)
    join orders on orders.id = share.order_id and orders.payment_status = 'PAID'
    join payments payment on payment.order_id = orders.id and payment.status = 'SUCCEEDED'
    join supplier_listings listing on listing.id = line.supplier_listing_id
    left join manual_deliveries manual on manual.line_id = line.id
    left join points_programs program on program.tenant_id = share.tenant_id
    where share.party_id is not null
      and coalesce(manual.state::text, 'DELIVERED') not in ('DUE', 'BEGUN', 'NEEDS_CORRECTION')
) as sold;
-- Refunds were drawn from all that a party had pending: what its shares miss is drawn ahead, and
-- what they lack stands on the youngest of them.
with pending as (
    select party_id, currency, sum(minor)::bigint as minor
    from (select party_id, currency, pending_minor as minor from earnings
          union all
          select owner_id, account.currency, entry.amount_minor from ledger_accounts account
          join ledger_entries entry on entry.account_id = account.id
          where account.code = 'L:PARTY:PENDING') as either
    group by party_id, currency
), ahead as (
    insert into earnings_ahead (party_id, currency, ahead_minor)
    select party_id, currency, minor from pending where minor > 0
)
update earnings set pending_minor = pending_minor - pending.minor
from pending
where pending.minor < 0 and (earnings.order_id, earnings.share_id) = (
    select order_id, share_id from earnings youngest
    where (youngest.party_id, youngest.currency) = (pending.party_id, pending.currency)
    order by delivered_at desc, share_id desc limit 1);
alter table orders force row level security;
alter table order_lines force row level security;
alter table line_shares force row level security;
alter table manual_deliveries force row level security;
alter table points_programs force row level security;
alter table earnings force row level security;
