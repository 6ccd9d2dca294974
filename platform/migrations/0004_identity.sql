-- Who calls: customers (one account per tenant), staff, API clients, and every kind of token.

-- E-mail and phone are ciphertext (kernel/crypto.py); the *_index columns are keyed HMACs of the
-- normalised value, so that an address can be found and cannot be read.
create table customers (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null default '' check (length(name) <= 80),
    email bytea,
    email_index bytea check (octet_length(email_index) = 32),
    phone bytea,
    phone_index bytea check (octet_length(phone_index) = 32),
    data_key_id smallint,
    password_hash text,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'FROZEN')),
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    check ((email is null) = (email_index is null)),
    check ((phone is null) = (phone_index is null)),
    check ((email is null and phone is null) or data_key_id is not null)
);
create unique index customers_email on customers (tenant_id, email_index);
create unique index customers_phone on customers (tenant_id, phone_index);
call fence_tenant_table('customers');
grant select (tenant_id, id, name, status, created_at) on customers to kameng_shop;
grant select, insert, update on customers to kameng_core;

create table staff_users (
    id uuid primary key,
    name text not null,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'FROZEN'))
);
grant select, insert, update on staff_users to kameng_core;

create table memberships (
    tenant_id uuid not null references tenants (id),
    staff_id uuid not null references staff_users (id),
    roles text[] not null
        check (cardinality(roles) > 0
               and roles <@ array['OWNER', 'FINANCE', 'SUPPORT', 'CATALOGUE', 'READ_ONLY']),
    primary key (tenant_id, staff_id)
);
call fence_tenant_table('memberships');
grant select, insert, update, delete on memberships to kameng_core;

create table api_clients (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    name text not null,
    scopes text[] not null check (cardinality(scopes) > 0),
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'REVOKED')),
    unique (tenant_id, id)
);
call fence_tenant_table('api_clients');
grant select, insert, update on api_clients to kameng_core;

-- Opaque bearer tokens; only their SHA-256 is stored. A supplier's or an operator's token
-- belongs to no shop.
create table access_tokens (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    kind text not null
        check (kind in ('CUSTOMER', 'STAFF', 'API_CLIENT', 'AFFILIATE', 'SUPPLIER', 'OPERATOR')),
    tenant_id uuid references tenants (id),
    principal_id uuid not null,
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    check ((tenant_id is null) = (kind in ('SUPPLIER', 'OPERATOR')))
);
create index access_tokens_principal on access_tokens (principal_id);
grant select, insert, update on access_tokens to kameng_core;

-- Attempts that an attacker would repeat are counted here, and not in Valkey, which may be lost.
create table attempt_counters (
    scope text not null,
    subject bytea not null,
    window_start timestamptz not null,
    attempts integer not null default 1,
    primary key (scope, subject, window_start)
);
grant select, insert, update, delete on attempt_counters to kameng_core;

-- A repeated request gets its first answer. The hash refuses the same key with other content.
create table idempotency_records (
    tenant_id uuid not null references tenants (id),
    actor text not null,
    key text not null check (length(key) between 1 and 128),
    request_hash bytea not null check (octet_length(request_hash) = 32),
    result_kind text not null,
    result_id uuid not null,
    created_at timestamptz not null default platform_now(),
    primary key (tenant_id, actor, key)
);
create index idempotency_records_age on idempotency_records (created_at);
call fence_tenant_table('idempotency_records');
grant select, insert, delete on idempotency_records to kameng_core;
