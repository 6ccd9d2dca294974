"""The rows of what is earned: read, locked, and written after a movement of money."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing import accounts
from billing.ledger import Account
from kernel import db


@dataclass(frozen=True, slots=True)
class Earning:
    """One party's share of a delivered line, and where what is left of it lies; minor units.

    `pending_minor` may be more than the party's pending account holds for it, by what was drawn
    ahead; `available_minor` is what it has brought, whatever became of the money.
    """

    tenant_id: UUID
    order_id: UUID
    share_id: UUID
    line_id: UUID
    party_kind: str
    party_id: UUID
    currency: str
    pending_minor: int
    held_minor: int
    available_minor: int
    available_at: datetime
    open_holds: int
    is_matured: bool

    @property
    def pending(self) -> Account:
        """Where the party's pending money is."""
        return accounts.party_pending(self.party_id, self.currency)

    @property
    def held(self) -> Account:
        """Where the party's held money is."""
        return accounts.party_held(self.party_id, self.currency)

    @property
    def available(self) -> Account:
        """Where the party's available money is."""
        return accounts.party_available(self.party_id, self.currency)

    @property
    def deposit(self) -> Account:
        """The party's free deposit."""
        return accounts.deposit_free(self.party_id, self.currency)

    @property
    def debt(self) -> Account:
        """What the party owes."""
        return accounts.receivable(self.party_id, self.currency)


COLUMNS: Final = """
earning.tenant_id, earning.order_id, earning.share_id, earning.line_id,
earning.party_kind::text as party_kind, earning.party_id, earning.currency::text as currency,
earning.pending_minor, earning.held_minor, earning.available_minor, earning.available_at,
earning.open_holds, earning.matured_at is not null as is_matured
"""


def earning_of(row: Mapping[str, Any]) -> Earning:
    """The row of a statement that selects `COLUMNS`."""
    return Earning(**row)


async def lock_rows(order_id: UUID, line_ids: Sequence[UUID]) -> list[Earning]:
    """What these lines have earned, locked until commit, in one order."""
    rows = await db.fetch(
        f"""select {COLUMNS} from earnings earning
            where earning.order_id = $1 and earning.line_id = any ($2)
            order by earning.share_id for no key update""",
        order_id,
        line_ids,
    )
    return [earning_of(row) for row in rows]


async def write_stages(changed: Iterable[Earning]) -> None:
    """Write where what is left of locked rows lies now."""
    rows = list(changed)
    if not rows:
        return
    await db.execute(
        """update earnings set pending_minor = now_is.pending_minor,
                  held_minor = now_is.held_minor, available_minor = now_is.available_minor,
                  open_holds = now_is.open_holds
           from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[],
                       $6::smallint[])
                as now_is (order_id, share_id, pending_minor, held_minor, available_minor,
                           open_holds)
           where (earnings.order_id, earnings.share_id) = (now_is.order_id, now_is.share_id)""",
        [row.order_id for row in rows],
        [row.share_id for row in rows],
        [row.pending_minor for row in rows],
        [row.held_minor for row in rows],
        [row.available_minor for row in rows],
        [row.open_holds for row in rows],
    )


async def write_ahead(changes: Mapping[Account, int]) -> None:
    """Add to what was drawn ahead of parties' pending accounts, which are locked; minor units."""
    for account, minor in changes.items():
        if minor > 0:
            await db.execute(
                """insert into earnings_ahead as known (party_id, currency, ahead_minor)
                   values ($1, $2, $3) on conflict (party_id, currency)
                   do update set ahead_minor = known.ahead_minor + excluded.ahead_minor""",
                account.owner_id,
                account.currency,
                minor,
            )
        elif minor < 0:
            await db.execute(
                """update earnings_ahead set ahead_minor = ahead_minor + $3
                   where party_id = $1 and currency = $2""",
                account.owner_id,
                account.currency,
                minor,
            )


async def ahead_of(pending: Sequence[Account]) -> dict[Account, int]:
    """What was drawn ahead of these pending accounts, which are locked; minor units."""
    rows = await db.fetch(
        "select party_id, currency::text as currency, ahead_minor from earnings_ahead"
        " where party_id = any ($1) and ahead_minor > 0",
        [account.owner_id for account in pending],
    )
    known = {(row["party_id"], row["currency"]): row["ahead_minor"] for row in rows}
    return {account: known.get((account.owner_id, account.currency), 0) for account in pending}
