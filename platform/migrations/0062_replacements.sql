-- A bad key is replaced by another one (docs/decisions/0074).

call admit_domain_values('key_status', 'REPLACED');
call admit_values('keys', 'keys_check3', 'REPLACED');
-- A key that was replaced stays so; what led there is said here, and all else where it was said.
create function check_key_replaced() returns trigger language plpgsql as $$
begin
    if old.status not in ('SOLD', 'REVEALED') or new.status <> 'REPLACED' then
        raise exception 'a key does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'keys_transition';
    end if;
    return new;
end $$;
drop trigger keys_transition on keys;
create trigger keys_transition before update of status on keys for each row
    when (old.status is distinct from new.status
          and 'REPLACED' not in (old.status, new.status))
    execute function check_key_transition();
create trigger keys_replaced before update of status on keys for each row
    when (old.status is distinct from new.status and 'REPLACED' in (old.status, new.status))
    execute function check_key_replaced();

-- Whoever has another key for it has this one no longer, opened or not.
alter table delivered_keys add column replaced_by uuid,
    drop constraint delivered_keys_check,
    add constraint delivered_keys_check
        check (revealed_at is null or returned_at is null or replaced_by is not null),
    add constraint delivered_keys_replaced_check
        check (replaced_by is null or (returned_at is not null and replaced_by <> id)),
    add foreign key (replaced_by, tenant_id) references delivered_keys (id, tenant_id);
create unique index delivered_keys_replaced on delivered_keys (replaced_by)
    where replaced_by is not null;

-- One for each key that was replaced. From the same listing no money moves, and the new key stands
-- for the shares for which the old one stood: null, where those are the line's own.
create table key_replacements (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    old_delivery_id uuid not null,
    new_delivery_id uuid not null,
    from_listing_id uuid not null references supplier_listings (id),
    to_listing_id uuid not null references supplier_listings (id),
    supplier_id uuid not null references suppliers (id),    -- whose key was bad
    supply_share_id uuid,
    commission_share_id uuid,
    given_up_minor part_minor not null,   -- what the shares of the bad key have given back
    cover_minor part_minor not null,      -- what its supplier has added to that
    cover_returned_minor part_minor not null default 0,  -- with refunds of the line
    reason text not null check (length(reason) between 1 and 500),
    replaced_for text not null check (length(replaced_for) between 1 and 200),
    replaced_at timestamptz not null default platform_now(),
    posting_id uuid unique references ledger_transactions (id),
    primary key (tenant_id, id),
    unique (tenant_id, old_delivery_id),
    unique (tenant_id, new_delivery_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    foreign key (old_delivery_id, tenant_id) references delivered_keys (id, tenant_id),
    foreign key (new_delivery_id, tenant_id) references delivered_keys (id, tenant_id),
    check (old_delivery_id <> new_delivery_id),
    check ((posting_id is null) = (from_listing_id = to_listing_id)),
    check (posting_id is null or num_nonnulls(supply_share_id, commission_share_id) > 0),
    check (posting_id is not null or given_up_minor + cover_minor = 0),
    check (cover_returned_minor <= cover_minor)
);
create index key_replacements_of_line on key_replacements (order_id, line_id);
create index key_replacements_counted on key_replacements (id);
call fence_tenant_table('key_replacements');
grant select, insert on key_replacements to kameng_core;
grant update (cover_returned_minor) on key_replacements to kameng_core;

-- A replacement brings shares of its own: as much as the old ones have given up, and the cover.
-- It is asked for only where the shares of a line are not its net, so no sale asks.
create or replace function check_shares() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct order_id, line_id, tenant_id from shared) as written
        left join (order_lines line join orders on orders.id = line.order_id)
            on (line.order_id, line.id, line.tenant_id, orders.tenant_id)
             = (written.order_id, written.line_id, written.tenant_id, written.tenant_id)
        where line.id is null or line.net_minor is distinct from (
            select sum(share.amount_minor) from line_shares share
            where share.order_id = line.order_id and share.line_id = line.id
              and share.currency = orders.currency)
           or exists (select from shared where shared.order_id = orders.id
                                           and shared.currency <> orders.currency))
    then
        if exists (
            select from (select distinct order_id, line_id, tenant_id from shared) as written
            left join (order_lines line join orders on orders.id = line.order_id)
                on (line.order_id, line.id, line.tenant_id, orders.tenant_id)
                 = (written.order_id, written.line_id, written.tenant_id, written.tenant_id)
            where line.id is null
               or exists (select from shared where shared.order_id = orders.id
                                               and shared.currency <> orders.currency)
               or line.net_minor is distinct from (
                    select sum(share.amount_minor) from line_shares share
                    where share.order_id = line.order_id and share.line_id = line.id
                ) - (select coalesce(sum(moved.given_up_minor + moved.cover_minor), 0)
                     from key_replacements moved
                     where moved.order_id = line.order_id and moved.line_id = line.id))
        then
            raise exception 'shares without their line, or that are not its net amount'
                using errcode = 'check_violation', constraint = 'line_shares_add_up';
        end if;
    end if;
    return null;
end $$;

-- A bad key counts against its supplier.
call admit_values('counted_so_far', 'counted_so_far_source_check', 'REPLACEMENTS',
                  'DEPOSIT_REPLACEMENTS');
insert into counted_so_far (source) values ('REPLACEMENTS'), ('DEPOSIT_REPLACEMENTS');
