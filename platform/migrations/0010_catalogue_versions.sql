-- Every shop's catalogue has a version, and a page of it is read from indexes alone.

-- Stands for the platform where a row names a tenant.
create function platform_id() returns uuid language sql immutable parallel safe
as $$ select '00000000-0000-0000-0000-000000000000'::uuid $$;

-- What decides a shop's prices and what it shows belongs to a tenant of its path or to the
-- platform. Each owner's number grows with each change of theirs, in the transaction that makes
-- the change. A shop's version is the sum over its path and the platform: two moments that see
-- the same sum see the same catalogue. Each row's lock puts its own changes in a line; changes of
-- two owners may end in any order. The steps are random: a database that was restored to an
-- earlier day does not count again through numbers that a running process has met.
create table catalogue_versions (
    owner_id uuid primary key,
    version bigint not null
) with (fillfactor = 50);
-- Nobody but the trigger writes here.
grant select on catalogue_versions to kameng_core;

create function version_step() returns bigint language sql volatile
as $$ select 1 + floor(random() * 1000000)::bigint $$;

-- Its argument is the expression that names the owner of a changed row. Who listens on channel
-- `catalogue` hears the owner's id, or * for a change that every shop may show.
create function note_catalogue_change() returns trigger language plpgsql
security definer set search_path = pg_catalog, public as $$
declare
    changed constant text := case tg_op
        when 'INSERT' then 'select * from come'
        when 'DELETE' then 'select * from gone'
        when 'UPDATE' then 'select * from gone union all select * from come' end;
    owners uuid[] := array[platform_id()];
begin
    if tg_op <> 'TRUNCATE' then
        execute format('select array_agg(distinct %1$s order by %1$s) from (%2$s) as changed',
                       tg_argv[0], changed) into owners;
    end if;
    if owners is null then
        return null;
    end if;
    insert into catalogue_versions as known (owner_id, version) select unnest(owners), version_step()
    on conflict (owner_id) do update set version = known.version + excluded.version;
    if platform_id() = any (owners) or cardinality(owners) > 100 then
        perform pg_notify('catalogue', '*');
    else
        perform pg_notify('catalogue', owner::text) from unnest(owners) as owner;
    end if;
    return null;
end $$;

create procedure watch_catalogue_table(watched regclass, owner_of_row text) language plpgsql as $$
begin
    execute format('create trigger catalogue_insert after insert on %s
                    referencing new table as come for each statement
                    execute function note_catalogue_change(%L)', watched, owner_of_row);
    execute format('create trigger catalogue_update after update on %s
                    referencing old table as gone new table as come for each statement
                    execute function note_catalogue_change(%L)', watched, owner_of_row);
    execute format('create trigger catalogue_delete after delete on %s
                    referencing old table as gone for each statement
                    execute function note_catalogue_change(%L)', watched, owner_of_row);
    execute format('create trigger catalogue_truncate after truncate on %s
                    for each statement
                    execute function note_catalogue_change(%L)', watched, owner_of_row);
end $$;

insert into catalogue_versions (owner_id, version)
select id, version_step() from tenants union all select platform_id(), version_step();

call watch_catalogue_table('categories', 'platform_id()');
call watch_catalogue_table('products', 'platform_id()');
call watch_catalogue_table('skus', 'platform_id()');
call watch_catalogue_table('suppliers', 'platform_id()');
call watch_catalogue_table('supplier_listings', 'platform_id()');
-- Another time is another stock everywhere: what is held, and what is near its end.
call watch_catalogue_table('sandbox_clock', 'platform_id()');
call watch_catalogue_table('tenants', 'id');
call watch_catalogue_table('tenant_domains', 'tenant_id');
call watch_catalogue_table('tenant_listings', 'tenant_id');
call watch_catalogue_table('price_rules', 'tenant_id');
call watch_catalogue_table('price_limits', 'tenant_id');
call watch_catalogue_table('affiliate_programs', 'tenant_id');

-- A list by name is read in its order, as one by position is.
create index products_by_name on products (name_zh, id) where status = 'ACTIVE';

-- Free keys are counted in the index: whether a key ends too early stands there, too.
drop index keys_available;
create index keys_available on keys (supplier_listing_id, position) include (expires_at)
    where status = 'AVAILABLE';
