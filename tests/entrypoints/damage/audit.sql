-- Damage to the audit log and to corrections by hand.

-- damage: somebody alters what was decided
-- breaks: I13 the audit chain is whole, and says what the events say
update audit_events set after = after || '{"commission_bp": 1}' where subject = 'suppliers';

-- damage: somebody takes an event out of the middle
-- breaks: I13 the audit chain is whole, and says what the events say
delete from audit_events where number = (select min(number) + 1 from audit_events);

-- damage: the beginning of the chain is cut off
-- breaks: I13 the audit chain is whole, and says what the events say
delete from audit_seals where sequence = 1;

-- damage: an event is slipped in below the seals
-- breaks: I13 no event was slipped in below the place that is sealed
insert into audit_events (actor, subject, subject_id, action, after, written_by)
values ('operator:x', 'suppliers', 'x', 'INSERT', '{}', '5');

-- damage: somebody switches the log off for a table
-- breaks: I13 every trigger that keeps decisions is there and switched on
alter table suppliers disable trigger audited;

-- damage: a correction is posted with another amount than was decided
-- breaks: I29 a correction by hand was posted as it was decided, by two people
update ledger_adjustments set amounts_minor = array[-600, 600];

-- damage: a correction is posted without a proposal
-- breaks: I29 no correction was posted that nobody has decided
call post('ADJUSTMENT', '{"E:COMPENSATION": 100, "A:BANK": -100}');
