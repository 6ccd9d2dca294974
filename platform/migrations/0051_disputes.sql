-- Disputes: a buyer's bank takes a payment back (docs/decisions/0068).

-- --- who bears it: a term of the contract, with its past --------------------------------------------

-- An order is under the term that held when it was made, so what held is kept and never changed.
-- Nobody has a row until an operator says something: then the shop bears it.
create table chargeback_liabilities (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,
    liability text not null check (liability in ('SHOP', 'PLATFORM')),
    since timestamptz not null default platform_now(),
    actor text not null check (length(actor) between 1 and 100),
    reason text not null default '' check (length(reason) <= 500),
    unique (tenant_id, since)
);
call make_append_only('chargeback_liabilities');
call fence_tenant_table('chargeback_liabilities');
grant select on chargeback_liabilities to kameng_core;
grant insert (tenant_id, id, liability, actor, reason) on chargeback_liabilities to kameng_core;
call audit_decisions('chargeback_liabilities', 'tenant_id id', 'liability reason');

-- --- the case ---------------------------------------------------------------------------------------

create domain dispute_state as text check (value in (
    'INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'CLOSED'));

-- One row for each dispute at a channel. What the channel says of it only ever adds: a state that
-- comes later, the money that was taken, the money that came back.
create table disputes (
    tenant_id uuid not null references tenants (id),
    id uuid primary key,                          -- the case, which owns A:DISPUTE
    payment_id uuid not null references payments (id),
    order_id uuid,                                -- null: a balance was topped up
    provider text not null,
    provider_ref text not null,
    currency currency_code not null,
    amount_minor price_minor not null,
    fee_minor part_minor not null default 0,      -- what the channel takes for it
    fee_back_minor part_minor not null default 0,
    reason text not null check (length(reason) between 1 and 60),
    state dispute_state not null,
    liability text not null check (liability in ('SHOP', 'PLATFORM')),  -- as of the sale
    goods text not null default 'GOOD' check (goods in ('GOOD', 'BAD')),
    claimed_minor part_minor not null default 0,  -- of the order: not to be refunded meanwhile
    taken_minor part_minor not null default 0,    -- out of the balance that was topped up
    opened_at timestamptz not null,               -- by the channel's clock
    heard_at timestamptz not null default platform_now(),
    due_at timestamptz,                           -- until when evidence is heard
    stopped_at timestamptz,                       -- since when everything about the payment waits
    withdrawn_at timestamptz,
    reinstated_at timestamptz,
    settled_at timestamptz,                       -- nothing waits for it any more
    reminded_at timestamptz,
    next_poll_at timestamptz,                     -- null: the channel has said its last word
    unique (tenant_id, id),
    unique (provider, provider_ref),
    foreign key (order_id, tenant_id) references orders (id, tenant_id),
    check (fee_back_minor <= fee_minor),
    check (claimed_minor = 0 or order_id is not null),
    check (claimed_minor + taken_minor <= amount_minor),
    check (reinstated_at is null or (withdrawn_at is not null and state = 'WON')),
    check (settled_at is null or state in ('WON', 'LOST', 'CLOSED')),
    check (settled_at is null or state <> 'LOST' or withdrawn_at is not null),
    check (settled_at is not null or next_poll_at is not null)
);
create index disputes_of_order on disputes (order_id) where order_id is not null;
create index disputes_of_payment on disputes (payment_id);
create index disputes_of_tenant on disputes (tenant_id, opened_at, id);
create index disputes_by_time on disputes (opened_at, id);
create index disputes_to_ask on disputes (next_poll_at) where next_poll_at is not null;
create index disputes_to_answer on disputes (due_at) where reminded_at is null;
call fence_tenant_table('disputes');
grant select, insert, update on disputes to kameng_core;

create function check_dispute_transition() returns trigger language plpgsql as $$
begin
    if old.state in ('WON', 'LOST', 'CLOSED') and new.state <> old.state
       or old.state <> 'INQUIRY' and new.state = 'INQUIRY'
       or old.withdrawn_at is not null and new.withdrawn_at is null
       or old.settled_at is not null
          and (new.settled_at, new.claimed_minor, new.taken_minor, new.goods)
              is distinct from (old.settled_at, old.claimed_minor, old.taken_minor, old.goods)
    then
        raise exception 'a dispute does not go from % to %', old.state, new.state
            using errcode = 'check_violation', constraint = 'disputes_transition';
    end if;
    return new;
end $$;
create trigger disputes_transition before update on disputes
    for each row execute function check_dispute_transition();

-- What a party bears of a lost dispute beyond its own shares: for those whose shares stand, for what
-- no line has, and for the channel's fee.
create table dispute_charges (
    tenant_id uuid not null,
    dispute_id uuid not null,
    party_id uuid not null,
    kind text not null check (kind in ('BORNE', 'REST', 'FEE')),
    amount_minor price_minor not null,
    primary key (dispute_id, party_id, kind),
    foreign key (tenant_id, dispute_id) references disputes (tenant_id, id)
);
call make_append_only('dispute_charges');
call fence_party_table('dispute_charges');
grant select, insert on dispute_charges to kameng_core;

-- What we answer the bank, in the channel's own words: written first, sent afterwards, and once.
create table dispute_answers (
    tenant_id uuid not null,
    id uuid primary key,                          -- the idempotency key at the channel
    dispute_id uuid not null,
    words text not null check (octet_length(words) <= 150000),
    actor text not null check (length(actor) between 1 and 100),
    state text not null default 'DUE' check (state in ('DUE', 'SENT', 'REFUSED')),
    attempts integer not null default 0,
    next_attempt_at timestamptz default platform_now(),
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    foreign key (tenant_id, dispute_id) references disputes (tenant_id, id),
    check ((state = 'DUE') = (next_attempt_at is not null)),
    check ((state = 'DUE') = (ended_at is null))
);
create unique index dispute_answers_once on dispute_answers (dispute_id) where state <> 'REFUSED';
create index dispute_answers_due on dispute_answers (next_attempt_at)
    where next_attempt_at is not null;
call fence_tenant_table('dispute_answers');
grant select, insert on dispute_answers to kameng_core;
grant update (state, attempts, next_attempt_at, ended_at) on dispute_answers to kameng_core;

-- --- nobody is paid twice ---------------------------------------------------------------------------

-- What open disputes claim of a payment. Refunds and disputes together never exceed what was paid;
-- the check takes the place of that on refunds alone. Null for nearly every payment: no sale
-- writes it.
alter table payments add column disputed_minor bigint check (disputed_minor > 0),
    drop constraint payments_check,
    add constraint payments_given_back_check check (
        refunded_channel_minor >= 0
        and refunded_channel_minor + coalesce(disputed_minor, 0) <= channel_minor);

alter table refunds
    -- What of the channel's part a lost dispute has paid the buyer instead.
    add column covered_minor part_minor not null default 0,
    -- What no share gives back: the shop, or the platform, bears it.
    add column borne_minor part_minor not null default 0,
    add constraint refunds_covered_check check (covered_minor <= channel_minor),
    add constraint refunds_borne_check check (borne_minor <= amount_minor),
    drop constraint refunds_status_check,
    -- STOPPED: its payment is disputed, and the channel refunds nothing.
    add constraint refunds_status_check
        check (status in ('DUE', 'SENT', 'DONE', 'FAILED', 'STOPPED')),
    drop constraint refunds_reason_check,
    add constraint refunds_reason_check
        check (reason in ('UNREVEALED_RETURN', 'SUPPLIER_FAULT', 'SHOP_FAULT', 'CHANGE_OF_MIND',
                          'GOODWILL', 'INSPECTION', 'LATE_PAYMENT', 'DOUBLE_PAYMENT',
                          'WRONG_PAYMENT', 'CHARGEBACK'));
create index refunds_of_payment on refunds (payment_id);

alter domain order_aftersale_status drop constraint order_aftersale_status_check;
alter domain order_aftersale_status add constraint order_aftersale_status_check
    check (value in ('NONE', 'REFUNDING', 'PARTIALLY_REFUNDED', 'REFUNDED', 'CHARGED_BACK'));

alter table payment_events drop constraint payment_events_effect_check,
    add constraint payment_events_effect_check
        check (effect in ('SETTLED', 'TOPPED_UP', 'LATE_SETTLED', 'REFUNDING', 'ENDED', 'NOTHING',
                          'REFUSED', 'DISPUTED'));

-- A disputed top-up of a trade balance is taken out of it, and comes back with a dispute that is won.
alter table trade_moves
    drop constraint trade_moves_kind_check,
    drop constraint trade_moves_direction_check,
    add constraint trade_moves_kind_check
        check (kind in ('TOP_UP', 'BANK_CREDIT', 'PURCHASE', 'REFUND', 'TRANSFER_OUT',
                        'TRANSFER_IN', 'OPEN_FEE', 'DISPUTED', 'DISPUTE_WON')),
    add constraint trade_moves_direction_check
        check ((kind in ('PURCHASE', 'TRANSFER_OUT', 'OPEN_FEE', 'DISPUTED')) = (amount_minor < 0));

-- --- programs hear of it ----------------------------------------------------------------------------

drop trigger note_who_hears_orders on webhook_endpoints;
drop trigger audited on webhook_endpoints;
alter table webhook_endpoints alter event_types type text[];
alter domain event_type drop constraint event_type_check;
alter domain event_type add constraint event_type_check check (value in (
    'order.created', 'order.paid', 'order.delivered', 'order.expired', 'order.canceled',
    'order.refunded', 'order.needs_correction', 'balance.changed', 'balance.low', 'price.alert',
    'tenant.status_changed', 'password.reset_asked', 'payout.changed', 'payout.method_changed',
    'step_up.code_asked', 'webhook.ping', 'dispute.opened', 'dispute.due', 'dispute.closed'));
alter table webhook_endpoints alter event_types type event_type[];
create trigger note_who_hears_orders after insert or update of status, event_types
    on webhook_endpoints for each row execute function note_who_hears_orders();
call audit_decisions('webhook_endpoints', 'tenant_id id', 'event_types status sends_keys');
