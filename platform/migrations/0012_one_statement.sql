-- A sale from the wallet is one statement (docs/decisions/0029).

-- A key that is paid for when it is taken is never held: it is checked, locked and sold at once.
create or replace function check_key_transition() returns trigger language plpgsql as $$
begin
    if (old.status, new.status) not in (
        ('AVAILABLE', 'HELD'), ('AVAILABLE', 'SOLD'), ('AVAILABLE', 'EXPIRED'),
        ('AVAILABLE', 'WITHDRAWN'),
        ('HELD', 'AVAILABLE'), ('HELD', 'HELD'), ('HELD', 'SOLD'),
        ('SOLD', 'AVAILABLE'), ('SOLD', 'REVEALED'), ('SOLD', 'VOIDED'),
        ('REVEALED', 'VOIDED'))
    then
        raise exception 'a key does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'keys_transition';
    end if;
    return new;
end $$;

-- Locks a liability account for a debit, and says what it holds. The statement that calls this has taken
-- its picture before it waited for the lock; a volatile function takes a new one for each of its
-- own statements, so the sum has what was committed meanwhile.
create function lock_balance(account uuid) returns bigint language plpgsql volatile as $$
begin
    perform from ledger_accounts where id = account for no key update;
    return -ledger_balance(account);
end $$;

-- Ends the statement that calls this, and with it whatever it has written. The reason is for the
-- program that sent it (kernel/db.py).
create function give_up(reason text) returns boolean language plpgsql volatile as $$
begin
    raise exception using errcode = 'KM001', message = reason;
end $$;
