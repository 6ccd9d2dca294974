"""`kameng audit`: is the audit chain the one that somebody has noted down?

Whoever may write to the database as its owner can write a whole chain anew. So its head is kept
elsewhere, day by day, and compared: `kameng audit` prints it, `--anchor` looks for it.
"""

import asyncio
import re
import sys
from typing import Final

import asyncpg

from entrypoints.verify import BROKEN, HOLDS, NOT_EXAMINED
from kernel.settings import settings

_ANCHOR: Final = re.compile(r"(?P<sequence>[1-9][0-9]{0,17}):(?P<hash>[0-9a-f]{64})")
_BROKEN_LINKS: Final = """
select seal.sequence
from (select sequence, event_number, hash, lag(sequence) over whole as sequence_before,
             lag(hash) over whole as hash_before
      from audit_seals window whole as (order by sequence)) as seal
left join audit_events event on event.number = seal.event_number
where event.number is null or seal.sequence <> coalesce(seal.sequence_before, 0) + 1
   or seal.hash <> audit_link(seal.hash_before, audit_digest(event))
order by seal.sequence limit 1
"""


def main(*, anchor: str | None = None, database_url: str | None = None) -> int:
    """Examine the chain, print its head, and return 0 when it is whole and holds the anchor, 1 when
    it was altered, 2 when it could not be examined."""
    known = _ANCHOR.fullmatch(anchor) if anchor else None
    if anchor and known is None:
        print("An anchor is SEQUENCE:HASH, as `kameng audit` prints it.", file=sys.stderr)
        return NOT_EXAMINED
    try:
        return asyncio.run(_examine(database_url or settings().database_url, known))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"The audit log could not be examined: {error}", file=sys.stderr)
        return NOT_EXAMINED


async def _examine(database_url: str, anchor: re.Match[str] | None) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            broken = await connection.fetchval(_BROKEN_LINKS)
            if broken is not None:
                print(f"✗ The chain is broken at {broken}: somebody has altered the audit log.")
                return BROKEN
            if anchor is not None and not await _stands(connection, anchor):
                print(f"✗ {anchor[0]} is not in the chain: somebody has written it anew.")
                return BROKEN
            head = await connection.fetchrow(
                "select sequence, hash from audit_seals order by sequence desc limit 1"
            )
    finally:
        await connection.close()
    print(f"{head['sequence']}:{head['hash'].hex()}" if head else "The audit log is empty.")
    return HOLDS


async def _stands(connection: asyncpg.Connection, anchor: re.Match[str]) -> bool:
    stands: bool = await connection.fetchval(
        "select exists (select from audit_seals where sequence = $1 and hash = $2)",
        int(anchor["sequence"]),
        bytes.fromhex(anchor["hash"]),
    )
    return stands
