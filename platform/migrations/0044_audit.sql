-- Who decided what: every change of what people decide, written by the statement that makes it, and
-- chained afterwards, so that nobody alters the past unseen (A80).

create table audit_events (
    number bigint generated always as identity primary key,
    happened_at timestamptz not null default platform_now(),
    actor text not null check (length(actor) between 1 and 100),
    tenant_id uuid,
    subject text not null,     -- the table
    subject_id text not null,  -- the row, by its key
    action text not null check (action in ('INSERT', 'UPDATE', 'DELETE')),
    before jsonb,
    after jsonb,
    written_by xid8 not null default pg_current_xact_id(),
    check ((before is null) = (action = 'INSERT')),
    check ((after is null) = (action = 'DELETE'))
);
create index audit_events_by_writer on audit_events (written_by, number);
create index audit_events_of_tenant on audit_events (tenant_id, number) where tenant_id is not null;
create index audit_events_of_subject on audit_events (subject, subject_id, number);
call make_append_only('audit_events');

-- The chain. Writers do not wait for one another: whoever seals comes later, alone.
create table audit_seals (
    sequence bigint primary key check (sequence > 0),
    event_number bigint not null unique references audit_events (number),
    hash bytea not null check (octet_length(hash) = 32),
    sealed_at timestamptz not null default platform_now()
);
call make_append_only('audit_seals');

-- Every event below it is sealed: written by transactions that had all ended.
create table audit_mark (
    only_row boolean primary key default true check (only_row),
    sealed_below xid8 not null default '0'
);
insert into audit_mark default values;

-- What the chain says of an event: its whole content, written in one way only.
create function audit_digest(event audit_events) returns bytea language sql immutable as $$
    select sha256(convert_to(jsonb_build_array(
        event.number, (extract(epoch from event.happened_at) * 1000000)::bigint, event.actor,
        event.tenant_id, event.subject, event.subject_id, event.action, event.before, event.after
    )::text, 'UTF8'))
$$;

create function audit_link(before bytea, digest bytea) returns bytea language sql immutable as $$
    select sha256(coalesce(before, ''::bytea) || digest)
$$;

-- Chain the next events that nobody can add to any more; returns how many. One sealer at a time:
-- another finds nothing to do.
create function seal_audit(at_most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    mark xid8;
    ended constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
    unborn constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
    link audit_seals%rowtype;
    event audit_events%rowtype;
    sealed integer := 0;
begin
    if not pg_try_advisory_xact_lock(x'6175646974'::bigint) then  -- "audit"
        return 0;
    end if;
    -- A database that was restored into a younger cluster has a mark, and events, of the future.
    select case when sealed_below > unborn then '0'::xid8 else sealed_below end into mark
    from audit_mark;
    select * into link from audit_seals order by sequence desc limit 1;
    for event in
        select * from audit_events candidate
        where written_by >= mark and (written_by < ended or written_by >= unborn)
          and not exists (select from audit_seals where event_number = candidate.number)
        order by written_by, number limit at_most
    loop
        insert into audit_seals (sequence, event_number, hash)
        values (coalesce(link.sequence, 0) + 1, event.number,
                audit_link(link.hash, audit_digest(event)))
        returning * into link;
        sealed := sealed + 1;
    end loop;
    update audit_mark set sealed_below = case when sealed < at_most then ended
                                              else least(event.written_by, ended) end;
    return sealed;
end $$;

-- An event for each row of the statement: what was decided, before and after. `tg_argv`: the columns
-- that name the row, and those that say what was decided.
create function note_audit() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    row_before constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    row_after constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    names constant text[] := string_to_array(tg_argv[0], ' ');
    columns text[] := string_to_array(tg_argv[1], ' ');
    row_now constant jsonb := coalesce(row_after, row_before);
begin
    if tg_op = 'UPDATE' then
        select array_agg(name) into columns from unnest(columns) as name
        where row_before -> name is distinct from row_after -> name;
        if columns is null then
            return null;
        end if;
    end if;
    insert into audit_events (actor, tenant_id, subject, subject_id, action, before, after)
    select coalesce(nullif(current_setting('app.actor', true), ''), 'platform'),
           (case when tg_table_name = 'tenants' then row_now ->> 'id'
                 else row_now ->> 'tenant_id' end)::uuid,
           tg_table_name,
           (select string_agg(row_now ->> name, ' ' order by place)
            from unnest(names) with ordinality as key (name, place)),
           tg_op,
           (select jsonb_object_agg(name, row_before -> name) from unnest(columns) as name
            where row_before is not null),
           (select jsonb_object_agg(name, row_after -> name) from unnest(columns) as name
            where row_after is not null);
    return null;
end $$;

-- Keep what is decided in a table: `names` are the columns of its key, `decided` those that count.
-- Secrets never belong to them.
create procedure audit_decisions(kept regclass, names text, decided text) language plpgsql as $$
begin
    execute format(
        'create trigger audited after insert or delete or update of %s on %s
         for each row execute function note_audit(%L, %L)',
        (select string_agg(quote_ident(name), ', ') from unnest(string_to_array(decided, ' '))
             as name), kept, names, decided);
end $$;

grant select on audit_events, audit_seals, audit_mark to kameng_core;
revoke execute on function note_audit(), seal_audit(integer) from public;
grant execute on function seal_audit(integer) to kameng_core;

-- Whoever is there, and what they may do.
call audit_decisions('tenants', 'id', 'parent_id status settlement_mode payment_methods '
    'max_markup_bp cumulative_cap_bp platform_markup_cap_bp earning_depth orders_stopped '
    'payouts_frozen restricted_by_parent on_parent_loss max_child_depth kyc_passed_at '
    'deposit_due_minor deposit_paid_minor grade_id');
call audit_decisions('tenant_domains', 'tenant_id id', 'host is_primary');
call audit_decisions('memberships', 'tenant_id staff_id', 'roles');
call audit_decisions('api_clients', 'tenant_id id', 'name scopes status allowed_networks');
call audit_decisions('webhook_endpoints', 'tenant_id id', 'event_types status sends_keys');
call audit_decisions('suppliers', 'id', 'status commission_bp');
-- What things cost.
call audit_decisions('supplier_listings', 'id', 'supply_price_minor currency min_retail_minor '
    'max_retail_minor warranty_hours status by_hand');
call audit_decisions('price_rules', 'tenant_id id', 'audience scope target_id kind value rounding '
    'unit_minor for_kind for_id min_quantity starts_at ends_at');
call audit_decisions('agent_grades', 'tenant_id id', 'name rank open_fee_minor');
call audit_decisions('promotions', 'tenant_id id', 'name starts_at ends_at status');
call audit_decisions('coupons', 'tenant_id id', 'kind percent_bp amount_minor max_uses status');
call audit_decisions('points_programs', 'tenant_id',
    'is_on earn_bp point_minor lasts_days most_bp least_points');
-- Money that went back.
call audit_decisions('refunds', 'tenant_id id', 'order_id line_id amount_minor reason');
