-- The tree of agents, its domains, and what each level charges the level below.

create table tenants (
    id uuid primary key,
    parent_id uuid references tenants (id),
    path uuid[] not null,  -- root first, this tenant last
    depth smallint generated always as (cardinality(path) - 1) stored,
    kind text not null check (kind in ('ROOT', 'AGENT')),
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    name text not null check (length(name) between 1 and 80),
    status text not null default 'ACTIVE'
        check (status in ('ACTIVE', 'RESTRICTED', 'SUSPENDED', 'CLOSING', 'CLOSED')),
    settlement_mode text not null default 'PLATFORM_COLLECT'
        check (settlement_mode in ('PLATFORM_COLLECT', 'PREPAID')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    locale text not null default 'zh-CN' check (locale in ('zh-CN', 'en')),
    support_contact text not null default '',
    payment_methods text[] not null default array['WALLET', 'CARD', 'ALIPAY', 'WECHAT_PAY'],
    min_margin_minor bigint not null default 0 check (min_margin_minor >= 0),
    max_markup_bp integer check (max_markup_bp between 0 and 1000000),
    opened_at timestamptz not null default platform_now(),
    check ((kind = 'ROOT') = (parent_id is null)),
    check (path[cardinality(path)] = id),
    check (parent_id is null or path[cardinality(path) - 1] = parent_id),
    check (cardinality(path) between 1 and 6)
);
create unique index tenants_one_root on tenants ((true)) where parent_id is null;
create index tenants_subtree on tenants using gin (path);
create index tenants_parent on tenants (parent_id);

-- The path always is the parent's path and this tenant; so the tree cannot have a cycle.
create function set_tenant_path() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.parent_id is not distinct from old.parent_id
       and new.path = old.path and new.id = old.id then
        return new;
    end if;
    if tg_op = 'UPDATE' then
        raise exception 'a tenant does not move' using errcode = 'restrict_violation';
    end if;
    if new.parent_id is null then
        new.path := array[new.id];
    else
        select parent.path || new.id into strict new.path
        from tenants parent where parent.id = new.parent_id for key share;
    end if;
    return new;
end $$;
create trigger tenants_path before insert or update on tenants
    for each row execute function set_tenant_path();

alter table tenants enable row level security;
alter table tenants force row level security;
create policy own_tenant on tenants to kameng_shop using (id = (select current_tenant_id()));
create policy directory on tenants to kameng_core using (true) with check (true);
grant select on tenants to kameng_shop;
grant select, insert, update on tenants to kameng_core;

create table tenant_domains (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    host text not null unique
        check (host ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'
               and length(host) <= 253),
    kind text not null check (kind in ('SUBDOMAIN', 'CUSTOM')),
    is_primary boolean not null default false,
    verified_at timestamptz,
    unique (tenant_id, id)
);
create unique index tenant_domains_one_primary on tenant_domains (tenant_id) where is_primary;

alter table tenant_domains enable row level security;
alter table tenant_domains force row level security;
create policy own_tenant on tenant_domains to kameng_shop
    using (tenant_id = (select current_tenant_id()));
create policy directory on tenant_domains to kameng_core using (true) with check (true);
grant select on tenant_domains to kameng_shop;
grant select, insert, update, delete on tenant_domains to kameng_core;

-- WHOLESALE: what tenant_id charges its direct children. RETAIL: what its own shop asks.
create table price_rules (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    audience text not null check (audience in ('WHOLESALE', 'RETAIL')),
    scope text not null check (scope in ('SKU', 'CATEGORY', 'DEFAULT')),
    target_id uuid,
    kind text not null
        check (kind in ('PERCENT_OVER_COST', 'FIXED_OVER_COST', 'ABSOLUTE', 'PASS_THROUGH')),
    value bigint not null default 0 check (value between 0 and 1000000000000),
    rounding text not null default 'HALF_UP'
        check (rounding in ('NONE', 'HALF_UP', 'UP', 'ENDING_9')),
    unit_minor integer not null default 1 check (unit_minor in (1, 10, 100, 1000)),
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    check ((scope = 'DEFAULT') = (target_id is null)),
    check (kind <> 'ABSOLUTE' or (scope = 'SKU' and value > 0)),
    check (kind <> 'PASS_THROUGH' or value = 0)
);
create unique index price_rules_one_per_target on price_rules
    (tenant_id, audience, scope, coalesce(target_id, '00000000-0000-0000-0000-000000000000'));
call fence_path_table('price_rules');
grant select, insert, update, delete on price_rules to kameng_core;

-- Floors and ceilings on the retail price below the tenant that sets them.
create table price_limits (
    tenant_id uuid not null references tenants (id),
    sku_id uuid not null,
    floor_minor bigint check (floor_minor > 0),
    ceiling_minor bigint check (ceiling_minor > 0),
    primary key (tenant_id, sku_id),
    check (floor_minor is not null or ceiling_minor is not null),
    check (floor_minor <= ceiling_minor)
);
call fence_path_table('price_limits');
grant select, insert, update, delete on price_limits to kameng_core;
