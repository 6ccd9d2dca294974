-- For whom, from how many pieces and when a price rule prices (docs/decisions/0039).

create extension if not exists btree_gist;  -- equal and overlapping in one constraint

-- How a tenant ranks its direct children.
create table agent_grades (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null check (length(name) between 1 and 40),
    rank smallint not null check (rank between 1 and 100),
    open_fee_minor bigint not null default 0 check (open_fee_minor >= 0),
    unique (tenant_id, id),
    unique (tenant_id, name),
    unique (tenant_id, rank)
);
call fence_path_table('agent_grades');
grant select, insert, update, delete on agent_grades to kameng_core;

-- How a shop ranks its customers.
create table membership_tiers (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null check (length(name) between 1 and 40),
    rank smallint not null check (rank between 1 and 100),
    unique (tenant_id, id),
    unique (tenant_id, name),
    unique (tenant_id, rank)
);
call fence_tenant_table('membership_tiers');
grant select, insert, update, delete on membership_tiers to kameng_core;

-- A promotion's rules price while it runs. Its window stands here and nowhere else.
create table promotions (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null check (length(name) between 1 and 80),
    starts_at timestamptz not null default platform_now(),
    ends_at timestamptz,
    status text not null default 'RUNNING' check (status in ('RUNNING', 'PAUSED')),
    unique (tenant_id, id),
    check (ends_at > starts_at)
);
call fence_path_table('promotions');
grant select, insert, update, delete on promotions to kameng_core;

-- The grade that the parent gives. What bounds the whole tree stands at its root: how far a retail
-- price may exceed the platform's own, and how many agents of a path earn on a sale.
alter table tenants
    add column grade_id uuid,
    add column cumulative_cap_bp integer check (cumulative_cap_bp between 0 and 1000000),
    add column earning_depth smallint check (earning_depth between 0 and 5),
    add unique (parent_id, id),
    add foreign key (parent_id, grade_id) references agent_grades (tenant_id, id),
    add check (grade_id is null or parent_id is not null),
    add check (parent_id is null or (cumulative_cap_bp is null and earning_depth is null));
create index tenants_of_grade on tenants (grade_id) where grade_id is not null;

alter table customers
    add column tier_id uuid,
    add foreign key (tenant_id, tier_id) references membership_tiers (tenant_id, id);
create index customers_of_tier on customers (tier_id) where tier_id is not null;

-- A floor on what the shop asks, or on what the buyer pays after all discounts.
alter table price_limits
    add column applies_to text not null default 'LIST' check (applies_to in ('LIST', 'NET'));

drop index price_rules_one_per_target;
alter table price_rules
    add column for_kind text not null default 'EVERYONE'
        check (for_kind in ('EVERYONE', 'GRADE', 'CHILD', 'TIER', 'CUSTOMER', 'PROMOTION')),
    add column for_id uuid,
    add column min_quantity integer not null default 1 check (min_quantity between 1 and 10000),
    add column starts_at timestamptz,
    add column ends_at timestamptz,
    -- Whom `for_id` names, once for each kind, so that a foreign key can say that it is the
    -- owner's own.
    add column grade_id uuid
        generated always as (case for_kind when 'GRADE' then for_id end) stored,
    add column child_id uuid
        generated always as (case for_kind when 'CHILD' then for_id end) stored,
    add column tier_id uuid
        generated always as (case for_kind when 'TIER' then for_id end) stored,
    add column customer_id uuid
        generated always as (case for_kind when 'CUSTOMER' then for_id end) stored,
    add column promotion_id uuid
        generated always as (case for_kind when 'PROMOTION' then for_id end) stored,
    add foreign key (tenant_id, grade_id) references agent_grades (tenant_id, id),
    add foreign key (tenant_id, child_id) references tenants (parent_id, id),
    add foreign key (tenant_id, tier_id) references membership_tiers (tenant_id, id),
    add foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    add foreign key (tenant_id, promotion_id) references promotions (tenant_id, id),
    add check ((for_kind = 'EVERYONE') = (for_id is null)),
    add check (for_kind = 'EVERYONE'
               or (audience = 'WHOLESALE') = (for_kind in ('GRADE', 'CHILD'))),
    add check (min_quantity = 1 or scope = 'SKU'),
    add check (ends_at > starts_at),
    add check (for_kind <> 'PROMOTION'
               or (scope = 'SKU' and starts_at is null and ends_at is null)),
    drop constraint price_rules_kind_check,
    add constraint price_rules_kind_check
        check (kind in ('PERCENT_OVER_COST', 'FIXED_OVER_COST', 'PERCENT_OF_FACE', 'ABSOLUTE',
                        'PASS_THROUGH')),
    add check (kind <> 'PERCENT_OF_FACE' or value > 0);
-- One rule a seat: for one target, one buyer or child, one number of pieces, and one moment.
create unique index price_rules_seat on price_rules
    (tenant_id, audience, for_kind, for_id, scope, target_id, min_quantity, starts_at)
    nulls not distinct;
alter table price_rules add constraint price_rules_do_not_overlap exclude using gist (
    tenant_id with =, audience with =, for_kind with =,
    (coalesce(for_id, platform_id())) with =, scope with =,
    (coalesce(target_id, platform_id())) with =, min_quantity with =,
    (tstzrange(starts_at, ends_at)) with &&
);
create index price_rules_of_grade on price_rules (grade_id) where grade_id is not null;
create index price_rules_of_child on price_rules (child_id) where child_id is not null;
create index price_rules_of_tier on price_rules (tier_id) where tier_id is not null;
create index price_rules_of_promotion on price_rules (promotion_id)
    where promotion_id is not null;
create index price_rules_of_customer on price_rules (tenant_id, customer_id)
    where customer_id is not null;

-- --- time -----------------------------------------------------------------------------------------
-- A window's edge changes prices with nobody there to announce it. So an owner's version, as it is
-- read, is the number in `catalogue_versions` and one for each of these moments that has passed.
create table catalogue_moments (
    owner_id uuid not null,
    moment timestamptz not null,
    primary key (owner_id, moment)
);
-- Nobody but the triggers writes here.
grant select on catalogue_moments to kameng_core;
alter table catalogue_versions add column first_moment timestamptz;  -- of those still counted

create function moments_passed(owner uuid) returns bigint language sql stable
as $$ select count(*) from catalogue_moments
      where owner_id = owner and moment <= platform_now() $$;

-- As before, and a version never comes again: the moments that have been counted so far go into the
-- number, for some of them may be forgotten now.
create or replace function note_catalogue_change() returns trigger language plpgsql
security definer set search_path = pg_catalog, public as $$
declare
    changed constant text := case tg_op
        when 'INSERT' then 'select * from come'
        when 'DELETE' then 'select * from gone'
        when 'UPDATE' then 'select * from gone union all select * from come' end;
    owners uuid[] := array[platform_id()];
begin
    if tg_op <> 'TRUNCATE' then
        execute format('select array_agg(distinct %1$s order by %1$s) from (%2$s) as changed',
                       tg_argv[0], changed) into owners;
    end if;
    if owners is null then
        return null;
    end if;
    insert into catalogue_versions as known (owner_id, version) select unnest(owners), version_step()
    on conflict (owner_id) do update
        set version = known.version + excluded.version + moments_passed(known.owner_id);
    if platform_id() = any (owners) or cardinality(owners) > 100 then
        perform pg_notify('catalogue', '*');
    else
        perform pg_notify('catalogue', owner::text) from unnest(owners) as owner;
    end if;
    return null;
end $$;

-- Runs after the trigger above, whose lock puts the changes of one owner in a line. A moment whose
-- rule has gone stays until it has passed: one version more does no harm. The clock of a sandbox
-- may go back, so there none is forgotten.
create function note_moments() returns trigger language plpgsql
security definer set search_path = pg_catalog, public as $$
begin
    insert into catalogue_moments (owner_id, moment)
    select tenant_id, starts_at from come where starts_at is not null
    union select tenant_id, ends_at from come where ends_at is not null
    on conflict do nothing;
    delete from catalogue_moments
    where owner_id in (select tenant_id from come) and moment <= platform_now()
      and not exists (select from sandbox_clock);
    update catalogue_versions known
    set first_moment = (select min(moment) from catalogue_moments
                        where owner_id = known.owner_id)
    where owner_id in (select tenant_id from come);
    return null;
end $$;

call watch_catalogue_table('promotions', 'tenant_id');
create trigger moments_insert after insert on price_rules referencing new table as come
    for each statement execute function note_moments();
create trigger moments_update after update on price_rules referencing new table as come
    for each statement execute function note_moments();
create trigger moments_insert after insert on promotions referencing new table as come
    for each statement execute function note_moments();
create trigger moments_update after update on promotions referencing new table as come
    for each statement execute function note_moments();
