-- Damage to what is known of vouchers.

-- damage: a voucher is open that nobody has paid for
-- breaks: I26 what is owed for vouchers is the worth of the codes that are still open
insert into voucher_batches (tenant_id, id, name, funder, value_minor, currency, count, starts_at,
                             ends_at, state, made_by, request_key)
values (named('shop'), named('batch'), 'batch', 'SHOP', 100, 'CNY', 1, now(),
        now() + interval '1 day', 'ACTIVE', 'staff', 'key');
insert into vouchers (tenant_id, id, batch_id, code_hash, last_letters)
values (named('shop'), named('voucher'), named('batch'), some_bytes('code'), 'ABCD');

-- damage: a batch of vouchers misses codes
-- breaks: I26 a batch has all its codes, open ones while it lasts, and no customer has too many
insert into voucher_batches (tenant_id, id, name, funder, value_minor, currency, count, starts_at,
                             ends_at, state, made_by, request_key)
values (named('shop'), named('batch'), 'batch', 'SHOP', 100, 'CNY', 1, now(),
        now() + interval '1 day', 'ACTIVE', 'staff', 'key');
