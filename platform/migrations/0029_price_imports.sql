-- The import of a price list is a row that says how far it has got: whoever finds it goes on.

alter table price_files
    drop constraint price_files_content_check,
    add constraint price_files_content_check check (length(content) between 1 and 10000000);

create table price_imports (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    file_id uuid,
    dry_run boolean not null,
    state text not null default 'WAITING'
        check (state in ('WAITING', 'CHECKING', 'TRYING', 'DONE', 'REFUSED')),
    -- Grows with every note. Whoever notes names the step that it has seen.
    step integer not null default 0,
    claimed_until timestamptz,
    -- What has been found so far, and behind which SKU to go on at which version of the shop.
    progress jsonb not null default '{}',
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    unique (tenant_id, id),
    foreign key (tenant_id, file_id) references price_files (tenant_id, id)
        on delete set null (file_id),
    check ((ended_at is not null) = (state in ('DONE', 'REFUSED'))),
    -- An upload stays as long as somebody imports it.
    check (file_id is not null or ended_at is not null)
) with (fillfactor = 50);
-- A shop imports one list at a time.
create unique index price_imports_under_way on price_imports (tenant_id) where ended_at is null;
create index price_imports_of_file on price_imports (tenant_id, file_id);
create index price_imports_ended on price_imports (ended_at) where ended_at is not null;
call fence_tenant_table('price_imports');
grant select, insert, update, delete on price_imports to kameng_core;
