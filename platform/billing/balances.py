"""What parties have earned and the state of the whole ledger: reads for desks and statements."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from billing import accounts
from kernel import db


@dataclass(frozen=True, slots=True)
class PartyBalance:
    """A party's money by stage, in minor units; `owed_minor` is its debt to the platform."""

    pending_minor: int = 0
    available_minor: int = 0
    deposit_minor: int = 0
    owed_minor: int = 0
    held_minor: int = 0
    reserved_minor: int = 0


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One line of the trial balance: an account code and currency, debit positive."""

    code: str
    currency: str
    balance_minor: int


_STAGES: Final = {
    "pending_minor": accounts.party_pending,
    "available_minor": accounts.party_available,
    "deposit_minor": accounts.deposit_free,
    "held_minor": accounts.party_held,
    "reserved_minor": accounts.party_reserved,
    "owed_minor": accounts.receivable,
}


async def party_balance(party_id: UUID, currency: str) -> PartyBalance:
    """A party's balances, in one statement. Needs a core transaction."""
    rows = await db.fetch(
        """select -ledger_balance(id) as minor
           from unnest($1::uuid[]) with ordinality as wanted (id, place) order by place""",
        [account_of(party_id, currency).id for account_of in _STAGES.values()],
    )
    held = dict(zip(_STAGES, (row["minor"] for row in rows), strict=True))
    return PartyBalance(**{**held, "owed_minor": -held["owed_minor"]})


async def trial_balance() -> list[TrialRow]:
    """Every account code with its sum; the sums of one currency add up to zero."""
    rows = await db.fetch(
        """select a.code, a.currency, coalesce(sum(ledger_balance(a.id)), 0)::bigint
                  as balance_minor
           from ledger_accounts a group by a.code, a.currency order by a.code, a.currency"""
    )
    return [TrialRow(**row) for row in rows]


async def trial_balance_of(as_of: datetime) -> list[TrialRow]:
    """The same as it was before a time: of all transactions that bear an earlier one."""
    rows = await db.fetch(
        """select account.code, account.currency, sum(entry.amount_minor)::bigint as balance_minor
           from ledger_transactions posting
           join ledger_entries entry on entry.transaction_id = posting.id
           join ledger_accounts account on account.id = entry.account_id
           where posting.posted_at < $1
           group by account.code, account.currency order by account.code, account.currency""",
        as_of,
    )
    return [TrialRow(**row) for row in rows]


_ONE_FOLD_AT_A_TIME = 0x666F6C64  # "fold"

# Accounts that were busy lately, looked for at the end of the ledger, so that the cost does not
# grow with its length. Ids of transactions are ordered by time, and so read from the newest on.
_BUSY = """
select account_id from (
    select entry.account_id
    from (select id from ledger_transactions order by id desc limit $1) as posted
    join ledger_entries entry on entry.transaction_id = posted.id
    limit $1
) as late
group by account_id having count(*) >= $2
"""


async def fold_balances(*, look_back: int = 20_000, at_least: int = 100) -> int:
    """Fold what old transactions wrote into the cache, so that reading a balance stays cheap.

    Accounts that are debited fold themselves (`lock_balance` in the database); this is for those
    that only ever earn. One fold at a time: others would only wait for it. Returns how many
    accounts moved.
    """
    if not await db.fetch_value("select pg_try_advisory_xact_lock($1)", _ONE_FOLD_AT_A_TIME):
        return 0
    # A database restored into a younger cluster has folds from the future: they are forgotten.
    await db.execute(
        "delete from ledger_folds where folded_below > pg_snapshot_xmax(pg_current_snapshot())"
    )
    busy = [row["account_id"] for row in await db.fetch(_BUSY, look_back, at_least)]
    moved: int = await db.fetch_value("select fold_balances($1)", busy) if busy else 0
    return moved
