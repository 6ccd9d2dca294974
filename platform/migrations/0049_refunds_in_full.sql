-- Refunds to the wallet, and of every past buyer of a batch (docs/decisions/0065).

alter table refunds
    -- The channel's part goes back to the channel, or to the buyer's wallet at the buyer's wish.
    add column destination text not null default 'CHANNEL'
        check (destination in ('CHANNEL', 'WALLET')),
    add column batch_id uuid references key_batches (id),  -- that has failed
    drop constraint refunds_reason_check,
    add constraint refunds_reason_check
        check (reason in ('UNREVEALED_RETURN', 'SUPPLIER_FAULT', 'SHOP_FAULT', 'CHANGE_OF_MIND',
                          'GOODWILL', 'INSPECTION', 'LATE_PAYMENT', 'DOUBLE_PAYMENT',
                          'WRONG_PAYMENT')),
    add constraint refunds_batch_check check ((reason = 'INSPECTION') = (batch_id is not null)),
    add constraint refunds_to_wallet_check check (destination = 'CHANNEL' or channel_minor = 0);
-- A line is paid back for one batch once, however often somebody begins.
create unique index refunds_of_batch on refunds (batch_id, line_id) where batch_id is not null;

-- A batch of keys failed an inspection: whoever bought of it since then gets the money back, piece
-- by piece of the work. The last line that was looked at is the place to go on from.
create table batch_compensations (
    batch_id uuid primary key references key_batches (id),
    since timestamptz not null,
    penalty_bp basis_points not null,  -- of what is given back, by the supplier to the platform
    started_by text not null check (length(started_by) between 1 and 200),
    started_at timestamptz not null default platform_now(),
    after_line_id uuid not null default '00000000-0000-0000-0000-000000000000',
    ended_at timestamptz
);
create index batch_compensations_open on batch_compensations (started_at) where ended_at is null;
grant select, insert on batch_compensations to kameng_core;
grant update (after_line_id, ended_at) on batch_compensations to kameng_core;
