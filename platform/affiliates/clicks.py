"""Clicks on the links of affiliates: taken in passing, counted exactly, a little later.

A process of the web hands a click to Valkey and has done with it; a sweep writes what has come,
many at once. A click is written by its id, so a batch that was written and not yet forgotten is
written again and changes nothing. What can be lost is what Valkey holds when it dies: the clicks of
the last second or so, and of an outage of the worker's. Without Valkey a click is written at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from kernel import crypto, db, valkey
from kernel.clock import utc_now
from kernel.ids import new_id

CLICKS_AT_ONCE: Final = 500
MOST_WAITING: Final = 1_000_000
"""Clicks that wait in Valkey; beyond, the oldest are forgotten."""
_STREAM: Final = "kameng:clicks"


@dataclass(frozen=True, slots=True)
class Click:
    """One click: whose link, by which browser, from where, and when."""

    tenant_id: UUID
    id: UUID
    affiliate_id: UUID
    link_id: UUID | None
    visitor: bytes
    address: bytes
    at: datetime


def click_of(
    *, tenant_id: UUID, affiliate_id: UUID, link_id: UUID | None, visitor: str, address: str
) -> Click:
    """A click of now. Who has clicked is kept as keyed hashes."""
    return Click(
        tenant_id,
        new_id(),
        affiliate_id,
        link_id,
        crypto.blind_index("visitor", visitor),
        crypto.blind_index("address", address),
        utc_now(),
    )


async def take(click: Click) -> None:
    """Hand a click on; without Valkey, write it."""
    if not await valkey.append(_STREAM, _packed(click), most=MOST_WAITING):
        await write([click])


async def flush_clicks() -> int:
    """Write what has been handed on; returns how many clicks were taken up."""
    waiting = await valkey.waiting(_STREAM, at_most=CLICKS_AT_ONCE)
    clicks = [click for _, packed in waiting if (click := _unpacked(packed)) is not None]
    if clicks:
        await write(clicks)
    if waiting:
        await valkey.forget(_STREAM, [place for place, _ in waiting])
    return len(waiting)


# Rows are folded in one order, so that two who fold wait for each other and never in a circle.
_WRITE: Final = """
with given as (
    select distinct on (id) said.*
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::bytea[],
                $7::timestamptz[])
         as said (tenant_id, id, affiliate_id, link_id, visitor, address, clicked_at)
    join affiliates on (affiliates.tenant_id, affiliates.id) = (said.tenant_id, said.affiliate_id)
), written as (
    insert into affiliate_clicks (tenant_id, id, affiliate_id, link_id, visitor, address,
                                  clicked_at, repeated)
    select given.tenant_id, given.id, given.affiliate_id, given.link_id, visitor, address,
           clicked_at,
           coalesce(clicked_at - lag(clicked_at) over browser < interval '10 minutes', false)
           or exists (
               select from affiliate_clicks known
               where known.affiliate_id = given.affiliate_id and known.visitor = given.visitor
                 and known.link_id is not distinct from given.link_id and known.id <> given.id
                 and known.clicked_at > given.clicked_at - interval '10 minutes'
                 and known.clicked_at <= given.clicked_at)
    from given
    window browser as (partition by affiliate_id, link_id, visitor order by clicked_at, id)
    on conflict (id) do nothing
    returning tenant_id, affiliate_id, link_id, clicked_at, repeated
)
insert into affiliate_days (tenant_id, affiliate_id, day, link_id, clicks, unique_clicks)
select tenant_id, affiliate_id, (clicked_at at time zone 'UTC')::date as day, link_id, count(*),
       count(*) filter (where not repeated)
from written group by tenant_id, affiliate_id, day, link_id
order by affiliate_id, day, link_id
on conflict (affiliate_id, day, link_id) do update
set clicks = affiliate_days.clicks + excluded.clicks,
    unique_clicks = affiliate_days.unique_clicks + excluded.unique_clicks
"""


async def write(clicks: Sequence[Click]) -> None:
    """Write clicks and count them, those that are new. Of an affiliate that is none, nothing."""
    async with db.transaction(db.every_tenant(reason="clicks of all shops are written together")):
        await db.execute(
            _WRITE,
            [one.tenant_id for one in clicks],
            [one.id for one in clicks],
            [one.affiliate_id for one in clicks],
            [one.link_id for one in clicks],
            [one.visitor for one in clicks],
            [one.address for one in clicks],
            [one.at for one in clicks],
        )


def _packed(click: Click) -> bytes:
    link = click.link_id.hex if click.link_id else ""
    hashes = [click.visitor.hex(), click.address.hex()]
    ids = [click.tenant_id.hex, click.id.hex, click.affiliate_id.hex, link]
    return orjson.dumps([*ids, *hashes, click.at.timestamp()])


def _unpacked(packed: bytes) -> Click | None:
    """A click as it was handed on; None for what is none."""
    try:
        said: list[Any] = orjson.loads(packed)
        tenant, click, affiliate, link, visitor, address, at = said
        return Click(
            UUID(tenant),
            UUID(click),
            UUID(affiliate),
            UUID(link) if link else None,
            bytes.fromhex(visitor),
            bytes.fromhex(address),
            datetime.fromtimestamp(at, UTC),
        )
    except (ValueError, TypeError):
        return None
