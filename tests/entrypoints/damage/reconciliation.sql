-- Damage to what reconciliation has found and done; see sales.sql.

-- damage: a movement is read as more than was posted
-- breaks: I27 what was read of the ledger is what stands there
update settlement_movements set amount_minor = amount_minor + 1 where side = 'OURS';

-- damage: a movement is read that was never posted
-- breaks: I27 what was read of the ledger is what stands there
update settlement_movements set id = gen_random_uuid()::text where side = 'OURS';

-- damage: a fee is called adjusted, and was not
-- breaks: I27 what was put right by a posting has one, of the difference
update ledger_transactions set idempotency_key = 'another'
where idempotency_key like 'reconciled:%';

-- damage: a fee is adjusted by another amount
-- breaks: I27 what was put right by a posting has one, of the difference
update reconciliation_items set their_fee_minor = their_fee_minor + 1
where id = named('wrong fee');

-- damage: the gate does not know of a difference
-- breaks: I27 the gate of payouts says what is open, and is shut where that is too much
update payout_gates set open_items = 0, open_minor = 0, shut_since = null;

-- damage: the gate is open all the same
-- breaks: I27 the gate of payouts says what is open, and is shut where that is too much
update payout_gates set shut_since = null;
