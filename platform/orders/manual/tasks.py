"""The row of a line that a person delivers: found, locked with its order, moved on, witnessed.

Whoever changes a delivery has locked its order first, as payment and refund do; then the state is
compared and set in one statement. So of those who deliver, ask, refuse, cancel or are late one is
first, and the others find another state.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from orders import records
from orders.disputed import refuse_while_disputed
from orders.manual.progress import seal_words
from orders.records import Line, Order
from orders.reveal import Witness

OPEN: Final = ("DUE", "BEGUN", "NEEDS_CORRECTION")
"""Paid, and neither delivered nor given up."""


class WrongState(Refusal):
    """The delivery is not where this could be done; `details` says where it is."""

    code = "WRONG_STATE"


@dataclass(frozen=True, slots=True)
class Task:
    """A delivery by hand, with its order and its line; locked."""

    order: Order
    line: Line
    party_id: UUID
    by_account: bool
    state: str
    due_at: datetime
    is_late: bool
    """Its time is over: only its end is still to be written."""
    asked_fields: tuple[str, ...]


async def locked(order: Order, line_id: UUID) -> Task:
    """A line's delivery, inside a transaction that has locked the order.

    Raises `NotFound` for a line that no person delivers, or that is not paid.
    """
    row = await db.fetch_row(
        """select party_id, by_account, state::text, due_at, due_at <= platform_now() as is_late,
                  asked_fields
           from manual_deliveries
           where line_id = $1 and order_id = $2 and state <> 'UNPAID' for update""",
        line_id,
        order.id,
    )
    if row is None:
        raise NotFound("There is no such delivery.", field="lineId")
    lines = {line.id: line for line in await records.lines_of(order.id)}
    return Task(order, lines[line_id], **{**row, "asked_fields": tuple(row["asked_fields"])})


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Who stands at the desk: a supplier, who delivers its own, or (None) an operator."""

    supplier_id: UUID | None
    root_id: UUID
    witness: Witness

    @property
    def scope(self) -> db.Scope:
        """What the deliverer may see of deliveries: row-level security asks whose they are."""
        if self.supplier_id is None:
            return db.every_tenant(reason="an operator at the desk of deliveries by hand")
        return db.shop_scope(self.root_id, party_id=self.supplier_id)


@asynccontextmanager
async def at_desk(who: Deliverer, line_id: UUID) -> AsyncIterator[Task]:
    """A transaction in the tenant of a delivery of the deliverer's, with it locked.

    Raises `NotFound`, which says the same for another supplier's and for none at all, and
    `OrderDisputed` while the buyer's bank decides about the payment.
    """
    rows = await db.read(
        who.scope,
        "select tenant_id, order_id from manual_deliveries where line_id = $1",
        line_id,
    )
    if not rows:
        raise NotFound("There is no such delivery.", field="lineId")
    async with db.transaction(db.core_scope(rows[0]["tenant_id"])):
        order = await records.locked_order(rows[0]["order_id"])
        await refuse_while_disputed(order.id, field="lineId")
        yield await locked(order, line_id)


MOVE: Final = """
update manual_deliveries
set state = $3::text, due_at = coalesce($4, due_at), left_seconds = $5,
    begun_at = case when begun_at is null and $3::text = 'BEGUN' then platform_now()
                    else begun_at end,
    ended_at = case when $3::text = any ('{DUE,BEGUN,NEEDS_CORRECTION}') then null
                    else platform_now() end,
    asked_fields = $6, words = coalesce($7, words), words_key_id = coalesce($8, words_key_id)
where line_id = $1 and state::text = any ($2::text[]) and (due_at > platform_now()) <> $9
"""
"""Sets a state where it is one of those that it may come from, and in time (or, with $9, late)."""


async def move(
    task: Task,
    to: str,
    *,
    by: Witness,
    kind: str,
    out_of: Sequence[str],
    due_at: datetime | None = None,
    left_seconds: int | None = None,
    asked_fields: Sequence[str] = (),
    words: str | None = None,
    late: bool = False,
) -> None:
    """Set the delivery's state, note who has done it, and let its order follow.

    `words` are for the buyer. Raises `WrongState`; then nothing is written.
    """
    sealed = seal_words(words, line_id=task.line.id)
    moved = await db.execute(
        MOVE,
        task.line.id,
        list(out_of),
        to,
        due_at,
        left_seconds,
        list(asked_fields),
        sealed.ciphertext if sealed else None,
        sealed.key_id if sealed else None,
        late,
    )
    if not moved:
        raise wrong_state(task)
    await note(task, kind, by)
    await db.execute(_ROLL_UP, task.order.id)


def wrong_state(task: Task) -> WrongState:
    """The refusal for what cannot be done to the delivery as it is."""
    state = "LATE" if task.is_late and task.state in OPEN else task.state
    return WrongState(
        "This delivery is not where that could be done.", field="lineId", details={"state": state}
    )


async def note(task: Task, kind: str, by: Witness) -> None:
    """Write who has done something about a delivery, when and from where."""
    await db.execute(
        """insert into manual_events (tenant_id, id, line_id, kind, actor, ip, user_agent)
           values ($1, $2, $3, $4, $5, $6::inet, $7)""",
        task.order.tenant_id,
        new_id(),
        task.line.id,
        kind,
        by.actor,
        by.ip,
        by.user_agent[:300],
    )


# What the buyer has to do comes first, then what is waited for, then what has come.
_ROLL_UP: Final = """
with seen as (
    select count(*) filter (where manual.state = 'NEEDS_CORRECTION') > 0 as asks,
           count(*) filter (where manual.state in ('DUE', 'BEGUN')) > 0 as waits,
           count(*) filter (where coalesce(manual.state::text, 'DELIVERED') = 'DELIVERED') > 0
               as has_come
    from order_lines line left join manual_deliveries manual on manual.line_id = line.id
    where line.order_id = $1
)
update orders
set fulfilment_status = case when asks then 'NEEDS_CORRECTION'
                             when waits and has_come then 'PARTIALLY_DELIVERED'
                             when waits then 'FULFILLING'
                             when has_come then 'DELIVERED'
                             else 'SUPPLY_FAILED' end,
    delivered_at = case when has_come and not asks and not waits then platform_now() end,
    version = version + 1
from seen where orders.id = $1
"""


async def refuse_if_waiting(line: Line) -> None:
    """Raise `Invalid` for a line whose money is still in escrow: it is delivered, or ends by
    itself."""
    if line.by_hand and await db.fetch_value(
        "select state::text = any ($2) from manual_deliveries where line_id = $1",
        line.id,
        list(OPEN),
    ):
        raise Invalid("This is still being delivered by hand.", field="lineId")


def witness_row(actor: str) -> Witness:
    """The platform itself as a witness, or somebody who is known by name only."""
    return Witness(actor, None, "")
