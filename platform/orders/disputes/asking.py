"""Disputes of which nobody has told us: those we know are looked at, and others are searched for.

The channel's webhook may be lost. So each open case is asked about from time to time, and now and
then the channel is asked for all disputes since a while before the latest one that we know.
"""

import asyncio
from datetime import datetime
from typing import Final

from billing.payment_methods.base import ChannelRefused, ChannelUnavailable
from billing.payment_methods.dispute_channels import DISPUTE_CHANNELS
from kernel import db
from kernel.log import get_logger
from orders.disputes.cases import ASK_AGAIN_SECONDS
from orders.disputes.hearing import hear

log = get_logger(__name__)
ASKED_AT_ONCE: Final = 20
OVERLAP_DAYS: Final = 3
FIRST_LOOK_DAYS: Final = 120

_CLAIM = """
with due as (
    select id from disputes where next_poll_at <= platform_now()
    order by next_poll_at limit $1 for update skip locked
)
update disputes set next_poll_at = platform_now() + make_interval(secs => $2)
from due where disputes.id = due.id
returning disputes.provider, disputes.provider_ref
"""
_SINCE = """
select coalesce(max(opened_at) - make_interval(days => $2),
                platform_now() - make_interval(days => $3))
from disputes where provider = $1
"""


async def ask_about_disputes() -> int:
    """Look at open disputes whose time has come; returns how many."""
    async with db.transaction(db.every_tenant(reason="ask about open disputes")):
        rows = await db.fetch(_CLAIM, ASKED_AT_ONCE, ASK_AGAIN_SECONDS)
    await asyncio.gather(*(_ask(row["provider"], row["provider_ref"]) for row in rows))
    return len(rows)


async def _ask(provider: str, provider_ref: str) -> None:
    try:
        await hear(await DISPUTE_CHANNELS[provider].look(provider_ref))
    except (ChannelUnavailable, ChannelRefused):
        return
    except Exception as error:  # one bad row must not stop the others
        log.error("dispute_not_asked", dispute=provider_ref, exc_info=error)


async def find_disputes() -> int:
    """Search every channel for disputes that we have not heard of; returns how many were news."""
    found = 0
    for provider in DISPUTE_CHANNELS:
        try:
            found += await _find(provider)
        except (ChannelUnavailable, ChannelRefused) as error:
            log.warning("disputes_not_searched", provider=provider, error=str(error))
    return found


async def _find(provider: str) -> int:
    scope = db.every_tenant(reason="find the latest dispute that we know")
    rows = await db.read(scope, f"{_SINCE}", provider, OVERLAP_DAYS, FIRST_LOOK_DAYS)
    since: datetime = rows[0][0]
    found = 0
    async for report in DISPUTE_CHANNELS[provider].since(since):
        try:
            found += (await hear(report)).effect == "DISPUTED"
        except Exception as error:  # one bad row must not stop the others
            log.error("dispute_not_heard", dispute=report.provider_ref, exc_info=error)
    return found
