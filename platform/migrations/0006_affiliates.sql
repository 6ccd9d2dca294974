-- Who may be thanked for a sale, and at what rate. Commissions themselves are line shares.

create table affiliate_programs (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null,
    rate_bp integer not null check (rate_bp between 0 and 5000),
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'CLOSED')),
    unique (tenant_id, id)
);
call fence_tenant_table('affiliate_programs');

create table affiliates (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    program_id uuid not null,
    customer_id uuid,  -- the affiliate's own account in this shop: never thanked for its orders
    name text not null,
    code text not null check (code ~ '^[a-z0-9]{3,32}$'),
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'SUSPENDED')),
    unique (tenant_id, id),
    unique (tenant_id, code),
    foreign key (tenant_id, program_id) references affiliate_programs (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
call fence_tenant_table('affiliates');

grant select on affiliate_programs, affiliates to kameng_shop;
grant select, insert, update on affiliate_programs, affiliates to kameng_core;
