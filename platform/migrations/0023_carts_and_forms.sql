-- Carts, saved contacts, and what a buyer must say for a SKU (docs/decisions/0046).

-- What somebody thinks of buying. A cart holds no key and fixes no price. A guest's is opened by a
-- random token, of which only the hash is stored.
create table carts (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    customer_id uuid,
    token_hash bytea unique check (octet_length(token_hash) = 32),
    expires_at timestamptz not null,
    primary key (tenant_id, id),
    unique (tenant_id, customer_id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((customer_id is null) <> (token_hash is null))
);
create index carts_by_end on carts (expires_at);
call fence_tenant_table('carts');
grant select, insert, update, delete on carts to kameng_core;

-- The slot is the bound: a cart has twenty lines, however many are added at once.
create table cart_lines (
    tenant_id uuid not null,
    cart_id uuid not null,
    slot smallint not null check (slot between 1 and 20),
    id uuid not null,
    sku_id uuid not null references skus (id),
    offer_id uuid,  -- null: the cheapest that has enough
    quantity integer not null check (quantity between 1 and 500),
    seen_price_minor bigint not null check (seen_price_minor > 0),  -- a piece, when it was put in
    form bytea,     -- ciphertext: what the buyer says for it
    form_key_id smallint,
    primary key (tenant_id, cart_id, slot),
    unique (tenant_id, id),
    foreign key (tenant_id, cart_id) references carts (tenant_id, id) on delete cascade,
    foreign key (offer_id, sku_id) references supplier_listings (id, sku_id),
    check ((form is null) = (form_key_id is null))
);
create unique index cart_lines_once on cart_lines
    (tenant_id, cart_id, sku_id, coalesce(offer_id, '00000000-0000-0000-0000-000000000000'));
call fence_tenant_table('cart_lines');
grant select, insert, update, delete on cart_lines to kameng_core;

-- Where a customer wants messages, and the accounts that goods go to: ciphertext, as customers'
-- own addresses are. The index is a keyed hash, so that the same text is saved once.
create table saved_contacts (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    customer_id uuid not null,
    slot smallint not null check (slot between 1 and 20),
    kind text not null check (kind in ('EMAIL', 'PHONE', 'ADDRESS', 'ACCOUNT')),
    value bytea not null,
    value_index bytea not null check (octet_length(value_index) = 32),
    data_key_id smallint not null,
    used_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    unique (tenant_id, customer_id, slot),
    unique (tenant_id, customer_id, value_index),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
call fence_tenant_table('saved_contacts');
grant select, insert, update, delete on saved_contacts to kameng_core;

-- The fields that a buyer of this SKU fills in; their form is in catalog/form_fields.py.
alter table skus add column form_fields jsonb not null default '[]'
    check (jsonb_typeof(form_fields) = 'array' and jsonb_array_length(form_fields) <= 12);

-- What a buyer has said for a line, sealed for it. Only lines that were asked have a row.
create table order_forms (
    tenant_id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    form bytea not null,
    form_key_id smallint not null,
    primary key (order_id, tenant_id, line_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id)
);
call fence_tenant_table('order_forms');
grant select, insert, update on order_forms to kameng_core;
