-- Programs in full: what they pay for which goods, who joins them, and links (docs/decisions/0076).

alter table affiliate_programs
    -- A commission of so much for every piece, instead of a part of what is paid.
    add column fixed_minor bigint check (fixed_minor between 1 and 9007199254740991),
    add column second_bp integer not null default 0 check (second_bp between 0 and 5000),
    add column third_bp integer not null default 0 check (third_bp between 0 and 5000),
    add column window_days smallint not null default 30 check (window_days between 1 and 365),
    add column first_touch boolean not null default false,
    add column first_order_only boolean not null default false,
    add column approves_all boolean not null default false,
    add column ends_at timestamptz,
    add constraint affiliate_programs_fixed_check check (fixed_minor is null or rate_bp = 0),
    add constraint affiliate_programs_tiers_check
        check (rate_bp + second_bp + third_bp <= 5000 and (third_bp = 0 or second_bp > 0));

-- What a program pays for some goods, or for buyers of a tier: the most specific wins.
create table affiliate_rates (
    tenant_id uuid not null,
    id uuid primary key,
    program_id uuid not null,
    sku_id uuid references skus (id),
    category_id uuid references categories (id),
    tier_id uuid,
    rate_bp integer check (rate_bp between 0 and 5000),
    fixed_minor bigint check (fixed_minor between 1 and 9007199254740991),
    unique nulls not distinct (program_id, sku_id, category_id, tier_id),
    foreign key (tenant_id, program_id) references affiliate_programs (tenant_id, id),
    foreign key (tenant_id, tier_id) references membership_tiers (tenant_id, id),
    check (num_nonnulls(sku_id, category_id, tier_id) = 1),
    check (num_nonnulls(rate_bp, fixed_minor) = 1)
);
call fence_tenant_table('affiliate_rates');
grant select, insert, delete on affiliate_rates to kameng_core;

-- Who has asked, and was not admitted yet; who has brought them.
call admit_values('affiliates', 'affiliates_status_check', 'PENDING', 'REJECTED');
alter table affiliates
    add column recruiter_id uuid,
    add column joined_at timestamptz not null default platform_now(),
    add foreign key (tenant_id, recruiter_id) references affiliates (tenant_id, id),
    add constraint affiliates_recruiter_check check (recruiter_id <> id);
create unique index affiliates_of_customer on affiliates (tenant_id, customer_id)
    where customer_id is not null;
create index affiliates_by_age on affiliates (tenant_id, joined_at, id);

-- A link leads to a page of the shop, and nowhere else: it names goods, not an address.
create table affiliate_links (
    tenant_id uuid not null,
    id uuid primary key,
    affiliate_id uuid not null,
    code text not null check (code ~ '^[a-z0-9]{3,32}$'),
    product_id uuid references products (id),
    sub_id text not null default '' check (sub_id ~ '^[A-Za-z0-9._-]{0,64}$'),
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    unique (tenant_id, code),
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id)
);
create index affiliate_links_of_affiliate on affiliate_links (affiliate_id, id);
call fence_tenant_table('affiliate_links');
grant select, insert on affiliate_links to kameng_core;

-- Nobody is paid twice for a line, as whom they brought or as who brought those.
create unique index line_shares_affiliate_once on line_shares (order_id, line_id, party_id)
    where role = 'AFFILIATE';
