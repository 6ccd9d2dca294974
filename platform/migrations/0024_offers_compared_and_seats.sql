-- What came of an offer's sales, so that buyers can compare offers (docs/decisions/0047).

-- A day of one offer: keys handed over, how soon after the payment, and keys that came back or were
-- refunded for the supplier's fault. Counted by a sweep, never by a sale.
create table offer_days (
    listing_id uuid not null references supplier_listings (id),
    day date not null,
    sold integer not null default 0 check (sold >= 0),
    faults integer not null default 0 check (faults >= 0),
    within_10_seconds integer not null default 0,
    within_minute integer not null default 0,
    within_10_minutes integer not null default 0,
    within_hour integer not null default 0,
    within_day integer not null default 0,
    primary key (listing_id, day)
);
create index offer_days_by_day on offer_days (day);
grant select, insert, update, delete on offer_days to kameng_core;

-- How far the counting has come. Ids are in the order of time, so the last one says it.
create table counted_so_far (
    source text primary key check (source in ('DELIVERIES', 'REFUNDS')),
    after_id uuid not null default '00000000-0000-0000-0000-000000000000'
);
insert into counted_so_far (source) values ('DELIVERIES'), ('REFUNDS');
grant select, update on counted_so_far to kameng_core;

-- The sums of the last 90 days, which pages show.
create table offer_figures (
    listing_id uuid primary key references supplier_listings (id),
    sold integer not null check (sold >= 0),
    faults integer not null check (faults >= 0),
    typical_seconds integer check (typical_seconds > 0)  -- half of the keys came within so many
);
grant select, insert, update on offer_figures to kameng_core;
call watch_catalogue_table('offer_figures', 'platform_id()');

-- --- keys that several buyers use at once -------------------------------------------------------
-- A shared key is as many rows of the pool as it has seats, each with the same secret, sealed and
-- committed to for itself. So a seat is held, sold, opened, released and given back as a key is,
-- by the same statements and under the same unique index on deliveries, and stock counts seats.
-- Nothing of a sale knows about it, and a counter that every buyer must lock does not exist.
alter table skus add column seats smallint not null default 1 check (seats between 1 and 100),
    add constraint skus_shared_seats_check check (seats = 1 or delivery_mode = 'SHARED_KEY');

-- The first seat is the key that was imported, and its fingerprint decides whether the secret is
-- new. The others name it; so there are no more seats than numbers, whatever an import does.
create table key_seats (
    key_id uuid primary key references sealed_keys (id),
    first_key_id uuid not null references sealed_keys (id),
    seat smallint not null check (seat between 2 and 100),
    unique (first_key_id, seat)
);
grant select, insert on key_seats to kameng_core;

alter domain delivery_mode drop constraint delivery_mode_check;
alter domain delivery_mode add constraint delivery_mode_check
    check (value in ('AUTO_KEY', 'SHARED_KEY'));
