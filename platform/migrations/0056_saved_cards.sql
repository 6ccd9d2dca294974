-- Cards that customers keep (docs/decisions/0073).

-- A shop's customer as a channel knows it: made once, with the first card that is to be kept.
create table channel_customers (
    tenant_id uuid not null,
    customer_id uuid not null,
    provider text not null,
    provider_ref text not null,
    primary key (tenant_id, customer_id, provider),
    unique (provider, provider_ref),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);
call fence_tenant_table('channel_customers');
grant select, insert on channel_customers to kameng_core;

-- The number is the channel's alone; here is what its owner knows it by. `fingerprint` is a keyed
-- hash of the channel's own: the same card has the same one in every shop.
create table saved_cards (
    tenant_id uuid not null,
    id uuid primary key,
    customer_id uuid not null,
    provider text not null,
    provider_ref text not null,
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    brand text not null check (brand ~ '^[a-z_]{1,32}$'),
    last4 text not null check (last4 ~ '^[0-9]{4}$'),
    expires_month smallint not null check (expires_month between 1 and 12),
    expires_year smallint not null check (expires_year between 2000 and 2200),
    saved_at timestamptz not null default platform_now(),
    removed_at timestamptz,
    next_detach_at timestamptz,  -- while the channel has not been told
    detaches smallint not null default 0,
    unique (tenant_id, customer_id, id),
    unique (provider, provider_ref),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check (next_detach_at is null or removed_at is not null)
);
create unique index saved_cards_once on saved_cards (tenant_id, customer_id, fingerprint)
    where removed_at is null;
create index saved_cards_to_detach on saved_cards (next_detach_at)
    where next_detach_at is not null;
call fence_tenant_table('saved_cards');
grant select, insert, update on saved_cards to kameng_core;

-- A payment with a kept card, or whose card is to be kept once it is paid.
alter table payment_choices
    add column customer_id uuid,
    add column saves_card boolean not null default false,
    add column saved_card_id uuid,
    add column next_look_at timestamptz,  -- while the card is still to be kept
    add column looks smallint not null default 0,
    add foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    add foreign key (tenant_id, customer_id, saved_card_id)
        references saved_cards (tenant_id, customer_id, id),
    add constraint payment_choices_card_check
        check ((customer_id is not null) = (saves_card or saved_card_id is not null)
               and not (saves_card and saved_card_id is not null)
               and (next_look_at is null or saves_card));
create index payment_choices_to_keep on payment_choices (next_look_at)
    where next_look_at is not null;
grant update (next_look_at, looks) on payment_choices to kameng_core;
