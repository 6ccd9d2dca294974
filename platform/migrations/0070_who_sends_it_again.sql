-- What failed or came back goes out again by as many people as approve it, in a round of its own:
-- whoever writes down that it has failed does not have it sent twice alone.
create or replace function check_payout_transition() returns trigger language plpgsql as $$
begin
    if (old.state, new.state) not in (
        ('REQUESTED', 'CHECKING'), ('REQUESTED', 'CANCELED'),
        ('CHECKING', 'APPROVED'), ('CHECKING', 'REJECTED'), ('CHECKING', 'HELD'),
        ('HELD', 'CHECKING'), ('HELD', 'REJECTED'),
        ('APPROVED', 'BATCHED'), ('APPROVED', 'HELD'),
        ('BATCHED', 'SENT'), ('BATCHED', 'HELD'),
        ('SENT', 'PAID'), ('SENT', 'FAILED'), ('SENT', 'RETURNED'), ('PAID', 'RETURNED'),
        ('FAILED', 'APPROVED'), ('RETURNED', 'APPROVED'))
    then
        raise exception 'a payout does not go from % to %', old.state, new.state
            using errcode = 'check_violation', constraint = 'payouts_transition';
    end if;
    if new.state = 'APPROVED' and new.approvals_needed > (
           select count(*) from payout_approvals
           where payout_id = new.id and round = new.round
             and (old.state = 'CHECKING' or new.round > old.round)) then
        raise exception 'payout % has too few approvals', new.id
            using errcode = 'check_violation', constraint = 'payouts_approved';
    end if;
    if new.state in ('APPROVED', 'BATCHED', 'SENT') and not exists (
           select from payout_methods where id = new.method_id and ready and ended_at is null
               and usable_at <= platform_now()) then
        raise exception 'payout % goes to a place that cannot be paid to', new.id
            using errcode = 'check_violation', constraint = 'payouts_method';
    end if;
    return new;
end $$;
