-- Money by bank: statements, their lines, and what goes back (docs/decisions/0062).

alter domain payment_method drop constraint payment_method_check;
alter domain payment_method add constraint payment_method_check
    check (value in ('WALLET', 'TRADE', 'CARD', 'ALIPAY', 'WECHAT_PAY', 'BANK_TRANSFER'));

-- A statement that an operator has sent, until the worker has read it.
create table bank_files (
    id uuid primary key,
    state text not null check (state in ('WAITING', 'DONE', 'REFUSED')),
    content bytea check (length(content) between 1 and 10000000),
    uploaded_by text not null check (length(uploaded_by) between 1 and 100),
    lines integer not null default 0 check (lines >= 0),
    new_lines integer not null default 0 check (new_lines >= 0),
    problems jsonb not null default '[]',
    claimed_until timestamptz,
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    check ((state = 'WAITING') = (content is not null)),
    check ((state = 'WAITING') = (ended_at is null))
);
create index bank_files_waiting on bank_files (created_at, id) where state = 'WAITING';
grant select, insert on bank_files to kameng_core;
grant update (state, content, lines, new_lines, problems, claimed_until, ended_at)
    on bank_files to kameng_core;

-- A line of a statement, known by its currency and the bank's own id. What has come waits until it
-- is used, once: MATCHED to a payment, CREDITED to a wallet, RETURNED to its sender. BOOKED was
-- written down by hand before it came, and SENT is what has gone out.
create table bank_lines (
    id uuid primary key,
    file_id uuid not null references bank_files (id),
    bank_id text not null check (length(bank_id) between 1 and 64),
    booked_on date not null,
    amount_minor entry_minor not null,  -- positive: it has come
    currency currency_code not null,
    message text not null check (length(message) <= 500),
    sender bytea not null,              -- ciphertext: a name and an account
    sender_key_id smallint not null,
    state text not null
        check (state in ('WAITING', 'MATCHED', 'CREDITED', 'RETURNED', 'BOOKED', 'SENT')),
    payment_id uuid references payments (id),  -- of a line that waits: what its reference names
    decided_by text check (length(decided_by) between 1 and 100),
    looked_at timestamptz,              -- the reference was looked for
    used_at timestamptz,
    created_at timestamptz not null default platform_now(),
    unique (currency, bank_id),
    check ((state = 'SENT') = (amount_minor < 0)),
    check ((state in ('MATCHED', 'CREDITED', 'RETURNED')) = (used_at is not null)),
    check ((used_at is null) = (decided_by is null)),
    check (state not in ('MATCHED', 'CREDITED') or payment_id is not null)
);
create index bank_lines_by_state on bank_lines (state, id);
create index bank_lines_unseen on bank_lines (id) where state = 'WAITING' and looked_at is null;
create index bank_lines_by_bank_id on bank_lines (bank_id);
create unique index bank_lines_of_payment on bank_lines (payment_id) where state = 'MATCHED';
grant select, insert on bank_lines to kameng_core;
grant update (state, payment_id, decided_by, looked_at, used_at) on bank_lines to kameng_core;

-- Whatever the code believes, a line is used once.
create function check_bank_line_transition() returns trigger language plpgsql as $$
begin
    if old.state <> 'WAITING' then
        raise exception 'a bank line is used once, and this one is %', old.state
            using errcode = 'unique_violation', constraint = 'bank_lines_used_once';
    end if;
    return new;
end $$;
create trigger bank_lines_transition before update of state on bank_lines
    for each row execute function check_bank_line_transition();

-- A line pays for a payment with the payment's event, in its transaction: the event's id begins
-- with the line's. An event without effect uses nothing.
create function use_bank_line() returns trigger language plpgsql as $$
begin
    update bank_lines set state = 'MATCHED', payment_id = new.payment_id, decided_by = new.kind,
           used_at = platform_now()
    where id = split_part(new.event_id, ':', 1)::uuid;
    if not found then
        raise exception 'a payment by bank is paid by a line of its statement'
            using errcode = 'foreign_key_violation', constraint = 'payment_events_bank_line';
    end if;
    return null;
end $$;
create trigger use_bank_line after insert on payment_events
    for each row when (new.provider = 'bank' and new.effect not in ('NOTHING', 'REFUSED', 'ENDED'))
    execute function use_bank_line();

-- What is to be transferred back to whoever sent a line; without a refund, because the line has
-- paid for nothing. It is due until somebody has sent it, or has given it to the buyer's wallet.
create table bank_refunds (
    id uuid primary key,
    line_id uuid not null references bank_lines (id),
    refund_id uuid unique references refunds (id),
    amount_minor price_minor not null,
    currency currency_code not null,
    state text not null check (state in ('DUE', 'SENT', 'WALLET')),
    decided_by text check (length(decided_by) between 1 and 100),
    created_at timestamptz not null default platform_now(),
    ended_at timestamptz,
    check ((state = 'DUE') = (ended_at is null) and (ended_at is null) = (decided_by is null)),
    check (state <> 'WALLET' or refund_id is not null)
);
create index bank_refunds_due on bank_refunds (id) where state = 'DUE';
-- A line that has paid for nothing goes back once.
create unique index bank_refunds_of_line on bank_refunds (line_id) where refund_id is null;
grant select, insert on bank_refunds to kameng_core;
grant update (state, decided_by, ended_at) on bank_refunds to kameng_core;
