-- A child pays the opening fee of the grade that its parent gives it (docs/decisions/0060): a
-- movement of its trade balance.
alter table trade_moves
    drop constraint trade_moves_kind_check,
    drop constraint trade_moves_check,
    add constraint trade_moves_kind_check
        check (kind in ('TOP_UP', 'BANK_CREDIT', 'PURCHASE', 'REFUND', 'TRANSFER_OUT',
                        'TRANSFER_IN', 'OPEN_FEE')),
    add constraint trade_moves_direction_check
        check ((kind in ('PURCHASE', 'TRANSFER_OUT', 'OPEN_FEE')) = (amount_minor < 0));
