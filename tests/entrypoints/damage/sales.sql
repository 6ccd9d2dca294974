-- Damage that no use case could do, each with the one invariant that must notice it. The tests do
-- it to healthy_books.sql, behind the back of every trigger and foreign key.

-- damage: an entry is added to one side of a transaction
-- breaks: I1 every transaction has entries that add up to zero in each currency
call post('ANY', '{"L:DEPOSIT:FREE shop": -100, "L:DEPOSIT:FREE agent": -100}');

-- damage: a transaction loses its entries
-- breaks: I1 every transaction has entries that add up to zero in each currency
insert into ledger_transactions (id, kind, idempotency_key) values (named('x'), 'x', 'x');

-- damage: entries stand on an account that does not exist
-- breaks: I1 every entry stands on an account of its own currency
call post('ANY', '{"L:DEPOSIT:FREE shop": -100, "A:BANK": 100}');
delete from ledger_accounts where code = 'A:BANK';

-- damage: an account changes its currency
-- breaks: I1 the balances of all accounts together are zero in each currency
update ledger_accounts set currency = 'USD' where code = 'R:WHOLESALE_MARGIN';

-- damage: two folded balances are wrong in opposite directions
-- breaks: I2 a folded balance is the sum of the entries that it stands for
update ledger_folds set balance_minor = balance_minor + 7
where account_id = named('L:WALLET buyer');
update ledger_folds set balance_minor = balance_minor - 7
where account_id = named('L:PARTY:PENDING shop');

-- damage: a fold reaches into transactions that have not ended
-- breaks: I2 a folded balance is the sum of the entries that it stands for
update ledger_folds fold set folded_below = '9000000000000000000',
    balance_minor = (select sum(amount_minor) from ledger_entries entry
                     where entry.account_id = fold.account_id);

-- damage: more is taken from a deposit than there is
-- breaks: I3 nobody's money is negative, and no debt is
call post('ANY', '{"L:DEPOSIT:FREE supplier": 700, "L:DEPOSIT:FREE rival": -700}');

-- damage: a debt is repaid twice
-- breaks: I3 nobody's money is negative, and no debt is
call post('ANY', '{"A:RECV shop": -500, "A:RECV agent": 500}');

-- damage: a key is delivered to two lines
-- breaks: I4 a key stands in at most one live delivery
drop index delivered_keys_live;
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
values (named('shop'), named('twice'), named('late'), named('late line'),
        named('seen key'), now());

-- damage: a delivered line misses a key
-- breaks: I4 a delivered line has exactly its quantity of keys, and any other line has none
delete from delivered_keys where id = named('returned');
update order_lines set returned_quantity = 0 where id = named('paid line');

-- damage: an unpaid line has a key
-- breaks: I4 a delivered line has exactly its quantity of keys, and any other line has none
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
values (named('shop'), named('gift'), named('pending'), named('pending line'),
        named('held key'), now());

-- damage: a returned piece is forgotten
-- breaks: I4 a line has taken back as many pieces as it says
update order_lines set returned_quantity = 0 where id = named('paid line');

-- damage: a delivered key is still in the pool
-- breaks: I4 a sold key is in the hands of the line that it is sold to, and of no other
update delivered_keys set returned_at = null where id = named('returned');
update order_lines set returned_quantity = 0 where id = named('paid line');

-- damage: a key is sold to nobody
-- breaks: I4 a sold key is in the hands of the line that it is sold to, and of no other
update keys set status = 'SOLD', held_by_line_id = named('paid line')
where id = named('free key');

-- damage: a delivered key is another supplier's
-- breaks: I4 what was delivered is of the order and the listing that were paid for
update order_lines set supplier_listing_id = named('rival listing')
where id = named('paid line');

-- damage: a key is delivered to an order that its line is not of
-- breaks: I4 what was delivered is of the order and the listing that were paid for
update delivered_keys set order_id = named('late') where id = named('seen');

-- damage: a key that was given back says that another one was given for it
-- breaks: I4 a bad key has one other key for it, in the same line, and nobody uses it any more
update delivered_keys set replaced_by = named('seen') where id = named('returned');

-- damage: the other key for a bad one is of another line
-- breaks: I4 a bad key has one other key for it, in the same line, and nobody uses it any more
update delivered_keys set replaced_by = named('handed') where id = named('returned');

-- damage: a key loses its secret
-- breaks: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
delete from sealed_keys where id = named('free key');

-- damage: a sealed key never came into the pool
-- breaks: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
delete from keys where id = named('free key');

-- damage: a key moves to another supplier's listing, where its secret cannot be opened
-- breaks: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
update keys set supplier_listing_id = named('rival listing') where id = named('free key');

-- damage: a key is withdrawn from the pool alone, and its like can never come again
-- breaks: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
update keys set status = 'WITHDRAWN' where id = named('free key');

-- damage: a key is withdrawn from the vault alone, and its like can come while it is sold
-- breaks: I4 a key is sealed for the listing that it stands in, and withdrawn here and there
update sealed_keys set withdrawn_at = now() where id = named('free key');

-- damage: a revealed key returns to the pool
-- breaks: I5 a key that somebody has seen is never for sale again
update keys set status = 'AVAILABLE', held_by_line_id = null where id = named('seen key');

-- damage: the evidence of a reveal is destroyed
-- breaks: I5 every reveal left its evidence, and all evidence is of a reveal
delete from key_reveals;

-- damage: a seat ends before the key whose seat it is
-- breaks: I5 a further seat lies beside its first: of the same batch, and as long good
insert into key_seats values (named('free key'), named('returned key'), 2);
update keys set expires_at = now() + interval '900 days' where id = named('free key');

-- damage: money for an expired order goes to somebody else
-- breaks: I6 money that came has delivered its order, or goes back
delete from refunds where id = named('late refund');
update payments set status = 'SUCCEEDED' where id = named('late payment');
update payment_events set effect = 'SETTLED' where event_id = 'late event';
delete from ledger_transactions where order_id = named('late');
delete from ledger_entries entry where not exists (
    select from ledger_transactions where id = entry.transaction_id);
delete from ledger_folds;
call post('ANY', '{"A:GATEWAY:STRIPE": 10500, "L:TAX": -10500}', 'late');

-- damage: an event is acknowledged and has no effect
-- breaks: I6 an event that was taken for money had its effect, and in the same amount
insert into payment_events
    (provider, event_id, kind, payment_id, amount_minor, currency, effect)
values ('stripe', 'lost', 'payment_intent.succeeded', named('pending payment'), 10000,
        'CNY', 'SETTLED');

-- damage: an event of a smaller amount settles a payment
-- breaks: I6 an event that was taken for money had its effect, and in the same amount
update payment_events set amount_minor = 1 where event_id = 'paid event';

-- damage: a payment succeeds and no channel said so
-- breaks: I6 money that came from a channel was heard of in an event
update payment_events set effect = 'NOTHING' where event_id = 'paid event';

-- damage: an order is paid for twice
-- breaks: I7 an order is paid for at most once
drop index payments_one_success;
insert into payments (id, tenant_id, purpose, order_id, customer_id, method, currency,
                      channel_minor, wallet_minor, status, provider)
values (named('again'), named('shop'), 'ORDER', named('paid'), named('buyer'), 'WALLET',
        'CNY', 0, 100, 'SUCCEEDED', 'wallet');

-- damage: a repeated event takes effect again
-- breaks: I7 a payment takes effect at most once
insert into payment_events select provider, 'again', kind, payment_id, provider_ref,
    amount_minor, currency, effect from payment_events where event_id = 'paid event';

-- damage: a payment is not the order's total
-- breaks: I7 a paid order was paid in full
update payments set wallet_minor = wallet_minor - 1 where id = named('paid payment');

-- damage: a wallet is charged beyond the payment
-- breaks: I7 the ledger took in for an order what its payments brought
call post('ANY', '{"L:WALLET buyer": 100, "L:DEPOSIT:FREE shop": -100}', 'paid');

-- damage: a top-up is somebody else's
-- breaks: I7 a wallet, a trade balance or a deposit was topped up with what its payments brought
update payments set customer_id = named('stranger') where id = named('top-up payment');

-- damage: a wallet gets back more than it paid
-- breaks: I7 refunds never exceed the payment, neither its channel's part nor its wallet's
update refunds set wallet_minor = 1001, channel_minor = 9499
where id = named('paid refund');
update payments set refunded_channel_minor = 9499 where id = named('paid payment');
update ledger_entries set amount_minor = -9499 where amount_minor = -10000;
update ledger_entries set amount_minor = -1001
where amount_minor = -500 and account_id = named('L:WALLET buyer');
delete from ledger_folds;

-- damage: an order forgets a part of its refund
-- breaks: I7 an order, its lines and its payments say how much of them was refunded
update orders set refunded_minor = refunded_minor - 1 where refunded_minor > 0;

-- damage: a payment forgets a part of its refund
-- breaks: I7 an order, its lines and its payments say how much of them was refunded
update payments set refunded_channel_minor = refunded_channel_minor - 1
where refunded_channel_minor > 0;

-- damage: a refund belongs to another shop than its payment
-- breaks: I7 a refund is of its own payment, order and line, in their currency
update refunds set tenant_id = named('agent') where id = named('paid refund');

-- damage: half a refund is called whole
-- breaks: I7 an order's after-sale status says how much was refunded
update orders set aftersale_status = 'REFUNDED' where id = named('paid');

-- damage: a refund that is still due was paid out
-- breaks: I7 every refund stands in the ledger, and is owed there until it is done
call post('ANY', '{"L:REFUND_DUE": 100, "L:WALLET buyer": -100}', 'late');

-- damage: the ledger has money that the channel never captured
-- breaks: I8 a channel's clearing account is what it captured, less refunds, payouts and fees
call post('ANY', '{"A:GATEWAY:STRIPE": 100, "L:TAX": -100}');

-- damage: nobody expires an order
-- breaks: I9 an order does not stay unpaid after its time
update orders set expires_at = now() - interval '3 minutes' where id = named('pending');

-- damage: nobody will ask about an open payment
-- breaks: I9 an open payment will be asked about
update payments set next_poll_at = null where id = named('pending payment');

-- damage: nobody will send a refund
-- breaks: I9 a refund that is due will be tried
alter table refunds drop constraint refunds_check1;
update refunds set next_attempt_at = null where id = named('late refund');

-- damage: a payment ends and its wallet money stays held
-- breaks: I9 wallet money is held for as long as its payment is open, and no longer
update payments set status = 'CANCELED', next_poll_at = null
where id = named('pending payment');

-- damage: wallet money is freed while its payment is open
-- breaks: I9 wallet money is held for as long as its payment is open, and no longer
call post('ANY', '{"L:WALLET_HELD buyer": 500, "L:WALLET buyer": -500}', 'pending');

-- damage: a coupon of one use is used twice
-- breaks: I10 a coupon is used no more often than it may be
insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, returned_by_refund, created_at)
values (named('shop'), named('second use'), named('coupon'), named('code'), named('pending'), true,
        now());

-- damage: a use loses its place
-- breaks: I10 a use of a coupon with a limit has its one place, and every taken place its use
update coupon_slots set use_id = null;

-- damage: a place is taken by nobody
-- breaks: I10 a use of a coupon with a limit has its one place, and every taken place its use
insert into coupon_slots (coupon_id, slot, use_id) values (named('coupon'), 2, named('nobody'));

-- damage: a customer uses a coupon twice
-- breaks: I10 nobody uses a coupon, and no code is used, more often than allowed
drop index coupon_uses_of_holder;
insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, holder, holder_place,
                         holder_places, returned_by_refund, created_at)
values (named('shop'), named('second use'), named('coupon'), named('code'), named('pending'),
        some_bytes('buyer'), 1, 1, true, now());

-- damage: a code that is good for one use is used twice
-- breaks: I10 nobody uses a coupon, and no code is used, more often than allowed
drop index coupon_uses_of_code;
insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, single_code_id,
                         returned_by_refund, created_at)
values (named('shop'), named('second use'), named('coupon'), named('code'), named('pending'),
        named('code'), true, now());

-- damage: a paid order has given its coupon back
-- breaks: I10 an order that can still be paid, or is, holds its coupons; one that ended does not
update coupon_uses set released_at = now(), released_for = 'EXPIRED';

-- damage: an order that has ended keeps its coupon
-- breaks: I10 an order that can still be paid, or is, holds its coupons; one that ended does not
update coupon_uses set order_id = named('late');

-- damage: a coupon takes more off than the price was lowered by
-- breaks: I10 the discounts of a line are what its price was lowered by
update discount_lines set amount_minor = amount_minor + 1;

-- damage: a budget holds money that no order was promised
-- breaks: I10 budgets hold what unpaid orders were promised, and have paid for what was sold
call post('ANY', '{"L:PROMO_HELD agent": -100, "A:BANK": 100}');

-- damage: a budget pays for an order without a discount
-- breaks: I10 budgets hold what unpaid orders were promised, and have paid for what was sold
call post('ANY', '{"L:PROMO agent": -100, "A:BANK": 100}', 'paid');

-- damage: a hold outlives its time
-- breaks: I11 a hold on a key ends in its time
update keys set held_until = now() - interval '6 minutes' where id = named('held key');

-- damage: an order is canceled and keeps its keys
-- breaks: I11 a key is held for an order that can still be paid
update orders set payment_status = 'CANCELED' where id = named('pending');

-- damage: a key is taken from an order that can still be paid
-- breaks: I11 an order that can still be paid holds all its keys
update keys set status = 'AVAILABLE', held_by_line_id = null, held_until = null
where id = named('held key');

-- damage: a remembered request made nothing
-- breaks: I12 the result of a remembered request exists
update idempotency_records set result_id = named('nothing');

-- damage: a remembered request is another shop's
-- breaks: I12 the result of a remembered request exists
update idempotency_records set tenant_id = named('agent');

-- damage: an order is dearer than its lines
-- breaks: I14 the lines of an order add up to its total
update orders set total_minor = total_minor + 1 where id = named('pending');

-- damage: somebody's share of a line disappears
-- breaks: I14 the shares of a line add up to its net, and their reversals to its refunds
delete from line_shares where order_id = named('pending') and role = 'AGENT_MARGIN';

-- damage: a share is not reversed by a refund
-- breaks: I14 the shares of a line add up to its net, and their reversals to its refunds
update line_shares set reversed_minor = 0 where order_id = named('paid') and role = 'AFFILIATE';
update earnings set amount_minor = 315 where party_id = named('affiliate');

-- damage: a line bears less than the channel's fee
-- breaks: I14 the lines of a paid order bear its channel's fee, rounded up, and no others do
update order_lines set channel_fee_minor = 119 where id = named('paid line');

-- damage: a sale credits one party another's share
-- breaks: I14 a sale credits everyone their shares, less fee and points for the shop
call post('ANY', '{"L:PARTY:PENDING agent": 1, "L:PARTY:AVAILABLE affiliate": -1}', 'paid');
insert into earnings_ahead (party_id, currency, ahead_minor) values (named('agent'), 'CNY', 1);

-- damage: the channel's fee is not recovered from the shop
-- breaks: I14 a sale credits everyone their shares, less fee and points for the shop
call post('ANY', '{"R:GATEWAY_RECOVERY": 120, "L:PARTY:AVAILABLE shop": -120}', 'paid');

-- damage: a refund takes one party's part from another
-- breaks: I14 a refund takes from everyone what their shares give back, but for the lost fee
update ledger_entries set amount_minor = 700
where amount_minor = 500 and account_id = named('L:PARTY:PENDING agent')
  and transaction_id = (select id from ledger_transactions where kind = 'E7_REFUND');
insert into earnings_ahead (party_id, currency, ahead_minor) values (named('agent'), 'CNY', 200);
update ledger_entries set amount_minor = 985
where amount_minor = 1185 and account_id = named('L:PARTY:PENDING shop');
update earnings_ahead set ahead_minor = 0 where party_id = named('shop');
delete from ledger_folds;

-- damage: a buyer's money is left in escrow
-- breaks: I14 escrow holds what is delivered by hand or paid in parts, and nothing else stays
call post('ANY', '{"L:ESCROW": -100, "A:RECV shop": 100}');

-- damage: a shop's orders are announced although nobody listens there
-- breaks: I16 a tenant hears of orders if and only if an endpoint of its own wants to
update tenants set hears_orders = true where id = named('shop');

-- damage: a movement of a trade balance is forgotten
-- breaks: I15 a trade balance's book has each movement of its account, and no other
delete from trade_moves where kind = 'BANK_CREDIT';

-- damage: a trade balance's book tells of money that never moved
-- breaks: I15 a trade balance's book has each movement of its account, and no other
insert into trade_moves (tenant_id, id, kind, amount_minor, balance_minor, currency,
                         other_tenant_id, moved_at)
values (named('agent'), named('gift'), 'TRANSFER_IN', 100, 100, 'CNY', named('root'), now());

-- damage: two movements did not know of each other
-- breaks: I15 each balance of the book is the one before it and the amount
update trade_moves set balance_minor = 9000 where kind = 'PURCHASE';

-- damage: an alarm rings while a balance stays below its threshold
-- breaks: I15 a low balance was told of where it crossed its threshold, and only there
update low_balance_alerts set threshold_minor = 30000;

-- damage: a purchase at cost is paid from a wallet
-- breaks: I15 a shop pays what it buys at cost out of its own balance, and earns nothing of it
update payments set method = 'WALLET', customer_id = named('buyer')
where id = named('bought payment');

-- damage: a shop earns of what it has bought itself
-- breaks: I15 a shop pays what it buys at cost out of its own balance, and earns nothing of it
update line_shares set role = 'SHOP_MARGIN', party_id = party_id
where order_id = named('bought') and role = 'AGENT_MARGIN';

-- damage: what a shop has bought is another order's
-- breaks: I15 what was bought at cost stands in the book, and what came back of it
update trade_moves set order_id = named('paid') where kind = 'PURCHASE';

-- damage: nobody knows when a promotion ends
-- breaks: I17 what is going to begin or end by itself is counted when it does
insert into promotions (tenant_id, id, name, ends_at)
values (named('shop'), named('promotion'), 'sale', '2999-01-01');

-- damage: nobody looks for the end of a promotion
-- breaks: I17 what is going to begin or end by itself is counted when it does
insert into promotions (tenant_id, id, name, ends_at)
values (named('shop'), named('promotion'), 'sale', '2999-01-01');
insert into catalogue_moments (owner_id, moment) values (named('shop'), '2999-01-01');
update catalogue_versions set first_moment = null;

-- damage: a shop without a ladder has its orders looked at
-- breaks: I18 a shop ranks its customers if and only if a tier of it can be reached
update tenants set ranks_customers = true where id = named('shop');

-- damage: a purchase was not looked at
-- breaks: I18 who is not about to be looked at stands on the tier that the orders earn
insert into membership_tiers (tenant_id, id, name, rank, spent_minor, window_days)
values (named('shop'), named('gold'), 'gold', 1, 100, 30);
update tenants set ranks_customers = true where id = named('shop');

-- damage: nobody looks for the end of a gift
-- breaks: I18 a tier that ends by itself is looked at when it does
insert into membership_tiers (tenant_id, id, name, rank)
values (named('shop'), named('friends'), 'friends', 1);
update customers set given_tier_id = named('friends'), given_tier_until = '2999-01-01';

-- damage: the money for what a person is to deliver has left escrow
-- breaks: I14 escrow holds what is delivered by hand or paid in parts, and nothing else stays
call post('ANY', '{"L:ESCROW": 100, "L:DEPOSIT:FREE shop": -100}', 'by hand');

-- damage: nobody ends a delivery by hand that is late
-- breaks: I9 a delivery by hand does not stay open after its time
update manual_deliveries set due_at = now() - interval '1 hour';

-- damage: nobody knows that a person delivers a line
-- breaks: I19 what a person delivers has its row, which says what its line and order say
update manual_deliveries set quantity = 2;

-- damage: an order is said to be delivered while somebody works on it
-- breaks: I19 an order is as far as what is delivered of it
update orders set fulfilment_status = 'DELIVERED', delivered_at = now()
where id = named('by hand');

-- damage: a place is filled before anything was delivered
-- breaks: I19 a place is empty until its line is delivered, and stands in a listing by hand
update sealed_keys set secret = '\x00', secret_key_id = 1, fingerprint = some_bytes('place'),
    commitment = some_bytes('place') where id = named('place');

-- damage: a delivery was begun and nobody was seen
-- breaks: I19 nobody begins to deliver without being seen, and nothing ends unseen
delete from manual_events;

-- damage: what is still to be delivered was given back
-- breaks: I19 what a person did not deliver was given back whole, and what is due was not
update manual_deliveries set state = 'MISSED', ended_at = now();
update keys set status = 'VOIDED' where id = named('place');
insert into manual_events (tenant_id, id, line_id, kind, actor)
values (named('shop'), named('missed'), named('by hand line'), 'MISSED', 'worker');
update orders set fulfilment_status = 'SUPPLY_FAILED' where id = named('by hand');
call post('E2', '{"L:ESCROW": 1500, "L:PARTY:PENDING supplier": -1000,
                  "L:PARTY:PENDING shop": -500}', 'by hand');

-- damage: a shop owes more for points than its customers have
-- breaks: I21 a shop owes for points what its customers hold, and unpaid orders have reserved
call post('ANY', '{"L:POINTS shop": -2, "A:BANK": 2}');

-- damage: a lot of points grows by itself
-- breaks: I21 a lot of points holds what its movements have left of it, and began with all of it
update points_lots set left_points = 99;

-- damage: points are taken for an order that they do not pay for
-- breaks: I21 an order that can still be paid, or is, has taken the points that pay for it
insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, moved_at)
values (named('shop'), named('buyer'), named('lot'), 'REDEEMED', -10, named('pending'), now());
update points_lots set left_points = 90;

-- damage: an order that nobody paid for has earned points
-- breaks: I21 a paid order has earned what its lines promise, and no other has
insert into points_lots (tenant_id, id, customer_id, origin, order_id, points, left_points,
                         expires_at, created_at)
values (named('shop'), named('gift'), named('buyer'), 'EARNED', named('late'), 10, 10,
        now() + interval '30 days', now());
insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, moved_at)
values (named('shop'), named('buyer'), named('gift'), 'EARNED', 10, named('late'), now());
call post('ANY', '{"L:POINTS shop": -20, "A:BANK": 20}');

-- damage: a refund brings points back that have paid for nothing
-- breaks: I21 what came back of points by refunds is what the refunds say
insert into points_lots (tenant_id, id, customer_id, origin, order_id, points, left_points,
                         expires_at, created_at)
values (named('shop'), named('gift'), named('buyer'), 'RETURNED', named('paid'), 10, 10,
        now() + interval '30 days', now());
insert into points_moves (tenant_id, customer_id, lot_id, kind, points, order_id, refund_id,
                          moved_at)
values (named('shop'), named('buyer'), named('gift'), 'RETURNED', 10, named('paid'),
        named('paid refund'), now());
call post('ANY', '{"L:POINTS shop": -20, "A:BANK": 20}');

-- damage: nobody ends points whose time is over
-- breaks: I21 a shop's sales know of its program, and points that have ended are ended
update points_lots set expires_at = now() - interval '2 days';

-- damage: money has gone over a bridge for an order that no share says
-- breaks: I14 what orders have exchanged is what their shares say, on both sides of the bridge
call post('ANY', '{"A:FX:USD": -100, "A:BANK": 100}', 'by hand');
