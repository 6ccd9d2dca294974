-- Membership tiers that customers reach by buying (docs/decisions/0053).

-- --- the ladder ---------------------------------------------------------------------------------
-- A tier without a threshold is given by hand alone. One that is taken away keeps its row, because
-- the customers' history names it; its name and rank are free again.
alter table membership_tiers
    add column spent_minor price_minor,
    add column window_days smallint check (window_days between 1 and 1095),
    add column grace_days smallint not null default 0 check (grace_days between 0 and 365),
    -- What a customer may leave unpaid at once; null: as many as everybody.
    add column max_unpaid_orders smallint check (max_unpaid_orders between 21 and 200),
    -- In which order people are served who wait: the higher, the sooner.
    add column priority smallint not null default 0 check (priority between 0 and 100),
    add column retired_at timestamptz,
    add constraint membership_tiers_threshold_check
        check ((spent_minor is null) = (window_days is null)),
    add constraint membership_tiers_grace_check check (grace_days = 0 or spent_minor is not null),
    drop constraint membership_tiers_tenant_id_name_key,
    drop constraint membership_tiers_tenant_id_rank_key;
create unique index membership_tiers_name on membership_tiers (tenant_id, name)
    where retired_at is null;
create unique index membership_tiers_rank on membership_tiers (tenant_id, rank)
    where retired_at is null;

-- --- who stands where ---------------------------------------------------------------------------
-- Until now tiers were given by hand: those stay gifts without an end. What prices, coupons and
-- limits read is the gift while there is one, else what was earned; nobody can write another.
drop index customers_of_tier;
alter table customers rename column tier_id to given_tier_id;
alter table customers
    add column given_tier_until timestamptz,
    add column earned_tier_id uuid,
    add column tier_id uuid generated always as (coalesce(given_tier_id, earned_tier_id)) stored,
    -- When the clock alone may move the customer: looked at then, or before.
    add column tier_due_at timestamptz,
    add constraint customers_earned_tier_fkey
        foreign key (tenant_id, earned_tier_id) references membership_tiers (tenant_id, id),
    add constraint customers_given_tier_check
        check (given_tier_until is null or given_tier_id is not null);
create index customers_of_due_tier on customers (tier_due_at) where tier_due_at is not null;

create table customer_tier_changes (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    customer_id uuid not null,
    happened_at timestamptz not null,
    reason text not null
        check (reason in ('REACHED', 'LAPSED', 'RETIRED', 'GIVEN', 'WITHDRAWN', 'GIFT_ENDED')),
    from_tier_id uuid,
    to_tier_id uuid,
    -- The sum that decided it, and over how many days; of what was done by hand there is none.
    spent_minor part_minor,
    window_days smallint,
    given_until timestamptz,
    actor text not null check (length(actor) between 1 and 100),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    foreign key (tenant_id, from_tier_id) references membership_tiers (tenant_id, id),
    foreign key (tenant_id, to_tier_id) references membership_tiers (tenant_id, id),
    check ((spent_minor is null) = (window_days is null)),
    check ((reason in ('REACHED', 'LAPSED')) = (spent_minor is not null)),
    check (given_until is null or reason = 'GIVEN')
);
create index customer_tier_changes_of_customer
    on customer_tier_changes (tenant_id, customer_id, id desc);
call make_append_only('customer_tier_changes');
call fence_tenant_table('customer_tier_changes');
grant select, insert on customer_tier_changes to kameng_core;

-- --- what counts --------------------------------------------------------------------------------
-- How far a customer has come on each step of the shop's ladder. A delivered order counts, with
-- what of it was paid and not refunded, from the moment at which it was made for `window_days`. A
-- tier holds as long as such a window has held its threshold within the last `grace_days`: so the
-- same orders give the same answer, whoever asks, in whatever order and however often.
create function tier_measures(shop uuid, customer uuid, moment timestamptz)
returns table (tier_id uuid, rank smallint, window_days smallint, spent_minor bigint,
               holds_until timestamptz)
language sql stable as $$
    select tier.id, tier.rank, tier.window_days, coalesce(measured.spent, 0)::bigint,
           measured.until + lasting.grace
    from membership_tiers tier
    cross join lateral (
        select make_interval(hours => 24 * tier.window_days) as whole,
               make_interval(hours => 24 * tier.grace_days) as grace,
               moment - make_interval(hours => 24 * tier.window_days) as since,
               moment - make_interval(hours => 24 * (tier.window_days + tier.grace_days)) as first
        offset 0  -- once for a step, and not once more for each order
    ) as lasting
    cross join lateral (
        select sum(minor) filter (where made_at > lasting.since) as spent,
               max(made_at) filter (where together >= tier.spent_minor) + lasting.whole as until
        from (
            select created_at as made_at, total_minor - refunded_minor as minor,
                   sum(total_minor - refunded_minor) over (
                       order by created_at
                       range between current row
                             and lasting.whole - interval '1 microsecond' following) as together
            from orders
            where tenant_id = shop and customer_id = customer and fulfilment_status = 'DELIVERED'
              and created_at > lasting.first
        ) as bought
    ) as measured
    where tier.tenant_id = shop and tier.retired_at is null and tier.spent_minor is not null
$$;

-- --- who is to be looked at ---------------------------------------------------------------------
-- A sale or a refund may move its customer. It appends a row and waits for nobody; the sweep that
-- looks takes the row away. So two sales of one customer at once wait for each other nowhere.
create table tier_dues (
    tenant_id uuid not null references tenants (id),
    number bigint generated always as identity primary key,
    customer_id uuid not null,
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
call fence_tenant_table('tier_dues');
grant select, insert, update, delete on tier_dues to kameng_core;

-- A change of the ladder may move everybody: one walk over the shop's customers at once, and later
-- ones for orders that were made before anybody knew of a ladder, and delivered after it.
create table tier_recounts (
    tenant_id uuid not null references tenants (id),
    starts_at timestamptz not null,
    after_customer_id uuid not null default '00000000-0000-0000-0000-000000000000',
    primary key (tenant_id, starts_at)
);
create index tier_recounts_due on tier_recounts (starts_at);
call fence_tenant_table('tier_recounts');
grant select, insert, update, delete on tier_recounts to kameng_core;

-- Kept by the database: whether a tier of the shop can be reached. An order remembers what was
-- known of it, so that a sale in a shop without a ladder asks its own row and nothing else.
alter table tenants add column ranks_customers boolean not null default false;
alter table orders add column is_ranked boolean not null default false,
    add constraint orders_ranked_check check (not is_ranked or customer_id is not null);

create function note_due_tier() returns trigger language plpgsql as $$
begin
    insert into tier_dues (tenant_id, customer_id) values (new.tenant_id, new.customer_id);
    return null;
end $$;
create trigger tier_due_with_order after insert on orders
    for each row when (new.is_ranked and new.fulfilment_status = 'DELIVERED')
    execute function note_due_tier();
create trigger tier_due_by_delivery after update of fulfilment_status on orders
    for each row when (new.is_ranked and new.fulfilment_status <> old.fulfilment_status)
    execute function note_due_tier();

-- Refunds are rare: they count of orders, too, that were made before there was a ladder.
create function note_due_tier_of_refund() returns trigger language plpgsql as $$
begin
    insert into tier_dues (tenant_id, customer_id)
    select new.tenant_id, new.customer_id
    where (select ranks_customers from tenants where id = new.tenant_id);
    return null;
end $$;
create trigger tier_due_by_refund after update of refunded_minor on orders
    for each row
    when (new.customer_id is not null and new.refunded_minor <> old.refunded_minor)
    execute function note_due_tier_of_refund();

-- The tenant's row is locked first: whoever comes second counts what the first has left.
create function note_ladder() returns trigger language plpgsql as $$
declare
    ranked boolean;
begin
    perform from tenants where id = new.tenant_id for no key update;
    select exists (select from membership_tiers
                   where tenant_id = new.tenant_id and retired_at is null
                     and spent_minor is not null) into ranked;
    update tenants set ranks_customers = ranked
    where id = new.tenant_id and ranks_customers <> ranked;
    delete from tier_recounts where tenant_id = new.tenant_id;
    insert into tier_recounts (tenant_id, starts_at)
    select new.tenant_id, platform_now() + later
    from unnest(array[interval '0', interval '10 minutes', interval '1 day']) as later;
    return null;
end $$;
create trigger note_new_step after insert on membership_tiers
    for each row when (new.spent_minor is not null) execute function note_ladder();
create trigger note_moved_step after update on membership_tiers
    for each row
    when ((new.spent_minor, new.window_days, new.grace_days, new.rank, new.retired_at)
          is distinct from
          (old.spent_minor, old.window_days, old.grace_days, old.rank, old.retired_at))
    execute function note_ladder();
