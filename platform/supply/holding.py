"""The key pool's parts of the sale's statements: take the next free keys, and sell held ones.

`supply/pool.py` holds keys for whoever has to wait; here nobody waits. Rows that other buyers have
locked are skipped, and a statement that comes out short takes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from supply import pool_heads
from supply.cursor_hints import CursorHints
from supply.pool import Wanted
from supply.pool_heads import FROM_HEAD

_FREE = """
        select * from (
         select keys.id, keys.position from keys
         where keys.supplier_listing_id = wanted.listing_id and keys.status = 'AVAILABLE'
           and keys.position {from_here}
           and (keys.expires_at is null
                or keys.expires_at > moment.now + greatest(:hold_for::interval,
                                                           wanted.least_remaining))
         order by keys.position limit wanted.quantity for update skip locked) as {name}
"""

# The second half is read only while the first has not filled the line.
PICK = f"""
wanted as materialized (
    select line.line_id, line.listing_id, line.quantity, line.place,
           make_interval(days => line.min_remaining_days) as least_remaining,
           {FROM_HEAD.format(position="line.from_position", listing="line.listing_id")}
               as from_position
    from admitted, unnest(:line_ids::uuid[], :listing_ids::uuid[], :quantities::int[],
                          :min_remaining_days::int[], :from_positions::bigint[])
         with ordinality
         as line (line_id, listing_id, quantity, min_remaining_days, from_position, place)
), picked as materialized (
    select wanted.place, wanted.line_id, free.id, free.position
    from wanted cross join moment cross join lateral (
        select * from (
{_FREE.format(from_here=">= wanted.from_position", name="from_here")}
        union all
{_FREE.format(from_here="< wanted.from_position", name="before")}
        ) as either limit wanted.quantity
    ) as free
), ready as materialized (
    select 1 from admitted
    where (select count(*) from picked) = (select sum(quantity) from wanted)
), taken as materialized (
    select *, row_number() over (order by place, position) as n from picked
)
"""
"""Picks the keys of every line where `admitted` has a row; `ready` has one if all are there."""

HOLD = """
held as (
    update keys set status = 'HELD', held_by_line_id = taken.line_id,
           held_until = moment.now + :hold_for::interval
    from ready, moment, taken join sealed_keys sealed on sealed.id = taken.id
    where keys.id = taken.id
    returning taken.n, keys.id as key_id, sealed.serial, sealed.commitment, keys.position
)
"""
"""Holds the keys that were picked."""

SELL_PICKED = """
held as (
    update keys set status = 'SOLD', held_by_line_id = taken.line_id
    from ready, taken join sealed_keys sealed on sealed.id = taken.id
    where keys.id = taken.id
    returning taken.n, keys.id as key_id, sealed.serial, sealed.commitment, keys.position
)
"""
"""Sells the keys that were picked: whoever pays with the same statement holds nothing before."""

# A hold that has run out but that nobody has taken over is still its line's.
OURS = """
ours as materialized (
    select keys.id from keys, moment
    where keys.id = any (:key_ids::uuid[]) and keys.status = 'HELD'
      and keys.held_by_line_id =
          (:key_line_ids::uuid[])[array_position(:key_ids::uuid[], keys.id)]
      and (keys.expires_at is null or keys.expires_at > moment.now)
    order by keys.supplier_listing_id, keys.held_until, keys.id for update of keys
)
"""
"""Locks these keys as far as they are still held for these lines: the last check before a sale."""

SELL = """
sold as (
    update keys set status = 'SOLD', held_until = null from ready, ours where keys.id = ours.id
)
"""
"""Sells the keys of `OURS` where `ready` has a row."""

hints = CursorHints()


@dataclass(frozen=True, slots=True)
class Pick:
    """The values of `PICK` for some lines, and what may be learnt from its answer."""

    wanted: Sequence[Wanted]
    from_positions: Sequence[int | None]

    @classmethod
    def of(cls, wanted: Sequence[Wanted]) -> "Pick":
        """Begin where the listing's last keys were taken."""
        return cls(wanted, [hints.start(one.supplier_listing_id) for one in wanted])

    def values(self) -> dict[str, Any]:
        """Give the values of `PICK`; the lines' order is the keys' order."""
        return {
            "line_ids": [one.line_id for one in self.wanted],
            "listing_ids": [one.supplier_listing_id for one in self.wanted],
            "quantities": [one.quantity for one in self.wanted],
            "min_remaining_days": [one.min_remaining_days for one in self.wanted],
            "from_positions": list(self.from_positions),
        }

    def learn(self, positions: Sequence[int]) -> None:
        """Note where the keys were that the statement has taken, in order."""
        place = 0
        for one, began in zip(self.wanted, self.from_positions, strict=True):
            place += one.quantity
            hints.learn(one.supplier_listing_id, positions[place - 1], began=began)
            if hints.is_look_due(one.supplier_listing_id):
                pool_heads.look(one.supplier_listing_id)


def sale_values(keys: Sequence[tuple[UUID, UUID]]) -> dict[str, Any]:
    """Give the values of `OURS` and `SELL` for (key, line) pairs."""
    return {
        "key_ids": [key_id for key_id, _ in keys],
        "key_line_ids": [line_id for _, line_id in keys],
    }
