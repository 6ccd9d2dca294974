-- What a currency is worth in another one, as somebody has said it, once and for a while.

create table fx_rates (
    id uuid primary key,
    base currency_code not null,
    quote currency_code not null,
    -- Major units of `quote` for one of `base`: a decimal of at most twelve digits.
    value numeric not null
        check (value > 0 and value < 1000000000000 and scale(value) <= 12
               and length(trim(both '0' from replace(value::text, '.', ''))) <= 12),
    source text not null check (length(source) between 2 and 100),
    taken_at timestamptz not null,
    -- From then on nothing is priced with it.
    fresh_until timestamptz not null check (fresh_until > taken_at),
    set_by text not null,
    set_at timestamptz not null default platform_now(),
    check (base <> quote),
    unique (base, quote, taken_at)
);
create index fx_rates_that_hold on fx_rates (fresh_until);
create index fx_rates_by_moment on fx_rates (taken_at desc, id desc);
call make_append_only('fx_rates');
grant select, insert on fx_rates to kameng_core;
call audit_decisions('fx_rates', 'id', 'base quote value source taken_at fresh_until');

-- Prices are made of it: a new rate is another version of the platform's catalogue, and so is the
-- moment at which one becomes too old, with nobody there to say so.
call watch_catalogue_table('fx_rates', 'platform_id()');
create function note_ends_of_rates() returns trigger language plpgsql
security definer set search_path = pg_catalog, public as $$
begin
    insert into catalogue_moments (owner_id, moment)
    select distinct platform_id(), fresh_until from come
    on conflict do nothing;
    delete from catalogue_moments
    where owner_id = platform_id() and moment <= platform_now()
      and not exists (select from sandbox_clock);
    update catalogue_versions known
    set first_moment = (select min(moment) from catalogue_moments
                        where owner_id = known.owner_id)
    where owner_id = platform_id();
    return null;
end $$;
create trigger moments_insert after insert on fx_rates referencing new table as come
    for each statement execute function note_ends_of_rates();
