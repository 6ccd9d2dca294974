-- The shared pool: suppliers, what they offer, and the keys themselves. Platform class:
-- a shop's transaction has no privilege on any of it.

create table suppliers (
    id uuid primary key,
    name text not null,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'SUSPENDED', 'TERMINATED')),
    commission_bp integer not null default 0 check (commission_bp between 0 and 10000),
    created_at timestamptz not null default platform_now()
);

-- Several per SKU: the offers that a buyer compares.
create table supplier_listings (
    id uuid primary key,
    supplier_id uuid not null references suppliers (id),
    sku_id uuid not null references skus (id),
    supply_price_minor bigint not null check (supply_price_minor > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    min_retail_minor bigint check (min_retail_minor > 0),
    max_retail_minor bigint check (max_retail_minor > 0),
    warranty_hours integer not null default 24 check (warranty_hours >= 0),
    priority integer not null default 0,
    status text not null default 'ACTIVE' check (status in ('DRAFT', 'ACTIVE', 'PAUSED', 'DELISTED')),
    unique (supplier_id, sku_id),
    unique (id, sku_id)
);
create index supplier_listings_of_sku on supplier_listings (sku_id) where status = 'ACTIVE';

create table key_batches (
    id uuid primary key,
    supplier_listing_id uuid not null,
    sku_id uuid not null,
    file_hash bytea not null check (octet_length(file_hash) = 32),
    source_declaration text not null default '',
    line_count integer not null default 0,   -- lines read so far; where a resumed import goes on
    accepted integer not null default 0,
    rejected integer not null default 0,
    status text not null default 'IMPORTING'
        check (status in ('IMPORTING', 'ACCEPTED', 'PARTLY_ACCEPTED', 'REJECTED', 'WITHDRAWN')),
    created_at timestamptz not null default platform_now(),
    finished_at timestamptz,
    foreign key (supplier_listing_id, sku_id) references supplier_listings (id, sku_id),
    unique (supplier_listing_id, file_hash)
);

create sequence key_positions;

create table keys (
    id uuid primary key,
    batch_id uuid not null references key_batches (id),
    supplier_listing_id uuid not null,
    sku_id uuid not null,
    -- Earliest expiry first, then first in, first out: days to expiry in the high bits, a
    -- sequence in the low ones (supply/pool.py). Only the partial index has it, so the planner
    -- cannot choose another.
    position bigint not null,
    serial text not null,
    secret bytea not null,              -- AES-256-GCM, the row bound as AAD
    secret_key_id smallint not null,    -- which key of the keyring
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    commitment bytea not null check (octet_length(commitment) = 32),  -- SHA-256(salt || secret)
    expires_at timestamptz,
    status text not null default 'AVAILABLE'
        check (status in ('AVAILABLE', 'HELD', 'SOLD', 'REVEALED', 'EXPIRED', 'WITHDRAWN',
                          'VOIDED')),
    held_by_line_id uuid,
    held_until timestamptz,
    foreign key (supplier_listing_id, sku_id) references supplier_listings (id, sku_id),
    check ((status = 'HELD') = (held_until is not null)),
    check ((held_by_line_id is not null) = (status in ('HELD', 'SOLD', 'REVEALED', 'VOIDED')))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
create unique index keys_fingerprint on keys (fingerprint);
create index keys_available on keys (supplier_listing_id, position) where status = 'AVAILABLE';
create index keys_held on keys (supplier_listing_id, held_until) where status = 'HELD';
create index keys_of_batch on keys (batch_id);

-- domain 5, Key. A revealed key never becomes available again, whatever the code believes.
create function check_key_transition() returns trigger language plpgsql as $$
begin
    if (old.status, new.status) not in (
        ('AVAILABLE', 'HELD'), ('AVAILABLE', 'EXPIRED'), ('AVAILABLE', 'WITHDRAWN'),
        ('HELD', 'AVAILABLE'), ('HELD', 'HELD'), ('HELD', 'SOLD'),
        ('SOLD', 'AVAILABLE'), ('SOLD', 'REVEALED'), ('SOLD', 'VOIDED'),
        ('REVEALED', 'VOIDED'))
    then
        raise exception 'a key does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'keys_transition';
    end if;
    return new;
end $$;
create trigger keys_transition before update of status on keys for each row
    when (old.status is distinct from new.status) execute function check_key_transition();

grant select, insert, update on suppliers, supplier_listings, key_batches, keys to kameng_core;
grant usage on sequence key_positions to kameng_core;

-- A line of an import that was refused, for the supplier's report.
create table key_batch_rejections (
    batch_id uuid not null references key_batches (id),
    line_number integer not null,
    reason text not null
        check (reason in ('DUPLICATE_HERE', 'DUPLICATE_ELSEWHERE', 'MALFORMED', 'EXPIRED')),
    primary key (batch_id, line_number)
);
grant select, insert on key_batch_rejections to kameng_core;

-- Keys that can be sold now, counted up to a bound: the number is true below it, and the cost
-- of counting does not grow with the pool. A hold that has run out counts as free, worker or
-- no worker; a key nearer to its end than the SKU allows does not.
create function free_keys(listing uuid, min_remaining_days integer, at_most integer)
returns integer language sql stable as $$
    select count(*)::integer from (
        (select 1 from keys where supplier_listing_id = listing and status = 'AVAILABLE'
           and (expires_at is null
                or expires_at > platform_now() + make_interval(days => min_remaining_days))
         limit at_most)
        union all
        (select 1 from keys where supplier_listing_id = listing and status = 'HELD'
           and held_until <= platform_now()
           and (expires_at is null
                or expires_at > platform_now() + make_interval(days => min_remaining_days))
         limit at_most)
        limit at_most
    ) as free
$$;
