-- A statement's file is a row that says how far it has got: the worker that finds it makes it. What
-- a dead worker has left of it is made anew by another, as another attempt.

create table statement_files (
    tenant_id uuid not null references tenants (id),  -- where the party is at home
    id uuid primary key,
    party_kind party_kind not null check (party_kind <> 'PLATFORM'),
    party_id uuid not null,
    currency currency_code not null,
    since timestamptz not null,
    until timestamptz not null,
    -- With which the times were asked for: of which days are told apart.
    utc_offset_minutes smallint not null check (utc_offset_minutes between -1439 and 1439),
    format text not null check (format in ('CSV', 'XLSX', 'PDF')),
    english boolean not null,
    asked_by text not null,
    state text not null default 'WAITING'
        check (state in ('WAITING', 'MAKING', 'DONE', 'FAILED')),
    attempt integer not null default 0 check (attempt >= 0),
    claimed_until timestamptz,
    rows_done bigint not null default 0 check (rows_done >= 0),
    size_bytes bigint check (size_bytes > 0),
    sha256 bytea check (octet_length(sha256) = 32),
    problem text check (length(problem) between 1 and 100),
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    unique (tenant_id, id),
    check (since < until and until - since <= interval '400 days'),
    check ((ended_at is not null) = (state in ('DONE', 'FAILED'))),
    check ((state = 'DONE') = (size_bytes is not null)),
    check ((state = 'DONE') = (sha256 is not null)),
    check ((state = 'FAILED') = (problem is not null))
);
create index statement_files_waiting on statement_files (attempt, id) where ended_at is null;
create index statement_files_of_party on statement_files (party_id) where ended_at is null;
create index statement_files_ended on statement_files (ended_at) where ended_at is not null;
call fence_tenant_table('statement_files');
grant select, insert, update, delete on statement_files to kameng_core;

create table statement_chunks (
    tenant_id uuid not null,
    file_id uuid not null,
    attempt integer not null,
    number integer not null check (number >= 0),
    content bytea not null check (octet_length(content) between 1 and 262144),
    primary key (file_id, attempt, number),
    foreign key (tenant_id, file_id) references statement_files (tenant_id, id) on delete cascade
);
alter table statement_chunks alter column content set storage external;  -- packed already, or soon
call fence_tenant_table('statement_chunks');
grant select, insert, delete on statement_chunks to kameng_core;
