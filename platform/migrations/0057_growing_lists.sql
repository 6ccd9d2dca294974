-- A list of values grows by what is new: a migration names its own values and none of the others.

-- With further values, a check of the shape `something in ('A', 'B', …)`.
create function with_values(definition text, admitted text[]) returns text
    language plpgsql immutable as $$
begin
    if definition !~ '^CHECK .*= ANY \(+ARRAY\[''' or definition ~ 'ARRAY\[.*ARRAY\[' then
        raise exception 'this is no list of values: %', definition;
    end if;
    return replace(definition, 'ARRAY[', 'ARRAY[' || (
        select string_agg(format('%L::text', value), ', ' order by place) || ', '
        from unnest(admitted) with ordinality as named (value, place)));
end $$;

create procedure admit_values(kept regclass, checked_by text, variadic admitted text[])
    language plpgsql as $$
declare
    definition text;
begin
    select pg_get_constraintdef(oid) into strict definition
    from pg_constraint where conrelid = kept and conname = checked_by;
    execute format('alter table %1$s drop constraint %2$I, add constraint %2$I %3$s',
                   kept, checked_by, with_values(definition, admitted));
end $$;

create procedure admit_domain_values(kept regtype, variadic admitted text[])
    language plpgsql as $$
declare
    listed record;
begin
    select conname, pg_get_constraintdef(oid) as definition into strict listed
    from pg_constraint where contypid = kept and contype = 'c';
    execute format('alter domain %s drop constraint %I', kept, listed.conname);
    execute format('alter domain %s add constraint %I %s',
                   kept, listed.conname, with_values(listed.definition, admitted));
end $$;

-- A domain cannot be changed while a column is an array of it.
create procedure admit_event_types(variadic admitted text[]) language plpgsql as $$
begin
    drop trigger note_who_hears_orders on webhook_endpoints;
    drop trigger audited on webhook_endpoints;
    alter table webhook_endpoints alter event_types type text[];
    call admit_domain_values('event_type', variadic admitted);
    alter table webhook_endpoints alter event_types type event_type[];
    create trigger note_who_hears_orders after insert or update of status, event_types
        on webhook_endpoints for each row execute function note_who_hears_orders();
    call audit_decisions('webhook_endpoints', 'tenant_id id', 'event_types status sends_keys');
end $$;
