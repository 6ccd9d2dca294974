"""Opening, in, out and closing of each of a party's accounts, and what made them, in one SQL.

In the party's view: what it has is positive, what it owes is negative. The ledger's own signs are
the platform's, so that each amount is turned round.
"""

from dataclasses import dataclass, field
from typing import Final

from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS, AccountName
from bookkeeping.statements.periods import Period
from kernel import db

_SUMS: Final = """
select account.name, inside.kind, count(*) as entries,
       coalesce(-sum(entry.amount_minor) filter (where entry.amount_minor < 0), 0)::bigint
           as in_minor,
       coalesce(sum(entry.amount_minor) filter (where entry.amount_minor > 0), 0)::bigint
           as out_minor
from unnest($1::uuid[], $2::text[]) as account (id, name)
join ledger_entries entry on entry.account_id = account.id
join ledger_transactions posting on posting.id = entry.transaction_id
cross join lateral (
    select case when posting.posted_at >= $3::timestamptz then posting.kind end as kind
) as inside
where posting.posted_at < $4::timestamptz
group by account.name, inside.kind
order by account.name, inside.kind
"""


@dataclass(frozen=True, slots=True)
class KindTotal:
    """What one kind of event brought into an account and took out of it, in minor units."""

    kind: str
    in_minor: int
    out_minor: int
    entries: int


@dataclass(slots=True)
class AccountSummary:
    """One account over a period, in minor units of the statement's currency."""

    name: AccountName
    opening_minor: int = 0
    kinds: list[KindTotal] = field(default_factory=list)

    @property
    def in_minor(self) -> int:
        """All that came in."""
        return sum(total.in_minor for total in self.kinds)

    @property
    def out_minor(self) -> int:
        """All that went out, as a positive amount."""
        return sum(total.out_minor for total in self.kinds)

    @property
    def closing_minor(self) -> int:
        """What there was at the end."""
        return self.opening_minor + self.in_minor - self.out_minor


async def summaries(period: Period) -> list[AccountSummary]:
    """Every account of the party that has ever been used by the end, in the order of
    `PARTY_ACCOUNTS`. In the open transaction, or in one of its own."""
    rows = await db.read(
        db.core_scope() if not db.inside_transaction() else db.current_scope(),
        _SUMS,
        period.account_ids,
        [account.name for account in PARTY_ACCOUNTS],
        period.since,
        period.until,
    )
    found: dict[AccountName, AccountSummary] = {}
    for row in rows:
        name = AccountName(row["name"])
        summary = found.setdefault(name, AccountSummary(name))
        if row["kind"] is None:
            summary.opening_minor = row["in_minor"] - row["out_minor"]
        else:
            summary.kinds.append(
                KindTotal(row["kind"], row["in_minor"], row["out_minor"], row["entries"])
            )
    return [found[account.name] for account in PARTY_ACCOUNTS if account.name in found]
