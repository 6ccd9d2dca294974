-- Money goes out to parties: a second confirmation, where to, payouts, batches, stops
-- (docs/decisions/0066, 0067).

-- --- a second confirmation ------------------------------------------------------------------------

-- Somebody who holds a token says once more that it is them. What is told and shown stands nowhere:
-- a code is derived from the id, and of the proof there is the hash.
create table step_up_challenges (
    id uuid primary key,
    token_hash sha256_hash not null,  -- of the token that asked: no other can use the proof
    principal_kind text not null
        check (principal_kind in ('STAFF', 'AFFILIATE', 'SUPPLIER', 'OPERATOR')),
    principal_id uuid not null,
    purpose text not null
        check (purpose in ('PAYOUT_METHOD', 'PAYOUT_REQUEST', 'PAYOUT_REVIEW', 'PAYOUT_BATCH')),
    means text not null check (means in ('PASSWORD', 'CODE')),
    created_at timestamptz not null default platform_now(),
    expires_at timestamptz not null,   -- of the challenge, and once it is met of the proof
    proof_hash sha256_hash unique,
    used_at timestamptz,
    check (used_at is null or proof_hash is not null)
);
create index step_up_challenges_by_end on step_up_challenges (expires_at);
grant select, insert, delete on step_up_challenges to kameng_core;
grant update (proof_hash, expires_at, used_at) on step_up_challenges to kameng_core;

-- --- where money goes -----------------------------------------------------------------------------

create domain paid_party_kind as text check (value in ('TENANT', 'SUPPLIER', 'AFFILIATE'));
create domain payout_method_kind as text check (value in ('STRIPE_ACCOUNT', 'BANK_ACCOUNT'));
create domain payout_state as text check (value in (
    'REQUESTED', 'CHECKING', 'HELD', 'APPROVED', 'BATCHED', 'SENT', 'PAID', 'FAILED', 'RETURNED',
    'REJECTED', 'CANCELED'));

-- A party's place to be paid at. It is never changed: another place is another row, which waits its
-- time before anything is paid to it, and ends the one before.
create table payout_methods (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    party_kind paid_party_kind not null,
    party_id uuid not null,
    kind payout_method_kind not null,
    currency currency_code not null,
    holder bytea,              -- ciphertexts, bound to the row
    number bytea,
    bank text check (length(bank) between 1 and 80),
    data_key_id smallint,
    holder_index sha256_hash,  -- keyed: the same holder at several parties is found, and not read
    last_four text check (length(last_four) = 4),
    account_ref text unique,   -- the channel's name of the connected account
    ready boolean not null,    -- the channel would pay to it; a bank always does
    requirements text[] not null default '{}' check (cardinality(requirements) <= 50),
    next_look_at timestamptz,
    looks integer not null default 0,
    created_by text not null check (length(created_by) between 1 and 200),
    created_at timestamptz not null default platform_now(),
    usable_at timestamptz not null,
    ended_at timestamptz,
    unique (tenant_id, id),
    unique (party_id, kind, id),
    check ((kind = 'BANK_ACCOUNT') = (num_nulls(holder, number, bank, data_key_id, holder_index,
                                                last_four) = 0)),
    check (kind = 'STRIPE_ACCOUNT' or num_nonnulls(account_ref, next_look_at) = 0),
    check (ended_at is null or next_look_at is null)
);
create unique index payout_methods_live on payout_methods (party_id) where ended_at is null;
create index payout_methods_of_holder on payout_methods (holder_index)
    where holder_index is not null;
create index payout_methods_due on payout_methods (next_look_at) where next_look_at is not null;
call fence_party_table('payout_methods');
grant select (tenant_id, id, party_kind, party_id, kind, currency, bank, last_four, ready,
              requirements, created_at, usable_at, ended_at)
    on payout_methods to kameng_shop;
grant select, insert on payout_methods to kameng_core;
grant update (account_ref, ready, requirements, next_look_at, looks, ended_at)
    on payout_methods to kameng_core;

-- Who is paid nothing for now, and why; without a party: nobody is. Whoever stops names the source,
-- which stops a party once, and resumes what it has stopped and nothing else.
create table payout_stops (
    id uuid primary key,
    party_kind paid_party_kind,
    party_id uuid,
    source text not null check (length(source) between 1 and 100),
    reason text not null check (length(reason) between 1 and 200),
    since timestamptz not null default platform_now(),
    ended_at timestamptz,
    check ((party_id is null) = (party_kind is null))
);
create unique index payout_stops_open
    on payout_stops (coalesce(party_id, '00000000-0000-0000-0000-000000000000'), source)
    where ended_at is null;
grant select, insert on payout_stops to kameng_core;
grant update (ended_at) on payout_stops to kameng_core;
call audit_decisions('payout_stops', 'id', 'party_id source reason ended_at');

-- --- payouts --------------------------------------------------------------------------------------

-- Payouts of one currency and kind that go out together. An open one takes what is approved.
create table payout_batches (
    id uuid primary key,
    day date not null,
    currency currency_code not null,
    method_kind payout_method_kind not null,
    number integer not null check (number > 0),  -- of that day
    state text not null check (state in ('OPEN', 'SENT')),
    file_hash sha256_hash,     -- of the bank's file
    created_by text not null check (length(created_by) between 1 and 200),
    created_at timestamptz not null default platform_now(),
    sent_at timestamptz,
    unique (day, currency, method_kind, number),
    unique (id, currency, method_kind),
    check ((state = 'SENT') = (sent_at is not null)),
    check (file_hash is null or (state = 'SENT' and method_kind = 'BANK_ACCOUNT'))
);
create unique index payout_batches_open on payout_batches (currency, method_kind)
    where state = 'OPEN';
create index payout_batches_newest on payout_batches (created_at desc, id desc);
grant select, insert on payout_batches to kameng_core;
grant update (state, file_hash, sent_at) on payout_batches to kameng_core;

-- An address under which a batch's file is fetched, once, by whoever has asked for it.
create table payout_batch_files (
    id uuid primary key,
    batch_id uuid not null references payout_batches (id),
    asked_by text not null check (length(asked_by) between 1 and 200),
    expires_at timestamptz not null,
    taken_at timestamptz
);
grant select, insert on payout_batch_files to kameng_core;
grant update (taken_at) on payout_batch_files to kameng_core;

-- From REQUESTED to BATCHED a payout's amount lies in the party's RESERVED; from SENT on it is on
-- its way. `changed_by` and `note` say who made the last change and why: a trigger keeps them all.
create table payouts (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    party_kind paid_party_kind not null,
    party_id uuid not null,
    method_id uuid not null,
    method_kind payout_method_kind not null,
    currency currency_code not null,
    amount_minor price_minor not null,
    fee_minor part_minor not null,
    state payout_state not null,
    attempt integer not null default 1 check (attempt > 0),  -- so often it was reserved
    round integer not null default 1 check (round > 0),      -- so often it is decided about
    approvals_needed smallint not null check (approvals_needed in (1, 2)),
    requested_by uuid not null,
    request_key text not null check (length(request_key) between 1 and 128),
    reasons text[] not null default '{}' check (cardinality(reasons) <= 20),
    batch_id uuid,
    provider_ref text check (length(provider_ref) between 1 and 255),
    next_step_at timestamptz,  -- what is due for the worker, if anything is
    tries integer not null default 0,
    asks integer not null default 1,  -- so often the channel was asked anew, after a definite no
    changed_by text not null check (length(changed_by) between 1 and 200),
    note text check (length(note) between 1 and 200),
    requested_at timestamptz not null default platform_now(),
    changed_at timestamptz not null default platform_now(),
    unique (tenant_id, id),
    unique (id, requested_by),
    unique (party_id, request_key),
    foreign key (party_id, method_kind, method_id) references payout_methods (party_id, kind, id),
    foreign key (batch_id, currency, method_kind)
        references payout_batches (id, currency, method_kind),
    check (fee_minor < amount_minor),
    check (state not in ('BATCHED', 'SENT', 'PAID') or batch_id is not null),
    check (state not in ('REQUESTED', 'CHECKING', 'HELD', 'APPROVED') or batch_id is null)
);
create index payouts_of_party on payouts (party_id, requested_at desc, id desc);
create index payouts_in_state on payouts (state, requested_at, id);
create index payouts_of_batch on payouts (batch_id) where batch_id is not null;
create index payouts_due on payouts (next_step_at) where next_step_at is not null;
create unique index payouts_of_provider on payouts (provider_ref) where provider_ref is not null;
call fence_party_table('payouts');
grant select (tenant_id, id, party_kind, party_id, method_id, method_kind, currency, amount_minor,
              fee_minor, state, requested_at, changed_at)
    on payouts to kameng_shop;
grant select, insert on payouts to kameng_core;
grant update (state, attempt, round, reasons, batch_id, provider_ref, next_step_at, tries,
              asks, changed_by, note, changed_at)
    on payouts to kameng_core;

-- Who has said yes, in which round: nobody twice, and never who has asked for the money.
create table payout_approvals (
    payout_id uuid not null,
    round integer not null check (round > 0),
    approver_id uuid not null references staff_users (id),
    requested_by uuid not null,
    approved_at timestamptz not null default platform_now(),
    primary key (payout_id, round, approver_id),
    foreign key (payout_id, requested_by) references payouts (id, requested_by),
    check (approver_id <> requested_by)
);
call make_append_only('payout_approvals');
grant select, insert on payout_approvals to kameng_core;

create table payout_events (
    tenant_id uuid not null,
    payout_id uuid not null,
    number bigint generated always as identity,
    from_state payout_state,
    to_state payout_state not null,
    attempt integer not null,
    actor text not null,
    note text,
    provider_ref text,
    happened_at timestamptz not null,
    primary key (payout_id, number),
    foreign key (tenant_id, payout_id) references payouts (tenant_id, id)
);
call make_append_only('payout_events');
call fence_tenant_table('payout_events');
grant select, insert on payout_events to kameng_core;

-- Why a party is paid nothing now; null: nothing forbids it. Whoever decides by it holds the lock of
-- the party's AVAILABLE, which whoever makes a debt waits for; a volatile function sees what was
-- committed meanwhile.
create function payout_block(of_kind text, party uuid) returns text language plpgsql volatile as $$
begin
    if exists (select from payout_stops
               where ended_at is null and (party_id is null or party_id = party)) then
        return 'STOPPED';
    end if;
    if (of_kind = 'TENANT' and exists (
            select from tenants where id = party and (payouts_frozen or status = 'SUSPENDED')))
       or (of_kind = 'SUPPLIER' and exists (
            select from suppliers where id = party and status = 'SUSPENDED'))
       or (of_kind = 'AFFILIATE' and exists (
            select from affiliates where id = party and status = 'SUSPENDED')) then
        return 'FROZEN';
    end if;
    if exists (select from ledger_accounts
               where code = 'A:RECV' and owner_id = party and ledger_balance(id) > 0) then
        return 'IN_DEBT';
    end if;
    return null;
end $$;

-- domain 5, and what docs/decisions/0067 adds to it: whatever the code believes, nothing is paid
-- that was not approved, and nothing to a place that is new, or is the party's no more.
create function check_payout_transition() returns trigger language plpgsql as $$
begin
    if (old.state, new.state) not in (
        ('REQUESTED', 'CHECKING'), ('REQUESTED', 'CANCELED'),
        ('CHECKING', 'APPROVED'), ('CHECKING', 'REJECTED'), ('CHECKING', 'HELD'),
        ('HELD', 'CHECKING'), ('HELD', 'REJECTED'),
        ('APPROVED', 'BATCHED'), ('APPROVED', 'HELD'),
        ('BATCHED', 'SENT'), ('BATCHED', 'HELD'),
        ('SENT', 'PAID'), ('SENT', 'FAILED'), ('SENT', 'RETURNED'), ('PAID', 'RETURNED'),
        ('FAILED', 'APPROVED'), ('RETURNED', 'APPROVED'))
    then
        raise exception 'a payout does not go from % to %', old.state, new.state
            using errcode = 'check_violation', constraint = 'payouts_transition';
    end if;
    if old.state = 'CHECKING' and new.state = 'APPROVED' and new.approvals_needed > (
           select count(*) from payout_approvals
           where payout_id = new.id and round = new.round) then
        raise exception 'payout % has too few approvals', new.id
            using errcode = 'check_violation', constraint = 'payouts_approved';
    end if;
    if new.state in ('APPROVED', 'BATCHED', 'SENT') and not exists (
           select from payout_methods where id = new.method_id and ready and ended_at is null
               and usable_at <= platform_now()) then
        raise exception 'payout % goes to a place that cannot be paid to', new.id
            using errcode = 'check_violation', constraint = 'payouts_method';
    end if;
    return new;
end $$;
create trigger check_payout_transition before update of state on payouts
    for each row when (old.state <> new.state) execute function check_payout_transition();

-- Every change is kept, and programs are told: a shop's of its own, the platform's of all others.
create function note_payout() returns trigger language plpgsql as $$
begin
    insert into payout_events (tenant_id, payout_id, from_state, to_state, attempt, actor, note,
                               provider_ref, happened_at)
    values (new.tenant_id, new.id, case when tg_op = 'UPDATE' then old.state end, new.state,
            new.attempt, new.changed_by, new.note, new.provider_ref, platform_now());
    perform tell_tenant(
        case when new.party_kind = 'TENANT' then new.tenant_id
             else (select id from tenants where parent_id is null) end,
        'payout.changed', 'payout', new.id, null,
        jsonb_build_object('state', new.state, 'partyKind', new.party_kind,
                           'partyId', new.party_id, 'amountMinor', new.amount_minor,
                           'feeMinor', new.fee_minor, 'currency', new.currency));
    return null;
end $$;
create trigger note_new_payout after insert on payouts
    for each row execute function note_payout();
create trigger note_payout after update of state on payouts
    for each row when (old.state <> new.state) execute function note_payout();

-- --- programs hear of it --------------------------------------------------------------------------

-- A domain cannot be changed while a column is an array of it.
drop trigger note_who_hears_orders on webhook_endpoints;
drop trigger audited on webhook_endpoints;
alter table webhook_endpoints alter event_types type text[];
alter domain event_type drop constraint event_type_check;
alter domain event_type add constraint event_type_check check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'order.needs_correction', 'balance.changed', 'balance.low', 'price.alert',
    'tenant.status_changed', 'password.reset_asked', 'payout.changed', 'payout.method_changed',
    'step_up.code_asked', 'webhook.ping'));
alter table webhook_endpoints alter event_types type event_type[];
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();
call audit_decisions('webhook_endpoints', 'tenant_id id', 'event_types status sends_keys');
alter domain object_kind drop constraint object_kind_check;
alter domain object_kind add constraint object_kind_check check (value in (
    'order', 'balance', 'price', 'tenant', 'password', 'payout', 'step_up', 'webhook'));
