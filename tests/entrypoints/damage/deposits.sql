-- Damage to deposits (sales.sql says how it is done).

-- damage: a deposit is held for no case
-- breaks: I23 what is held of a deposit is what its open cases hold
call post('ANY', '{"L:DEPOSIT:HELD shop": -100, "A:BANK": 100}');

-- damage: a hold was deducted and went nowhere
-- breaks: I23 penalties are what was deducted from deposits
insert into deposit_holds (tenant_id, id, party_kind, party_id, case_id, currency, amount_minor,
                           state, deducted_minor, reason, held_by, ended_by, ended_at)
values (named('shop'), named('hold'), 'TENANT', named('shop'), named('case'), 'CNY', 100,
        'DEDUCTED', 60, 'late', 'operator', 'operator', now());

-- damage: a bank transfer is credited with a channel's money
-- breaks: I23 a bank transfer that was credited stands at the bank
insert into bank_credits (bank_reference, posting_id)
select 'bank 2', id from ledger_transactions where kind = 'TOP_UP';

-- damage: a supplier whose deposit is too low goes on selling
-- breaks: I23 who has put too little down sells nothing new, and nobody else stands still for it
update suppliers set deposit_low = true where id = named('rival');

-- damage: a shop stands still though nothing is asked of it
-- breaks: I23 a deposit is called too low where it is
update tenants set deposit_low = true, status = 'RESTRICTED' where id = named('shop');
insert into deposit_standings (tenant_id, party_id, party_kind, currency)
values (named('shop'), named('shop'), 'TENANT', 'CNY');

-- damage: money goes back fast and nobody has claimed it
-- breaks: I23 a fast refund is a refund, and each is of one claim
update refunds set reason = 'FAST_REFUND' where id = named('late refund');

-- damage: what a decided claim has held is held for ever
-- breaks: I23 a claim holds what its line has earned until it is decided, and no longer
update refunds set reason = 'FAST_REFUND' where id = named('late refund');
insert into fast_refunds (tenant_id, id, order_id, line_id, supplier_id, kind, currency,
                          amount_minor, state, refund_id, accepted_by, accepted_at,
                          accepted_posting, decide_by, decided_by, decided_at, decided_posting)
select named('shop'), named('claim'), order_id, named('late line'), named('supplier'), 'INVALID',
       'CNY', amount_minor, 'UPHELD', id, 'operator', now(), gen_random_uuid(), now(),
       'operator', now(), gen_random_uuid()
from refunds where id = named('late refund');
insert into earning_holds (tenant_id, case_id, order_id, line_id, reason)
values (named('shop'), named('claim'), named('late'), named('late line'), 'FAST_REFUND');

-- damage: a rejected claim has cost the supplier the money
-- breaks: I23 a rejected claim has given the supplier back all that it laid out
update refunds set reason = 'FAST_REFUND' where id = named('late refund');
insert into fast_refunds (tenant_id, id, order_id, line_id, supplier_id, kind, currency,
                          amount_minor, state, refund_id, accepted_by, accepted_at,
                          accepted_posting, decide_by, decided_by, decided_at, decided_posting)
select named('shop'), named('claim'), order_id, named('late line'), named('supplier'), 'INVALID',
       'CNY', amount_minor, 'REJECTED', id, 'operator', now(), gen_random_uuid(), now(),
       'operator', now(), gen_random_uuid()
from refunds where id = named('late refund');

-- damage: nobody decides a claim
-- breaks: I23 a claim that nobody has answered is decided in its time
update refunds set reason = 'FAST_REFUND' where id = named('late refund');
insert into fast_refunds (tenant_id, id, order_id, line_id, supplier_id, kind, currency,
                          amount_minor, state, refund_id, accepted_by, accepted_at,
                          accepted_posting, decide_by, decided_by, decided_at, decided_posting)
select named('shop'), named('claim'), order_id, named('late line'), named('supplier'), 'INVALID',
       'CNY', amount_minor, 'ACCEPTED', id, 'operator', now(), gen_random_uuid(), now() - interval '1 hour',
       null, null, null
from refunds where id = named('late refund');
insert into earning_holds (tenant_id, case_id, order_id, line_id, reason)
values (named('shop'), named('claim'), named('late'), named('late line'), 'FAST_REFUND');
