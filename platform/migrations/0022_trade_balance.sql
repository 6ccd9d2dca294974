-- Trade balances: what a shop has prepaid, and what it buys at cost out of it
-- (docs/decisions/0045).

-- --- a purchase at cost is an order that the shop itself pays -------------------------------------

alter domain payment_method drop constraint payment_method_check;
alter domain payment_method add constraint payment_method_check
    check (value in ('WALLET', 'TRADE', 'CARD', 'ALIPAY', 'WECHAT_PAY'));
alter domain payment_purpose drop constraint payment_purpose_check;
alter domain payment_purpose add constraint payment_purpose_check
    check (value in ('ORDER', 'TOP_UP', 'TRADE_TOP_UP'));

-- Its buyer is the shop: no customer, and no guest whose token would open it.
alter table orders
    add column at_cost boolean not null default false,
    add column client_reference text;  -- the shop's own name for it, by which it is asked for
alter table orders rename constraint orders_check1 to orders_buyer_check;
alter table orders drop constraint orders_buyer_check,
    add check (
        case when at_cost
             then customer_id is null and guest_token_hash is null
                  and coalesce(length(client_reference), 1) between 1 and 64
             else (customer_id is null) <> (guest_token_hash is null)
                  and client_reference is null end);
create unique index orders_of_client_reference on orders (tenant_id, client_reference)
    where client_reference is not null;
-- What the shop has sold and what it has bought are two lists.
drop index orders_of_tenant;
create index orders_of_tenant on orders (tenant_id, created_at desc, id desc) where not at_cost;
create index orders_at_cost on orders (tenant_id, created_at desc, id desc) where at_cost;
grant select (at_cost, client_reference) on orders to kameng_shop;

-- `wallet_minor` is what a balance pays: a customer's wallet, or with TRADE the shop's own.
alter table payments rename constraint payments_check2 to payments_top_up_check;
alter table payments rename constraint payments_check4 to payments_wallet_check;
alter table payments rename constraint payments_check5 to payments_method_check;
alter table payments
    drop constraint payments_top_up_check,
    drop constraint payments_wallet_check,
    drop constraint payments_method_check,
    add check (case purpose when 'ORDER' then true
                            when 'TOP_UP' then customer_id is not null and wallet_minor = 0
                            else customer_id is null and wallet_minor = 0 end),
    add check (case when method = 'TRADE' then customer_id is null
                    else wallet_minor = 0 or customer_id is not null end),
    add check ((method in ('WALLET', 'TRADE')) = (channel_minor = 0));

-- --- the trade balance as a book ------------------------------------------------------------------

-- Every movement of a trade balance, and what it came to. Whoever writes here has locked the
-- balance's ledger account, so that a tenant's numbers follow each other and each row's balance is
-- the one before it and the amount. The id is the ledger transaction's.
create table trade_moves (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    number bigint generated always as identity,
    kind text not null
        check (kind in ('TOP_UP', 'BANK_CREDIT', 'PURCHASE', 'REFUND', 'TRANSFER_OUT',
                        'TRANSFER_IN')),
    amount_minor entry_minor not null,  -- positive: there is more than before
    balance_minor part_minor not null,  -- afterwards
    currency currency_code not null,
    order_id uuid,
    other_tenant_id uuid references tenants (id),  -- of a transfer
    bank_reference text check (length(bank_reference) between 1 and 64),
    moved_at timestamptz not null,
    primary key (tenant_id, number),
    unique (tenant_id, id),
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    check ((kind in ('PURCHASE', 'TRANSFER_OUT')) = (amount_minor < 0)),
    check ((kind in ('PURCHASE', 'REFUND')) = (order_id is not null)),
    check ((kind in ('TRANSFER_OUT', 'TRANSFER_IN')) = (other_tenant_id is not null)),
    check ((kind = 'BANK_CREDIT') = (bank_reference is not null))
);
-- A bank transfer is credited once, to whomever.
create unique index trade_moves_of_bank on trade_moves (bank_reference)
    where bank_reference is not null;
call make_append_only('trade_moves');
call fence_tenant_table('trade_moves');
grant select, insert on trade_moves to kameng_core;

-- Below which balance a shop wants to be told. Without a row, or with null, it is not.
create table trade_settings (
    tenant_id uuid primary key references tenants (id),
    low_balance_minor price_minor
);
call fence_tenant_table('trade_settings');
grant select, insert, update on trade_settings to kameng_core;

-- A balance that has gone below its threshold: one row each time that it crosses, none while it
-- stays below. The id is that of the move that crossed.
create table low_balance_alerts (
    tenant_id uuid not null,
    id uuid not null,
    threshold_minor price_minor not null,
    balance_minor part_minor not null,
    currency currency_code not null,
    raised_at timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, id) references trade_moves (tenant_id, id),
    check (balance_minor < threshold_minor)
);
create index low_balance_alerts_newest on low_balance_alerts (tenant_id, raised_at desc, id desc);
call make_append_only('low_balance_alerts');
call fence_tenant_table('low_balance_alerts');
grant select, insert on low_balance_alerts to kameng_core;

-- A shop's programs hear of it by their webhooks, if they have asked to.
create function tell_of_low_balance() returns trigger language plpgsql as $$
begin
    perform tell_tenant(new.tenant_id, 'balance.low', 'balance', new.tenant_id, null,
                        jsonb_build_object('account', 'TRADE', 'balanceMinor', new.balance_minor,
                                           'thresholdMinor', new.threshold_minor,
                                           'currency', new.currency));
    return null;
end $$;
create trigger tell_of_low_balance after insert on low_balance_alerts
    for each row execute function tell_of_low_balance();
