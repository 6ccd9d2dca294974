-- The order in which a shop itself shows its goods: those that it has placed come first.

alter table tenant_listings add column position integer check (position between 1 and 1000000);
create index tenant_listings_placed on tenant_listings (tenant_id, sku_id)
    where position is not null;

-- Whether a shop has placed anything: the pages of all others are made as if there were no places.
alter table tenants add column own_order boolean not null default false;

create function note_own_order() returns trigger language plpgsql as $$
declare
    shop constant uuid := coalesce(new.tenant_id, old.tenant_id);
    places constant boolean := exists (select from tenant_listings
                                       where tenant_id = shop and position is not null);
begin
    update tenants set own_order = places where id = shop and own_order <> places;
    return null;
end $$;
create trigger own_order_insert after insert on tenant_listings
    for each row when (new.position is not null) execute function note_own_order();
create trigger own_order_update after update of position on tenant_listings
    for each row when (new.position is distinct from old.position)
    execute function note_own_order();
create trigger own_order_delete after delete on tenant_listings
    for each row when (old.position is not null) execute function note_own_order();
