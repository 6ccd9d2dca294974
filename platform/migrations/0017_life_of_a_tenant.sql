-- The life of a tenant, and what it means for the tenants below it (docs/decisions/0041).

-- --- what is known of a tenant ------------------------------------------------------------------

alter table tenants
    drop constraint tenants_status_check,
    add check (status in ('APPLIED', 'REJECTED', 'KYC', 'DEPOSIT_DUE', 'ACTIVE', 'RESTRICTED',
                          'SUSPENDED', 'CLOSING', 'CLOSED')),
    -- What RESTRICTED means: the platform has stopped new orders, or has frozen payouts, or the
    -- parent has stopped new orders. Each lifts its own.
    add column orders_stopped boolean not null default false,
    add column payouts_frozen boolean not null default false,
    add column restricted_by_parent boolean not null default false,
    add constraint tenants_restricted_check check (
        status not in ('ACTIVE', 'RESTRICTED')
        or (status = 'RESTRICTED') = (orders_stopped or payouts_frozen or restricted_by_parent)),
    -- The contract: what becomes of this tenant when its parent is lost.
    add column on_parent_loss text not null default 'FREEZE'
        check (on_parent_loss in ('REPARENT', 'FREEZE')),
    -- How deep the tree below this tenant may grow, counted from the root, which is 0.
    add column max_child_depth smallint not null default 5,
    add constraint tenants_depth_check
        check (max_child_depth between cardinality(path) - 1 and 9),
    drop constraint tenants_path_check,  -- the depth says it now
    -- What opening asks for. Identity and billing tell it.
    add column kyc_passed_at timestamptz,
    add column deposit_due_minor bigint not null default 0 check (deposit_due_minor >= 0),
    add column deposit_paid_minor bigint not null default 0 check (deposit_paid_minor >= 0),
    add column closes_at timestamptz,
    add constraint tenants_closing_check check (status <> 'CLOSING' or closes_at is not null),
    add column contact bytea,          -- ciphertext: whom the platform and the parent write to
    add column contact_key_id smallint,
    add constraint tenants_contact_check check ((contact is null) = (contact_key_id is null));
create index tenants_closing on tenants (closes_at) where status = 'CLOSING';

-- Who changed what in a tenant's life, and why.
create table tenant_events (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    change text not null
        check (change in ('APPLY', 'APPLY_AGAIN', 'REJECT', 'ACCEPT', 'KYC_PASSED', 'OPEN',
                          'RESTRICT', 'RESTRICT_CHILD', 'SUSPEND', 'REOPEN', 'CLOSE',
                          'ASK_TO_CLOSE', 'END', 'MOVE')),
    from_status text,                  -- null: there was no such tenant before
    to_status text not null,
    actor text not null,
    reason text not null default '' check (length(reason) <= 500),
    parent_id uuid references tenants (id),  -- the new one, when the tenant has moved
    at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    check ((change = 'MOVE') = (parent_id is not null))
);
create index tenant_events_of_tenant on tenant_events (tenant_id, at desc, id desc);
call make_append_only('tenant_events');
call fence_tenant_table('tenant_events');
grant select, insert on tenant_events to kameng_core;

-- A parent's word that somebody may open a shop below it: good once, and for a while.
create table tenant_invitations (
    tenant_id uuid not null references tenants (id),  -- the parent
    id uuid primary key,
    token_hash sha256_hash not null unique,
    on_parent_loss text not null check (on_parent_loss in ('REPARENT', 'FREEZE')),
    settlement_mode text not null check (settlement_mode in ('PLATFORM_COLLECT', 'PREPAID')),
    created_by text not null,
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null,
    child_id uuid unique references tenants (id),     -- who has taken it
    unique (tenant_id, id)
);
create index tenant_invitations_open on tenant_invitations (tenant_id, expires_at)
    where child_id is null;
call fence_tenant_table('tenant_invitations');
grant select, insert on tenant_invitations to kameng_core;
grant update (child_id) on tenant_invitations to kameng_core;

-- --- one state machine --------------------------------------------------------------------------

create function check_tenant_transition() returns trigger language plpgsql as $$
begin
    if (old.status, new.status) not in (
        ('APPLIED', 'KYC'), ('APPLIED', 'REJECTED'), ('REJECTED', 'APPLIED'),
        ('KYC', 'DEPOSIT_DUE'), ('DEPOSIT_DUE', 'ACTIVE'),
        ('ACTIVE', 'RESTRICTED'), ('RESTRICTED', 'ACTIVE'),
        ('ACTIVE', 'SUSPENDED'), ('RESTRICTED', 'SUSPENDED'),
        ('SUSPENDED', 'ACTIVE'), ('SUSPENDED', 'RESTRICTED'),
        ('ACTIVE', 'CLOSING'), ('RESTRICTED', 'CLOSING'), ('SUSPENDED', 'CLOSING'),
        ('CLOSING', 'CLOSED'))
    then
        raise exception 'a tenant does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'tenants_transition';
    end if;
    if new.status = 'DEPOSIT_DUE' and new.kyc_passed_at is null
       or old.status = 'DEPOSIT_DUE'
          and (new.kyc_passed_at is null or new.deposit_paid_minor < new.deposit_due_minor)
    then
        raise exception 'a tenant opens when it is known and its deposit is paid'
            using errcode = 'check_violation', constraint = 'tenants_opening';
    end if;
    return new;
end $$;
create trigger tenants_transition before update of status on tenants for each row
    when (old.status is distinct from new.status) execute function check_tenant_transition();

-- --- a tenant may move, with everything below it ------------------------------------------------

-- Moves, and whatever takes tenants out of the tree, stand in one line: each locks several rows.
create function lock_tree() returns void language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('tenants: the tree', 0));
end $$;

-- The path always is the parent's path and this tenant; so the tree cannot have a cycle. The
-- parent's row stays as it is until we have committed: it neither moves nor gets another limit.
create or replace function set_tenant_path() returns trigger language plpgsql as $$
declare
    above record;
begin
    if tg_op = 'UPDATE' and new.id <> old.id then
        raise exception 'a tenant keeps its id' using errcode = 'restrict_violation';
    end if;
    if tg_op = 'UPDATE' and new.parent_id is not distinct from old.parent_id
       and new.path = old.path and new.max_child_depth = old.max_child_depth then
        return new;
    end if;
    if tg_op = 'UPDATE' and new.parent_id is distinct from old.parent_id then
        perform lock_tree();
        -- What the parent gave ends with it: its grade, and its secret prices.
        new.grade_id := null;
        delete from price_rules where tenant_id = old.parent_id and child_id = old.id;
    end if;
    if tg_op = 'UPDATE' and exists (select from tenants below where below.parent_id = new.id
                                    and below.max_child_depth > new.max_child_depth) then
        raise exception 'a tenant below may grow deeper'
            using errcode = 'check_violation', constraint = 'tenants_depth';
    end if;
    if new.parent_id is null then
        new.path := array[new.id];
        return new;
    end if;
    select parent.path, parent.max_child_depth into strict above
    from tenants parent where parent.id = new.parent_id for share;
    if new.id = any (above.path) then
        raise exception 'a tenant does not stand below itself'
            using errcode = 'check_violation', constraint = 'tenants_acyclic';
    end if;
    new.path := above.path || new.id;
    if tg_op = 'INSERT' then
        new.max_child_depth := least(new.max_child_depth, above.max_child_depth);
    end if;
    if cardinality(new.path) - 1 > above.max_child_depth
       or new.max_child_depth > above.max_child_depth then
        raise exception 'the tree does not grow so deep here'
            using errcode = 'check_violation', constraint = 'tenants_depth';
    end if;
    return new;
end $$;

-- Level by level: each finds its parent's path made already.
create function move_tenants_below() returns trigger language plpgsql as $$
begin
    update tenants set path = new.path || id where parent_id = new.id;
    return null;
end $$;
create trigger tenants_below after update on tenants for each row
    when (old.path is distinct from new.path) execute function move_tenants_below();

-- --- what closes a shop -------------------------------------------------------------------------

-- Whether tenants below one in this state may sell. A tenant that is lost sells nothing, and
-- nothing is sold through it.
create function stands(status text) returns boolean language sql immutable parallel safe
as $$ select status in ('ACTIVE', 'RESTRICTED') $$;

-- Why nothing may be sold in a shop: CLOSED (it is stopped, or a tenant above it is lost), MOVED
-- (it is open, but not where the one who asks believes it is), or null. Without a path nobody
-- believes anything.
create function shop_closure(shop uuid, believed_path uuid[]) returns text
language plpgsql stable as $$
begin
    return (
        select case
            when bool_and(stands(level.status)
                          and (level.id <> shop
                               or not (own.orders_stopped or own.restricted_by_parent))) is not true
                then 'CLOSED'
            when bool_or(own.path <> believed_path)
                then 'MOVED'
        end
        from tenants own join tenants level on level.id = any (own.path)
        where own.id = shop);
end $$;

drop function payment_refusal(uuid, uuid[], uuid, bytea, timestamptz);
-- Why a customer (with a token; without one nobody is asked) may not pay in a shop: SIGNED_OUT,
-- CLOSED, or null. The statement that calls this has taken its picture before it waited for the
-- order's lock; a volatile function takes a new one, and sees who was shut out meanwhile. An order
-- that was made before its shop moved is paid as it was made.
create function payment_refusal(shop uuid, customer uuid, token bytea, moment timestamptz)
returns text language plpgsql volatile as $$
begin
    return case
        when token is not null and not exists (
                 select from access_tokens
                 where token_hash = token and kind = 'CUSTOMER'
                   and (tenant_id, principal_id) = (shop, customer)
                   and revoked_at is null and expires_at > moment
                   and 'ACTIVE' = (select status from customers
                                   where tenant_id = shop and id = customer))
            then 'SIGNED_OUT'
        else shop_closure(shop, null)
    end;
end $$;
