-- The sale: order, lines, the frozen split, and what was delivered.

create table orders (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    no text not null unique check (no ~ '^K[0-9]{8}-[0-9A-Z]{10}$'),
    customer_id uuid,
    guest_token_hash bytea unique check (octet_length(guest_token_hash) = 32),
    path uuid[] not null,  -- the tree as it was when the order was made
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total_minor bigint not null check (total_minor > 0),
    refunded_minor bigint not null default 0
        check (refunded_minor between 0 and total_minor),
    affiliate_id uuid,
    contact bytea,         -- ciphertext: where messages about this order go
    contact_key_id smallint,
    payment_status text not null default 'PENDING'
        check (payment_status in ('PENDING', 'EXPIRED', 'CANCELED', 'PAID')),
    fulfilment_status text not null default 'NONE'
        check (fulfilment_status in ('NONE', 'DELIVERED')),
    aftersale_status text not null default 'NONE'
        check (aftersale_status in ('NONE', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED')),
    -- The one rolled-up status that people see.
    status text generated always as (
        case
            when aftersale_status <> 'NONE' then aftersale_status
            when fulfilment_status = 'DELIVERED' then 'DELIVERED'
            when payment_status = 'PENDING' then 'PENDING_PAYMENT'
            else payment_status
        end) stored,
    version integer not null default 1,  -- grows with every change; the cursor of orderUpdated
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null,
    paid_at timestamptz,
    delivered_at timestamptz,
    unique (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    foreign key (tenant_id, affiliate_id) references affiliates (tenant_id, id),
    check ((customer_id is null) <> (guest_token_hash is null)),
    check ((contact is null) = (contact_key_id is null)),
    -- Paid without delivered cannot be stored for pool goods, and nothing else is sold yet.
    check ((payment_status = 'PAID') = (fulfilment_status = 'DELIVERED')),
    check ((payment_status = 'PAID') = (paid_at is not null)),
    check ((fulfilment_status = 'DELIVERED') = (delivered_at is not null)),
    check (aftersale_status = 'NONE' or payment_status = 'PAID')
);
create index orders_of_customer on orders (tenant_id, customer_id, created_at desc, id desc);
create index orders_of_tenant on orders (tenant_id, created_at desc, id desc);
create index orders_unpaid on orders (expires_at) where payment_status = 'PENDING';
call fence_tenant_table('orders');
grant select (tenant_id, id, no, customer_id, guest_token_hash, currency, total_minor,
              refunded_minor, payment_status, fulfilment_status, aftersale_status, status, version,
              created_at, expires_at, paid_at, delivered_at) on orders to kameng_shop;
grant select, insert, update on orders to kameng_core;

create table order_lines (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    order_id uuid not null,
    sku_id uuid not null references skus (id),
    supplier_listing_id uuid not null,   -- not granted to kameng_shop
    quantity integer not null check (quantity between 1 and 500),
    unit_price_minor bigint not null check (unit_price_minor > 0),
    net_minor bigint not null check (net_minor > 0),
    refunded_minor bigint not null default 0 check (refunded_minor between 0 and net_minor),
    returned_quantity integer not null default 0
        check (returned_quantity between 0 and quantity),
    delivery_mode text not null check (delivery_mode = 'AUTO_KEY'),
    key_ids uuid[] not null,  -- the keys held for, then sold to, this line
    channel_fee_minor bigint not null default 0  -- recovered from the shop at settlement
        check (channel_fee_minor between 0 and net_minor),
    unique (tenant_id, id),
    foreign key (tenant_id, order_id) references orders (tenant_id, id),
    foreign key (supplier_listing_id, sku_id) references supplier_listings (id, sku_id),
    check (cardinality(key_ids) = quantity)
);
create index order_lines_of_order on order_lines (order_id);
call fence_tenant_table('order_lines');
grant select (tenant_id, id, order_id, sku_id, quantity, unit_price_minor, net_minor,
              refunded_minor, returned_quantity, delivery_mode) on order_lines to kameng_shop;
grant select, insert, update on order_lines to kameng_core;

-- domain 2, step 5: one row per beneficiary, frozen when the order is made, never computed again.
create table line_shares (
    tenant_id uuid not null,
    id uuid primary key,
    order_id uuid not null,
    line_id uuid not null,
    party_kind text not null check (party_kind in ('SUPPLIER', 'PLATFORM', 'TENANT', 'AFFILIATE')),
    party_id uuid,  -- null: the platform
    role text not null
        check (role in ('SUPPLY', 'SUPPLIER_COMMISSION', 'WHOLESALE_MARGIN', 'AGENT_MARGIN',
                        'AFFILIATE', 'SHOP_MARGIN')),
    amount_minor bigint not null check (amount_minor >= 0),
    reversed_minor bigint not null default 0 check (reversed_minor between 0 and amount_minor),
    currency text not null,
    check ((party_kind = 'PLATFORM') = (party_id is null)),
    foreign key (tenant_id, line_id) references order_lines (tenant_id, id),
    foreign key (tenant_id, order_id) references orders (tenant_id, id)
);
create index line_shares_of_order on line_shares (order_id);
create index line_shares_of_party on line_shares (party_id, id) where party_id is not null;
call fence_party_table('line_shares');
grant select (id, party_kind, party_id, role, amount_minor, reversed_minor, currency, order_id)
    on line_shares to kameng_shop;
grant select, insert on line_shares to kameng_core;
grant update (reversed_minor) on line_shares to kameng_core;

-- A key in a buyer's hands. A key stands in at most one delivery that has not been returned.
create table delivered_keys (
    tenant_id uuid not null,
    id uuid primary key,
    order_id uuid not null,
    line_id uuid not null,
    key_id uuid not null references keys (id),
    delivered_at timestamptz not null,
    revealed_at timestamptz,
    returned_at timestamptz,
    unique (tenant_id, id),
    foreign key (tenant_id, order_id) references orders (tenant_id, id),
    foreign key (tenant_id, line_id) references order_lines (tenant_id, id),
    check (revealed_at is null or returned_at is null)
);
create unique index delivered_keys_live on delivered_keys (key_id) where returned_at is null;
create index delivered_keys_of_order on delivered_keys (order_id, id);
call fence_tenant_table('delivered_keys');
grant select on delivered_keys to kameng_shop;
grant select, insert, update on delivered_keys to kameng_core;

-- Who saw a key, when and from where: the evidence in every later quarrel.
create table key_reveals (
    tenant_id uuid not null,
    id uuid primary key,
    delivered_key_id uuid not null,
    actor text not null,
    channel text not null check (channel in ('REVEAL', 'EXPORT')),
    revealed_at timestamptz not null default platform_now(),
    ip inet,
    user_agent text not null default '' check (length(user_agent) <= 300),
    foreign key (tenant_id, delivered_key_id) references delivered_keys (tenant_id, id)
);
create index key_reveals_of_key on key_reveals (delivered_key_id);
call make_append_only('key_reveals');
call fence_tenant_table('key_reveals');
grant select, insert on key_reveals to kameng_core;
