-- What tenants' programs are told: events, where they go, and what became of them
-- (docs/decisions/0044).

create domain event_type as text check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'balance.changed', 'balance.low', 'price.alert', 'tenant.status_changed',
    'webhook.ping'));
create domain object_kind as text check (value in (
    'order', 'balance', 'price', 'tenant', 'webhook'));

-- --- where a tenant listens ---------------------------------------------------------------------

create table webhook_endpoints (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    slot smallint not null check (slot between 1 and 10),  -- so a tenant has ten at most
    url text not null check (length(url) between 1 and 500),
    description text not null default '' check (length(description) <= 200),
    event_types event_type[] not null
        check (cardinality(event_types) between 1 and 20),
    -- OFF by the owner, DISABLED by us after days of failures; DELETED keeps the log readable.
    status text not null default 'ACTIVE'
        check (status in ('ACTIVE', 'OFF', 'DISABLED', 'DELETED')),
    secret bytea not null,  -- ciphertext, bound to the endpoint
    secret_key_id smallint not null,
    -- The one before it signs as well until its time has come.
    previous_secret bytea,
    previous_secret_key_id smallint,
    previous_until timestamptz,
    failures_in_row integer not null default 0 check (failures_in_row >= 0),
    failing_since timestamptz,
    paused_until timestamptz,
    created_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    check ((previous_secret is null) = (previous_until is null)),
    check ((previous_secret is null) = (previous_secret_key_id is null)),
    check ((failures_in_row = 0) = (failing_since is null)),
    check (paused_until is null or failures_in_row > 0)
);
create unique index webhook_endpoints_slot on webhook_endpoints (tenant_id, slot)
    where status <> 'DELETED';
call fence_tenant_table('webhook_endpoints');
grant select, insert, update on webhook_endpoints to kameng_core;

-- --- the outbox ---------------------------------------------------------------------------------

-- One row for each tenant that is told. Its number grows; an object's sequence grows, too, with
-- gaps. `details` are facts of that moment which the tenant may know.
create table outbox_events (
    tenant_id uuid not null references tenants (id),
    id uuid primary key default gen_random_uuid(),
    number bigint generated always as identity,
    type event_type not null,
    object_kind object_kind not null,
    object_id uuid not null,
    sequence bigint not null,
    details jsonb not null default '{}' check (octet_length(details::text) <= 4000),
    occurred_at timestamptz not null default platform_now(),
    handed_on_at timestamptz,  -- null: its deliveries are still to be written
    unique (tenant_id, id),
    unique (tenant_id, object_id, type, sequence)
);
create index outbox_events_new on outbox_events (number) where handed_on_at is null;
create index outbox_events_old on outbox_events (occurred_at);
call fence_tenant_table('outbox_events');
grant select, insert, delete on outbox_events to kameng_core;
grant update (handed_on_at) on outbox_events to kameng_core;

create sequence outbox_sequence;
grant usage on sequence outbox_sequence to kameng_core;

-- Tells a tenant, if one of its endpoints wants to hear of it; says whether. It may be called by
-- any transaction of the core, whatever tenant that is for: only the function lifts the fence.
create function tell_tenant(
    audience uuid, of_type text, about_kind text, about uuid, about_sequence bigint, facts jsonb
) returns boolean language plpgsql volatile set app.fence_lifted_for = 'tell a tenant' as $$
begin
    insert into outbox_events (tenant_id, type, object_kind, object_id, sequence, details)
    select audience, of_type, about_kind, about,
           coalesce(about_sequence, nextval('outbox_sequence')), facts
    where exists (select from webhook_endpoints
                  where tenant_id = audience and status in ('ACTIVE', 'DISABLED')
                    and of_type = any (event_types))
    on conflict (tenant_id, object_id, type, sequence) do nothing;
    return found;
end $$;

-- --- orders tell by themselves ------------------------------------------------------------------

-- Whether anybody on an order's path listened when it was made. A sale that nobody hears of asks
-- its own row and nothing else.
alter table orders add column is_heard boolean not null default false;
alter table tenants add column hears_orders boolean not null default false;

-- An order's version grows with every change: times ten, with a place for what one change tells.
create function tell_of_order(of_type text, place integer, sold orders) returns void
language plpgsql volatile as $$
declare
    shop constant uuid := sold.tenant_id;
    level integer;
begin
    for level in 1 .. cardinality(sold.path) loop
        perform tell_tenant(
            sold.path[level], of_type, 'order', sold.id, sold.version * 10::bigint + place,
            case when sold.path[level] = shop then '{}'::jsonb
                 -- An ancestor knows the child below it, and what it earns itself.
                 else jsonb_build_object('status', sold.status, 'currency', sold.currency,
                                         'childId', sold.path[level + 1])
            end);
    end loop;
end $$;

-- At most six levels of the path have ten endpoints each: a short look, for heard orders alone.
create function tell_of_new_order() returns trigger language plpgsql as $$
begin
    perform tell_of_order('order.created', 1, new);
    if new.payment_status = 'PAID' then
        perform tell_of_order('order.paid', 2, new);
        perform tell_of_order('order.delivered', 3, new);
    end if;
    return null;
end $$;
create trigger tell_of_new_order after insert on orders
    for each row when (new.is_heard) execute function tell_of_new_order();

create function tell_of_payment() returns trigger language plpgsql as $$
begin
    if new.payment_status = 'PAID' then
        perform tell_of_order('order.paid', 2, new);
        perform tell_of_order('order.delivered', 3, new);
    elsif new.payment_status = 'EXPIRED' then
        perform tell_of_order('order.expired', 4, new);
    elsif new.payment_status = 'CANCELED' then
        perform tell_of_order('order.canceled', 5, new);
    end if;
    return null;
end $$;
create trigger tell_of_payment after update of payment_status on orders
    for each row when (new.is_heard and new.payment_status <> old.payment_status)
    execute function tell_of_payment();

-- Refunds are rare: they are told of orders, too, that were made before anybody listened.
create function tell_of_refund() returns trigger language plpgsql as $$
begin
    perform tell_of_order('order.refunded', 6, new);
    return null;
end $$;
create trigger tell_of_refund after update of aftersale_status, refunded_minor on orders
    for each row when (new.refunded_minor <> old.refunded_minor
                       or new.aftersale_status <> old.aftersale_status)
    execute function tell_of_refund();

-- The tenant's row is locked first: whoever comes second counts what the first has left.
create function note_who_hears_orders() returns trigger language plpgsql as $$
declare
    hears boolean;
begin
    perform from tenants where id = new.tenant_id for no key update;
    select exists (
        select from webhook_endpoints
        where tenant_id = new.tenant_id and status in ('ACTIVE', 'DISABLED')
          and exists (select from unnest(event_types) as wanted where wanted like 'order.%')
    ) into hears;
    update tenants set hears_orders = hears
    where id = new.tenant_id and hears_orders is distinct from hears;
    return null;
end $$;
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();

-- --- tenants tell by themselves -----------------------------------------------------------------

create function tell_of_tenant() returns trigger language plpgsql as $$
begin
    perform tell_tenant(audience, 'tenant.status_changed', 'tenant', new.id, null,
                        jsonb_build_object('status', new.status, 'was', old.status))
    from unnest(array[new.id, new.parent_id]) as audience where audience is not null;
    return null;
end $$;
create trigger tell_of_tenant after update of status on tenants
    for each row when (new.status <> old.status) execute function tell_of_tenant();

-- --- deliveries ---------------------------------------------------------------------------------

create table webhook_deliveries (
    tenant_id uuid not null,
    id uuid primary key,
    endpoint_id uuid not null,
    event_id uuid not null,
    number bigint not null,  -- the event's
    object_id uuid not null,
    status text not null default 'PENDING'
        check (status in ('PENDING', 'DELIVERED', 'FAILED', 'CANCELED')),
    attempts integer not null default 0 check (attempts >= 0),  -- in all; who claims counts up
    tries integer not null default 0 check (tries >= 0),        -- since it was (re)started
    next_attempt_at timestamptz,
    claimed_until timestamptz,  -- somebody is sending it
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    unique (tenant_id, id),
    unique (endpoint_id, event_id),
    foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id),
    foreign key (tenant_id, event_id) references outbox_events (tenant_id, id) on delete cascade,
    check ((status = 'PENDING') = (next_attempt_at is not null)),
    check ((status = 'PENDING') = (ended_at is null)),
    check (claimed_until is null or status = 'PENDING')
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at, number)
    where status = 'PENDING';
create index webhook_deliveries_in_order on webhook_deliveries (endpoint_id, object_id, number)
    where status = 'PENDING';
create index webhook_deliveries_sent on webhook_deliveries (endpoint_id, claimed_until)
    where claimed_until is not null;
create index webhook_deliveries_of_endpoint on webhook_deliveries (tenant_id, endpoint_id, number);
create index webhook_deliveries_of_event on webhook_deliveries (event_id);
call fence_tenant_table('webhook_deliveries');
grant select, insert, update, delete on webhook_deliveries to kameng_core;

create table webhook_attempts (
    tenant_id uuid not null,
    id uuid primary key,
    delivery_id uuid not null,
    number integer not null check (number > 0),
    sent_at timestamptz not null,
    status_code smallint check (status_code between 100 and 999),
    latency_ms integer not null check (latency_ms >= 0),
    failure text check (length(failure) <= 60),   -- null: taken
    answer text not null default '' check (length(answer) <= 500),
    unique (delivery_id, number),
    foreign key (tenant_id, delivery_id)
        references webhook_deliveries (tenant_id, id) on delete cascade
);
call fence_tenant_table('webhook_attempts');
grant select, insert, delete on webhook_attempts to kameng_core;

-- What an owner has to be told about an endpoint of theirs.
create table webhook_alerts (
    tenant_id uuid not null,
    id uuid primary key,
    endpoint_id uuid not null,
    kind text not null check (kind in ('PAUSED', 'DISABLED')),
    raised_at timestamptz not null default platform_now(),
    foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id)
);
create index webhook_alerts_of_endpoint on webhook_alerts (endpoint_id, raised_at desc);
call fence_tenant_table('webhook_alerts');
grant select, insert, delete on webhook_alerts to kameng_core;

-- What was last told of an account: a change of balance is told once for many postings.
create table told_balances (
    tenant_id uuid not null references tenants (id),
    id uuid not null,  -- of the ledger's account
    balance_minor bigint not null,
    primary key (tenant_id, id)
);
call fence_tenant_table('told_balances');
grant select, insert, update on told_balances to kameng_core;
