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

-- Locks a liability account for a debit, and says what it holds. The statement that calls this has
-- taken its picture before it waited for the lock; a volatile function takes a new one for each of
-- its own statements, so the sum has what was committed meanwhile.
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

-- And it writes less. What belongs to a line names the line's order with it, so that one foreign
-- key says both; and the lines of an order are found by the index that the key needs.
alter table order_lines add unique (order_id, id, tenant_id);
alter table line_shares drop constraint line_shares_tenant_id_line_id_fkey,
    drop constraint line_shares_tenant_id_order_id_fkey,
    add foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id);
alter table delivered_keys drop constraint delivered_keys_tenant_id_line_id_fkey,
    drop constraint delivered_keys_tenant_id_order_id_fkey,
    add foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id);
-- A refund without a line keeps its key to the order.
alter table refunds drop constraint refunds_tenant_id_line_id_fkey,
    add foreign key (order_id, line_id, tenant_id) references order_lines (order_id, id, tenant_id),
    add constraint refunds_line_of_order check (line_id is null or order_id is not null);
alter table order_lines drop constraint order_lines_tenant_id_id_key;
drop index order_lines_of_order;

-- Entries are found by their transaction or by their account, never by their number.
alter table ledger_entries drop constraint ledger_entries_pkey,
    add primary key (transaction_id, id);
drop index ledger_entries_of_transaction;
