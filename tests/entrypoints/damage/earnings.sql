-- damage: a party has more pending than its shares say
-- breaks: I22 what a party has pending, and what was drawn ahead of it, is what its shares say
update earnings_ahead set ahead_minor = ahead_minor - 1;

-- damage: something is held that belongs to no share
-- breaks: I22 what a party has on hold is what its shares say
call post('ANY', '{"L:PARTY:HOLD rival": -5, "A:BANK": 5}');

-- damage: a share has less than refunds have left of it
-- breaks: I22 what is left of an earning is what no refund has taken of its share
update earnings set pending_minor = pending_minor - 5
where party_id = named('agent') and order_id = named('paid');
call post('ANY', '{"L:PARTY:PENDING agent": 5, "L:PARTY:AVAILABLE agent": -5}');

-- damage: more has matured than was posted
-- breaks: I22 what has matured left the pending money, but for what had been drawn ahead
update earnings set matured_minor = matured_minor + 1 where matured_by is not null;

-- damage: a case is closed and what it held stays stopped
-- breaks: I22 an earning is stopped by as many cases as hold its line, and held by none otherwise
update earning_holds set released_at = now();

-- damage: the search for deliveries has gone on too far
-- breaks: I22 the search for deliveries has passed over none
delete from earnings where order_id = named('paid') and party_id = named('affiliate');
insert into earnings_ahead (party_id, currency, ahead_minor)
values (named('affiliate'), 'CNY', 315);
insert into earnings_mark (after_id, next_id, next_horizon)
values ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '1')
on conflict (is_only) do update set after_id = excluded.after_id;
