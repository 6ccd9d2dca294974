"""The bank's lines, read as a statement of the platform's account.

A line counts on the day on which it was imported: nobody could know of it before, and its money was
booked then. It is called by the payout or refund that it names, else by the bank's own id.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from billing.bank.naming import own_id
from billing.bank.own_accounts import has_account
from billing.payment_methods.statement import Category, StatementEntry, StatementPage
from kernel import db

LINES_A_PAGE: Final = 1_000
_PAGE: Final = """
select id, coalesce(names, bank_id) as reference, names, amount_minor::bigint as amount_minor,
       currency::text as currency, created_at
from bank_lines
where created_at >= $1 and created_at < $2
  and ($3::uuid is null
       or (created_at, id) > (select created_at, id from bank_lines where id = $3))
order by created_at, id limit $4
"""


class BankStatement:
    """The statement of the platform's accounts at the bank."""

    book: Final = "BANK"
    #: A statement comes as a file, when somebody fetches it: over a long weekend, too.
    slack: Final = timedelta(days=5)

    def is_open(self) -> bool:
        """Whether the platform has an account."""
        return has_account()

    async def page(self, *, since: datetime, until: datetime, after: str) -> StatementPage:
        """A page of the lines that were imported since then, the oldest first."""
        place = UUID(after) if after else None
        rows = await db.read(db.core_scope(), _PAGE, since, until, place, LINES_A_PAGE + 1)
        entries = tuple(
            StatementEntry(
                id=str(row["id"]),
                category=_category(row["names"], row["amount_minor"]),
                reference=row["reference"],
                own_id=own_id(row["names"]),
                amount_minor=row["amount_minor"],
                fee_minor=0,
                currency=row["currency"],
                moved_at=row["created_at"],
            )
            for row in rows[:LINES_A_PAGE]
        )
        return StatementPage(entries, entries[-1].id if len(rows) > LINES_A_PAGE else None)


def _category(names: str | None, amount_minor: int) -> Category:
    """What a line is of. What went out without a name of ours may be anything."""
    if names is not None:
        return "TRANSFER" if names.startswith("pyt") else "REFUND"
    return "PAYMENT" if amount_minor > 0 else "OTHER"
