"""Who is paid nothing for now: the one place that stops payouts, and lets them go on.

Operators, reconciliation and disputes call it, each with a `source` of its own: what one has
stopped no other resumes. What a payout itself has stopped waits for people: operators end it.
"""

from uuid import UUID

from billing.payouts.parties import Party
from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id

LONGEST_REASON = 200
OPERATORS = "operators"
"""The source of what operators stop."""


def by_payout(payout_id: UUID) -> str:
    """The source of a stop because something is strange about a payout."""
    return f"payout:{payout_id}"


async def stop_payouts(party: Party | None, *, source: str, reason: str) -> None:
    """Pay a party nothing from now on, or without one nobody; in the open core transaction.

    What has been sent is on its way; everything else stays where it is, and is not sent. A second
    stop of the same source changes nothing. Raises `Invalid` for a reason that is none.
    """
    reason = checked_reason(reason)
    await db.execute(
        """insert into payout_stops (id, party_kind, party_id, source, reason)
           values ($1, $2, $3, $4, $5) on conflict do nothing""",
        new_id(),
        party and party.kind,
        party and party.id,
        source,
        reason,
    )


async def resume_payouts(party: Party | None, *, source: str) -> bool:
    """End the stop of a source, and with that of operators those of the party's payouts; False
    where there was none. In the open core transaction."""
    ended = await db.execute(
        """update payout_stops set ended_at = platform_now()
           where party_id is not distinct from $1 and ended_at is null
             and (source = $2 or ($2 = $3 and source like 'payout:%'))""",
        party and party.id,
        source,
        OPERATORS,
    )
    return bool(ended)


def checked_reason(reason: str) -> str:
    """A reason in one line; `Invalid` unless it has 1 to 200 printable characters."""
    text = reason.strip()
    if not (1 <= len(text) <= LONGEST_REASON and text.isprintable()):
        raise Invalid(f"A reason has 1 to {LONGEST_REASON} printable characters.", field="reason")
    return text
