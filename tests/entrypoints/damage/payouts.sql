-- Damage to payouts that no use case could do, each with the one invariant that must notice it.

-- damage: a party's money is reserved for nothing
-- breaks: I25 what is reserved is what open payouts have asked for
call post('ANY', '{"L:PARTY:RESERVED shop": -300, "A:BANK": 300}');

-- damage: money is on its way that nobody has sent
-- breaks: I25 what is clearing was sent and is not confirmed
call post('ANY', '{"L:PAYOUT_CLEARING": -300, "L:DEPOSIT:FREE shop": 300}');
call post('ANY', '{"L:DEPOSIT:FREE shop": -300, "A:BANK": 300}');

-- damage: a fee is kept twice
-- breaks: I25 a fee is kept of what was sent and did not come back
call post('ANY', '{"R:PAYOUT_FEE": -200, "A:BANK": 200}');

-- damage: a payout is called paid, and no bank has paid it
-- breaks: I25 a bank has paid out what is said to have arrived, once
insert into payouts (tenant_id, id, party_kind, party_id, method_id, method_kind, currency,
                     amount_minor, fee_minor, state, approvals_needed, requested_by, request_key,
                     changed_by, batch_id)
values (named('shop'), named('payout'), 'TENANT', named('shop'), named('method'), 'BANK_ACCOUNT',
        'CNY', 500, 0, 'PAID', 1, named('staff'), 'x', 'x', named('batch'));
insert into payout_approvals (payout_id, round, approver_id, requested_by)
values (named('payout'), 1, named('operator'), named('staff'));
insert into payout_events (tenant_id, payout_id, to_state, attempt, actor, happened_at)
values (named('shop'), named('payout'), 'PAID', 1, 'x', now());

-- damage: a payout's last change is forgotten
-- breaks: I25 a payout is in the state that its history ends with, and was paid once at most
insert into payouts (tenant_id, id, party_kind, party_id, method_id, method_kind, currency,
                     amount_minor, fee_minor, state, approvals_needed, requested_by, request_key,
                     changed_by)
values (named('shop'), named('payout'), 'TENANT', named('shop'), named('method'), 'BANK_ACCOUNT',
        'CNY', 500, 0, 'CANCELED', 1, named('staff'), 'x', 'x');

-- damage: one of two people has approved
-- breaks: I25 what has been approved was so by as many people as it takes
insert into payouts (tenant_id, id, party_kind, party_id, method_id, method_kind, currency,
                     amount_minor, fee_minor, state, approvals_needed, requested_by, request_key,
                     changed_by)
values (named('shop'), named('payout'), 'TENANT', named('shop'), named('method'), 'BANK_ACCOUNT',
        'CNY', 500, 0, 'FAILED', 2, named('staff'), 'x', 'x');
insert into payout_approvals (payout_id, round, approver_id, requested_by)
values (named('payout'), 1, named('operator'), named('staff'));
insert into payout_events (tenant_id, payout_id, to_state, attempt, actor, happened_at)
values (named('shop'), named('payout'), 'FAILED', 1, 'x', now());
