-- Corrections of the ledger by hand. What one person proposes another decides; nothing is edited: a
-- correction is a posting of its own.

create table ledger_adjustments (
    id uuid primary key,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    codes text[] not null check (array_length(codes, 1) between 2 and 20),
    owner_ids uuid[] not null,
    amounts_minor bigint[] not null,  -- debit positive, credit negative
    reason text not null check (length(reason) between 10 and 500),
    state text not null default 'PROPOSED' check (state in ('PROPOSED', 'POSTED', 'REJECTED')),
    proposed_by text not null,
    proposed_at timestamptz not null default platform_now(),
    decided_by text,
    decided_at timestamptz,
    posting_id uuid unique references ledger_transactions (id) deferrable initially deferred,
    check (cardinality(owner_ids) = cardinality(codes)),
    check (cardinality(amounts_minor) = cardinality(codes)),
    check ((state = 'PROPOSED') = (decided_by is null)),
    check ((state = 'PROPOSED') = (decided_at is null)),
    check ((state = 'POSTED') = (posting_id is not null)),
    -- Two people: whoever proposed may take it back, and not wave it through.
    check (state <> 'POSTED' or decided_by <> proposed_by)
);
create index ledger_adjustments_by_state on ledger_adjustments (state, proposed_at desc, id desc);

create function check_adjustment() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.state <> 'PROPOSED' then
        raise exception 'an adjustment is proposed first' using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and (old.state <> 'PROPOSED'
       or (new.id, new.currency, new.codes, new.owner_ids, new.amounts_minor, new.reason,
           new.proposed_by, new.proposed_at)
          is distinct from (old.id, old.currency, old.codes, old.owner_ids, old.amounts_minor,
                            old.reason, old.proposed_by, old.proposed_at)) then
        raise exception 'an adjustment is decided once' using errcode = 'check_violation';
    end if;
    if (select sum(amount) from unnest(new.amounts_minor) as amount) <> 0
       or 0 = any (new.amounts_minor) then
        raise exception 'an adjustment adds up to zero' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger adjustment_is_decided_once before insert or update on ledger_adjustments
    for each row execute function check_adjustment();

grant select, insert on ledger_adjustments to kameng_core;
grant update (state, decided_by, decided_at, posting_id) on ledger_adjustments to kameng_core;
call audit_decisions('ledger_adjustments', 'id', 'state reason codes owner_ids amounts_minor '
    'currency proposed_by decided_by');
