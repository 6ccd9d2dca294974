"""One change of a payout's state: compare and set, with who did it and why."""

from dataclasses import KW_ONLY, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from billing.payouts.rows import COLUMNS, Payout, payout_of
from billing.payouts.states import PayoutState
from kernel import db


@dataclass(frozen=True, slots=True)
class Change:
    """The state that a payout goes to, and what comes with it: what is not named becomes empty,
    the reasons stay."""

    to: PayoutState
    _: KW_ONLY
    by: str
    note: str | None = None
    batch_id: UUID | None = None
    provider_ref: str | None = None
    next_step: timedelta | None = None
    reasons: tuple[str, ...] | None = None
    new_round: bool = False
    new_attempt: bool = False


class LostRace(RuntimeError):
    """The payout was changed by somebody else, though its row was locked: a bug."""


_CHANGE: Final = f"""
update payouts set state = $3::text, changed_by = $4, note = $5, batch_id = $6,
       provider_ref = $7, next_step_at = platform_now() + $8::interval, tries = 0,
       reasons = coalesce($9::text[], reasons),
       round = round + $10::boolean::integer, attempt = attempt + $11::boolean::integer,
       changed_at = platform_now()
where id = $1 and state = $2::text
returning {COLUMNS}
"""


async def change(payout: Payout, to: Change) -> Payout:
    """Bring a payout, whose row the open transaction has locked, into its next state."""
    values: tuple[Any, ...] = (
        to.to,
        to.by,
        to.note,
        to.batch_id,
        to.provider_ref,
        to.next_step,
        None if to.reasons is None else list(to.reasons),
        to.new_round,
        to.new_attempt,
    )
    row = await db.fetch_row(_CHANGE, payout.id, payout.state, *values)
    if row is None:
        raise LostRace(f"payout {payout.id} is not {payout.state} any more")
    return payout_of(row)
