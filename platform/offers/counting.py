"""The SQL that counts what is left of a supplier's listing.

Keys that can be held now (supply/pool.py) are counted in the index alone and no further than a
bound: free ones, and held ones whose time is over. That is what `free_keys` says, but planned once
with the statement around it instead of being run anew for every listing.
"""

from typing import Final

from supply.pool_heads import FROM_HEAD

ENDING: Final = """
cross join lateral (
    select (select platform_now()) + make_interval(days => {days}) as at offset 0
) as ending
"""
"""Keys that end before this moment are not sold."""

_AVAILABLE: Final = """
select k.expires_at from keys k
where k.supplier_listing_id = l.id and k.status = 'AVAILABLE' {which}
  and (k.expires_at is null or k.expires_at > ending.at)
"""
# `still_seconds` says for how long nothing of that moves by itself; null is for ever. Of the keys
# that were counted one may come too near its end. Below the bound a hold may run out as well; at
# the bound, one more shows nothing.
_POOL: Final = """
cross join lateral (
    select case when free.keys >= {bound} then {bound}
                else least({bound}, free.keys + run_out.keys) end::integer as stock,
           extract(epoch from least(
               free.first_end - ending.at, run_out.first_end - ending.at,
               (select min(k.held_until) from keys k
                where k.supplier_listing_id = l.id and k.status = 'HELD'
                  and k.held_until > (select platform_now()) and free.keys < {bound})
               - (select platform_now())
           ))::float8 as still_seconds
    from (
        select count(*) as keys, min(expires_at) as first_end from (
            {available} limit {bound}) as available
    ) as free
    cross join lateral (
        select count(*) as keys, min(expires_at) as first_end from (
            select k.expires_at from keys k
            where k.supplier_listing_id = l.id and k.status = 'HELD'
              and k.held_until <= (select platform_now()) and free.keys < {bound}
              and (k.expires_at is null or k.expires_at > ending.at) limit {bound}) as over
    ) as run_out
) as pool
"""


def pool(*, bound: str, from_position: str = "null") -> str:
    """The part of a statement that counts the stock of listing `l`, beside `ENDING`.

    Sold keys leave dead entries before the place where the last ones were taken. Counting begins at
    that place if it is known, else at the head of the pool, and before it only what is still
    missing is counted: the number is the same.
    """
    start = FROM_HEAD.format(position=from_position, listing="l.id")
    from_here, before = (
        _AVAILABLE.format(which=f"and k.position {side} {start}") for side in (">=", "<")
    )
    return _POOL.format(bound=bound, available=f"{from_here} union all {before}")


COUNTS: Final = f"""
select pool.stock, pool.still_seconds
from unnest($1::uuid[], $2::integer[], $3::bigint[]) with ordinality
     as l (id, min_remaining_days, from_position, place)
{ENDING.format(days="l.min_remaining_days")}
{pool(bound="$4::integer", from_position="l.from_position")}
order by l.place"""
"""The stock of listings, in their order. Values: the listings, how many days their keys must still
be good, where to begin (`supply/cursor_hints.py`), and the bound."""
