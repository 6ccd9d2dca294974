-- Goods that a person delivers (docs/decisions/0054).

-- --- a place is a key whose secret comes later ---------------------------------------------------
-- What a supplier delivers by hand is promised before it is there. Each promise is a row of the
-- pool, held, sold, released and counted by the statements that do it for keys; its sealed row is
-- empty until the line that has bought it is delivered.
alter table sealed_keys
    alter secret_key_id drop not null,
    alter secret drop not null,
    alter fingerprint drop not null,
    alter commitment drop not null,
    add constraint sealed_keys_whole_check
        check (num_nulls(secret_key_id, secret, fingerprint, commitment) in (0, 4));
create or replace function refuse_to_unseal() returns trigger language plpgsql as $$
begin
    if old.secret is null and old.withdrawn_at is null then  -- a place is filled once
        old.secret_key_id := new.secret_key_id;
        old.secret := new.secret;
        old.fingerprint := new.fingerprint;
        old.commitment := new.commitment;
    end if;
    if old.withdrawn_at is null then
        old.withdrawn_at := new.withdrawn_at;
    end if;
    if old is distinct from new then
        raise exception 'a sealed key is filled once, withdrawn once, and else never changed'
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
-- The product still has no right to change what is sealed: it fills what is empty, and says how
-- many places that were.
create function fill_places(
    places uuid[], secrets bytea[], key_ids smallint[], fingerprints bytea[], commitments bytea[]
) returns bigint language sql volatile security definer set search_path = pg_catalog, public as $$
    with filled as (
        update sealed_keys set secret = given.secret, secret_key_id = given.key_id,
               fingerprint = given.fingerprint, commitment = given.commitment
        from unnest(places, secrets, key_ids, fingerprints, commitments)
             as given (id, secret, key_id, fingerprint, commitment)
        where sealed_keys.id = given.id and sealed_keys.secret is null and withdrawn_at is null
        returning 1
    )
    select count(*) from filled
$$;
revoke execute on function fill_places from public;
grant execute on function fill_places to kameng_core;

-- Who delivers by hand says so with an offer of its own; a supplier may have one of each kind.
alter table supplier_listings add column by_hand boolean not null default false,
    drop constraint supplier_listings_supplier_id_sku_id_key,
    add unique (supplier_id, sku_id, by_hand);

-- Within how many minutes a person delivers; null: nobody does.
alter table skus add column manual_minutes integer check (manual_minutes between 5 and 10080);

alter domain delivery_mode drop constraint delivery_mode_check;
alter domain delivery_mode add constraint delivery_mode_check
    check (value in ('AUTO_KEY', 'SHARED_KEY', 'MANUAL', 'DIRECT_TOPUP'));

-- How the buyer wants it delivered; null: as it usually is.
alter table cart_lines add column delivery_mode delivery_mode;
drop index cart_lines_once;
create unique index cart_lines_once on cart_lines
    (tenant_id, cart_id, sku_id, coalesce(delivery_mode::text, ''),
     coalesce(offer_id, '00000000-0000-0000-0000-000000000000'));

-- --- an order that is paid before it is delivered ------------------------------------------------

alter domain order_fulfilment_status drop constraint order_fulfilment_status_check;
alter domain order_fulfilment_status add constraint order_fulfilment_status_check
    check (value in ('NONE', 'FULFILLING', 'NEEDS_CORRECTION', 'PARTIALLY_DELIVERED', 'DELIVERED',
                     'SUPPLY_FAILED'));
-- Paid without delivered still cannot be stored for pool goods.
alter table orders add column by_hand boolean not null default false;
alter table orders rename constraint orders_check3 to orders_delivered_check;
alter table orders
    drop constraint orders_delivered_check,
    add constraint orders_paid_check
        check ((payment_status = 'PAID') = (fulfilment_status <> 'NONE')),
    add constraint orders_by_hand_check
        check (by_hand or fulfilment_status in ('NONE', 'DELIVERED'));
alter table orders drop column status;
alter table orders add column status text generated always as (
    case  -- what the buyer still waits for comes before what was given back
        when fulfilment_status in ('FULFILLING', 'NEEDS_CORRECTION', 'PARTIALLY_DELIVERED')
            then fulfilment_status::text
        when aftersale_status <> 'NONE' then aftersale_status::text
        when fulfilment_status <> 'NONE' then fulfilment_status::text
        when payment_status = 'PENDING' then 'PENDING_PAYMENT'
        else payment_status::text
    end) stored;
grant select (status, by_hand) on orders to kameng_shop;

-- --- what a person has to deliver ----------------------------------------------------------------

create domain manual_state as text check (value in (
    'UNPAID', 'DUE', 'BEGUN', 'NEEDS_CORRECTION', 'DELIVERED', 'REFUSED', 'MISSED', 'CANCELED'));

-- One row for each line that is delivered by hand, written with its order. `due_at` is when it ends
-- by itself: the promise, or, while the buyer is asked, the time to answer; then the promise's clock
-- stands still, and `left_seconds` is what it had left.
create table manual_deliveries (
    tenant_id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    party_id uuid not null references suppliers (id),  -- who delivers
    sku_id uuid not null references skus (id),
    quantity integer not null check (quantity between 1 and 500),
    minutes integer not null check (minutes between 5 and 10080),
    by_account boolean not null,   -- a top-up: nothing is handed over but a note
    state manual_state not null,
    due_at timestamptz,
    left_seconds integer check (left_seconds > 0),
    begun_at timestamptz,
    ended_at timestamptz,
    asked_fields text[] not null default '{}' check (cardinality(asked_fields) <= 12),
    words bytea,                   -- ciphertext: what the deliverer has last told the buyer
    words_key_id smallint,
    primary key (line_id, tenant_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    check ((state = 'UNPAID') = (due_at is null)),
    check ((state = 'NEEDS_CORRECTION') = (left_seconds is not null)),
    check ((state in ('DELIVERED', 'REFUSED', 'MISSED', 'CANCELED')) = (ended_at is not null)),
    check (state not in ('BEGUN', 'NEEDS_CORRECTION', 'DELIVERED') or begun_at is not null),
    check (state <> 'NEEDS_CORRECTION' or cardinality(asked_fields) > 0),
    check ((words is null) = (words_key_id is null))
);
create index manual_deliveries_of_order on manual_deliveries (order_id);
create index manual_deliveries_of_party on manual_deliveries (party_id, state, due_at, line_id);
create index manual_deliveries_in_time on manual_deliveries (state, due_at, line_id);
call fence_party_table('manual_deliveries');
grant select (tenant_id, order_id, line_id, party_id, sku_id, quantity, minutes, by_account, state,
              due_at, begun_at, ended_at, asked_fields, words, words_key_id)
    on manual_deliveries to kameng_shop;
grant select, insert on manual_deliveries to kameng_core;
grant update (state, due_at, left_seconds, begun_at, ended_at, asked_fields, words, words_key_id)
    on manual_deliveries to kameng_core;

-- domain 5: whatever the code believes, what has ended stays as it is.
create function check_manual_transition() returns trigger language plpgsql as $$
begin
    if (old.state, new.state) not in (
        ('UNPAID', 'DUE'),
        ('DUE', 'BEGUN'), ('DUE', 'REFUSED'), ('DUE', 'MISSED'), ('DUE', 'CANCELED'),
        ('BEGUN', 'DELIVERED'), ('BEGUN', 'NEEDS_CORRECTION'), ('BEGUN', 'REFUSED'),
        ('BEGUN', 'MISSED'),
        ('NEEDS_CORRECTION', 'BEGUN'), ('NEEDS_CORRECTION', 'REFUSED'),
        ('NEEDS_CORRECTION', 'CANCELED'))
    then
        raise exception 'a delivery by hand does not go from % to %', old.state, new.state
            using errcode = 'check_violation', constraint = 'manual_deliveries_transition';
    end if;
    return new;
end $$;
create trigger manual_deliveries_transition before update of state on manual_deliveries
    for each row when (old.state is distinct from new.state)
    execute function check_manual_transition();

-- Who did what, and who has read what the buyer said, when and from where.
create table manual_events (
    tenant_id uuid not null,
    id uuid primary key,
    line_id uuid not null,
    kind text not null
        check (kind in ('LOOKED', 'DELIVERED', 'CORRECTION_ASKED', 'CORRECTED', 'REFUSED',
                        'MISSED', 'CANCELED')),
    actor text not null check (length(actor) between 1 and 100),
    at timestamptz not null default platform_now(),
    ip inet,
    user_agent text not null default '' check (length(user_agent) <= 300),
    foreign key (line_id, tenant_id) references manual_deliveries (line_id, tenant_id)
);
create index manual_events_of_line on manual_events (line_id, id);
call make_append_only('manual_events');
call fence_tenant_table('manual_events');
grant select, insert on manual_events to kameng_core;

-- --- programs hear of it -------------------------------------------------------------------------

-- A domain cannot be changed while a column is an array of it.
drop trigger note_who_hears_orders on webhook_endpoints;
alter table webhook_endpoints alter event_types type text[];
alter domain event_type drop constraint event_type_check;
alter domain event_type add constraint event_type_check check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'order.needs_correction', 'balance.changed', 'balance.low', 'price.alert',
    'tenant.status_changed', 'password.reset_asked', 'webhook.ping'));
alter table webhook_endpoints alter event_types type event_type[];
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();

create function tell_of_fulfilment(sold orders) returns void language plpgsql as $$
begin
    if sold.fulfilment_status = 'DELIVERED' then
        perform tell_of_order('order.delivered', 3, sold);
    elsif sold.fulfilment_status = 'NEEDS_CORRECTION' then
        perform tell_of_order('order.needs_correction', 7, sold);
    end if;
end $$;
create or replace function tell_of_new_order() returns trigger language plpgsql as $$
begin
    perform tell_of_order('order.created', 1, new);
    if new.payment_status = 'PAID' then
        perform tell_of_order('order.paid', 2, new);
        perform tell_of_fulfilment(new);
    end if;
    return null;
end $$;
create or replace function tell_of_payment() returns trigger language plpgsql as $$
begin
    if new.payment_status = 'PAID' then
        perform tell_of_order('order.paid', 2, new);
        perform tell_of_fulfilment(new);
    elsif new.payment_status = 'EXPIRED' then
        perform tell_of_order('order.expired', 4, new);
    elsif new.payment_status = 'CANCELED' then
        perform tell_of_order('order.canceled', 5, new);
    end if;
    return null;
end $$;
create function tell_of_progress() returns trigger language plpgsql as $$
begin
    perform tell_of_fulfilment(new);
    return null;
end $$;
create trigger tell_of_progress after update of fulfilment_status on orders
    for each row when (new.is_heard and old.payment_status = 'PAID'
                       and new.fulfilment_status <> old.fulfilment_status)
    execute function tell_of_progress();
