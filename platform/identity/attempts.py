"""Attempts that an attacker would repeat, counted where nothing gets lost: in PostgreSQL.

A window slides: an attempt counts until it is `window_seconds` old, so that no border between
two windows gives twice the limit. Refused attempts are not counted, so a refusal ends by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from uuid import UUID

from kernel import crypto, db
from kernel.errors import RateLimited

LONGEST_WINDOW_SECONDS: Final = 3600
"""No window is longer: what is older counts for nothing."""
OPENINGS_WINDOW_SECONDS: Final = 3600

# Attempts on one subject stand in a queue while they are counted; other subjects do not wait.
_QUEUE = "select pg_advisory_xact_lock(hashtextextended($1 || encode($2, 'hex'), 0))"
_FORGET_OLD = """
delete from attempt_counters
where scope = $1 and subject = $2 and window_start <= platform_now() - $3::interval
"""
_COUNT = """
with recent as (
    select coalesce(sum(attempts), 0) as attempts, min(window_start) as first
    from attempt_counters where scope = $1 and subject = $2 and attempts > 0
), counted as (
    insert into attempt_counters (scope, subject, window_start)
    select $1, $2, platform_now() from recent where attempts < $4
    on conflict (scope, subject, window_start) do update
        set attempts = attempt_counters.attempts + 1
    returning window_start
)
select (select window_start from counted) as counted_at,
       extract(epoch from recent.first + $3::interval - platform_now())::float8 as wait_seconds
from recent
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted attempt, to be forgiven if it turns out to be honest."""

    scope: str
    subject: bytes
    counted_at: datetime


async def count_attempt(*, scope: str, subject: str, limit: int, window_seconds: int) -> Attempt:
    """Count one attempt, in a transaction of its own, before it is evaluated.

    At most `limit` attempts on a subject are let through in any `window_seconds`, exactly, however
    many come at once. Raises `RateLimited` with `retry_after_seconds`. The subject (an account,
    an address) is stored as a keyed hash.
    """
    assert window_seconds <= LONGEST_WINDOW_SECONDS, "older attempts are forgotten"
    hashed = crypto.blind_index(scope, subject)
    window = timedelta(seconds=window_seconds)
    async with db.transaction(db.core_scope()):
        await db.execute(_QUEUE, scope, hashed)
        await db.execute(_FORGET_OLD, scope, hashed, window)
        row = await db.fetch_row(_COUNT, scope, hashed, window, limit)
    if row is None or row["counted_at"] is None:
        raise _too_many(row["wait_seconds"] if row else None, window_seconds)
    return Attempt(scope, hashed, row["counted_at"])


async def count_opening(*, what: str, tenant_id: UUID, ip: str, limit: int) -> None:
    """Count something that an address opens in a shop without having to prove anything.

    An address opens at most `limit` of them in an hour. What was opened honestly is not forgiven:
    it is the rows that are bounded. Raises `RateLimited`.
    """
    await count_attempt(
        scope=f"open:{what}",
        subject=f"{tenant_id}:{subscriber(ip)}",
        limit=limit,
        window_seconds=OPENINGS_WINDOW_SECONDS,
    )


async def forget_attempts(most: int) -> int:
    """Delete up to `most` counted attempts that no window reaches back to any more; says how many.

    What is asked again deletes its own; this is for subjects that never come back.
    """
    async with db.transaction(db.core_scope()):
        return await db.execute(
            """delete from attempt_counters
               where ctid in (select ctid from attempt_counters
                              where window_start <= platform_now() - $2::interval limit $1)""",
            most,
            timedelta(seconds=LONGEST_WINDOW_SECONDS),
        )


_RECENT = """
select coalesce(sum(attempts), 0)::bigint as attempts,
       extract(epoch from min(window_start) + $3::interval - platform_now())::float8 as wait_seconds
from attempt_counters
where scope = $1 and subject = $2 and attempts > 0 and window_start > platform_now() - $3::interval
"""


async def require_few(*, scope: str, subject: str, limit: int, window_seconds: int) -> None:
    """Raise `RateLimited` where so many attempts were counted lately; counts none.

    For what is counted only when it turns out to be no honest one.
    """
    hashed = crypto.blind_index(scope, subject)
    window = timedelta(seconds=window_seconds)
    [row] = await db.read(db.core_scope(), _RECENT, scope, hashed, window)
    if row["attempts"] >= limit:
        raise _too_many(row["wait_seconds"], window_seconds)


async def forgive(*attempts: Attempt) -> None:
    """Take attempts back, in the open transaction: they were honest."""
    await db.execute_many(
        """update attempt_counters set attempts = attempts - 1
           where scope = $1 and subject = $2 and window_start = $3 and attempts > 0""",
        [(attempt.scope, attempt.subject, attempt.counted_at) for attempt in attempts],
    )


def subscriber(ip: str) -> str:
    """Name one subscriber: an IPv4 address, or the /64 that an IPv6 subscriber has to himself."""
    try:
        address = ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _too_many(wait_seconds: float | None, window_seconds: int) -> RateLimited:
    wait = max(1, round(window_seconds if wait_seconds is None else wait_seconds))
    minutes = -(-wait // 60)
    return RateLimited(
        f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
        details={"retry_after_seconds": wait},
    )
