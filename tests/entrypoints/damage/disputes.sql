-- Damage to disputes that no use case could do, each with the one invariant that must notice it.

-- damage: a case holds more than the bank has taken
-- breaks: I24 what a case holds is what the bank has taken and nobody has borne yet
call post('ANY', '{"A:DISPUTE dispute": 100, "A:BANK": -100}');

-- damage: the fee of a dispute is booked twice
-- breaks: I24 the fees of disputes are what the channels have taken and not given back
call post('ANY', '{"E:DISPUTE_FEE": 1500, "A:BANK": -1500}');

-- damage: what a bank wants back can be refunded as well
-- breaks: I24 a payment is claimed by its open disputes, and by no others
update payments set disputed_minor = 100 where id = named('paid payment');

-- damage: a dispute is of another order than its payment
-- breaks: I24 a dispute is of its own payment, in its tenant, order and currency
update disputes set order_id = named('late');

-- damage: a bank has paid a refund, and no dispute was lost
-- breaks: I24 what was paid back by a bank was lost, and an order says that it was
update refunds set reason = 'CHARGEBACK' where id = named('paid refund');
call post('ANY', '{"A:GATEWAY:STRIPE": 10000, "A:BANK": -10000}');

-- damage: a refund waits for no bank
-- breaks: I24 a refund waits for a bank only while one decides, and then it does not go out
update refunds set status = 'STOPPED', next_attempt_at = null where id = named('late refund');

-- damage: a key is opened while the bank decides
-- breaks: I24 nobody opens a key while the bank decides about its payment
update delivered_keys set revealed_at = now() + interval '1 minute'
where revealed_at is not null and order_id = named('paid');

-- damage: the contract says that the platform bears it
-- breaks: I24 who bears a dispute is who did when the order was made
insert into chargeback_liabilities (tenant_id, id, liability, since, actor)
values (named('shop'), named('term'), 'PLATFORM', '2020-01-01', 'operator');

-- damage: nobody asks where the money of a won dispute is
-- breaks: I24 a dispute that is not over will be asked about
update disputes set state = 'WON', settled_at = now(), claimed_minor = 0, next_poll_at = null;
update payments set disputed_minor = null;
