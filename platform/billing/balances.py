"""What parties have earned and the state of the whole ledger: reads for desks and statements."""

from dataclasses import dataclass
from uuid import UUID

from billing import accounts, ledger
from kernel import db


@dataclass(frozen=True, slots=True)
class PartyBalance:
    """A party's money by stage, in minor units; `owed_minor` is its debt to the platform."""

    pending_minor: int
    available_minor: int
    deposit_minor: int
    owed_minor: int


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One line of the trial balance: an account code and currency, debit positive."""

    code: str
    currency: str
    balance_minor: int


async def party_balance(party_id: UUID, currency: str) -> PartyBalance:
    """A party's balances. Needs a core transaction."""
    return PartyBalance(
        pending_minor=await ledger.balance(accounts.party_pending(party_id, currency)),
        available_minor=await ledger.balance(accounts.party_available(party_id, currency)),
        deposit_minor=await ledger.balance(accounts.deposit_free(party_id, currency)),
        owed_minor=-await ledger.balance(accounts.receivable(party_id, currency)),
    )


async def trial_balance() -> list[TrialRow]:
    """Every account code with its sum; the sums of one currency add up to zero."""
    rows = await db.fetch(
        """select a.code, a.currency, coalesce(sum(ledger_balance(a.id)), 0)::bigint
                  as balance_minor
           from ledger_accounts a group by a.code, a.currency order by a.code, a.currency"""
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
