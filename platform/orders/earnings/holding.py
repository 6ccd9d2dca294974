"""Holding what a sale has earned while a case about it is open: a ticket, a dispute, a suspicion.

Both run in the caller's transaction, in the tenant of the order, and lock the order, then what its
lines have earned, then the accounts.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from billing import debts, ledger
from billing.ledger import Account, Entry
from billing.postings import earnings as postings
from kernel import db
from kernel.errors import NotFound
from orders import records
from orders.earnings.noting import lock_earnings
from orders.earnings.rows import Earning, write_stages
from orders.records import Order
from orders.split import PartyKind


async def hold(
    order_id: UUID,
    line_id: UUID | None,
    case_id: UUID,
    reason: str,
    *,
    only: PartyKind | None = None,
) -> int:
    """Hold what is left of every share of a line, or (None) of all lines of the order; returns
    how much was moved, in minor units.

    What has matured already is held as far as the party still has it. Nothing of the line matures
    while a case is open, also what is delivered later. A case holds a line once: holding it again,
    also after its release, changes nothing. `only`: the shares of this kind of party alone.
    Raises `NotFound`.
    """
    order = await records.locked_order(order_id)
    line_ids = await _lines(order, line_id)
    earned = await lock_earnings(order.id, line_ids)
    rows = await db.fetch(
        """insert into earning_holds (tenant_id, case_id, order_id, line_id, reason, party_kind)
           select $1, $2, $3, line_id, $5, $6 from unnest($4::uuid[]) as line (line_id)
           on conflict do nothing returning line_id""",
        order.tenant_id,
        case_id,
        order.id,
        line_ids,
        reason,
        only,
    )
    fresh = {row["line_id"] for row in rows}
    stopped = [row for row in earned if row.line_id in fresh and only in (None, row.party_kind)]
    sources = sorted(
        {account for row in stopped for account in (row.pending, row.available)},
        key=lambda account: account.id,
    )
    balances, _ = await debts.lock_balances_and_debts(sources, [])
    changed, entries = stopping(stopped, balances)
    await _write(order, f"hold:{case_id}:{order.id}:{line_id}", "EARNINGS_HELD", changed, entries)
    return _held_minor(changed) - _held_minor(stopped)


async def release(case_id: UUID) -> int:
    """End a case's holds in the tenant: what no other case holds goes back to where it came from;
    returns how much, in minor units. What is due by then matures with the next sweep.

    A case that holds nothing, or was released, changes nothing.
    """
    orders = await db.fetch(
        """select order_id from earning_holds where case_id = $1 and released_at is null
           group by order_id order by order_id""",
        case_id,
    )
    return sum([await _release(row["order_id"], case_id) for row in orders])


async def _release(order_id: UUID, case_id: UUID) -> int:
    order = await records.locked_order(order_id)
    earned = await lock_earnings(order.id, [line.id for line in await records.lines_of(order.id)])
    rows = await db.fetch(
        """update earning_holds set released_at = platform_now()
           where case_id = $1 and order_id = $2 and released_at is null
           returning line_id, party_kind""",
        case_id,
        order.id,
    )
    freed = {row["line_id"]: row["party_kind"] for row in rows}
    held = [
        row
        for row in earned
        if row.line_id in freed and freed[row.line_id] in (None, row.party_kind)
    ]
    _, debts_minor = await debts.lock_balances_and_debts(
        [], sorted({row.debt for row in held if row.is_matured}, key=lambda account: account.id)
    )
    changed, entries = freeing(held, debts_minor)
    await _write(order, f"release:{case_id}:{order.id}", "EARNINGS_RELEASED", changed, entries)
    return _held_minor(held) - _held_minor(changed)


def stopping(
    earned: Sequence[Earning], balances: dict[Account, int]
) -> tuple[list[Earning], list[Entry]]:
    """The rows with one case more, and the entries that hold what the accounts still have of them.

    `balances` are in minor units. What was drawn ahead or paid out is not invented.
    """
    left, changed, entries = dict(balances), [], []
    for row in earned:
        pending_minor = min(row.pending_minor, max(left[row.pending], 0))
        left[row.pending] -= pending_minor
        available_minor = min(row.available_minor, max(left[row.available], 0))
        left[row.available] -= available_minor
        moved = [(row.pending, pending_minor), (row.available, available_minor)]
        entries += postings.held(row.held, moved)
        changed.append(
            replace(
                row,
                open_holds=row.open_holds + 1,
                pending_minor=row.pending_minor - pending_minor,
                available_minor=row.available_minor - available_minor,
                held_minor=row.held_minor + pending_minor + available_minor,
            )
        )
    return changed, entries


def freeing(
    earned: Sequence[Earning], debts_minor: dict[Account, int]
) -> tuple[list[Earning], list[Entry]]:
    """The rows with one case less, and the entries that free what no other case holds."""
    owed, changed, entries = dict(debts_minor), [], []
    for row in earned:
        freed_minor = row.held_minor if row.open_holds == 1 else 0
        pending_minor = 0 if row.is_matured else freed_minor
        available_minor = freed_minor - pending_minor
        debt_minor = owed.get(row.debt, 0)
        entries += postings.released(
            row.party_id,
            row.currency,
            pending_minor=pending_minor,
            available_minor=available_minor,
            debt_minor=debt_minor,
        )
        owed[row.debt] = max(debt_minor - available_minor, 0)
        changed.append(
            replace(
                row,
                open_holds=row.open_holds - 1,
                held_minor=row.held_minor - freed_minor,
                pending_minor=row.pending_minor + pending_minor,
                available_minor=row.available_minor + available_minor,
            )
        )
    return changed, entries


async def _lines(order: Order, line_id: UUID | None) -> list[UUID]:
    line_ids = [line.id for line in await records.lines_of(order.id)]
    if line_id is None:
        return line_ids
    if line_id not in line_ids:
        raise NotFound("There is no such line in this order.", field="lineId")
    return [line_id]


async def _write(
    order: Order,
    idempotency_key: str,
    kind: str,
    changed: Sequence[Earning],
    entries: Sequence[Entry],
) -> None:
    await write_stages(changed)
    moved = ledger.merged(entries)
    if moved:
        await ledger.post(
            moved,
            kind=kind,
            idempotency_key=idempotency_key,
            tenant_id=order.tenant_id,
            order_id=order.id,
        )


def _held_minor(rows: Sequence[Earning]) -> int:
    return sum(row.held_minor for row in rows)
