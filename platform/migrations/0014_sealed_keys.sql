-- What never changes about a key leaves the row that changes (docs/decisions/0038).

-- The vault: what an import has brought, one row for a key. Who looks for a key to sell, and sells
-- it, does not write here.
create table sealed_keys (
    id uuid not null,                   -- the key's own
    batch_id uuid not null,
    withdrawn_at timestamptz,           -- when its batch was undone: it may come again
    line_number integer check (line_number > 0),  -- null for a key that came another way
    secret_key_id smallint not null,    -- which key of the keyring
    serial text not null,
    secret bytea not null,              -- AES-256-GCM, key and supplier listing bound as AAD
    fingerprint sha256_hash not null,
    commitment sha256_hash not null     -- SHA-256(salt || secret)
);
insert into sealed_keys (id, batch_id, withdrawn_at, line_number, secret_key_id, serial, secret,
                         fingerprint, commitment)
select id, batch_id, case when status = 'WITHDRAWN' then platform_now() end, line_number,
       secret_key_id, serial, secret, fingerprint, commitment
from keys;
alter table sealed_keys add primary key (id),
    add foreign key (batch_id) references key_batches (id);
create unique index sealed_keys_fingerprint on sealed_keys (fingerprint)
    where withdrawn_at is null;
-- A line is imported once, however often the import is killed and resumed.
create unique index sealed_keys_of_batch on sealed_keys (batch_id, line_number);

create function refuse_to_unseal() returns trigger language plpgsql as $$
begin
    if old.withdrawn_at is null then
        old.withdrawn_at := new.withdrawn_at;
    end if;
    if old is distinct from new then
        raise exception 'a sealed key is withdrawn once, and else never changed'
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger only_withdrawn before update on sealed_keys for each row
    execute function refuse_to_unseal();
create trigger never_deleted before delete on sealed_keys for each row
    execute function refuse_change();
create trigger never_emptied before truncate on sealed_keys for each statement
    execute function refuse_change();
grant select, insert on sealed_keys to kameng_core;
grant update (withdrawn_at) on sealed_keys to kameng_core;

-- The pool is made anew: columns that are dropped would stay in every row as nulls, which eight
-- columns have room for and fifteen have not.
alter table delivered_keys drop constraint delivered_keys_key_id_fkey;
drop index keys_fingerprint;
drop index keys_of_batch;
drop index keys_available;
drop index keys_held;
alter table keys drop constraint keys_pkey;
alter table keys rename to keys_before;

create domain key_status as text
    check (value in ('AVAILABLE', 'HELD', 'SOLD', 'REVEALED', 'EXPIRED', 'WITHDRAWN', 'VOIDED'));
create table keys (
    id uuid not null,
    supplier_listing_id uuid not null,
    sku_id uuid not null,
    held_by_line_id uuid,
    -- Earliest expiry first, then first in, first out: days to expiry in the high bits, a
    -- sequence in the low ones (supply/pool.py). Only the partial index has it, so the planner
    -- cannot choose another.
    position bigint not null,
    expires_at timestamptz,
    held_until timestamptz,
    status key_status not null default 'AVAILABLE',
    check ((status = 'HELD') = (held_until is not null)),
    check ((held_by_line_id is not null) = (status in ('HELD', 'SOLD', 'REVEALED', 'VOIDED')))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
-- As they will be sold: what is sold together lies together.
insert into keys (id, supplier_listing_id, sku_id, held_by_line_id, position, expires_at,
                  held_until, status)
select id, supplier_listing_id, sku_id, held_by_line_id, position, expires_at, held_until, status
from keys_before order by supplier_listing_id, position;
drop table keys_before;
-- Nothing is sold that is not sealed.
alter table keys add primary key (id),
    add foreign key (id) references sealed_keys (id),
    add foreign key (supplier_listing_id, sku_id) references supplier_listings (id, sku_id);
create index keys_available on keys (supplier_listing_id, position) include (expires_at)
    where status = 'AVAILABLE';
create index keys_held on keys (supplier_listing_id, held_until) where status = 'HELD';
create trigger keys_transition before update of status on keys for each row
    when (old.status is distinct from new.status) execute function check_key_transition();
alter table delivered_keys add foreign key (key_id) references keys (id);
grant select, insert on keys to kameng_core;
grant update (held_by_line_id, position, held_until, status) on keys to kameng_core;

-- Plans would be made for tables of unknown size until somebody has counted. Of an empty one it is
-- better not to know that it is empty: it will not stay so.
do $$
begin
    if exists (select from keys) then
        analyze keys;
        analyze sealed_keys;
    end if;
end $$;
