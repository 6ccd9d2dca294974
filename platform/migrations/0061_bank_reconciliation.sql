-- What the ledger has at the bank beside the bank's own statement (docs/decisions/0074).

-- An id as it stands outside (kernel/ids.py): its kind, and 26 letters of 5 bits.
create function public_id(kind text, id uuid) returns text language sql immutable as $$
    select kind || '_' || string_agg(
               substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + substring(bits from place for 5)::int,
                      1),
               '' order by place)
    from (select B'00' || ('x' || replace(id::text, '-', ''))::bit(128) as bits) as value,
         generate_series(1, 126, 5) as place
$$;

-- The payout or the refund of ours that a line's message names: what went out for it, or came back.
alter table bank_lines add names text check (length(names) = 30);
create index bank_lines_in_time on bank_lines (created_at, id);
create index bank_lines_named on bank_lines (names) where names is not null;

-- OWN: the platform's own money has come, from a channel or back from a payout.
call admit_values('bank_lines', 'bank_lines_state_check', 'OWN');
call admit_values('bank_lines', 'bank_lines_check1', 'OWN');

call admit_values('reconciliation_items', 'reconciliation_items_fix_check', 'RECORD_RESULT');
