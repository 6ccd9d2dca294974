-- Damage to what is known of money by bank.

-- damage: a line of the bank waits that nobody has booked
-- breaks: I26 what has come by bank and is nobody's yet are the lines that wait
insert into bank_lines (id, file_id, bank_id, booked_on, amount_minor, currency, message, sender,
                        sender_key_id, state)
values (named('line'), named('file'), 'line', '2026-07-01', 100, 'CNY', '', '\x00', 1, 'WAITING');

-- damage: a line of the bank has paid, and no payment knows of it
-- breaks: I26 a payment by bank was paid by its own line, and by no other
insert into bank_lines (id, file_id, bank_id, booked_on, amount_minor, currency, message, sender,
                        sender_key_id, state, payment_id, used_at, decided_by)
values (named('line'), named('file'), 'line', '2026-07-01', 100, 'CNY', '', '\x00', 1, 'MATCHED',
        named('pending payment'), now(), 'operator');

-- damage: a line of the bank is to go back, and nobody sends it
-- breaks: I26 a line that has paid for nothing goes back whole, and so does a refund by bank
insert into bank_lines (id, file_id, bank_id, booked_on, amount_minor, currency, message, sender,
                        sender_key_id, state, used_at, decided_by)
values (named('line'), named('file'), 'line', '2026-07-01', 100, 'CNY', '', '\x00', 1, 'RETURNED',
        now(), 'operator');
