-- Seller deposits (docs/decisions/0069).

create domain deposit_party_kind as text check (value in ('SUPPLIER', 'TENANT'));

-- --- how money comes in --------------------------------------------------------------------------

alter domain payment_purpose drop constraint payment_purpose_check;
alter domain payment_purpose add constraint payment_purpose_check
    check (value in ('ORDER', 'TOP_UP', 'TRADE_TOP_UP', 'DEPOSIT_TOP_UP'));

-- Whose deposit a payment is for. A supplier's rows are the root's: a supplier is no tenant.
create table deposit_top_ups (
    tenant_id uuid not null references tenants (id),
    payment_id uuid primary key references payments (id),
    party_kind deposit_party_kind not null,
    party_id uuid not null,
    check (party_kind = 'SUPPLIER' or party_id = tenant_id)
);
call make_append_only('deposit_top_ups');
call fence_party_table('deposit_top_ups');
grant select, insert on deposit_top_ups to kameng_core;

-- A bank transfer is credited once, to whomever and for whatever.
create table bank_credits (
    bank_reference text primary key check (length(bank_reference) between 1 and 64),
    posting_id uuid not null unique references ledger_transactions (id)
);
insert into bank_credits (bank_reference, posting_id)
select bank_reference, id from trade_moves where bank_reference is not null;
call make_append_only('bank_credits');
grant select, insert on bank_credits to kameng_core;

-- What a tenant has put down, held or not: the ledger's word, and nobody's hand.
create function tenant_deposit(tenant uuid, of_currency text) returns bigint
language plpgsql stable as $$
begin
    return (select coalesce(-sum(ledger_balance(id)), 0)::bigint from ledger_accounts
            where code in ('L:DEPOSIT:FREE', 'L:DEPOSIT:HELD')
              and owner_id = tenant and currency = of_currency);
end $$;

-- --- what is held for a case ---------------------------------------------------------------------

create table deposit_holds (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    party_kind deposit_party_kind not null,
    party_id uuid not null,
    case_id uuid not null,
    currency currency_code not null,
    amount_minor price_minor not null,
    state text not null default 'HELD' check (state in ('HELD', 'RELEASED', 'DEDUCTED')),
    deducted_minor part_minor not null default 0,  -- what is left of it went back
    reason text not null check (length(reason) <= 500),
    held_by text not null,
    held_at timestamptz not null default platform_now(),
    ended_by text,
    ended_reason text check (length(ended_reason) <= 500),
    ended_at timestamptz,
    unique (party_id, case_id),
    check (party_kind = 'SUPPLIER' or party_id = tenant_id),
    check (deducted_minor <= amount_minor),
    check ((state = 'DEDUCTED') = (deducted_minor > 0)),
    check ((state = 'HELD') = (ended_at is null)),
    check ((state = 'HELD') = (ended_by is null))
);
create index deposit_holds_of_party on deposit_holds (party_id, id desc);
call fence_party_table('deposit_holds');
grant select, insert on deposit_holds to kameng_core;
grant update (state, deducted_minor, ended_by, ended_reason, ended_at) on deposit_holds
    to kameng_core;

-- --- how much there must be ----------------------------------------------------------------------

-- What an operator asks for: of one party, or, without one, of everybody of a kind.
create table deposit_policies (
    id uuid primary key,
    party_kind deposit_party_kind not null,
    party_id uuid,
    currency currency_code not null,
    base_minor part_minor not null,
    exposure_bp integer not null check (exposure_bp between 0 and 100000),
    target_rate_bp integer not null check (target_rate_bp between 1 and 10000),
    least_minor part_minor not null,
    most_minor part_minor not null,
    grace_minor part_minor not null,
    set_by text not null,
    set_at timestamptz not null default platform_now(),
    unique nulls not distinct (party_kind, party_id, currency),
    check (least_minor <= most_minor)
);
grant select, insert, update on deposit_policies to kameng_core;

-- What was delivered in an hour, and until when it can be claimed: counted by a sweep, never by a
-- sale. A supplier's counts what its keys brought, a shop's what it has sold.
create table deposit_hours (
    party_kind deposit_party_kind not null,
    party_id uuid not null,
    currency currency_code not null,
    sold_hour timestamptz not null,
    open_until timestamptz not null,
    sold integer not null default 0,
    faults integer not null default 0,
    paid_minor bigint not null default 0,
    refunded_minor bigint not null default 0,
    primary key (party_id, currency, sold_hour, open_until)
);
create index deposit_hours_old on deposit_hours (sold_hour);
grant select, insert, update, delete on deposit_hours to kameng_core;
alter table counted_so_far drop constraint counted_so_far_source_check,
    add constraint counted_so_far_source_check check (
        source in ('DELIVERIES', 'REFUNDS', 'DEPOSIT_DELIVERIES', 'DEPOSIT_REFUNDS'));
insert into counted_so_far (source) values ('DEPOSIT_DELIVERIES'), ('DEPOSIT_REFUNDS');

-- What was found of each party when it was last looked at, and what follows from it.
create table deposit_standings (
    tenant_id uuid not null references tenants (id),
    party_id uuid primary key,
    party_kind deposit_party_kind not null,
    currency currency_code not null,
    exposure_minor part_minor not null default 0,
    growth_minor_per_hour bigint not null default 0,
    sold integer not null default 0 check (sold >= 0),
    faults integer not null default 0 check (faults >= 0),
    invalid_rate_bp integer not null default 0 check (invalid_rate_bp between 0 and 10000),
    base_minor part_minor not null default 0,
    grace_minor part_minor not null default 0,
    required_minor part_minor not null default 0,
    runs_out_at timestamptz,
    told_hours smallint check (told_hours in (24, 3, 0)),  -- of what it was warned last
    measured_at timestamptz,
    look_at timestamptz not null default platform_now(),
    check (party_kind = 'SUPPLIER' or party_id = tenant_id)
);
create index deposit_standings_due on deposit_standings (look_at);
call fence_party_table('deposit_standings');
grant select, insert, update on deposit_standings to kameng_core;

-- --- too little: nothing new is sold -------------------------------------------------------------

alter table supplier_listings
    add column paused_for text
        check (paused_for in ('OUT_OF_STOCK', 'COOLDOWN', 'LOW_DEPOSIT', 'STALE_SYNC', 'SUPPLIER')),
    add constraint supplier_listings_paused_check check (paused_for is null or status = 'PAUSED');
alter table suppliers add column deposit_low boolean not null default false;

-- Whatever makes a listing active, or makes one: not while its supplier's deposit is too low.
create function pause_for_low_deposit() returns trigger language plpgsql as $$
begin
    if new.status = 'ACTIVE' and (select deposit_low from suppliers where id = new.supplier_id
                                  for share) then
        new.status := 'PAUSED';
        new.paused_for := 'LOW_DEPOSIT';
    elsif new.status <> 'PAUSED' then
        new.paused_for := null;
    end if;
    return new;
end $$;
create trigger pause_for_low_deposit before insert or update of status on supplier_listings
    for each row execute function pause_for_low_deposit();

-- The listings follow their supplier, in its own statement.
create function follow_low_deposit() returns trigger language plpgsql as $$
begin
    if new.deposit_low then
        update supplier_listings set status = 'PAUSED', paused_for = 'LOW_DEPOSIT'
        where supplier_id = new.id and status = 'ACTIVE';
    else
        update supplier_listings set status = 'ACTIVE'
        where supplier_id = new.id and paused_for = 'LOW_DEPOSIT';
    end if;
    return null;
end $$;
create trigger follow_low_deposit after update of deposit_low on suppliers
    for each row when (old.deposit_low <> new.deposit_low) execute function follow_low_deposit();

alter table tenants
    add column deposit_low boolean not null default false,
    drop constraint tenants_restricted_check,
    add constraint tenants_restricted_check check (
        status not in ('ACTIVE', 'RESTRICTED')
        or (status = 'RESTRICTED')
           = (orders_stopped or payouts_frozen or restricted_by_parent or deposit_low));
alter table tenant_events drop constraint tenant_events_change_check,
    add constraint tenant_events_change_check check (
        change in ('APPLY', 'APPLY_AGAIN', 'REJECT', 'ACCEPT', 'KYC_PASSED', 'OPEN', 'RESTRICT',
                   'RESTRICT_CHILD', 'RESTRICT_DEPOSIT', 'SUSPEND', 'REOPEN', 'CLOSE',
                   'ASK_TO_CLOSE', 'END', 'MOVE'));

create or replace function shop_closure(shop uuid, believed_path uuid[]) returns text
language plpgsql stable as $$
begin
    return (
        select case
            when bool_and(stands(level.status)
                          and (level.id <> shop
                               or not (own.orders_stopped or own.restricted_by_parent
                                       or own.deposit_low))) is not true
                then 'CLOSED'
            when bool_or(own.path <> believed_path)
                then 'MOVED'
        end
        from tenants own join tenants level on level.id = any (own.path)
        where own.id = shop);
end $$;

-- A tenant opens with its money, not with a note about it.
create or replace function check_tenant_transition() returns trigger language plpgsql as $$
begin
    if (old.status, new.status) not in (
        ('APPLIED', 'KYC'), ('KYC', 'DEPOSIT_DUE'), ('DEPOSIT_DUE', 'ACTIVE'),
        ('APPLIED', 'REJECTED'), ('KYC', 'REJECTED'), ('DEPOSIT_DUE', 'REJECTED'),
        ('REJECTED', 'APPLIED'),
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
       or old.status = 'DEPOSIT_DUE' and new.status = 'ACTIVE'
          and (new.kyc_passed_at is null
               or tenant_deposit(new.id, new.currency) < new.deposit_due_minor)
    then
        raise exception 'a tenant opens when it is known and its deposit is paid'
            using errcode = 'check_violation', constraint = 'tenants_opening';
    end if;
    return new;
end $$;
drop trigger audited on tenants;
call audit_decisions('tenants', 'id', 'parent_id status settlement_mode payment_methods '
    'max_markup_bp cumulative_cap_bp platform_markup_cap_bp earning_depth orders_stopped '
    'payouts_frozen restricted_by_parent deposit_low on_parent_loss max_child_depth kyc_passed_at '
    'deposit_due_minor grade_id');
alter table tenants drop constraint tenants_deposit_paid_minor_check,
    drop column deposit_paid_minor;

-- --- it is told ----------------------------------------------------------------------------------

-- A domain cannot be changed while a column is an array of it.
drop trigger note_who_hears_orders on webhook_endpoints;
drop trigger audited on webhook_endpoints;
alter table webhook_endpoints alter event_types type text[];
alter domain event_type drop constraint event_type_check;
alter domain event_type add constraint event_type_check check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'order.needs_correction', 'balance.changed', 'balance.low', 'deposit.low',
    'price.alert', 'tenant.status_changed', 'password.reset_asked', 'payout.changed',
    'payout.method_changed', 'step_up.code_asked', 'webhook.ping', 'dispute.opened',
    'dispute.due', 'dispute.closed'));
alter table webhook_endpoints alter event_types type event_type[];
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();
call audit_decisions('webhook_endpoints', 'tenant_id id', 'event_types status sends_keys');
