-- A refund for which the channel's balance was too small is asked for with another key: the channel
-- repeats its answer to the old one for a day.
alter table refunds add asks integer not null default 0 check (asks >= 0);
