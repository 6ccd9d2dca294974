-- A sale asks less of the database, which proves more of it (docs/decisions/0033).

-- --- functions that keep their plans ------------------------------------------------------------
-- Before PostgreSQL 18 a function in SQL that cannot be put in line is parsed and planned each time
-- that it is called; one in PL/pgSQL is planned once in a session.

create or replace function platform_now() returns timestamptz language plpgsql stable as $$
begin
    return now() + coalesce((select shift from sandbox_clock), interval '0');
end $$;

-- Credit balance (what we owe) is negative, as in the entries.
-- A fold from the future (the database was restored into a younger cluster) counts as none.
create or replace function ledger_balance(account uuid) returns bigint language plpgsql stable as $$
declare
    fold record;
begin
    select balance_minor, folded_below into fold from ledger_folds
    where account_id = account and folded_below <= pg_snapshot_xmax(pg_current_snapshot());
    return coalesce(fold.balance_minor, 0)
         + (select coalesce(sum(amount_minor), 0)::bigint from ledger_entries
            where account_id = account and written_by >= coalesce(fold.folded_below, '0'::xid8));
end $$;

-- Folds into the cache what was written by transactions that ended before the oldest one still
-- running, so that an entry that commits later is never missed. Each account only from the state
-- that was read: two folds at once would count the same entries twice. Says how many have moved.
create function fold_balances(accounts uuid[]) returns bigint language plpgsql volatile as $$
declare
    moved bigint;
begin
    with horizon as (
        select pg_snapshot_xmin(pg_current_snapshot()) as below
    ), fresh as (
        select wanted.account_id, h.below, f.folded_below as was,
               (select coalesce(sum(e.amount_minor), 0)::bigint from ledger_entries e
                where e.account_id = wanted.account_id and e.written_by < h.below
                  and e.written_by >= coalesce(f.folded_below, '0'::xid8)) as minor
        from unnest(accounts) as wanted (account_id)
        left join ledger_folds f on f.account_id = wanted.account_id, horizon h
    )
    insert into ledger_folds (account_id, balance_minor, folded_below)
    select account_id, minor, below from fresh where was is null or was < below
    on conflict (account_id) do update
    set balance_minor = ledger_folds.balance_minor + excluded.balance_minor,
        folded_below = excluded.folded_below
    where ledger_folds.folded_below =
          (select fresh.was from fresh where fresh.account_id = excluded.account_id);
    get diagnostics moved = row_count;
    return moved;
end $$;

-- Locks a liability account for a debit, and says what it holds. The statement that calls this has
-- taken its picture before it waited for the lock; a volatile function takes a new one for each of
-- its own statements, so the sum has what was committed meanwhile. Whoever finds many entries to
-- add up folds them: the account is locked anyway, and the next debit finds few.
create or replace function lock_balance(account uuid) returns bigint language plpgsql volatile as $$
declare
    fold record;
    fresh record;
begin
    perform from ledger_accounts where id = account for no key update;
    select balance_minor, folded_below into fold from ledger_folds
    where account_id = account and folded_below <= pg_snapshot_xmax(pg_current_snapshot());
    select coalesce(sum(amount_minor), 0)::bigint as minor,
           count(*) filter (where written_by < pg_snapshot_xmin(pg_current_snapshot())) as settled
    into fresh from ledger_entries
    where account_id = account and written_by >= coalesce(fold.folded_below, '0'::xid8);
    if fresh.settled > 50 then
        perform fold_balances(array[account]);
    end if;
    return -(coalesce(fold.balance_minor, 0) + fresh.minor);
end $$;

-- --- what adds up is seen once, by the statement that writes it ----------------------------------

-- One look at all entries of a statement instead of a lock on their header for each: their headers
-- were written by the same transaction, and they add up to zero in each currency.
alter table ledger_entries drop constraint ledger_entries_transaction_id_written_by_fkey;
alter table ledger_transactions drop constraint ledger_transactions_id_written_by_key;
create function check_posting() returns trigger language plpgsql as $$
begin
    if exists (
        select from posted left join ledger_transactions header
            on header.id = posted.transaction_id and header.written_by = pg_current_xact_id()
        group by posted.transaction_id, posted.currency
        having sum(posted.amount_minor) <> 0 or count(header.id) = 0)
    then
        raise exception 'ledger entries without their header, or that do not add up to zero'
            using errcode = 'check_violation', constraint = 'ledger_zero_sum';
    end if;
    return null;
end $$;
create trigger ledger_zero_sum after insert on ledger_entries referencing new table as posted
    for each statement execute function check_posting();
create or replace function check_ledger_zero_sum() returns trigger language plpgsql as $$
begin
    if not exists (select 1 from ledger_entries where transaction_id = new.id) then
        raise exception 'ledger transaction % has no entries', new.id
            using errcode = 'check_violation', constraint = 'ledger_zero_sum';
    end if;
    return null;
end $$;

-- The shares of a line are its net amount to the last minor unit, in the order's currency, as soon
-- as one of them is written: so they are written together, and once.
alter table line_shares drop constraint line_shares_order_id_line_id_tenant_id_fkey;
create function check_shares() returns trigger language plpgsql as $$
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
        raise exception 'shares without their line, or that are not its net amount'
            using errcode = 'check_violation', constraint = 'line_shares_add_up';
    end if;
    return null;
end $$;
-- What they were made of does not change any more.
revoke update on order_lines from kameng_core;
grant update (key_ids, channel_fee_minor, refunded_minor, returned_quantity)
    on order_lines to kameng_core;
create trigger line_shares_add_up after insert on line_shares referencing new table as shared
    for each statement execute function check_shares();

-- --- what is never deleted needs no lock against being deleted -----------------------------------
-- A foreign key locks the row that it names: everybody who sells in one shop, or of one listing,
-- writes to the same row. These say what another key or the statement itself says already.

create trigger never_deleted before delete on tenants
    for each row execute function refuse_change();
create trigger never_deleted before delete on skus
    for each row execute function refuse_change();
create trigger never_deleted before delete on supplier_listings
    for each row execute function refuse_change();
alter table idempotency_records drop constraint idempotency_records_tenant_id_fkey;
alter table orders drop constraint orders_tenant_id_fkey;
alter table payments drop constraint payments_tenant_id_fkey;
alter table order_lines drop constraint order_lines_tenant_id_fkey,
    drop constraint order_lines_sku_id_fkey,
    drop constraint order_lines_supplier_listing_id_sku_id_fkey;

-- --- one index where two began with the same id --------------------------------------------------

alter table refunds drop constraint refunds_order_id_line_id_tenant_id_fkey,
    drop constraint refunds_tenant_id_order_id_fkey;
alter table payments drop constraint payments_tenant_id_order_id_fkey;
alter table delivered_keys drop constraint delivered_keys_order_id_line_id_tenant_id_fkey;
alter table order_lines drop constraint order_lines_tenant_id_order_id_fkey;
alter table key_reveals drop constraint key_reveals_tenant_id_delivered_key_id_fkey;

alter table orders drop constraint orders_pkey, drop constraint orders_tenant_id_id_key,
    add primary key (id, tenant_id);
alter table order_lines drop constraint order_lines_pkey,
    drop constraint order_lines_order_id_id_tenant_id_key,
    add primary key (order_id, id, tenant_id),
    add foreign key (order_id, tenant_id) references orders (id, tenant_id);
alter table line_shares drop constraint line_shares_pkey, add primary key (order_id, id);
drop index line_shares_of_order;
alter table delivered_keys drop constraint delivered_keys_pkey,
    drop constraint delivered_keys_tenant_id_id_key,
    add primary key (id, tenant_id),
    add foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id);
alter table key_reveals
    add foreign key (delivered_key_id, tenant_id) references delivered_keys (id, tenant_id);
alter table payments add foreign key (order_id, tenant_id) references orders (id, tenant_id);
alter table refunds add foreign key (order_id, tenant_id) references orders (id, tenant_id),
    add foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id);

-- --- what a single value may be, is its type -----------------------------------------------------
-- The check of a table is read from its text anew by every statement that writes there; that of a
-- domain once in a session.

create domain currency_code as text check (value ~ '^[A-Z]{3}$');
create domain price_minor as bigint check (value > 0);
create domain part_minor as bigint check (value >= 0);
create domain entry_minor as bigint check (value <> 0);
create domain basis_points as integer check (value between 0 and 10000);
create domain sha256_hash as bytea check (octet_length(value) = 32);
create domain order_no as text check (value ~ '^K[0-9]{8}-[0-9A-Z]{10}$');
create domain order_payment_status as text
    check (value in ('PENDING', 'EXPIRED', 'CANCELED', 'PAID'));
create domain order_fulfilment_status as text check (value in ('NONE', 'DELIVERED'));
create domain order_aftersale_status as text
    check (value in ('NONE', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED'));
create domain delivery_mode as text check (value = 'AUTO_KEY');
create domain party_kind as text
    check (value in ('SUPPLIER', 'PLATFORM', 'TENANT', 'AFFILIATE'));
create domain share_role as text
    check (value in ('SUPPLY', 'SUPPLIER_COMMISSION', 'WHOLESALE_MARGIN', 'AGENT_MARGIN',
                     'AFFILIATE', 'SHOP_MARGIN'));
create domain payment_purpose as text check (value in ('ORDER', 'TOP_UP'));
create domain payment_method as text check (value in ('WALLET', 'CARD', 'ALIPAY', 'WECHAT_PAY'));
create domain payment_status as text
    check (value in ('CREATED', 'PENDING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED',
                     'SUPERSEDED', 'UNAPPLIED'));

alter table orders drop column status;  -- it is made of the three that change their type
alter table orders
    drop constraint orders_no_check, alter no type order_no,
    drop constraint orders_guest_token_hash_check, alter guest_token_hash type sha256_hash,
    drop constraint orders_currency_check, alter currency type currency_code,
    drop constraint orders_total_minor_check, alter total_minor type price_minor,
    drop constraint orders_payment_status_check, alter payment_status type order_payment_status,
    drop constraint orders_fulfilment_status_check,
    alter fulfilment_status type order_fulfilment_status,
    drop constraint orders_aftersale_status_check,
    alter aftersale_status type order_aftersale_status;
alter table orders
    -- The one rolled-up status that people see.
    add column status text generated always as (
        case
            when aftersale_status <> 'NONE' then aftersale_status
            when fulfilment_status = 'DELIVERED' then 'DELIVERED'
            when payment_status = 'PENDING' then 'PENDING_PAYMENT'
            else payment_status
        end) stored;
grant select (status) on orders to kameng_shop;
alter table order_lines
    drop constraint order_lines_unit_price_minor_check, alter unit_price_minor type price_minor,
    drop constraint order_lines_net_minor_check, alter net_minor type price_minor,
    drop constraint order_lines_delivery_mode_check, alter delivery_mode type delivery_mode;
alter table line_shares
    drop constraint line_shares_party_kind_check, alter party_kind type party_kind,
    drop constraint line_shares_role_check, alter role type share_role,
    drop constraint line_shares_amount_minor_check, alter amount_minor type part_minor;
alter table payments
    drop constraint payments_purpose_check, alter purpose type payment_purpose,
    drop constraint payments_method_check, alter method type payment_method,
    drop constraint payments_currency_check, alter currency type currency_code,
    drop constraint payments_channel_minor_check, alter channel_minor type part_minor,
    drop constraint payments_wallet_minor_check, alter wallet_minor type part_minor,
    drop constraint payments_fee_bp_check, alter fee_bp type basis_points,
    drop constraint payments_status_check, alter status type payment_status;
alter table idempotency_records
    drop constraint idempotency_records_request_hash_check, alter request_hash type sha256_hash;
alter table ledger_entries
    drop constraint ledger_entries_amount_minor_check, alter amount_minor type entry_minor;

-- --- who may pay is asked after the wait for the order -------------------------------------------

-- Why a customer (with a token; without one nobody is asked) may not pay in a shop: SIGNED_OUT,
-- CLOSED, or null. The statement that calls this has taken its picture before it waited for the
-- order's lock; a volatile function takes a new one, and sees who was shut out meanwhile.
create function payment_refusal(
    shop uuid, shop_path uuid[], customer uuid, token bytea, moment timestamptz
) returns text language plpgsql volatile as $$
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
        when (select bool_and(status = 'ACTIVE') from tenants where id = any (shop_path))
             is not true
            then 'CLOSED'
    end;
end $$;
