-- The price desk: whose price is broken, how far the sweep has looked, and price lists on their way.

-- A price that a guard forbids is hidden; who made it hears of it here, and nobody else does. The
-- row names no amount. `shop_id` is where the SKU is hidden: the tenant itself, or the direct child
-- that it charges the broken price.
create table price_alerts (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    shop_id uuid not null references tenants (id),
    sku_id uuid not null references skus (id),
    guard text not null check (guard in ('RANGE', 'G1', 'G2', 'G3', 'G4', 'G5')),
    opened_at timestamptz not null default platform_now(),
    closed_at timestamptz,
    unique (tenant_id, id),
    check (closed_at >= opened_at)
);
create unique index price_alerts_one_open on price_alerts (shop_id, sku_id, tenant_id)
    where closed_at is null;
create index price_alerts_by_tenant on price_alerts (tenant_id, id);
create index price_alerts_closed on price_alerts (closed_at) where closed_at is not null;
call fence_tenant_table('price_alerts');
grant select, insert, update, delete on price_alerts to kameng_core;

-- How far each shop has been looked through, at which version of its path. While a look is under
-- way `after_sku_id` says where it goes on; platform class, for it belongs to the sweep alone.
create table price_looks (
    shop_id uuid primary key references tenants (id),
    version bigint not null,
    after_sku_id uuid,
    looked_at timestamptz not null default platform_now()
) with (fillfactor = 50);
grant select, insert, update, delete on price_looks to kameng_core;

-- A price list between its upload and its import.
create table price_files (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    format text not null check (format in ('CSV', 'XLSX')),
    content bytea not null check (length(content) between 1 and 5000000),
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id)
);
create index price_files_by_age on price_files (created_at);
call fence_tenant_table('price_files');
grant select, insert, delete on price_files to kameng_core;
