-- Damage to instalment plans.

-- damage: a plan is owed what stands in no account
-- breaks: I34 what a plan is owed is what its account says, and one that is over is owed nothing
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('pending'), named('buyer'), 'CNY', 10500, 0, 0, 2, 30, 7,
        'BY_SHARE', 'OPEN', now());
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('pending'), 1, 5250, 'DUE', now()),
       (named('shop'), named('pending'), 2, 5250, 'DUE', now());

-- damage: a plan has lost a part
-- breaks: I34 the parts of a plan add up to the order and its fee
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('pending'), named('buyer'), 'CNY', 10500, 0, 0, 2, 30, 7,
        'BY_SHARE', 'PROPOSED', null);
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('pending'), 1, 5250, 'DUE', now());

-- damage: a part was paid by another order's payment
-- breaks: I34 a part is paid by a payment of its own plan, and each payment has paid all it says
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('pending'), named('buyer'), 'CNY', 10500, 0, 0, 2, 30, 7,
        'BY_SHARE', 'PROPOSED', null);
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at, paid_at, paid_by)
values (named('shop'), named('pending'), 1, 5250, 'PAID', now(), now(), named('paid payment')),
       (named('shop'), named('pending'), 2, 5250, 'DUE', now(), null, null);

-- damage: a plan has begun, and its order waits to be paid
-- breaks: I34 a plan that has begun pays its order, and no other order is paid by one
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('pending'), named('buyer'), 'CNY', 10500, 0, 0, 2, 30, 7,
        'BY_SHARE', 'OPEN', now());
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('pending'), 1, 5250, 'DUE', now()),
       (named('shop'), named('pending'), 2, 5250, 'DUE', now());

-- damage: all keys were handed over before a part was paid
-- breaks: I34 nobody has pieces that were not paid for, unless the plan lends them
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('paid'), named('buyer'), 'CNY', 21000, 0, 0, 2, 30, 7,
        'BY_SHARE', 'OPEN', now());
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('paid'), 1, 10500, 'DUE', now()),
       (named('shop'), named('paid'), 2, 10500, 'DUE', now());
insert into instalment_lines (tenant_id, order_id, line_id, quantity, handed, state, ended_at)
values (named('shop'), named('paid'), named('paid line'), 2, 2, 'DELIVERED', now());

-- damage: a line has ended while its plan goes on
-- breaks: I34 a line waits while its plan is open and pieces are missing, and no longer
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('paid'), named('buyer'), 'CNY', 21000, 0, 0, 2, 30, 7,
        'BY_SHARE', 'OPEN', now());
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('paid'), 1, 10500, 'DUE', now()),
       (named('shop'), named('paid'), 2, 10500, 'DUE', now());
insert into instalment_lines (tenant_id, order_id, line_id, quantity, handed, state, ended_at)
values (named('shop'), named('paid'), named('paid line'), 3, 2, 'ENDED', now());

-- damage: nobody has looked after a plan
-- breaks: I34 a plan does not stay open after its grace
insert into instalment_plans (tenant_id, order_id, customer_id, currency, total_minor,
                              buyer_fee_minor, shop_fee_bp, parts, interval_days, grace_days,
                              release, state, began_at)
values (named('shop'), named('pending'), named('buyer'), 'CNY', 10500, 0, 0, 2, 30, 7,
        'BY_SHARE', 'OPEN', now());
insert into instalments (tenant_id, order_id, part, amount_minor, state, due_at)
values (named('shop'), named('pending'), 1, 5250, 'DUE', now() - interval '8 days'),
       (named('shop'), named('pending'), 2, 5250, 'DUE', now() - interval '8 days');
