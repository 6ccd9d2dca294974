"""Who has too little of a deposit sells nothing new, and goes on as soon as there is enough.

What is ordered goes on. The listings of a supplier are paused, a shop takes no orders; both in the
transaction that knows it, and the catalogue's version moves with it.
"""

from billing import ledger
from billing.deposits.arithmetic import is_short
from billing.deposits.parties import DepositParty
from kernel import db
from supply import deposit_stops
from tenants import standing
from tenants.life import LifeChange, Mover
from tenants.standing import Step

_ACTOR = "deposit"


async def follow(party: DepositParty) -> bool:
    """Stop the party's new sales or let them go on, by what is there and what was asked for last.

    In the open transaction, for a shop that of its own scope; true where it has too little. Its
    standing is locked first, and the balance read in a statement after: of money that comes while
    somebody else finds too little, whoever is second sees both.
    """
    row = await db.fetch_row(
        """select required_minor, grace_minor from deposit_standings where party_id = $1
           for no key update""",
        party.id,
    )
    if row is None:
        return False  # nobody has asked for anything yet
    free_minor = await ledger.balance(party.free)
    is_low = is_short(free_minor=free_minor, **row)
    if party.kind == "SUPPLIER":
        await deposit_stops.set_low(party.id, is_low=is_low)
    else:
        await standing.make_if_due(
            Step(
                party.id,
                LifeChange.RESTRICT_DEPOSIT,
                Mover.CLOCK,
                _ACTOR,
                "the deposit is too low" if is_low else "the deposit is high enough",
                deposit_low=is_low,
            )
        )
    return is_low
