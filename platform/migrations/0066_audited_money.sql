-- The audit log keeps what people decide about money (docs/decisions/0061). What the worker does by
-- itself, for every sale or every line of a file, is not written down once more.

call audit_decisions('voucher_batches', 'tenant_id id',
    'name funder value_minor currency count starts_at ends_at most_per_customer state');
call audit_decisions('bank_credits', 'bank_reference', 'posting_id');
call audit_decisions('deposit_policies', 'id', 'party_kind party_id currency base_minor exposure_bp '
    'target_rate_bp least_minor most_minor grace_minor');
call audit_decisions('deposit_holds', 'tenant_id id',
    'party_id amount_minor currency state deducted_minor reason ended_reason');
call audit_decisions('earning_terms', 'party_kind owner_id', 'hold_hours card_hours redeemed_hours');
call audit_decisions('payout_methods', 'tenant_id id', 'party_kind party_id kind currency ended_at');
call audit_decisions('payouts', 'tenant_id id', 'party_kind party_id amount_minor currency state note');
call audit_decisions('payout_approvals', 'payout_id round approver_id', 'approved_at');
call audit_decisions('payout_batches', 'id', 'currency method_kind state');
-- A bank's file has account numbers in the clear: who has asked for it, and when it was fetched.
call audit_decisions('payout_batch_files', 'id', 'batch_id taken_at');

-- Lines come by the thousand, and most find their payment by its reference.
create trigger audited after update of state on bank_lines for each row
    when (new.decided_by is distinct from 'reference')
    execute function note_audit('id', 'state payment_id decided_by');
create trigger audited after update of state on bank_refunds for each row
    execute function note_audit('id', 'state decided_by');
create trigger audited after update of state on reconciliation_items for each row
    when (new.decided_by is distinct from 'reconciliation')
    execute function note_audit('id', 'state how reason');
