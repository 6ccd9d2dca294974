-- Redeem vouchers and gift cards (兑换码/礼品卡): codes that are money (docs/decisions/0063).

-- The money of a batch is set aside before its codes exist, by whoever gives them away.
create table voucher_batches (
    tenant_id uuid not null references tenants (id),  -- the shop in which they are redeemed
    id uuid not null,
    name text not null check (length(name) between 1 and 60),
    funder text not null check (funder in ('SHOP', 'BUDGET', 'PLATFORM')),
    value_minor price_minor not null check (value_minor <= 5000000),  -- of each code
    currency currency_code not null,
    count integer not null check (count between 1 and 10000),
    starts_at timestamptz not null,
    ends_at timestamptz not null check (starts_at < ends_at),
    most_per_customer integer check (most_per_customer between 1 and 10000),
    state text not null check (state in ('ACTIVE', 'BLOCKED', 'VOIDED', 'ENDED')),
    made_by text not null check (length(made_by) between 1 and 100),
    request_key text not null check (length(request_key) between 1 and 128),
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, request_key),
    check ((state in ('VOIDED', 'ENDED')) = (ended_at is not null))
);
create index voucher_batches_due on voucher_batches (ends_at, id)
    where state in ('ACTIVE', 'BLOCKED');
call fence_tenant_table('voucher_batches');
grant select, insert on voucher_batches to kameng_core;
grant update (state, ended_at) on voucher_batches to kameng_core;

-- Of a code a keyed hash is kept, unique over all shops, and its last letters.
create table vouchers (
    tenant_id uuid not null,
    id uuid not null,
    batch_id uuid not null,
    code_hash sha256_hash not null unique,
    last_letters text not null check (length(last_letters) = 4),
    customer_id uuid,
    place integer,              -- of the customer's codes of this batch, where that has a limit
    redeemed_at timestamptz,
    returned_at timestamptz,    -- the batch was over, and its money went back
    primary key (tenant_id, id),
    foreign key (tenant_id, batch_id) references voucher_batches (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((redeemed_at is null) = (customer_id is null)),
    check (place is null or redeemed_at is not null),
    check (num_nonnulls(redeemed_at, returned_at) <= 1)
);
create index vouchers_open on vouchers (tenant_id, batch_id) where redeemed_at is null;
create index vouchers_redeemed on vouchers (tenant_id, batch_id, customer_id)
    where redeemed_at is not null;
create unique index vouchers_of_customer on vouchers (tenant_id, batch_id, customer_id, place)
    where place is not null;
call fence_tenant_table('vouchers');
grant select, insert on vouchers to kameng_core;
grant update (customer_id, place, redeemed_at, returned_at) on vouchers to kameng_core;

-- Whatever the code believes, a code is money once, and a batch that is over stays so.
create function check_voucher_once() returns trigger language plpgsql as $$
begin
    if old.redeemed_at is not null or old.returned_at is not null then
        raise exception 'a voucher is redeemed or returned once'
            using errcode = 'check_violation', constraint = 'vouchers_once';
    end if;
    return new;
end $$;
create trigger vouchers_once before update on vouchers
    for each row execute function check_voucher_once();
create function check_voucher_batch_transition() returns trigger language plpgsql as $$
begin
    if old.state in ('VOIDED', 'ENDED') then
        raise exception 'a batch of vouchers that is over stays so'
            using errcode = 'check_violation', constraint = 'voucher_batches_transition';
    end if;
    return new;
end $$;
create trigger voucher_batches_transition before update of state on voucher_batches
    for each row execute function check_voucher_batch_transition();
