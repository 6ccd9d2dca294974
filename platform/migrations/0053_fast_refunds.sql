-- Fast refunds (docs/decisions/0070): paid at once out of the supplier's deposit, decided after.

alter table refunds drop constraint refunds_reason_check,
    add constraint refunds_reason_check check (
        reason in ('UNREVEALED_RETURN', 'SUPPLIER_FAULT', 'SHOP_FAULT', 'CHANGE_OF_MIND',
                   'GOODWILL', 'INSPECTION', 'LATE_PAYMENT', 'DOUBLE_PAYMENT', 'WRONG_PAYMENT',
                   'CHARGEBACK', 'FAST_REFUND'));

-- One claim a line, ever: with it all that was left of the line has gone back.
create table fast_refunds (
    tenant_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    line_id uuid not null,
    supplier_id uuid not null references suppliers (id),
    customer_id uuid,            -- null: a guest's, from whom nothing can be taken back
    kind text not null check (kind in ('MISSING', 'INVALID')),
    currency currency_code not null,
    amount_minor price_minor not null,
    state text not null default 'ACCEPTED' check (state in ('ACCEPTED', 'UPHELD', 'REJECTED')),
    refund_id uuid not null unique references refunds (id),
    accepted_by text not null,
    accepted_at timestamptz not null,
    accepted_posting uuid not null references ledger_transactions (id),
    decide_by timestamptz not null,
    decided_by text,             -- clock: the supplier was silent
    decided_at timestamptz,
    decided_posting uuid references ledger_transactions (id),
    reason text not null default '' check (length(reason) <= 500),
    taken_back_minor part_minor not null default 0,  -- out of the buyer's wallet
    primary key (tenant_id, id),
    unique (tenant_id, line_id),
    foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    check ((state = 'ACCEPTED') = (decided_at is null)),
    check ((state = 'ACCEPTED') = (decided_by is null)),
    check ((state = 'ACCEPTED') = (decided_posting is null)),
    check (taken_back_minor <= amount_minor),
    check (taken_back_minor = 0 or (state = 'REJECTED' and customer_id is not null))
);
create index fast_refunds_due on fast_refunds (decide_by) where state = 'ACCEPTED';
create index fast_refunds_newest on fast_refunds (id desc);
create index fast_refunds_rejected on fast_refunds (tenant_id, customer_id)
    where state = 'REJECTED' and customer_id is not null;
call fence_tenant_table('fast_refunds');
grant select, insert on fast_refunds to kameng_core;
grant update (state, decided_by, decided_at, decided_posting, reason, taken_back_minor)
    on fast_refunds to kameng_core;

-- Whatever the code believes: it is decided once.
create function check_fast_refund_transition() returns trigger language plpgsql as $$
begin
    if old.state <> 'ACCEPTED' then
        raise exception 'a fast refund is decided once'
            using errcode = 'check_violation', constraint = 'fast_refunds_transition';
    end if;
    return new;
end $$;
create trigger fast_refunds_transition before update on fast_refunds
    for each row execute function check_fast_refund_transition();

-- Whoever moves a supplier's money, in whichever shop's transaction, lets its sales go on or stops
-- them: a standing is the platform's, as the ledger is.
drop policy own_party on deposit_standings;
drop policy own_tenant on deposit_standings;
drop policy lifted on deposit_standings;
alter table deposit_standings no force row level security;
alter table deposit_standings disable row level security;
