"""What a statement is about: one party's money in one currency, from a time up to another."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from bookkeeping.statements.parties import Party
from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS
from kernel import db
from kernel.errors import Invalid
from kernel.money import CURRENCY_EXPONENTS

MOST_DAYS: Final = 400
SETTLED_AFTER: Final = timedelta(minutes=10)
"""What is posted bears the time at which its transaction began, and is seen when that commits. No
transaction of the product lasts as long, so that a period which ended before does not change."""


@dataclass(frozen=True, slots=True)
class Period:
    """A party's money in a currency, within [since, until)."""

    party: Party
    currency: str
    since: datetime
    until: datetime

    @property
    def account_ids(self) -> list[UUID]:
        """The ids of the party's accounts, in the order of `PARTY_ACCOUNTS`."""
        return [account.of(self.party.id, self.currency).id for account in PARTY_ACCOUNTS]


async def settled_period(
    party: Party, *, currency: str | None, since: datetime, until: datetime
) -> Period:
    """Check a wish for a statement, its times with their offsets; raises `Invalid`."""
    currency = party.currency if currency is None else currency
    if currency not in CURRENCY_EXPONENTS:
        raise Invalid("There is no such currency.", field="currency")
    if not since < until:
        raise Invalid("A statement begins before it ends.", field="from")
    if until - since > timedelta(days=MOST_DAYS):
        raise Invalid(f"A statement is about {MOST_DAYS} days at most.", field="from")
    [row] = await db.read(db.core_scope(), "select platform_now() as now")
    if until > row["now"] - SETTLED_AFTER:
        raise Invalid("A statement ends ten minutes ago, or before.", field="to")
    return Period(party, currency, since, until)
