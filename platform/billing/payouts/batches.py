"""Payouts go out together: a batch for each currency and way, filled, then sent once.

What is sent leaves the ledger's RESERVED in the transaction that says so, before anybody outside is
asked: the channel is asked by the worker (`sending.py`), a bank by its file (`bank_files.py`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from billing import ledger, payout_gate
from billing.payouts import bank_files, rows
from billing.payouts.changing import Change, change
from billing.payouts.checking import reasons_for
from billing.payouts.checks import blocking
from billing.payouts.locking import lock_money_of
from billing.payouts.parties import Actor
from billing.payouts.requests import WrongState
from billing.payouts.rows import Payout
from billing.payouts.states import MethodKind, PayoutState
from billing.postings import payouts as postings
from identity.step_up import Holder, Purpose, use_proof
from kernel import cursors, db
from kernel.errors import Invalid, NotFound
from kernel.faults import crash_point
from kernel.ids import new_id

PAYOUTS_AT_MOST: Final = 100
_ABOUT: Final = "payout batches"
_SCOPE: Final = "operators send the payouts of all parties"


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch and what is in it; amounts in minor units, the net is what arrives."""

    id: UUID
    day: date
    number: int
    currency: str
    method_kind: MethodKind
    state: str
    file_hash: bytes | None
    created_at: datetime
    sent_at: datetime | None
    payouts: int
    amount_minor: int
    net_minor: int
    paid: int


_BATCHES: Final = """
select batch.id, batch.day, batch.number, batch.currency, batch.method_kind, batch.state,
       batch.file_hash, batch.created_at, batch.sent_at, held.payouts,
       coalesce(held.amount_minor, 0)::bigint as amount_minor,
       coalesce(held.net_minor, 0)::bigint as net_minor, held.paid
from payout_batches batch cross join lateral (
    select count(*) as payouts, sum(amount_minor) as amount_minor,
           sum(amount_minor - fee_minor) as net_minor,
           count(*) filter (where state = 'PAID') as paid
    from payouts where batch_id = batch.id
) as held
where {which}
order by batch.created_at desc, batch.id desc limit {limit}
"""
_OPEN: Final = """
with moment as (select platform_now() as now), open as (
    select id from payout_batches
    where currency = $2::text and method_kind = $3::text and state = 'OPEN'
    for no key update
), made as (
    insert into payout_batches (id, day, currency, method_kind, number, state, created_by)
    select $1::uuid, (now at time zone 'UTC')::date, $2::text, $3::text,
           1 + (select count(*) from payout_batches other
                where other.day = (now at time zone 'UTC')::date and other.currency = $2::text
                  and other.method_kind = $3::text),
           'OPEN', $4::text
    from moment where not exists (select from open)
    returning id
)
select id from open union all select id from made
"""
_APPROVED: Final = f"""
select {rows.COLUMNS} from payouts
where state = 'APPROVED' and currency = $1::text and method_kind = $2::text
  and exists (select from payout_methods method
              where method.id = payouts.method_id and method.ready and method.ended_at is null
                and method.usable_at <= platform_now())
order by requested_at, id limit $3 for no key update skip locked
"""


async def create_batch(*, currency: str, method_kind: MethodKind, actor: Actor) -> Batch:
    """Put what is approved into the open batch of a currency and way, or into a new one.

    Asked again it takes what was approved meanwhile, up to 100 payouts. Raises `NotFound` where
    there is nothing to put into one.
    """
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        # In a line: of two who begin a batch at once the second finds the first one's.
        await db.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{currency}:{method_kind}"
        )
        batch_id = await db.fetch_value(_OPEN, new_id(), currency, method_kind, actor.name)
        inside = await db.fetch_value("select count(*) from payouts where batch_id = $1", batch_id)
        free = max(PAYOUTS_AT_MOST - inside, 0)
        approved = await db.fetch(_APPROVED, currency, method_kind, free)
        if not inside and not approved:
            raise NotFound("Nothing is approved for such a batch.", field="currency")
        for row in approved:
            to = Change(PayoutState.BATCHED, by=actor.name, batch_id=batch_id)
            await change(rows.payout_of(row), to)
        crash_point("payout.batched")
        return await _one(batch_id)


async def send_batch(batch_id: UUID, *, actor: Actor, holder: Holder, proof: str) -> Batch:
    """Send a batch, once; what something speaks against by now stays behind, held. A batch of which
    all stays behind stays open.

    Raises `StepUpRequired`, `NotFound`, `WrongState` for a batch that was sent, `PayoutsStopped`
    while the books of its currency are being put right.
    """
    async with db.transaction(db.every_tenant(reason=_SCOPE)):
        await use_proof(holder, Purpose.PAYOUT_BATCH, proof)
        batch_row = await db.fetch_row(
            "select state, currency from payout_batches where id = $1 for no key update", batch_id
        )
        if batch_row is None:
            raise NotFound("There is no such batch.", field="batchId")
        if batch_row["state"] != "OPEN":
            raise WrongState("This batch was sent.", field="batchId")
        await payout_gate.require_open(batch_row["currency"])
        inside = await _inside(batch_id)
        await lock_money_of(inside)
        sent = [one for one in [await _send(one, actor) for one in inside] if one is not None]
        if sent:
            await db.execute(
                """update payout_batches
                   set state = 'SENT', sent_at = platform_now(), file_hash = $2 where id = $1""",
                batch_id,
                await bank_files.hash_of_file(sent),
            )
        crash_point("payout.posted")
        batch = await _one(batch_id)
    crash_point("payout.committed")
    return batch


async def _inside(batch_id: UUID) -> list[Payout]:
    found = await db.fetch(
        f"""select {rows.COLUMNS} from payouts where batch_id = $1 and state = 'BATCHED'
            order by id for no key update""",
        batch_id,
    )
    return [rows.payout_of(row) for row in found]


async def _send(payout: Payout, actor: Actor) -> Payout | None:
    """Let one payout go out; None for what stays behind."""
    against = blocking(await reasons_for(payout))
    if against:
        note = f"not sent: {' '.join(against)}"
        await change(payout, Change(PayoutState.HELD, by=actor.name, note=note, reasons=against))
        return None
    is_asked_by_worker = payout.method_kind is MethodKind.STRIPE_ACCOUNT
    sent = await change(
        payout,
        Change(
            PayoutState.SENT,
            by=actor.name,
            batch_id=payout.batch_id,
            next_step=timedelta(0) if is_asked_by_worker else None,
        ),
    )
    await ledger.post(
        postings.sent(
            sent.party_id, sent.currency, amount_minor=sent.amount_minor, fee_minor=sent.fee_minor
        ),
        kind="PAYOUT_SENT",
        idempotency_key=f"payout-sent:{sent.id}:{sent.attempt}",
        tenant_id=sent.tenant_id,
    )
    return sent


async def _one(batch_id: UUID) -> Batch:
    (row,) = await db.fetch(_BATCHES.format(which="batch.id = $1", limit="1"), batch_id)
    return _batch(row)


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A page of batches, the newest first."""

    rows: tuple[Batch, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def batches_page(*, first: int | None, after: str | None) -> BatchPage:
    """A page of all batches, for operators. Raises `Invalid`."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=None, about=_ABOUT)
    which = "$1::timestamptz is null or (batch.created_at, batch.id) < ($1, $2::uuid)"
    found = await db.read(
        db.every_tenant(reason=_SCOPE),
        _BATCHES.format(which=which, limit="$3"),
        datetime.fromisoformat(place[0]) if place else None,
        UUID(place[1]) if place else None,
        size + 1,
    )
    shown = tuple(_batch(row) for row in found[:size])
    return BatchPage(shown, tuple(map(_cursor, shown)), len(found) > size)


def _cursor(batch: Batch) -> str:
    place = [batch.created_at.isoformat(), str(batch.id)]
    return cursors.write(place, tenant_id=None, about=_ABOUT)


def _batch(row: Any) -> Batch:
    values = dict(row)
    return Batch(**values | {"method_kind": MethodKind(values["method_kind"])})


def require_currency(currency: str) -> str:
    """A currency's code; `Invalid` for what is none."""
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise Invalid("A currency has three capital letters.", field="currency")
    return currency
