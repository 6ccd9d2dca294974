"""Whether anything is paid out in a currency: not while the books and the statements differ; and
whether a party may use what it has earned.

Reconciliation says what is open; payouts ask before they begin, and again before they are sent.
Everything here runs inside the caller's core transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from kernel import db
from kernel.errors import Refusal


class PayoutsStopped(Refusal):
    """The books of this currency are being put right; nothing is paid out meanwhile."""

    code = "ACCOUNT_FROZEN"


class InDebt(Refusal):
    """The party owes the platform money, which comes first."""

    code = "RECEIVABLE_OPEN"


@dataclass(frozen=True, slots=True)
class Gate:
    """One currency's gate; what is open in it, in minor units, and since when it is shut."""

    currency: str
    threshold_minor: int
    open_items: int
    open_minor: int
    shut_since: datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What is open in a currency, in minor units."""

    items: int
    minor: int


async def require_open(currency: str) -> None:
    """Raise `PayoutsStopped` while nothing may be paid out in this currency.

    The row is locked for reading: who asks and then pays is done before the gate shuts.
    """
    shut = await db.fetch_value(
        "select shut_since is not null from payout_gates where currency = $1 for share", currency
    )
    if shut:
        raise PayoutsStopped("Payouts wait until the books have been put right.", field="amount")


def require_unblocked(reason: str | None) -> None:
    """Raise the refusal for what `payout_block` of the database says; nothing for nothing."""
    if reason == "IN_DEBT":
        raise InDebt("What is owed to the platform comes first.", field="amount")
    if reason is not None:
        raise PayoutsStopped("Nothing is paid out at the moment: an operator decides.")


async def require_free_to_give(kind: Literal["TENANT", "SUPPLIER"], party_id: UUID) -> None:
    """Raise where a party may not give away what it has earned, whose account is locked: it would
    pay itself out by gifts to buyers of its own. A stop of everybody's payouts stops no gift.

    Raises `InDebt`, `PayoutsStopped`.
    """
    require_unblocked(
        await db.fetch_value("select party_block($1::text, $2::uuid)", kind, party_id)
    )


async def gates() -> list[Gate]:
    """Every currency's gate."""
    rows = await db.fetch(
        """select currency, threshold_minor, open_items, open_minor, shut_since
           from payout_gates order by currency limit 100"""
    )
    return [Gate(**row) for row in rows]


async def hold() -> None:
    """Let nobody else change a gate until this transaction ends: what is open is counted next."""
    await db.execute("lock table payout_gates in share row exclusive mode")


_SET_OPEN = """
insert into payout_gates as gate (currency, open_items, open_minor, shut_since)
select currency, items, minor, case when minor > 0 then platform_now() end
from unnest($1::text[], $2::bigint[], $3::bigint[]) as found (currency, items, minor)
on conflict (currency) do update
set open_items = excluded.open_items, open_minor = excluded.open_minor,
    shut_since = case when excluded.open_minor > gate.threshold_minor
                      then coalesce(gate.shut_since, platform_now()) end
"""


async def set_open(differences: Mapping[str, Difference]) -> None:
    """Say what is open in every currency, after `hold`; one that is not named has nothing open."""
    known = {gate.currency: Difference(0, 0) for gate in await gates()}
    found = known | dict(differences)
    await db.execute(
        _SET_OPEN,
        list(found),
        [difference.items for difference in found.values()],
        [difference.minor for difference in found.values()],
    )


async def set_threshold(currency: str, threshold_minor: int) -> None:
    """Say how much may be open in a currency, in minor units, before payouts stop."""
    await db.execute(
        """insert into payout_gates as gate (currency, threshold_minor) values ($1, $2)
           on conflict (currency) do update
           set threshold_minor = excluded.threshold_minor,
               shut_since = case when gate.open_minor > excluded.threshold_minor
                                 then coalesce(gate.shut_since, platform_now()) end""",
        currency,
        threshold_minor,
    )
