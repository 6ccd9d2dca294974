-- A small world whose every invariant holds, planted row by row: three shops above each other,
-- one offer, five keys, and seven things that happened.
--   paid     two keys for 210.00 (200.00 by card, 10.00 from the wallet); one key revealed, the
--            other returned, and its 105.00 refunded: 100.00 to the card, 5.00 to the wallet;
--            a coupon took 5.00 off the two, which the shop bears
--   pending  one key held; a payment of 100.00 by card and 5.00 of the wallet is open
--   late     expired, then paid for: its 105.00 are on their way back
--   top-up   30.00 into the buyer's wallet
--   bank     190.00 into the shop's trade balance
--   bought   one key by the shop itself, at its cost of 90.00; its balance is low now
--   points   a hundred of 2 fen each, by the shop's hand, out of what it has pending; 'pending'
--            has none of them
--   earned   all of 'paid' is noted; of 'bought' the supplier's share has matured, and the agent's
--            is on hold
--   dispute  the bank of whoever has paid for 'paid' wants 40.00 back, and has not decided

create function named(name text) returns uuid immutable language sql
as $$ select md5(name)::uuid $$;

create function some_bytes(name text) returns bytea immutable language sql
as $$ select sha256(name::bytea) $$;

-- Legs by account: the code, then the owner's name; debit positive, credit negative.
create procedure post(kind text, legs jsonb, of_order text default null) language plpgsql as $$
declare
    transaction_id uuid := gen_random_uuid();
begin
    insert into ledger_accounts (id, code, owner_id, currency)
    select named(key), split_part(key, ' ', 1), named(nullif(split_part(key, ' ', 2), '')), 'CNY'
    from jsonb_object_keys(legs) as key
    on conflict do nothing;
    insert into ledger_transactions (id, kind, idempotency_key, order_id)
    values (transaction_id, kind, transaction_id, named(of_order));
    insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
    select transaction_id, named(key), value::bigint, 'CNY' from jsonb_each_text(legs);
end $$;

insert into tenants (id, parent_id, path, kind, slug, name, currency) values
    (named('root'), null, '{}', 'ROOT', 'root', 'root', 'CNY'),
    (named('agent'), named('root'), '{}', 'AGENT', 'agent', 'agent', 'CNY'),
    (named('shop'), named('agent'), '{}', 'AGENT', 'shop', 'shop', 'CNY');
insert into customers (tenant_id, id) values (named('shop'), named('buyer'));
insert into affiliate_programs (tenant_id, id, name, rate_bp)
values (named('shop'), named('program'), 'program', 300);
insert into affiliates (tenant_id, id, program_id, name, code)
values (named('shop'), named('affiliate'), named('program'), 'affiliate', 'affiliate');

insert into categories (id, path, slug, name_zh, name_en)
values (named('category'), array[named('category')], 'cards', '卡', 'cards');
insert into products (id, category_id, slug, name_zh, name_en)
values (named('product'), named('category'), 'card', '卡', 'card');
insert into skus (id, product_id, code, name_zh, name_en)
values (named('sku'), named('product'), 'card-100', '卡', 'card');
insert into suppliers (id, name) values (named('supplier'), 'supplier'), (named('rival'), 'rival');
insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency) values
    (named('listing'), named('supplier'), named('sku'), 8000, 'CNY'),
    (named('rival listing'), named('rival'), named('sku'), 8000, 'CNY');
insert into key_batches (id, supplier_listing_id, sku_id, file_hash)
values (named('batch'), named('listing'), named('sku'), some_bytes('file'));

insert into orders (tenant_id, id, no, customer_id, path, currency, total_minor, refunded_minor,
                    affiliate_id, payment_status, fulfilment_status, aftersale_status, expires_at,
                    paid_at, delivered_at)
select named('shop'), named(name), no, named('buyer'),
       array[named('root'), named('agent'), named('shop')], 'CNY', total, refunded,
       named('affiliate'), payment, fulfilment, aftersale, now() + expires, done_at, done_at
from (values
    ('paid', 'K20260701-0000000001', 21000, 10500, 'PAID', 'DELIVERED', 'PARTIALLY_REFUNDED',
     interval '-1 hour', now() - interval '1 hour'),
    ('pending', 'K20260701-0000000002', 10500, 0, 'PENDING', 'NONE', 'NONE', '10 minutes', null),
    ('late', 'K20260701-0000000003', 10500, 0, 'EXPIRED', 'NONE', 'NONE', '-1 hour', null)
) as planted (name, no, total, refunded, payment, fulfilment, aftersale, expires, done_at);

insert into order_lines (tenant_id, id, order_id, sku_id, supplier_listing_id, quantity,
                         unit_price_minor, net_minor, refunded_minor, returned_quantity,
                         delivery_mode, channel_fee_minor, key_ids)
select named('shop'), named(name || ' line'), named(name), named('sku'), named('listing'),
       quantity, price, 10500 * quantity, 10500 * returned, returned, 'AUTO_KEY', fee, keys
from (values ('paid', 2, 10750, 1, 120, array[named('seen key'), named('returned key')]),
             ('pending', 1, 10500, 0, 0, array[named('held key')]),
             ('late', 1, 10500, 0, 0, array[named('free key')])
) as planted (name, quantity, price, returned, fee, keys);

insert into coupons (tenant_id, id, name, kind, amount_minor, currency, reach, max_uses,
                     max_uses_per_customer, guests, stacking, returned_by_refund, listed, starts_at,
                     ends_at)
values (named('shop'), named('coupon'), 'coupon', 'FIXED', 500, 'CNY', 'SHOP', 1, 1, false,
        'EXCLUSIVE', true, false, now() - interval '1 day', now() + interval '1 day');
insert into coupon_payers (tenant_id, coupon_id, place, kind, share_bp)
values (named('shop'), named('coupon'), 1, 'SHOP', 10000);
insert into coupon_codes (tenant_id, id, coupon_id, code, is_single)
values (named('shop'), named('code'), named('coupon'), 'COUPON', true);
insert into coupon_uses (tenant_id, id, coupon_id, code_id, order_id, holder, holder_place,
                         holder_places, single_code_id, returned_by_refund, created_at)
values (named('shop'), named('use'), named('coupon'), named('code'), named('paid'),
        some_bytes('buyer'), 1, 1, named('code'), true, now());
insert into coupon_slots (coupon_id, slot, use_id) values (named('coupon'), 1, named('use'));
insert into discount_lines (tenant_id, id, order_id, line_id, source, coupon_id, amount_minor,
                            currency, funder_kind)
values (named('shop'), named('discount'), named('paid'), named('paid line'), 'COUPON',
        named('coupon'), 500, 'CNY', 'SHOP');

insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                         amount_minor, reversed_minor, currency)
select line.tenant_id, gen_random_uuid(), line.order_id, line.id, kind, named(party), role,
       minor * line.quantity, minor * line.returned_quantity, 'CNY'
from order_lines line, (values
    ('SUPPLIER', 'supplier', 'SUPPLY', 7600), ('PLATFORM', null, 'SUPPLIER_COMMISSION', 400),
    ('PLATFORM', null, 'WHOLESALE_MARGIN', 500), ('TENANT', 'agent', 'AGENT_MARGIN', 500),
    ('AFFILIATE', 'affiliate', 'AFFILIATE', 315), ('TENANT', 'shop', 'SHOP_MARGIN', 1185)
) as split (kind, party, role, minor);

insert into sealed_keys (id, batch_id, serial, secret, secret_key_id, fingerprint, commitment)
select named(name), named('batch'), name, '\x00', 1, some_bytes(name), some_bytes(name)
from unnest(array['seen key', 'returned key', 'free key', 'held key']) as name;
insert into keys (id, supplier_listing_id, sku_id, position, status, held_by_line_id, held_until)
select named(name), named('listing'), named('sku'), nextval('key_positions'), status, named(line),
       until
from (values ('seen key', 'REVEALED', 'paid line', null::timestamptz),
             ('returned key', 'AVAILABLE', null, null), ('free key', 'AVAILABLE', null, null),
             ('held key', 'HELD', 'pending line', now() + interval '10 minutes')
) as planted (name, status, line, until);
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at, revealed_at,
                            returned_at) values
    (named('shop'), named('seen'), named('paid'), named('paid line'), named('seen key'),
     now(), now(), null),
    (named('shop'), named('returned'), named('paid'), named('paid line'), named('returned key'),
     now(), null, now());
insert into key_reveals (tenant_id, id, delivered_key_id, actor, channel)
values (named('shop'), named('evidence'), named('seen'), 'customer', 'REVEAL');

insert into payments (id, tenant_id, purpose, order_id, customer_id, method, currency,
                      channel_minor, wallet_minor, fee_bp, refunded_channel_minor, status,
                      provider, provider_ref, next_poll_at)
select named(name || ' payment'), named('shop'), purpose, named(of_order), named('buyer'), 'CARD',
       'CNY', channel, wallet, 60, refunded, status, 'stripe', name, poll
from (values
    ('paid', 'ORDER', 'paid', 20000, 1000, 10000, 'SUCCEEDED', null::timestamptz),
    ('pending', 'ORDER', 'pending', 10000, 500, 0, 'PENDING', now()),
    ('late', 'ORDER', 'late', 10500, 0, 0, 'UNAPPLIED', null),
    ('top-up', 'TOP_UP', null, 3000, 0, 0, 'SUCCEEDED', null)
) as planted (name, purpose, of_order, channel, wallet, refunded, status, poll);
insert into payment_events (provider, event_id, kind, payment_id, amount_minor, currency, effect)
select 'stripe', name || ' event', 'payment_intent.succeeded', named(name || ' payment'), minor,
       'CNY', effect
from (values ('paid', 20000, 'SETTLED'), ('late', 10500, 'REFUNDING'), ('top-up', 3000, 'TOPPED_UP')
) as planted (name, minor, effect);
insert into refunds (id, tenant_id, order_id, line_id, payment_id, sequence, currency,
                     amount_minor, wallet_minor, channel_minor, reason, status, next_attempt_at)
select named(name || ' refund'), named('shop'), named(name), named(line), named(name || ' payment'),
       1, 'CNY', 10500, wallet, 10500 - wallet, reason, status, try
from (values ('paid', 'paid line', 500, 'UNREVEALED_RETURN', 'DONE', null::timestamptz),
             ('late', null, 0, 'LATE_PAYMENT', 'DUE', now())
) as planted (name, line, wallet, reason, status, try);
insert into idempotency_records (tenant_id, actor, key, request_hash, result_kind, result_id)
values (named('shop'), 'buyer', 'first-order', some_bytes('request'), 'order', named('paid'));

call post('TOP_UP', '{"A:GATEWAY:STRIPE": 2982, "E:GATEWAY_FEE": 18, "L:WALLET buyer": -3000}');
call post('WALLET_HOLD', '{"L:WALLET buyer": 1000, "L:WALLET_HELD buyer": -1000}', 'paid');
call post('E1', '{"A:GATEWAY:STRIPE": 20000, "L:WALLET_HELD buyer": 1000, "L:ESCROW": -21000}',
          'paid');
call post('E1', '{"E:GATEWAY_FEE": 120, "A:GATEWAY:STRIPE": -120}', 'paid');
call post('E2', '{"L:ESCROW": 21000, "L:PARTY:PENDING supplier": -15200,
                  "R:SUPPLIER_COMMISSION": -800, "R:WHOLESALE_MARGIN": -1000,
                  "L:PARTY:PENDING agent": -1000, "L:PARTY:PENDING affiliate": -630,
                  "L:PARTY:PENDING shop": -2250, "R:GATEWAY_RECOVERY": -120}', 'paid');
call post('E7_REFUND', '{"L:PARTY:PENDING supplier": 7600, "R:SUPPLIER_COMMISSION": 400,
                         "R:WHOLESALE_MARGIN": 500, "L:PARTY:PENDING agent": 500,
                         "L:PARTY:PENDING affiliate": 315, "L:PARTY:PENDING shop": 1185,
                         "L:REFUND_DUE": -10500}', 'paid');
call post('REFUND_SENT', '{"L:REFUND_DUE": 10500, "A:GATEWAY:STRIPE": -10000,
                           "L:WALLET buyer": -500}', 'paid');
call post('WALLET_HOLD', '{"L:WALLET buyer": 500, "L:WALLET_HELD buyer": -500}', 'pending');
call post('E13', '{"A:GATEWAY:STRIPE": 10500, "L:UNAPPLIED": -10500}', 'late');
call post('E13', '{"L:UNAPPLIED": 10500, "L:REFUND_DUE": -10500}', 'late');

insert into orders (tenant_id, id, no, path, currency, total_minor, payment_status,
                    fulfilment_status, expires_at, paid_at, delivered_at, at_cost,
                    client_reference)
values (named('shop'), named('bought'), 'K20260701-0000000004',
        array[named('root'), named('agent'), named('shop')], 'CNY', 9000, 'PAID', 'DELIVERED',
        now(), now(), now(), true, 'PO-1');
insert into order_lines (tenant_id, id, order_id, sku_id, supplier_listing_id, quantity,
                         unit_price_minor, net_minor, delivery_mode, key_ids)
values (named('shop'), named('bought line'), named('bought'), named('sku'), named('listing'), 1,
        9000, 9000, 'AUTO_KEY', array[named('bought key')]);
insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                         amount_minor, currency)
select named('shop'), gen_random_uuid(), named('bought'), named('bought line'), kind, named(party),
       role, minor, 'CNY'
from (values
    ('SUPPLIER', 'supplier', 'SUPPLY', 7600), ('PLATFORM', null, 'SUPPLIER_COMMISSION', 400),
    ('PLATFORM', null, 'WHOLESALE_MARGIN', 500), ('TENANT', 'agent', 'AGENT_MARGIN', 500)
) as split (kind, party, role, minor);
insert into sealed_keys (id, batch_id, serial, secret, secret_key_id, fingerprint, commitment)
values (named('bought key'), named('batch'), 'bought key', '\x00', 1, some_bytes('bought key'),
        some_bytes('bought key'));
insert into keys (id, supplier_listing_id, sku_id, position, status, held_by_line_id)
values (named('bought key'), named('listing'), named('sku'), nextval('key_positions'), 'SOLD',
        named('bought line'));
insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
values (named('shop'), named('handed'), named('bought'), named('bought line'), named('bought key'),
        now());
insert into payments (id, tenant_id, purpose, order_id, method, currency, channel_minor,
                      wallet_minor, status, provider)
values (named('bought payment'), named('shop'), 'ORDER', named('bought'), 'TRADE', 'CNY', 0, 9000,
        'SUCCEEDED', 'trade');
call post('TRADE_CREDIT', '{"A:BANK": 19000, "L:TRADE shop": -19000}');
call post('SALE', '{"L:TRADE shop": 9000, "L:ESCROW": -9000}', 'bought');
call post('E2', '{"L:ESCROW": 9000, "L:PARTY:PENDING supplier": -7600,
                  "R:SUPPLIER_COMMISSION": -400, "R:WHOLESALE_MARGIN": -500,
                  "L:PARTY:PENDING agent": -500}', 'bought');
insert into trade_moves (tenant_id, id, kind, amount_minor, balance_minor, currency, order_id,
                         bank_reference, moved_at)
select named('shop'), entry.transaction_id, kind, -entry.amount_minor, balance, 'CNY',
       named(of_order), reference, now()
from (values (-19000, 'BANK_CREDIT', 19000, null, 'bank 1'),
             (9000, 'PURCHASE', 10000, 'bought', null)
) as planted (minor, kind, balance, of_order, reference)
join ledger_entries entry on entry.account_id = named('L:TRADE shop')
                         and entry.amount_minor = planted.minor
order by balance desc;
insert into trade_settings (tenant_id, low_balance_minor) values (named('shop'), 12000);
insert into low_balance_alerts (tenant_id, id, threshold_minor, balance_minor, currency, raised_at)
select tenant_id, id, 12000, 10000, 'CNY', moved_at from trade_moves where kind = 'PURCHASE';

-- What a person delivers: paid from the wallet, begun, and its money in escrow.
insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency, by_hand)
values (named('hand'), named('supplier'), named('sku'), 1000, 'CNY', true);
insert into key_batches (id, supplier_listing_id, sku_id, file_hash)
values (named('places'), named('hand'), named('sku'), some_bytes('places'));
insert into orders (tenant_id, id, no, customer_id, path, currency, total_minor, payment_status,
                    fulfilment_status, expires_at, paid_at, by_hand)
values (named('shop'), named('by hand'), 'K20260701-0000000005', named('buyer'),
        array[named('root'), named('agent'), named('shop')], 'CNY', 1500, 'PAID', 'FULFILLING',
        now(), now(), true);
insert into order_lines (tenant_id, id, order_id, sku_id, supplier_listing_id, quantity,
                         unit_price_minor, net_minor, delivery_mode, key_ids)
values (named('shop'), named('by hand line'), named('by hand'), named('sku'), named('hand'), 1,
        1500, 1500, 'MANUAL', array[named('place')]);
insert into line_shares (tenant_id, id, order_id, line_id, party_kind, party_id, role,
                         amount_minor, currency)
select named('shop'), gen_random_uuid(), named('by hand'), named('by hand line'), kind,
       named(party), role, minor, 'CNY'
from (values ('SUPPLIER', 'supplier', 'SUPPLY', 1000), ('TENANT', 'shop', 'SHOP_MARGIN', 500)
) as split (kind, party, role, minor);
insert into sealed_keys (id, batch_id, serial) values (named('place'), named('places'), 'place');
insert into keys (id, supplier_listing_id, sku_id, position, status, held_by_line_id)
values (named('place'), named('hand'), named('sku'), nextval('key_positions'), 'SOLD',
        named('by hand line'));
insert into manual_deliveries (tenant_id, order_id, line_id, party_id, sku_id, quantity, minutes,
                               by_account, state, due_at, begun_at)
values (named('shop'), named('by hand'), named('by hand line'), named('supplier'), named('sku'), 1,
        60, false, 'BEGUN', now() + interval '1 hour', now());
insert into manual_events (tenant_id, id, line_id, kind, actor)
values (named('shop'), named('look'), named('by hand line'), 'LOOKED', 'supplier');
insert into payments (id, tenant_id, purpose, order_id, customer_id, method, currency,
                      channel_minor, wallet_minor, status, provider)
values (named('by hand payment'), named('shop'), 'ORDER', named('by hand'), named('buyer'),
        'WALLET', 'CNY', 0, 1500, 'SUCCEEDED', 'wallet');
call post('SALE', '{"L:WALLET buyer": 1500, "L:ESCROW": -1500}', 'by hand');

insert into points_programs (tenant_id, is_on, earn_bp, point_minor, lasts_days, most_bp,
                             least_points)
values (named('shop'), true, 100, 2, 365, 5000, 1);
insert into points_lots (tenant_id, id, customer_id, origin, points, left_points, expires_at,
                         created_at)
values (named('shop'), named('lot'), named('buyer'), 'GRANTED', 100, 100,
        now() + interval '30 days', now());
insert into points_moves (tenant_id, customer_id, lot_id, kind, points, actor, reason, request_key,
                          moved_at)
values (named('shop'), named('buyer'), named('lot'), 'GRANTED', 100, 'staff', 'sorry', 'key', now());
call post('POINTS_ADJUSTED', '{"L:PARTY:PENDING shop": 200, "L:POINTS shop": -200}');

insert into earnings_ahead (party_id, currency, ahead_minor) values (named('shop'), 'CNY', 200);
insert into earnings (tenant_id, order_id, share_id, line_id, party_kind, party_id, currency,
                      amount_minor, pending_minor, delivered_at, available_at, due_at)
select tenant_id, order_id, id, line_id, party_kind, party_id, currency,
       amount_minor - case when role = 'SHOP_MARGIN' then 120 else 0 end,
       amount_minor - reversed_minor - case when role = 'SHOP_MARGIN' then 120 else 0 end,
       now(), now() + interval '7 days', now() + interval '7 days'
from line_shares where order_id in (named('paid'), named('bought')) and party_id is not null;
call post('E6_MATURITY', '{"L:PARTY:PENDING supplier": 7600, "L:PARTY:AVAILABLE supplier": -7600}');
update earnings set pending_minor = 0, available_minor = 7600, matured_minor = 7600,
       matured_at = now(),
       matured_by = (select id from ledger_transactions where kind = 'E6_MATURITY')
where order_id = named('bought') and party_id = named('supplier');
call post('EARNINGS_HELD', '{"L:PARTY:PENDING agent": 500, "L:PARTY:HOLD agent": -500}', 'bought');
insert into earning_holds (tenant_id, case_id, order_id, line_id, reason)
values (named('shop'), named('case'), named('bought'), named('bought line'), 'dispute');
update earnings set open_holds = 1 where order_id = named('bought');
update earnings set pending_minor = 0, held_minor = 500
where order_id = named('bought') and party_id = named('agent');
-- Two people have corrected the ledger, and what was decided so far is sealed.
call post('ADJUSTMENT', '{"E:COMPENSATION": 500, "R:PENALTY": -500}');
insert into ledger_adjustments (id, currency, codes, owner_ids, amounts_minor, reason, proposed_by)
values (named('correction'), 'CNY', array['E:COMPENSATION', 'R:PENALTY'], array[null, null]::uuid[],
        array[500, -500], 'the bank took a fee', 'operator:one');
update ledger_adjustments
set state = 'POSTED', decided_by = 'operator:two', decided_at = now(),
    posting_id = (select id from ledger_transactions where kind = 'ADJUSTMENT');
-- A day was reconciled: one fee was another than booked, and is adjusted; one payment is missing.
insert into reconciliation_runs (day, step, seen_until, asked_by, ended_at)
values ('2026-07-01', 'DONE', now(), 'worker', now());
insert into reconciliation_items (id, day, last_day, book, reference, kind, fix, category, currency,
                                  our_count, their_count, our_minor, their_minor, our_fee_minor,
                                  their_fee_minor, difference_minor, state, how, decided_by,
                                  decided_at)
values (named('wrong fee'), '2026-07-01', '2026-07-01', 'STRIPE', 'pi_1', 'FEE', 'ADJUST_FEE',
        'PAYMENT', 'CNY', 1, 1, 20000, 20000, 120, 125, 5, 'RESOLVED', 'ADJUST_FEE', 'operator',
        now()),
       (named('missing'), '2026-07-01', '2026-07-01', 'STRIPE', 'pi_2', 'MISSING_AT_PROVIDER',
        'ASK_PROVIDER', 'PAYMENT', 'CNY', 1, 0, 3000, 0, 18, 0, 3000, 'OPEN', null, null, null);
with header as (
    insert into ledger_transactions (id, kind, idempotency_key)
    values (named('adjusted'), 'RECONCILED_ADJUST_FEE', 'reconciled:' || named('wrong fee'))
    returning id
)
insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
select id, named(code), minor, 'CNY'
from header, (values ('E:GATEWAY_FEE', 5), ('A:GATEWAY:STRIPE', -5)) as leg (code, minor);
insert into settlement_movements (book, side, id, currency, reference, category, amount_minor,
                                  fee_minor, moved_at)
select 'STRIPE', 'OURS', id::text, 'CNY', 'pi_1', 'PAYMENT', 0, 5, posted_at
from ledger_transactions where idempotency_key like 'reconciled:%';
insert into payout_gates (currency, open_items, open_minor, shut_since)
values ('CNY', 1, 3000, now());
insert into disputes (tenant_id, id, payment_id, order_id, provider, provider_ref, currency,
                      amount_minor, fee_minor, reason, state, liability, claimed_minor, opened_at,
                      stopped_at, withdrawn_at, next_poll_at)
values (named('shop'), named('dispute'), named('paid payment'), named('paid'), 'stripe', 'du_1', 'CNY',
        4000, 1500, 'fraudulent', 'NEEDS_RESPONSE', 'SHOP', 4000, now(), now(), now(), now());
update payments set disputed_minor = 4000 where id = named('paid payment');
call post('E10', '{"A:DISPUTE dispute": 4000, "E:DISPUTE_FEE": 1500, "A:GATEWAY:STRIPE": -5500}',
          'paid');
