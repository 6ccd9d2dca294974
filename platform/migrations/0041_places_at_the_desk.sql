-- A member's priority brings a delivery by hand forward at its desk (docs/decisions/0058).
-- How far is frozen with the order, and at most a quarter of the time that was promised; so what
-- came so much earlier is never behind, whoever pays for which tier.
alter table manual_deliveries
    add column lead_seconds integer not null default 0,
    add constraint manual_deliveries_lead_check check (lead_seconds between 0 and minutes * 15),
    add column place_at timestamptz generated always as (
        ((due_at at time zone 'UTC') - make_interval(secs => lead_seconds)) at time zone 'UTC'
    ) stored;
-- What the desk sorts by; how far somebody was brought forward is not for who delivers.
grant select (place_at) on manual_deliveries to kameng_shop;

drop index manual_deliveries_of_party;
create index manual_deliveries_of_party on manual_deliveries (party_id, state, place_at, line_id);
create index manual_deliveries_by_place on manual_deliveries (state, place_at, line_id);
