-- Keys that came back unopened are neither sold nor anybody's fault (docs/decisions/0047).
alter table offer_days add column returned integer not null default 0 check (returned >= 0);
