-- The ground everything stands on: the transaction's scope, the one clock, and the fence.
-- The two application roles (kameng_shop, kameng_core) are made by migrations/_runner.py,
-- because roles belong to the cluster and migrations belong to one database.

-- What a transaction may see is set once, transaction-locally, by kernel/db.py.
create function current_tenant_id() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

create function current_path() returns uuid[] language sql stable parallel safe
as $$ select string_to_array(nullif(current_setting('app.path', true), ''), ',')::uuid[] $$;

create function current_party_id() returns uuid language sql stable parallel safe
as $$ select nullif(current_setting('app.party_id', true), '')::uuid $$;

-- The stated reason for lifting the fence; null while the fence is up.
create function fence_lifted_for() returns text language sql stable parallel safe
as $$ select nullif(current_setting('app.fence_lifted_for', true), '') $$;

-- Time that decides anything comes from here. The table is empty in production;
-- only the owner (the sandbox's clock) may write to it.
create table sandbox_clock (
    only_row boolean primary key default true check (only_row),
    shift interval not null
);

create function platform_now() returns timestamptz language sql stable
as $$ select now() + coalesce((select shift from sandbox_clock), interval '0') $$;

grant select on sandbox_clock to kameng_shop, kameng_core;

-- Row-level security by table class (docs/decisions/0003). FORCE: the owner is fenced, too.
create procedure fence_tenant_table(fenced regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', fenced);
    execute format('alter table %s force row level security', fenced);
    execute format('create policy own_tenant on %s using (tenant_id = (select current_tenant_id()))
                    with check (tenant_id = (select current_tenant_id()))', fenced);
    execute format('create policy lifted on %s to kameng_core
                    using ((select fence_lifted_for()) is not null)', fenced);
end $$;

create procedure fence_path_table(fenced regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', fenced);
    execute format('alter table %s force row level security', fenced);
    -- The path may be read; only the tenant's own rows may be written.
    execute format('create policy own_path on %s for select to kameng_core
                    using (tenant_id = any ((select current_path())::uuid[]))', fenced);
    execute format('create policy own_tenant on %s to kameng_core
                    using (tenant_id = (select current_tenant_id()))
                    with check (tenant_id = (select current_tenant_id()))', fenced);
    execute format('create policy lifted on %s to kameng_core
                    using ((select fence_lifted_for()) is not null)', fenced);
end $$;

create procedure fence_party_table(fenced regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', fenced);
    execute format('alter table %s force row level security', fenced);
    execute format('create policy own_party on %s to kameng_shop
                    using (party_id = (select current_party_id()))', fenced);
    execute format('create policy own_tenant on %s to kameng_core
                    using (tenant_id = (select current_tenant_id()))
                    with check (tenant_id = (select current_tenant_id()))', fenced);
    execute format('create policy lifted on %s to kameng_core
                    using ((select fence_lifted_for()) is not null)', fenced);
end $$;

-- For append-only tables: a row trigger for UPDATE and DELETE, a statement trigger for TRUNCATE.
create procedure make_append_only(kept regclass) language plpgsql as $$
begin
    execute format('create trigger append_only before update or delete on %s
                    for each row execute function refuse_change()', kept);
    execute format('create trigger never_emptied before truncate on %s
                    for each statement execute function refuse_change()', kept);
end $$;

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
