"""What goes back by bank: written down, handed to whoever sends it, and marked when it is sent.

No bank is asked by us. A refund lies here until an operator has sent it, as one of a file of
transfers, or has given it to the buyer's wallet instead.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson

from billing.bank.importing import SENDER_COLUMN
from billing.bank.naming import message_for
from identity.contact import open_field
from kernel import db
from kernel.crypto import Sealed
from kernel.ids import public_id
from kernel.money import currency_exponent

MOST_IN_FILE: Final = 1_000
_COLUMNS: Final = ("id", "name", "account", "amount", "currency", "message")


@dataclass(frozen=True, slots=True)
class BankRefund:
    """One transfer back, to whoever sent the line; in minor units. Without `refund_id` it gives
    back a line that paid for nothing."""

    id: UUID
    line_id: UUID
    refund_id: UUID | None
    amount_minor: int
    currency: str
    state: str


async def owe(
    *, refund_id: UUID | None, own_id: UUID, line_id: UUID, amount_minor: int, currency: str
) -> None:
    """Write a transfer back down, once for its id; inside a transaction."""
    await db.execute(
        """insert into bank_refunds (id, line_id, refund_id, amount_minor, currency, state)
           values ($1, $2, $3, $4, $5, 'DUE') on conflict (id) do nothing""",
        own_id,
        line_id,
        refund_id,
        amount_minor,
        currency,
    )


async def owe_for_payment(*, refund_id: UUID, reference: str, amount_minor: int) -> None:
    """Write down what is owed to whoever paid with this reference; a transaction of its own."""
    async with db.transaction(db.core_scope()):
        line = await db.fetch_row(
            """select line.id, line.currency from bank_lines line
               join payments payment on payment.id = line.payment_id
               where payment.provider = 'bank' and payment.provider_ref = $1
                 and line.state = 'MATCHED'""",
            reference,
        )
        assert line is not None  # it was paid by a line
        await owe(
            refund_id=refund_id,
            own_id=refund_id,
            line_id=line["id"],
            amount_minor=amount_minor,
            currency=line["currency"],
        )


async def settle(own_id: UUID, *, as_state: str, by: str) -> bool:
    """Take a due transfer for sent, or for given to a wallet, inside the transaction that books
    it; False where it is not due any more."""
    return bool(
        await db.execute(
            """update bank_refunds set state = $2, decided_by = $3, ended_at = platform_now()
               where id = $1 and state = 'DUE'""",
            own_id,
            as_state,
            by,
        )
    )


async def due_refunds() -> list[dict[str, Any]]:
    """What is to be sent, the oldest first, at most a thousand, with each receiver."""
    rows = await db.read(
        db.core_scope(),
        """select owed.id, owed.amount_minor::bigint as amount_minor, owed.currency, line.bank_id,
                  line.id as line_id, line.sender, line.sender_key_id
           from bank_refunds owed join bank_lines line on line.id = owed.line_id
           where owed.state = 'DUE' order by owed.id limit $1""",
        MOST_IN_FILE,
    )
    return [dict(row) for row in rows]


def transfers_file(rows: Sequence[dict[str, Any]]) -> str:
    """Write what is due as a CSV file for the bank: a transfer a line."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_COLUMNS)
    for row in rows:
        sealed = Sealed(row["sender_key_id"], row["sender"])
        name, account = orjson.loads(
            open_field(sealed, row_id=row["line_id"], column=SENDER_COLUMN)
        )
        own_name = public_id("ref", row["id"])
        amount = Decimal(row["amount_minor"]).scaleb(-currency_exponent(row["currency"]))
        writer.writerow(
            [own_name, _plain(name), _plain(account), amount, row["currency"],
             _plain(f"Refund {row['bank_id']} {message_for(own_name)}")]
        )  # fmt: skip
    return written.getvalue()


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: strangers have written it."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
