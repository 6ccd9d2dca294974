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


async def fold_balances(limit: int = 500) -> int:
    """Fold what old transactions wrote into the cache, so that reading a balance stays cheap.

    Only transactions that ended before the oldest one still running are folded, so that an entry
    that commits later is never missed. Returns how many accounts moved.
    """
    return await db.execute(
        """with horizon as (
               select pg_snapshot_xmin(pg_current_snapshot()) as below
           ), stale as (
               select e.account_id, sum(e.amount_minor)::bigint as minor
               from ledger_entries e
               left join ledger_folds f on f.account_id = e.account_id, horizon h
               where e.written_by >= coalesce(f.folded_below, '0'::xid8)
                 and e.written_by < h.below
               group by e.account_id having count(*) >= 100 limit $1
           )
           insert into ledger_folds (account_id, balance_minor, folded_below)
           select s.account_id, s.minor, h.below from stale s, horizon h
           on conflict (account_id) do update
           set balance_minor = ledger_folds.balance_minor + excluded.balance_minor,
               folded_below = excluded.folded_below""",
        limit,
    )
