-- Who was accepted and never becomes known, or never pays, is rejected, and may ask again: else such
-- a tenant would wait for ever (docs/decisions/0041).
create or replace function check_tenant_transition() returns trigger language plpgsql as $$
begin
    if (old.status, new.status) not in (
        ('APPLIED', 'KYC'), ('KYC', 'DEPOSIT_DUE'), ('DEPOSIT_DUE', 'ACTIVE'),
        ('APPLIED', 'REJECTED'), ('KYC', 'REJECTED'), ('DEPOSIT_DUE', 'REJECTED'),
        ('REJECTED', 'APPLIED'),
        ('ACTIVE', 'RESTRICTED'), ('RESTRICTED', 'ACTIVE'),
        ('ACTIVE', 'SUSPENDED'), ('RESTRICTED', 'SUSPENDED'),
        ('SUSPENDED', 'ACTIVE'), ('SUSPENDED', 'RESTRICTED'),
        ('ACTIVE', 'CLOSING'), ('RESTRICTED', 'CLOSING'), ('SUSPENDED', 'CLOSING'),
        ('CLOSING', 'CLOSED'))
    then
        raise exception 'a tenant does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'tenants_transition';
    end if;
    if new.status = 'DEPOSIT_DUE' and new.kyc_passed_at is null
       or old.status = 'DEPOSIT_DUE' and new.status = 'ACTIVE'
          and (new.kyc_passed_at is null or new.deposit_paid_minor < new.deposit_due_minor)
    then
        raise exception 'a tenant opens when it is known and its deposit is paid'
            using errcode = 'check_violation', constraint = 'tenants_opening';
    end if;
    return new;
end $$;
