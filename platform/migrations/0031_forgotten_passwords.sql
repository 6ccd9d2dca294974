-- Links by which a forgotten password is set anew (docs/decisions/0051).

-- A row is a link: asked for at a shop's address, good once, until its time is over. Its token is
-- derived from the id and stands nowhere; the hash finds it.
create table password_resets (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    customer_id uuid,
    staff_id uuid references staff_users (id),
    contact_kind text not null check (contact_kind in ('email', 'phone')),  -- where the link goes
    origin text not null check (length(origin) between 1 and 300),
    token_hash sha256_hash not null unique,
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null,
    ended_at timestamptz,  -- used, or overtaken by a new password
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((customer_id is null) <> (staff_id is null))
);
create index password_resets_of_customer on password_resets (customer_id)
    where customer_id is not null and ended_at is null;
create index password_resets_of_staff on password_resets (staff_id)
    where staff_id is not null and ended_at is null;
create index password_resets_by_end on password_resets (expires_at);
call fence_tenant_table('password_resets');
grant select, insert, delete on password_resets to kameng_core;
grant update (ended_at) on password_resets to kameng_core;

-- A domain of words cannot get one more while there are arrays of it.
drop trigger note_who_hears_orders on webhook_endpoints;
alter table webhook_endpoints alter event_types type text[] using event_types::text[];
alter domain event_type drop constraint event_type_check;
alter domain event_type add constraint event_type_check check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'balance.changed', 'balance.low', 'price.alert', 'tenant.status_changed',
    'password.reset_asked', 'webhook.ping'));
alter table webhook_endpoints
    alter event_types type event_type[] using event_types::event_type[];
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();
alter domain object_kind drop constraint object_kind_check;
alter domain object_kind add constraint object_kind_check check (value in (
    'order', 'balance', 'price', 'tenant', 'password', 'webhook'));
