-- What speaks against an affiliate's earning, and who has looked (docs/decisions/0079).

-- A case may stop the earnings of one kind of party only; null: of all.
alter table earning_holds add column party_kind party_kind;

-- One for an order, opened by the sweep that counts it. Its id is the case that holds.
create table affiliate_reviews (
    tenant_id uuid not null,
    id uuid primary key,
    order_id uuid not null unique,
    affiliate_id uuid not null,
    suspicions text[] not null check (cardinality(suspicions) between 1 and 20),
    words text[] not null check (cardinality(words) = cardinality(suspicions)),
    status text not null default 'OPEN' check (status in ('OPEN', 'CLEARED', 'UPHELD')),
    opened_at timestamptz not null default platform_now(),
    decided_at timestamptz,
    decided_by text check (length(decided_by) between 1 and 200),
    note text check (length(note) between 1 and 500),
    appeal text check (length(appeal) between 1 and 500),
    appealed_at timestamptz,
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id),
    check ((status = 'OPEN') = (num_nonnulls(decided_at, decided_by, note) = 0)),
    check ((appeal is null) = (appealed_at is null))
);
create index affiliate_reviews_by_time on affiliate_reviews (tenant_id, opened_at, id);
create index affiliate_reviews_of_affiliate on affiliate_reviews (affiliate_id, opened_at, id);
call fence_tenant_table('affiliate_reviews');
grant select, insert on affiliate_reviews to kameng_core;
grant update (status, decided_at, decided_by, note, appeal, appealed_at)
    on affiliate_reviews to kameng_core;
