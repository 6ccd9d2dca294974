"""Whose statements of account are read: this one list."""

from datetime import date, datetime
from typing import Final

from billing.payment_methods.bank_statement import BankStatement
from billing.payment_methods.statement import Statement, StatementEntry
from billing.payment_methods.stripe_statement import StripeStatement
from kernel import db

STATEMENTS: Final[list[Statement]] = [StripeStatement(), BankStatement()]
"""Where there is none, what is booked there is gathered, and compared with nothing."""

_KEEP: Final = """
insert into settlement_movements as known
    (book, side, id, currency, reference, category, own_id, amount_minor, fee_minor, moved_at)
select $1, 'THEIRS', * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[],
                                   $7::bigint[], $8::bigint[], $9::timestamptz[])
on conflict (book, side, id, currency) do update
set reference = excluded.reference, category = excluded.category, own_id = excluded.own_id,
    amount_minor = excluded.amount_minor, fee_minor = excluded.fee_minor,
    moved_at = excluded.moved_at
"""


# One look at the index for each: there are few, with very many movements.
_BOOKS: Final = """
with recursive books as (
    select min(book) as book from settlement_movements
    union all
    select (select min(book) from settlement_movements where book > books.book) from books
    where book is not null
)
select book from books where book is not null
"""


async def gathered_books() -> list[str]:
    """The books in which anything has moved; inside a transaction."""
    return [row["book"] for row in await db.fetch(_BOOKS)]


def open_statements() -> list[Statement]:
    """The statements of accounts that there are."""
    return [statement for statement in STATEMENTS if statement.is_open()]


async def forget(*, since: datetime, until: datetime, day: date) -> None:
    """Forget a day's movements and totals, which are read anew; inside a transaction."""
    await db.execute(
        """delete from settlement_movements
           where book = any ($1) and moved_at >= $2 and moved_at < $3""",
        await gathered_books(),
        since,
        until,
    )
    await db.execute("delete from reconciliation_totals where day = $1", day)


async def keep(book: str, entries: tuple[StatementEntry, ...]) -> None:
    """Write down what a statement says, once, and as it says it now; inside a transaction."""
    await db.execute(
        _KEEP,
        book,
        [entry.id for entry in entries],
        [entry.currency for entry in entries],
        [entry.reference for entry in entries],
        [entry.category for entry in entries],
        [entry.own_id for entry in entries],
        [entry.amount_minor for entry in entries],
        [entry.fee_minor for entry in entries],
        [entry.moved_at for entry in entries],
    )
