-- Staff who sign in, programs with scopes, and what a shop says of itself.

-- A login belongs to a person, and opens every tenant of which that person is a member. The
-- account (an e-mail address or a phone number) is ciphertext; the index finds it.
alter table staff_users
    add column account bytea,
    add column account_index bytea check (octet_length(account_index) = 32),
    add column data_key_id smallint,
    add column password_hash text,
    add check ((account is null) = (account_index is null)),
    add check (account is null or data_key_id is not null),
    add check (password_hash is null or account is not null);
create unique index staff_users_account on staff_users (account_index);

alter table memberships add column joined_at timestamptz not null default platform_now();

-- Whoever changes a tenant's staff or programs waits here for whoever does so already.
create function lock_people(of_tenant uuid) returns void language sql volatile
as $$ select pg_advisory_xact_lock(hashtextextended('people ' || of_tenant, 0)) $$;

-- A tenant that has an owner keeps one. The lock comes first and the look after it, so that of
-- two owners who remove each other at the same moment the second sees what the first has done.
create function keep_an_owner() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and 'OWNER' = any (new.roles) and new.tenant_id = old.tenant_id
       and new.staff_id = old.staff_id then
        return null;
    end if;
    perform lock_people(old.tenant_id);
    if not exists (select from memberships other
                   join staff_users person on person.id = other.staff_id
                   where other.tenant_id = old.tenant_id and 'OWNER' = any (other.roles)
                     and person.status = 'ACTIVE') then
        raise exception 'a tenant keeps an owner'
            using errcode = 'check_violation', constraint = 'memberships_keep_an_owner';
    end if;
    return null;
end $$;
create constraint trigger memberships_keep_an_owner after update or delete on memberships
    for each row when ('OWNER' = any (old.roles)) execute function keep_an_owner();

create table staff_invitations (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    account bytea not null,
    account_index bytea not null check (octet_length(account_index) = 32),
    data_key_id smallint not null,
    roles text[] not null
        check (cardinality(roles) > 0
               and roles <@ array['OWNER', 'FINANCE', 'SUPPORT', 'CATALOGUE', 'READ_ONLY']),
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    invited_by uuid not null references staff_users (id),
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null check (expires_at > created_at),
    outcome text check (outcome in ('ACCEPTED', 'WITHDRAWN', 'REPLACED')),
    unique (tenant_id, id)
);
-- Whoever is invited again has one invitation: the last.
create unique index staff_invitations_open on staff_invitations (tenant_id, account_index)
    where outcome is null;
call fence_tenant_table('staff_invitations');
grant select, insert, update on staff_invitations to kameng_core;

-- Who gave what to whom: roles to people, scopes to programs.
create table staff_events (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    happened_at timestamptz not null default platform_now(),
    actor text not null check (length(actor) between 1 and 80),
    kind text not null
        check (kind in ('INVITED', 'INVITATION_WITHDRAWN', 'JOINED', 'ROLES_SET', 'REMOVED',
                        'CLIENT_CREATED', 'CLIENT_UPDATED', 'CLIENT_ROTATED', 'CLIENT_REVOKED')),
    subject_id uuid not null,  -- the member, the invitation, or the program
    rights_before text[] not null default '{}',
    rights_after text[] not null default '{}',
    unique (tenant_id, id)
);
create index staff_events_newest on staff_events (tenant_id, happened_at desc, id desc);
call fence_tenant_table('staff_events');
call make_append_only('staff_events');
grant select, insert on staff_events to kameng_core;

-- Scopes are columns of the role and field table. Before, they were free words that nobody looked
-- at: each becomes the scope that it meant.
alter table api_clients drop constraint api_clients_scopes_check;
alter table api_clients no force row level security;
update api_clients set scopes =
    (select array_agg(distinct case when word like '%order%' then 'API_ORDERS_READ'
                                    else 'API_CATALOGUE_READ' end)
     from unnest(scopes) as word);
alter table api_clients force row level security;
alter table api_clients
    add column allowed_networks cidr[],  -- null: from anywhere
    add column created_at timestamptz not null default platform_now(),
    add constraint api_clients_scopes_check check (
        cardinality(scopes) > 0
        and scopes <@ array['API_CATALOGUE_READ', 'API_PRICES_WRITE', 'API_ORDERS_READ',
                            'API_PURCHASE', 'API_BALANCE_READ', 'API_WEBHOOKS_WRITE']),
    add constraint api_clients_allowed_networks_check check (
        cardinality(allowed_networks) between 1 and 20);

-- When a program was last heard of: apart from the program, as it is written while it asks.
create table api_client_uses (
    tenant_id uuid not null,
    client_id uuid not null,
    used_at timestamptz not null,
    primary key (tenant_id, client_id),
    foreign key (tenant_id, client_id) references api_clients (tenant_id, id)
);
call fence_tenant_table('api_client_uses');
grant select, insert, update on api_client_uses to kameng_core;

-- What a shop looks like: pictures that the buyers' browsers fetch, and two pairs of colours, for
-- light and for dark screens.
create domain https_url as text check (
    value ~ '^https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~%!$&()*+=:@/?-]*)?$'
    and length(value) <= 500);
create domain hex_colour as text check (value ~ '^#[0-9a-f]{6}$');
create table storefronts (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    logo_url https_url,
    banner_url https_url,
    accent hex_colour,
    on_accent hex_colour,
    accent_dark hex_colour,
    on_accent_dark hex_colour,
    updated_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    unique (tenant_id),
    check (num_nulls(accent, on_accent) in (0, 2)),
    check (num_nulls(accent_dark, on_accent_dark) in (0, 2))
);
call fence_tenant_table('storefronts');
grant select on storefronts to kameng_shop;
grant select, insert, update on storefronts to kameng_core;
call watch_catalogue_table('storefronts', 'tenant_id');

create table storefront_texts (
    tenant_id uuid not null references tenants (id),
    locale text not null check (locale in ('zh-CN', 'en')),
    kind text not null
        check (kind in ('BRAND', 'ANNOUNCEMENT', 'ABOUT', 'TERMS', 'PRIVACY', 'REFUNDS')),
    body text not null,
    primary key (tenant_id, locale, kind),
    check (length(body) between 1 and
           case kind when 'BRAND' then 40 when 'ANNOUNCEMENT' then 1000 else 10000 end)
);
call fence_tenant_table('storefront_texts');
grant select on storefront_texts to kameng_shop;
grant select, insert, update, delete on storefront_texts to kameng_core;
call watch_catalogue_table('storefront_texts', 'tenant_id');

create table storefront_contacts (
    tenant_id uuid not null references tenants (id),
    position smallint not null check (position between 1 and 10),
    kind text not null check (kind in ('PHONE', 'QQ', 'WECHAT', 'TELEGRAM', 'EMAIL', 'URL')),
    value text not null check (length(value) between 1 and 500),
    primary key (tenant_id, position)
);
call fence_tenant_table('storefront_contacts');
grant select on storefront_contacts to kameng_shop;
grant select, insert, update, delete on storefront_contacts to kameng_core;
call watch_catalogue_table('storefront_contacts', 'tenant_id');
