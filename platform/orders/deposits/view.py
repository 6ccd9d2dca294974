"""A deposit as its party and operators see it, with the figures behind what is asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing import ledger
from billing.deposits.parties import DepositParty
from kernel import db


@dataclass(frozen=True, slots=True)
class DepositView:
    """Amounts in minor units. `measured_at` is None where nobody asks for anything."""

    free_minor: int
    held_minor: int
    required_minor: int = 0
    base_minor: int = 0
    grace_minor: int = 0
    exposure_minor: int = 0
    growth_minor_per_hour: int = 0
    sold: int = 0
    faults: int = 0
    invalid_rate_bp: int = 0
    runs_out_at: datetime | None = None
    measured_at: datetime | None = None

    @property
    def short_by_minor(self) -> int:
        """What is missing."""
        return max(self.required_minor - self.free_minor, 0)


_STANDING: Final = """
select required_minor, base_minor, grace_minor, exposure_minor, growth_minor_per_hour, sold, faults,
       invalid_rate_bp, runs_out_at, measured_at
from deposit_standings where party_id = $1 and measured_at is not null
"""


async def view_of(party: DepositParty) -> DepositView:
    """A party's deposit as it stands."""
    async with db.transaction(party.scope, read_only=True):
        free_minor = await ledger.balance(party.free)
        held_minor = await ledger.balance(party.held)
        row = await db.fetch_row(_STANDING, party.id)
    return DepositView(free_minor, held_minor, **(row or {}))
