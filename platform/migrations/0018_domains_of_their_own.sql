-- A tenant's own domain is proved by a record in its DNS (docs/decisions/0041).

alter table tenant_domains
    -- A claim costs nothing and holds nobody up: who proves a host first has it.
    drop constraint tenant_domains_host_key,
    add unique (tenant_id, host),
    add column added_at timestamptz not null default platform_now(),
    add column asked_at timestamptz,       -- when its DNS was last asked
    add column checked_at timestamptz,     -- when the proof was last found
    add column next_check_at timestamptz,  -- null: never looked at again
    add column failed_checks smallint not null default 0 check (failed_checks >= 0),
    add column lapsed_at timestamptz,      -- when a proof that had been found was gone
    add constraint tenant_domains_primary_check check (not is_primary or verified_at is not null),
    add constraint tenant_domains_lapsed_check check (lapsed_at is null or verified_at is null);
create unique index tenant_domains_one_owner on tenant_domains (host)
    where verified_at is not null;
create index tenant_domains_due on tenant_domains (next_check_at)
    where verified_at is not null and next_check_at is not null;

-- A host that has led to a shop leads to no other one for a while: its buyers would not notice.
create table resting_hosts (
    host text primary key,
    tenant_id uuid not null references tenants (id),  -- who may have it back at once
    ends_at timestamptz not null
);
grant select, insert, update, delete on resting_hosts to kameng_core;
