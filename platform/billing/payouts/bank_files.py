"""A batch's file for the bank: its hash is kept, its content made anew, its address good once.

The file holds account numbers in the clear, so it lies nowhere. A batch of which a payout has
failed and goes out again makes another file: then there is none any more, and nobody pays twice by
sending an old one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from billing.payouts import rows
from billing.payouts.bank_file import BankLine, bank_file
from billing.payouts.methods import HOLDER, NUMBER
from billing.payouts.parties import Actor
from billing.payouts.requests import WrongState
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind
from identity.contact import open_field
from identity.step_up import Holder, Purpose, use_proof
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Forbidden, NotFound
from kernel.ids import new_id, public_id

ADDRESS_LASTS: Final = timedelta(minutes=5)
_PURPOSE: Final = "payout-file"
_SCOPE: Final = "a bank's file has payouts of all parties"


@dataclass(frozen=True, slots=True)
class FileAddress:
    """The secret part of an address under which a file is fetched once."""

    token: str
    expires_at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file's name and content."""

    name: str
    content: bytes


async def ask_file(batch_id: UUID, *, actor: Actor, holder: Holder, proof: str) -> FileAddress:
    """Make an address for the file of a batch that was sent.

    Raises `StepUpRequired`, `NotFound`, and `WrongState` where there is no such file (any more).
    """
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        await use_proof(holder, Purpose.PAYOUT_BATCH, proof)
        content = await _content(batch_id)
        ticket_id = new_id()
        expires_at: datetime = await db.fetch_value(
            """insert into payout_batch_files (id, batch_id, asked_by, expires_at)
               values ($1, $2, $3, platform_now() + $4::interval) returning expires_at""",
            ticket_id,
            batch_id,
            actor.name,
            ADDRESS_LASTS,
        )
    token = crypto.sign(_PURPOSE, ticket_id.bytes)
    return FileAddress(token, expires_at, hashlib.sha256(content).hexdigest())


async def take_file(token: str) -> BatchFile:
    """The file behind an address, the first time; `Forbidden` from then on and for any other."""
    raw = crypto.unsign(_PURPOSE, token)
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        batch_id = raw and await db.fetch_value(
            """update payout_batch_files set taken_at = platform_now()
               where id = $1 and taken_at is null and expires_at > platform_now()
               returning batch_id""",
            UUID(bytes=raw),
        )
        if not batch_id:
            raise Forbidden("This address has ended: ask for a new one.")
        return BatchFile(f"{public_id('pyb', batch_id)}.csv", await _content(batch_id))


async def hash_of_file(sent: Sequence[Payout]) -> bytes | None:
    """The SHA-256 of the file of these payouts, in the open transaction; None for no bank's."""
    if any(payout.method_kind is not MethodKind.BANK_ACCOUNT for payout in sent):
        return None
    return hashlib.sha256(await _file_of(sent)).digest()


async def _content(batch_id: UUID) -> bytes:
    batch = await db.fetch_row("select file_hash from payout_batches where id = $1", batch_id)
    if batch is None:
        raise NotFound("There is no such batch.", field="batchId")
    if batch["file_hash"] is None:
        raise WrongState("A file is of a batch for a bank that was sent.", field="batchId")
    found = await db.fetch(f"select {rows.COLUMNS} from payouts where batch_id = $1", batch_id)
    inside = [rows.payout_of(row) for row in found]
    content = await _file_of(inside) if inside else b""
    if hashlib.sha256(content).digest() != batch["file_hash"]:
        raise WrongState("A payout of this batch has gone on: its file is void.", field="batchId")
    return content


async def _file_of(payouts: Sequence[Payout]) -> bytes:
    methods = {
        row["id"]: row
        for row in await db.fetch(
            "select id, holder, number, bank, data_key_id from payout_methods where id = any ($1)",
            [payout.method_id for payout in payouts],
        )
    }
    in_order = sorted(payouts, key=lambda one: one.id)
    return bank_file([_line(payout, methods[payout.method_id]) for payout in in_order])


def _line(payout: Payout, method: Mapping[str, Any]) -> BankLine:
    def opened(field: str, column: str) -> str:
        sealed = Sealed(method["data_key_id"], method[field])
        return open_field(sealed, row_id=payout.method_id, column=column)

    return BankLine(
        payout=public_id("pyt", payout.id),
        holder=opened("holder", HOLDER),
        number=opened("number", NUMBER),
        bank=method["bank"],
        amount_minor=payout.net_minor,
        currency=payout.currency,
    )
