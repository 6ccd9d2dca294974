-- Reconciliation: the books beside what channels and banks say, and beside orders and keys
-- (docs/decisions/0064). Platform class: a statement is of the whole platform.

-- A day's run is a row that says how far it has got: whoever finds it goes on. `turn` grows with
-- every note, and whoever notes names the turn that it has seen.
create table reconciliation_runs (
    day date primary key,                  -- from midnight to midnight, UTC
    step text not null default 'FETCH'
        check (step in ('FETCH', 'GATHER', 'ORDERS', 'MATCH', 'DONE')),
    place text not null default '',        -- where the step goes on
    seen_until timestamptz not null,       -- what has moved later does not count in this run
    turn integer not null default 0,
    claimed_until timestamptz,
    entries_fetched bigint not null default 0,
    postings_read bigint not null default 0,
    orders_read bigint not null default 0,
    references_matched bigint not null default 0,
    problem text not null default '' check (length(problem) <= 200),
    asked_by text not null check (length(asked_by) between 1 and 100),
    began_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    check ((step = 'DONE') = (ended_at is not null))
) with (fillfactor = 50);
create index reconciliation_runs_due on reconciliation_runs (day) where ended_at is null;
grant select, insert, update on reconciliation_runs to kameng_core;

-- What has moved at a channel or a bank: OURS as the ledger says, THEIRS as the statement does.
-- `reference` is what the other side calls it, and both sides add up to the same for each.
create table settlement_movements (
    book text not null check (length(book) between 1 and 20),   -- STRIPE, BANK
    side text not null check (side in ('OURS', 'THEIRS')),
    id text not null check (length(id) between 1 and 255),      -- the posting's, or the entry's
    currency currency_code not null,
    reference text not null check (length(reference) between 1 and 255),
    category text not null
        check (category in ('PAYMENT', 'REFUND', 'DISPUTE', 'TRANSFER', 'PAYOUT', 'FEE', 'OTHER')),
    own_id uuid,                           -- ours, as the posting or the entry names it
    amount_minor bigint not null,          -- before fees; positive is money that came
    fee_minor bigint not null,             -- what was kept of it
    moved_at timestamptz not null,
    primary key (book, side, id, currency)
);
create index settlement_movements_of_reference on settlement_movements (book, reference);
create index settlement_movements_in_time on settlement_movements (book, moved_at, id);
grant select, insert, update, delete on settlement_movements to kameng_core;

-- A day's control totals. Where nobody has a statement, THEIRS is null.
create table reconciliation_totals (
    day date not null references reconciliation_runs (day),
    book text not null,
    currency currency_code not null,
    our_count bigint not null default 0,
    our_minor bigint not null default 0,
    our_fee_minor bigint not null default 0,
    their_count bigint,
    their_minor bigint,
    their_fee_minor bigint,
    primary key (day, book, currency)
);
grant select, insert, update, delete on reconciliation_totals to kameng_core;

create table reconciliation_items (
    id uuid primary key,
    number bigint generated always as identity unique,
    day date not null references reconciliation_runs (day),      -- that found it first
    last_day date not null,                                      -- and last
    book text not null,
    reference text not null,
    kind text not null
        check (kind in ('MISSING_IN_LEDGER', 'MISSING_AT_PROVIDER', 'AMOUNT', 'FEE', 'CURRENCY',
                        'DUPLICATE', 'UNKNOWN_REFERENCE', 'TIMING', 'PAYMENT', 'WALLET', 'ESCROW',
                        'SHARES', 'KEYS', 'REFUNDS')),
    fix text not null
        check (fix in ('APPLY_EVENT', 'ADJUST_FEE', 'BOOK', 'WAIT', 'ASK_PROVIDER', 'REVERSE',
                       'LEDGER_ADJUST')),
    category text not null,
    currency currency_code not null,
    their_currency currency_code,
    our_count bigint not null,
    their_count bigint not null,
    our_minor bigint not null,
    their_minor bigint not null,
    our_fee_minor bigint not null default 0,
    their_fee_minor bigint not null default 0,
    difference_minor bigint not null check (difference_minor >= 0),
    state text not null default 'OPEN' check (state in ('OPEN', 'RESOLVED', 'ACCEPTED')),
    how text check (how in ('GONE', 'APPLY_EVENT', 'ADJUST_FEE', 'BOOK', 'BY_HAND')),
    decided_by text check (length(decided_by) between 1 and 100),
    decided_at timestamptz,
    reason text not null default '' check (length(reason) <= 500),
    found_at timestamptz not null default platform_now(),
    check ((state = 'RESOLVED') = (how is not null)),
    check (num_nulls(decided_by, decided_at) = case when state = 'OPEN' then 2 else 0 end),
    check ((how is distinct from 'BY_HAND' and state <> 'ACCEPTED') or reason <> '')
);
create unique index reconciliation_items_open on reconciliation_items (book, reference, kind)
    where state = 'OPEN';
create index reconciliation_items_of_reference on reconciliation_items (book, reference);
create index reconciliation_items_by_state on reconciliation_items (state, number);
grant select, insert on reconciliation_items to kameng_core;
grant update (last_day, fix, currency, their_currency, our_count, their_count, our_minor,
              their_minor, our_fee_minor, their_fee_minor, difference_minor, state, how,
              decided_by, decided_at, reason)
    on reconciliation_items to kameng_core;

-- What was decided stays decided: a difference that is found again is another item.
create function keep_decided() returns trigger language plpgsql as $$
begin
    raise exception 'an item of a reconciliation is decided once'
        using errcode = 'restrict_violation';
end $$;
create trigger decided_once before update on reconciliation_items
    for each row when (old.state <> 'OPEN') execute function keep_decided();

-- Nothing is paid out in a currency while what is open in it is more than this.
create table payout_gates (
    currency currency_code primary key,
    threshold_minor bigint not null default 0 check (threshold_minor >= 0),
    open_items bigint not null default 0,
    open_minor bigint not null default 0,
    shut_since timestamptz
);
grant select, insert, update on payout_gates to kameng_core;
call audit_decisions('payout_gates', 'currency', 'threshold_minor');
