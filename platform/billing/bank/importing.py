"""A statement's lines, written once each by the worker, with their money.

What has come is the platform's from this moment on, and nobody's: A:BANK against what is unmatched.
A line is known by its currency and the bank's own id, so a file that is sent twice, or a worker
that has died half-way, adds nothing twice.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from billing import ledger
from billing.bank.files import written
from billing.bank.naming import named_in, own_id
from billing.bank.statement import StatementLine, StatementProblem, read_statement
from billing.postings import bank as postings
from identity.contact import seal_field
from kernel import db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id

WRITTEN_AT_ONCE: Final = 500
TURN_LASTS: Final = timedelta(minutes=2)
"""Then the worker is taken for dead."""
SENDER_COLUMN: Final = "bank_lines.sender"

_CLAIM: Final = """
update bank_files set claimed_until = platform_now() + $1::interval
where id = (select id from bank_files
            where state = 'WAITING' and (claimed_until is null or claimed_until < platform_now())
            order by created_at, id limit 1 for update skip locked)
returning id, content
"""
_END: Final = """
update bank_files set state = $2, lines = $3, problems = $4::text::jsonb, content = null,
       claimed_until = null, ended_at = platform_now()
where id = $1 and state = 'WAITING'
"""
# What somebody has credited by hand, by the bank's id, has been booked with that.
_WRITE: Final = """
insert into bank_lines (id, file_id, bank_id, booked_on, amount_minor, currency, message, sender,
                        sender_key_id, names, state)
select given.id, $1, given.bank_id, given.booked_on, given.amount, given.currency, given.message,
       given.sender, given.key_id,
       case when exists (select from payouts
                         where id = given.own_id and method_kind = 'BANK_ACCOUNT')
              or exists (select from bank_refunds where id = given.own_id)
              or exists (select from refunds where id = given.own_id and given_as = 'BANK')
                  then given.names end,
       case when given.amount < 0 then 'SENT'
            when exists (select from bank_credits known join ledger_entries entry
                             on entry.transaction_id = known.posting_id
                         where known.bank_reference = given.bank_id
                           and entry.currency = given.currency)
                then 'BOOKED' else 'WAITING' end
from unnest($2::uuid[], $3::text[], $4::date[], $5::bigint[], $6::text[], $7::text[], $8::bytea[],
            $9::smallint[], $10::text[], $11::uuid[])
     as given (id, bank_id, booked_on, amount, currency, message, sender, key_id, names, own_id)
on conflict (currency, bank_id) do nothing
returning id, amount_minor, currency, state
"""
_OTHERS: Final = """
select given.place from unnest($1::int[], $2::text[], $3::text[], $4::bigint[], $5::date[])
       as given (place, bank_id, currency, amount, booked_on)
join bank_lines known on (known.currency, known.bank_id) = (given.currency, given.bank_id)
where (known.amount_minor, known.booked_on) <> (given.amount, given.booked_on)
order by given.place limit 20
"""
LOCK_IDS: Final = "select pg_advisory_xact_lock(hashtext('bank_lines'))"
"""Whoever books money of the bank by its id waits here: by hand, or by a statement."""
_WORKER: Final = "import a bank's statement, of transfers to whichever shop"


async def import_statements() -> int:
    """Import the next statement that waits; returns how many there were."""
    async with db.transaction(db.core_scope()):
        row = await db.fetch_row(_CLAIM, TURN_LASTS)
    if row is None:
        return 0
    try:
        lines, problems = await asyncio.to_thread(read_statement, row["content"])
    except Invalid:
        lines, problems = [], [StatementProblem(1, "file", "NOT_A_STATEMENT")]
    problems = problems or await _changed(lines)
    if not problems:
        for start in range(0, len(lines), WRITTEN_AT_ONCE):
            await _write(row["id"], lines[start : start + WRITTEN_AT_ONCE])
            crash_point("bank.written")
    state = "REFUSED" if problems else "DONE"
    async with db.transaction(db.core_scope()):
        await db.execute(_END, row["id"], state, len(lines), written(problems))
    return 1


async def _changed(lines: Sequence[StatementLine]) -> list[StatementProblem]:
    """The lines that are known with another amount or day: one of the two files is not the bank's.

    Their number is that of the file where no line is left out.
    """
    rows = await db.read(
        db.core_scope(),
        _OTHERS,
        list(range(2, len(lines) + 2)),
        [line.bank_id for line in lines],
        [line.currency for line in lines],
        [line.amount_minor for line in lines],
        [line.booked_on for line in lines],
    )
    return [StatementProblem(row["place"], "id", "KNOWN_OTHERWISE") for row in rows]


async def _write(file_id: UUID, lines: Sequence[StatementLine]) -> None:
    """Write the lines that are new, and book what has come with them."""
    ids = [new_id() for _ in lines]
    names = [named_in(line.message) for line in lines]
    senders = [_sealed(line, line_id) for line, line_id in zip(lines, ids, strict=True)]
    async with db.transaction(db.every_tenant(reason=_WORKER)):
        await db.execute(LOCK_IDS)
        rows = await db.fetch(
            _WRITE,
            file_id,
            ids,
            [line.bank_id for line in lines],
            [line.booked_on for line in lines],
            [line.amount_minor for line in lines],
            [line.currency for line in lines],
            [line.message for line in lines],
            [ciphertext for ciphertext, _ in senders],
            [key_id for _, key_id in senders],
            names,
            [own_id(name) for name in names],
        )
        for row in rows:
            if row["state"] == "WAITING":
                await _book(row)
        await db.execute(
            "update bank_files set new_lines = new_lines + $2 where id = $1", file_id, len(rows)
        )


async def _book(row: Any) -> None:
    await ledger.post(
        postings.arrived(currency=row["currency"], amount_minor=row["amount_minor"]),
        kind="BANK_ARRIVAL",
        idempotency_key=f"bank-line:{row['id']}",
        tenant_id=None,
    )


def _sealed(line: StatementLine, line_id: UUID) -> tuple[bytes, int]:
    """Whose account it is, encrypted for its row."""
    text = orjson.dumps([line.name, line.account]).decode()
    sealed = seal_field(text, row_id=line_id, column=SENDER_COLUMN)
    return sealed.ciphertext, sealed.key_id
