-- What may not be paid out to a party may not be given away by it either: the two ask alike.
-- (docs/decisions/0067)

-- Why a party may not use what it has earned; null: nothing forbids it. Whoever decides by it holds
-- the lock of the account that is drawn on, which whoever makes a debt waits for; a volatile function
-- sees what was committed meanwhile.
create function party_block(of_kind text, party uuid) returns text language plpgsql volatile as $$
begin
    if exists (select from payout_stops where ended_at is null and party_id = party) then
        return 'STOPPED';
    end if;
    if (of_kind = 'TENANT' and exists (
            select from tenants where id = party and (payouts_frozen or status = 'SUSPENDED')))
       or (of_kind = 'SUPPLIER' and exists (
            select from suppliers where id = party and status = 'SUSPENDED'))
       or (of_kind = 'AFFILIATE' and exists (
            select from affiliates where id = party and status = 'SUSPENDED')) then
        return 'FROZEN';
    end if;
    if exists (select from ledger_accounts
               where code = 'A:RECV' and owner_id = party and ledger_balance(id) > 0) then
        return 'IN_DEBT';
    end if;
    return null;
end $$;

-- The same of a payout, which a stop of everybody's forbids, too.
create or replace function payout_block(of_kind text, party uuid) returns text
language plpgsql volatile as $$
begin
    if exists (select from payout_stops where ended_at is null and party_id is null) then
        return 'STOPPED';
    end if;
    return party_block(of_kind, party);
end $$;
