"""Corrections of the ledger by hand: one person proposes, another one decides.

Nothing is edited: a correction is a posting like any other, and it bows to the same rules: it adds
up to zero, no liability goes below zero, and no debt does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from billing import ledger
from billing.ledger import Account, Entry, credit, debit
from bookkeeping.adjusted_accounts import AdjustedSide, account_of
from kernel import cursors, db
from kernel.errors import Forbidden, Invalid, NotFound, Refusal
from kernel.ids import new_id
from kernel.money import MAX_AMOUNT_MINOR
from orders import idempotency

MOST_MOVES: Final = 10
REASON_LENGTHS: Final = (10, 500)
_ABOUT = "ledger adjustments"


class AlreadyDecided(Refusal):
    """Somebody has decided about this before."""

    code = "ALREADY_DECIDED"


@dataclass(frozen=True, slots=True)
class AdjustmentMove:
    """So much is debited to one account and credited to another, in minor units: a move adds up to
    zero whatever it says."""

    debit: AdjustedSide
    credit: AdjustedSide
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction as it was proposed, and what became of it."""

    id: UUID
    currency: str
    entries: tuple[Entry, ...]
    reason: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdjustmentPage:
    """A page of corrections, the newest first."""

    rows: tuple[Adjustment, ...]
    cursors: tuple[str, ...]
    has_next: bool


async def propose(
    *,
    root_id: UUID,
    actor: str,
    currency: str,
    moves: Sequence[AdjustmentMove],
    reason: str,
    idempotency_key: str,
) -> Adjustment:
    """Write down a correction for somebody else to decide; nothing moves yet.

    Raises `Invalid`, `NotFound` for a party that there is not, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    reason = reason.strip()
    if not (REASON_LENGTHS[0] <= len(reason) <= REASON_LENGTHS[1] and reason.isprintable()):
        raise Invalid("A reason has 10 to 500 printable characters.", field="reason")
    entries = _entries(moves, currency=currency)
    content = {"currency": currency, "reason": reason, "entries": entries}
    request = idempotency.Request(root_id, f"adjust:{actor}", idempotency_key, content)
    async with db.transaction(db.core_scope(root_id)):
        claim = await idempotency.claim(request, kind="ADJUSTMENT", result_id=new_id())
        if claim.first:
            await _require_parties(entries)
            await _write(claim.result_id, entries, currency=currency, reason=reason, actor=actor)
        return await _adjustment(claim.result_id)


async def decide(*, adjustment_id: UUID, actor: str, post: bool) -> Adjustment:
    """Post a correction that somebody else has proposed, or reject it, once.

    Raises `NotFound`, `AlreadyDecided`, `Forbidden` for one's own, `InsufficientBalance` when an
    account would go below zero.
    """
    async with db.transaction(db.core_scope()):
        posting_id = new_id() if post else None
        row = await db.fetch_row(_DECIDE, adjustment_id, actor, posting_id)
        if row is None:
            raise await _why_not(adjustment_id, actor)
        adjustment = await _adjustment(adjustment_id)
        if posting_id is not None:
            await _require_covered(adjustment.entries)
            await ledger.post(
                adjustment.entries,
                kind="ADJUSTMENT",
                idempotency_key=f"adjust:{adjustment_id}",
                tenant_id=None,
                posting_id=posting_id,
            )
        return adjustment


async def adjustments_page(
    *, state: str | None, first: int | None, after: str | None
) -> AdjustmentPage:
    """A page of corrections, the newest first; of one state, or of all."""
    size = cursors.page_size(first)
    place = cursors.read(after, tenant_id=None, about=_ABOUT)
    rows = await db.read(
        db.core_scope(),
        """select * from ledger_adjustments
           where ($1::text is null or state = $1) and ($2::uuid is null or id < $2)
           order by id desc limit $3""",
        state,
        UUID(place[0]) if place else None,
        size + 1,
    )
    shown = [_read(row) for row in rows[:size]]
    return AdjustmentPage(
        rows=tuple(shown),
        cursors=tuple(cursors.write([str(one.id)], tenant_id=None, about=_ABOUT) for one in shown),
        has_next=len(rows) > size,
    )


def _entries(moves: Sequence[AdjustmentMove], *, currency: str) -> list[Entry]:
    if not 1 <= len(moves) <= MOST_MOVES:
        raise Invalid(f"A correction has 1 to {MOST_MOVES} moves.", field="moves")
    if any(not 1 <= move.amount_minor <= MAX_AMOUNT_MINOR for move in moves):
        raise Invalid("A move is at least one minor unit.", field="amountMinor")
    entries = ledger.merged(
        entry
        for move in moves
        for entry in (
            debit(account_of(move.debit, currency), move.amount_minor),
            credit(account_of(move.credit, currency), move.amount_minor),
        )
    )
    if not entries:
        raise Invalid("These moves leave everything as it is.", field="moves")
    return entries


async def _require_parties(entries: Sequence[Entry]) -> None:
    """Raise `NotFound` for a party that has never had money here: nobody invents one."""
    owners = {entry.account.owner_id for entry in entries} - {None}
    known: int = await db.fetch_value(
        """select count(*) from unnest($1::uuid[]) as party (id)
           where exists (select from ledger_accounts
                         where owner_id = party.id and code in ('L:PARTY:PENDING',
                                                                'L:PARTY:AVAILABLE', 'A:RECV'))""",
        list(owners),
    )
    if known < len(owners):
        raise NotFound("There is no such party with an account.", field="partyId")


async def _write(
    adjustment_id: UUID, entries: Sequence[Entry], *, currency: str, reason: str, actor: str
) -> None:
    await db.execute(
        """insert into ledger_adjustments (id, currency, codes, owner_ids, amounts_minor, reason,
                                           proposed_by)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        adjustment_id,
        currency,
        [entry.account.code for entry in entries],
        [entry.account.owner_id for entry in entries],
        [entry.amount_minor for entry in entries],
        reason,
        actor,
    )


_DECIDE = """
update ledger_adjustments
set state = case when $3::uuid is null then 'REJECTED' else 'POSTED' end,
    decided_by = $2::text, decided_at = platform_now(), posting_id = $3
where id = $1 and state = 'PROPOSED' and ($3::uuid is null or proposed_by <> $2::text)
returning id
"""


async def _why_not(adjustment_id: UUID, actor: str) -> Refusal:
    row = await db.fetch_row(
        "select state, proposed_by from ledger_adjustments where id = $1", adjustment_id
    )
    if row is None:
        return NotFound("There is no such correction.", field="id")
    if row["state"] != "PROPOSED":
        return AlreadyDecided("This correction has been decided.", field="id")
    return Forbidden("Somebody else decides about what you have proposed.", field="id")


async def _require_covered(entries: Sequence[Entry]) -> None:
    """Nobody's money goes below zero by a correction, and no debt does."""
    taken = [entry for entry in ledger.merged(entries) if _draws(entry)]
    drawn = sorted(taken, key=lambda entry: entry.account.id)
    held = await ledger.lock_balances([entry.account for entry in drawn])
    for entry, balance_minor in zip(drawn, held, strict=True):
        if abs(balance_minor) < abs(entry.amount_minor):
            raise ledger.too_little(abs(balance_minor), field="moves")


def _draws(entry: Entry) -> bool:
    if entry.account.code == "A:RECV":
        return entry.amount_minor < 0
    return entry.account.code.startswith("L:") and entry.amount_minor > 0


async def _adjustment(adjustment_id: UUID) -> Adjustment:
    row = await db.fetch_row("select * from ledger_adjustments where id = $1", adjustment_id)
    assert row is not None
    return _read(row)


def _read(row: Any) -> Adjustment:
    legs = zip(row["codes"], row["owner_ids"], row["amounts_minor"], strict=True)
    return Adjustment(
        id=row["id"],
        currency=row["currency"],
        entries=tuple(
            Entry(Account(code, row["currency"], owner_id), amount_minor)
            for code, owner_id, amount_minor in legs
        ),
        reason=row["reason"],
        state=row["state"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
    )
