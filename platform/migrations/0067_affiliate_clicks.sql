-- Clicks, what orders owe to them, and their days (docs/decisions/0078).

-- One click on a link: appended by a sweep, many at once, or by a process of the web where there is
-- no Valkey. Who has clicked is a keyed hash of the browser's random name, and of the address.
create table affiliate_clicks (
    tenant_id uuid not null,
    id uuid primary key,
    affiliate_id uuid not null,
    link_id uuid,
    visitor bytea not null check (octet_length(visitor) = 32),
    address bytea not null check (octet_length(address) = 32),
    clicked_at timestamptz not null,
    repeated boolean not null,      -- within ten minutes of another of the same browser
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id),
    foreign key (tenant_id, link_id) references affiliate_links (tenant_id, id)
);
create index affiliate_clicks_of_visitor on affiliate_clicks (affiliate_id, visitor, clicked_at);
create index affiliate_clicks_of_address on affiliate_clicks (affiliate_id, address, clicked_at);
create index affiliate_clicks_by_time on affiliate_clicks (affiliate_id, clicked_at, id);
call fence_tenant_table('affiliate_clicks');
grant select, insert on affiliate_clicks to kameng_core;

-- What a day (UTC) has brought by each link, or by the affiliate's own code: folded in the same
-- transaction as what it counts.
create table affiliate_days (
    tenant_id uuid not null,
    affiliate_id uuid not null,
    day date not null,
    link_id uuid,
    clicks integer not null default 0 check (clicks >= 0),
    unique_clicks integer not null default 0 check (unique_clicks between 0 and clicks),
    orders integer not null default 0 check (orders >= 0),
    paid_minor bigint not null default 0 check (paid_minor >= 0),
    commission_minor bigint not null default 0 check (commission_minor >= 0),
    unique nulls not distinct (affiliate_id, day, link_id),
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id)
);
call fence_tenant_table('affiliate_days');
grant select, insert, update on affiliate_days to kameng_core;

-- Which affiliate an order was brought by and by which rule, or why that one earns nothing: written
-- by the statement that writes the order.
create table attributions (
    tenant_id uuid not null,
    order_id uuid primary key,
    affiliate_id uuid not null,
    rule text not null check (rule in ('CODE', 'FIRST_TOUCH', 'LAST_CLICK', 'OWN_ORDER', 'EXPIRED',
                                       'NOT_FIRST_ORDER', 'NO_PROGRAM')),
    link_id uuid,
    click_id uuid,
    clicked_at timestamptz,
    upline_ids uuid[] not null default '{}',
    -- By whom the buyer had come as well, and when: the claim that was not the strongest.
    passed_over_id uuid,
    passed_over_at timestamptz,
    made_at timestamptz not null default platform_now(),
    noted_at timestamptz,           -- when it was counted as a conversion, or never would be
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id),
    foreign key (tenant_id, passed_over_id) references affiliates (tenant_id, id),
    check ((click_id is null) = (clicked_at is null)),
    check ((passed_over_id is null) = (passed_over_at is null))
);
create index attributions_to_note on attributions (made_at) where noted_at is null;
create index attributions_of_affiliate on attributions (affiliate_id, made_at, order_id);
call fence_tenant_table('attributions');
grant select, insert on attributions to kameng_core;
grant update (noted_at) on attributions to kameng_core;
