-- Where the free keys of a listing begin (docs/decisions/0052). Not a truth but a place to search
-- from: written once in a thousand sales, and whenever keys come into the pool before it.
create table pool_heads (
    supplier_listing_id uuid primary key references supplier_listings (id),
    position bigint not null
);
grant select, insert, update on pool_heads to kameng_core;

insert into pool_heads (supplier_listing_id, position)
select listing.id, free.position
from supplier_listings listing join skus on skus.id = listing.sku_id
cross join lateral (
    select keys.position from keys
    where keys.supplier_listing_id = listing.id and keys.status = 'AVAILABLE'
      and (keys.expires_at is null
           or keys.expires_at > platform_now() + make_interval(days => skus.min_remaining_days))
    order by keys.position limit 1
) as free;
