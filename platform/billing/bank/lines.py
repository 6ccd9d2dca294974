"""The lines of the bank's statements, as the desk sees them and as they are used."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from billing.bank.importing import SENDER_COLUMN
from identity.contact import open_field
from kernel import cursors, db
from kernel.crypto import Sealed
from kernel.errors import NotFound, Refusal

_ABOUT: Final = "bank lines"


class LineUsed(Refusal):
    """The line's money has gone somewhere; `details` says how."""

    code = "BANK_LINE_USED"


@dataclass(frozen=True, slots=True)
class BankLine:
    """One line; the amount in minor units, below zero for what went out.

    WAITING for a decision, then MATCHED to a payment, CREDITED to a wallet, RETURNED, or the
    platform's OWN; BOOKED by hand before it came; SENT is what went out. While it waits,
    `payment_id` is what its reference names.
    """

    id: UUID
    bank_id: str
    booked_on: date
    amount_minor: int
    currency: str
    message: str
    sender_name: str
    sender_account: str
    state: str
    payment_id: UUID | None
    decided_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LinePage:
    """A page of lines, the newest first."""

    rows: tuple[BankLine, ...]
    cursors: tuple[str, ...]
    has_next: bool


_LINES: Final = """
select id, bank_id, booked_on, amount_minor, currency, message, sender, sender_key_id, state,
       payment_id, decided_by, created_at
from bank_lines
"""
_PAGE: Final = f"""{_LINES}
where state = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"""
_ONE: Final = f"{_LINES} where id = $1"


async def lines_page(state: str, *, first: int | None, after: str | None) -> LinePage:
    """A page of the lines in one state. Raises `Invalid`."""
    size = cursors.page_size(first)
    about = f"{_ABOUT} {state}"
    mark = cursors.read(after, tenant_id=None, about=about)
    place = UUID(mark[0]) if mark else None
    rows = await db.read(db.core_scope(), _PAGE, state, place, size + 1)
    shown = tuple(_line(row) for row in rows[:size])
    marks = tuple(cursors.write([str(one.id)], tenant_id=None, about=about) for one in shown)
    return LinePage(shown, marks, len(rows) > size)


async def bank_line(line_id: UUID) -> BankLine:
    """One line; `NotFound` where there is none."""
    rows = await db.read(db.core_scope(), _ONE, line_id)
    if not rows:
        raise NotFound("There is no such bank line.", field="lineId")
    return _line(rows[0])


async def use(line_id: UUID, *, as_state: str, payment_id: UUID | None, by: str) -> None:
    """Take a waiting line for something, inside the transaction that moves its money.

    Raises `LineUsed`. For a payment the database does it itself, with the payment's event.
    """
    if not await db.execute(
        """update bank_lines set state = $2, payment_id = coalesce($3, payment_id),
                  decided_by = $4, used_at = platform_now()
           where id = $1 and state = 'WAITING'""",
        line_id,
        as_state,
        payment_id,
        by,
    ):
        raise line_used(await db.fetch_value("select state from bank_lines where id = $1", line_id))


def line_used(state: str) -> LineUsed:
    """The refusal for a line that does not wait."""
    return LineUsed("This bank line does not wait any more.", field="lineId",
                    details={"state": state})  # fmt: skip


def _line(row: Mapping[str, Any]) -> BankLine:
    values = dict(row)
    sealed = Sealed(values.pop("sender_key_id"), values.pop("sender"))
    name, account = orjson.loads(open_field(sealed, row_id=row["id"], column=SENDER_COLUMN))
    return BankLine(**values, sender_name=name, sender_account=account)
