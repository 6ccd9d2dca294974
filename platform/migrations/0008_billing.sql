-- Money: payments and what was heard of them, refunds, and the double-entry ledger.
-- Platform class: a webhook arrives without a tenant and finds it by its payment.

create table payments (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    purpose text not null check (purpose in ('ORDER', 'TOP_UP')),
    order_id uuid,
    customer_id uuid,
    method text not null check (method in ('WALLET', 'CARD', 'ALIPAY', 'WECHAT_PAY')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    channel_minor bigint not null check (channel_minor >= 0),  -- asked of the channel
    wallet_minor bigint not null default 0 check (wallet_minor >= 0),  -- taken from the wallet
    fee_bp integer not null default 0 check (fee_bp between 0 and 10000),
    refunded_channel_minor bigint not null default 0
        check (refunded_channel_minor between 0 and channel_minor),
    status text not null default 'CREATED'
        -- UNAPPLIED: the money came and paid for nothing; a refund row gives it back.
        check (status in ('CREATED', 'PENDING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED',
                          'SUPERSEDED', 'UNAPPLIED')),
    provider text not null,              -- 'stripe', or 'wallet'
    provider_ref text,                   -- the channel's own id, known after it was asked
    -- What the channel is asked with, so that asking again asks exactly the same.
    description text not null default '',
    return_url text not null default '',
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    polls integer not null default 0,
    next_poll_at timestamptz,            -- null: nothing more to ask the channel
    unique (provider, provider_ref),
    foreign key (tenant_id, order_id) references orders (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id),
    check ((purpose = 'ORDER') = (order_id is not null)),
    check (purpose = 'ORDER' or (customer_id is not null and wallet_minor = 0)),
    check (channel_minor + wallet_minor > 0),
    check (wallet_minor = 0 or customer_id is not null),
    check ((method = 'WALLET') = (channel_minor = 0))
);
create index payments_of_order on payments (order_id);
create unique index payments_one_open on payments (order_id)
    where status in ('CREATED', 'PENDING');
create unique index payments_one_success on payments (order_id)
    where status = 'SUCCEEDED';
create index payments_due on payments (next_poll_at) where next_poll_at is not null;
grant select, insert, update on payments to kameng_core;

-- Everything a channel ever told us, once. The row commits with its effect or not at all.
create table payment_events (
    provider text not null,
    event_id text not null,
    kind text not null,
    payment_id uuid references payments (id),
    provider_ref text,
    amount_minor bigint,
    currency text,
    effect text not null
        check (effect in ('SETTLED', 'TOPPED_UP', 'LATE_SETTLED', 'REFUNDING', 'ENDED', 'NOTHING',
                          'REFUSED')),
    note text not null default '',
    received_at timestamptz not null default platform_now(),
    primary key (provider, event_id)
);
create index payment_events_of_payment on payment_events (payment_id);
call make_append_only('payment_events');
grant select, insert on payment_events to kameng_core;

create table refunds (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    order_id uuid,         -- null: a wallet top-up
    line_id uuid,          -- null: money that never paid for anything (late, double, wrong)
    payment_id uuid not null references payments (id),
    sequence integer not null,
    currency text not null,
    amount_minor bigint not null check (amount_minor > 0),
    wallet_minor bigint not null check (wallet_minor >= 0),
    channel_minor bigint not null check (channel_minor >= 0),
    reason text not null
        -- GOODWILL: the shop's own decision; it pays all of it, and everybody else's share stands.
        check (reason in ('UNREVEALED_RETURN', 'SUPPLIER_FAULT', 'SHOP_FAULT', 'CHANGE_OF_MIND',
                          'GOODWILL', 'LATE_PAYMENT', 'DOUBLE_PAYMENT', 'WRONG_PAYMENT')),
    status text not null check (status in ('DUE', 'SENT', 'DONE', 'FAILED')),
    provider_ref text,
    attempts integer not null default 0,
    next_attempt_at timestamptz,
    created_at timestamptz not null default platform_now(),
    done_at timestamptz,
    unique (order_id, sequence),
    check (wallet_minor + channel_minor = amount_minor),
    check ((status in ('DUE', 'SENT')) = (next_attempt_at is not null)),
    foreign key (tenant_id, order_id) references orders (tenant_id, id),
    foreign key (tenant_id, line_id) references order_lines (tenant_id, id)
);
create index refunds_due on refunds (next_attempt_at) where next_attempt_at is not null;
-- Money that never paid for anything goes back once, whoever notices it.
create unique index refunds_one_unapplied on refunds (payment_id) where line_id is null;
grant select, insert, update on refunds to kameng_core;

-- An account is (code, owner, currency); its id is a hash of the three (billing/ledger.py), so
-- that entries are written without reading anything.
create table ledger_accounts (
    id uuid primary key,
    code text not null,
    owner_id uuid,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    unique nulls not distinct (code, owner_id, currency)
);

create table ledger_transactions (
    id uuid primary key,
    kind text not null,
    idempotency_key text not null unique,
    tenant_id uuid,
    order_id uuid,
    reverses_id uuid references ledger_transactions (id),
    posted_at timestamptz not null default platform_now(),
    -- The writing database transaction. Nobody may set it (see the grants), so an entry can only
    -- be added by the transaction that wrote the header, and the deferred check sees them all.
    written_by xid8 not null default pg_current_xact_id(),
    unique (id, written_by)
);
create index ledger_transactions_of_order on ledger_transactions (order_id)
    where order_id is not null;

create table ledger_entries (
    id bigint generated always as identity primary key,
    transaction_id uuid not null,
    account_id uuid not null,
    amount_minor bigint not null check (amount_minor <> 0),  -- debit positive, credit negative
    currency text not null,
    written_by xid8 not null default pg_current_xact_id(),
    foreign key (transaction_id, written_by) references ledger_transactions (id, written_by)
);
create index ledger_entries_of_transaction on ledger_entries (transaction_id);
create index ledger_entries_of_account on ledger_entries (account_id, written_by)
    include (amount_minor);

create function check_ledger_zero_sum() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from ledger_entries where transaction_id = new.id) then
        raise exception 'ledger transaction % has no entries', new.id
            using errcode = 'check_violation', constraint = 'ledger_zero_sum';
    end if;
    if exists (select 1 from ledger_entries where transaction_id = new.id
               group by currency having sum(amount_minor) <> 0) then
        raise exception 'ledger transaction % does not add up to zero', new.id
            using errcode = 'check_violation', constraint = 'ledger_zero_sum';
    end if;
    return null;
end $$;
create constraint trigger ledger_zero_sum after insert on ledger_transactions
    deferrable initially deferred for each row execute function check_ledger_zero_sum();

call make_append_only('ledger_transactions');
call make_append_only('ledger_entries');
call make_append_only('ledger_accounts');

-- Balances folded so far: everything written by transactions older than folded_below. A cache;
-- the truth is the sum of the entries (invariant I2).
create table ledger_folds (
    account_id uuid primary key references ledger_accounts (id),
    balance_minor bigint not null,
    folded_below xid8 not null
);

-- Credit balance (what we owe) is negative, as in the entries.
-- A fold from the future (the database was restored into a younger cluster) counts as none.
create function ledger_balance(account uuid) returns bigint language sql stable as $$
    with fold as (
        select balance_minor, folded_below from ledger_folds
        where account_id = account
          and folded_below <= pg_snapshot_xmax(pg_current_snapshot())
    )
    select coalesce((select balance_minor from fold), 0)
         + coalesce((select sum(amount_minor)::bigint from ledger_entries
                     where account_id = account
                       and written_by >= coalesce((select folded_below from fold), '0'::xid8)), 0)
$$;

grant select, insert on ledger_accounts to kameng_core;
-- FOR NO KEY UPDATE (the lock of a debit) needs the privilege to update something; the trigger
-- above refuses every real update.
grant update (code) on ledger_accounts to kameng_core;
grant select on ledger_transactions, ledger_entries to kameng_core;
grant insert (id, kind, idempotency_key, tenant_id, order_id, reverses_id)
    on ledger_transactions to kameng_core;
grant insert (transaction_id, account_id, amount_minor, currency) on ledger_entries to kameng_core;
grant select, insert, update, delete on ledger_folds to kameng_core;
