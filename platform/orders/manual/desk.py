"""The desk of who delivers by hand: begin, deliver, ask the buyer, refuse.

To begin is to read what the buyer has said. It is written down, each time; from the first time on
the buyer cannot cancel any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from offers.form_values import Answer
from orders import idempotency, news
from orders.forms import LineForm
from orders.idempotency import Request
from orders.manual import ending
from orders.manual.tasks import Deliverer, Task, at_desk, move, note, wrong_state
from orders.splitting import split_line
from supply import places
from supply.places import Filled

LONGEST_CONTENT: Final = 2_000
LONGEST_WORDS: Final = 500
MOST_CONTENTS: Final = 100
"""Pieces of one line: who delivers by hand types them."""
TIME_TO_ANSWER: Final = timedelta(hours=72)
"""For the buyer, who is asked to correct something; then the order ends by itself."""
_IN_WORK: Final = ("BEGUN",)


async def begin(who: Deliverer, line_id: UUID) -> list[Answer]:
    """Take a delivery on, or go on with it: what its buyer has said.

    Raises `NotFound` and `WrongState`.
    """
    async with at_desk(who, line_id) as task:
        if task.state not in ("DUE", "BEGUN") or task.is_late:
            raise wrong_state(task)
        if task.state == "DUE":
            await move(task, "BEGUN", by=who.witness, kind="LOOKED", out_of=("DUE",))
        else:
            await note(task, "LOOKED", who.witness)
        answers = await answers_of(task)
        crash_point("manual.looked")
    await news.order_changed(task.order.tenant_id, task.order.id)
    return answers


async def answers_of(task: Task) -> list[Answer]:
    """What the buyer has said for the line; nothing where nothing was asked."""
    row = await db.fetch_row(
        "select form_key_id, form from order_forms where order_id = $1 and line_id = $2",
        task.order.id,
        task.line.id,
    )
    if row is None:
        return []
    return LineForm(task.line.id, Sealed(row["form_key_id"], row["form"])).answers()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is delivered: for each piece what is handed over, or for a top-up nothing but a note."""

    contents: tuple[str, ...]
    note: str | None

    @classmethod
    def of(cls, contents: Sequence[str], note_text: str | None) -> "Delivery":
        """Read what a deliverer has typed. Raises `Invalid`."""
        texts = tuple(crypto.normalised(text) for text in contents)
        if not all(0 < len(text) <= LONGEST_CONTENT and _is_plain(text) for text in texts):
            message = f"What is delivered has 1 to {LONGEST_CONTENT} printable characters."
            raise Invalid(message, field="contents")
        return cls(texts, None if note_text is None else _words(note_text, field="note"))

    def require_for(self, task: Task) -> None:
        """Raise `Invalid` unless there is something for each piece, or for a top-up nothing."""
        pieces = 0 if task.by_account else task.line.quantity
        if len(self.contents) != pieces:
            raise Invalid(
                f"This delivery has {pieces} pieces.", field="contents", details={"pieces": pieces}
            )


async def deliver(
    who: Deliverer, line_id: UUID, *, delivery: Delivery, idempotency_key: str
) -> None:
    """Hand over what was bought, or say that it was topped up: now everybody has earned.

    Raises `NotFound`, `WrongState`, `Invalid`, `DeliveredBefore`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    # A hash that is kept gives no secret away: the fingerprint is keyed.
    prints = [crypto.fingerprint(text).hex() for text in delivery.contents]
    said = crypto.fingerprint(delivery.note).hex() if delivery.note else None
    content = {"deliver": line_id, "contents": prints, "note": said}
    async with at_desk(who, line_id) as task:
        if await _is_first(task, who, idempotency_key, content):
            delivery.require_for(task)
            await move(
                task,
                "DELIVERED",
                by=who.witness,
                kind="DELIVERED",
                out_of=_IN_WORK,
                words=delivery.note,
            )
            await _hand_over(task, delivery)
            await split_line(task.order, task.line)
            crash_point("manual.delivered")
    crash_point("manual.committed")
    await news.order_changed(task.order.tenant_id, task.order.id)


async def _hand_over(task: Task, delivery: Delivery) -> None:
    """Seal what is delivered in the line's places: from now on they are keys like any other."""
    if not delivery.contents:
        return
    line = task.line
    filled = [Filled(*pair) for pair in zip(line.key_ids, delivery.contents, strict=True)]
    await places.fill(listing_id=line.supplier_listing_id, filled=filled)
    await db.execute(
        """insert into delivered_keys (tenant_id, id, order_id, line_id, key_id, delivered_at)
           select $1, given.id, $2, $3, given.key_id, platform_now()
           from unnest($4::uuid[], $5::uuid[]) as given (id, key_id)""",
        task.order.tenant_id,
        task.order.id,
        line.id,
        [new_id() for _ in line.key_ids],
        list(line.key_ids),
    )


async def ask_correction(
    who: Deliverer, line_id: UUID, *, fields: Sequence[str], message: str
) -> None:
    """Ask the buyer to say these fields anew; until then the delivery's clock stands still.

    Raises `NotFound`, `WrongState`, and `Invalid` for what the buyer was never asked.
    """
    words = _words(message, field="message")
    async with at_desk(who, line_id) as task:
        known = {answer.name for answer in await answers_of(task)}
        asked = tuple(dict.fromkeys(fields))
        if not asked or not known.issuperset(asked):
            raise Invalid("The buyer was not asked for that.", field="fields")
        now: datetime = await db.fetch_value("select platform_now()")
        left = (task.due_at - now).total_seconds()
        await move(
            task,
            "NEEDS_CORRECTION",
            by=who.witness,
            kind="CORRECTION_ASKED",
            out_of=_IN_WORK,
            due_at=now + TIME_TO_ANSWER,
            left_seconds=max(1, int(left)),
            asked_fields=asked,
            words=words,
        )
    await news.order_changed(task.order.tenant_id, task.order.id)


async def refuse(who: Deliverer, line_id: UUID, *, reason: str, idempotency_key: str) -> None:
    """Say that it cannot be delivered: the buyer gets the money back.

    Raises `NotFound`, `WrongState`, `Invalid`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    words = _words(reason, field="reason")
    content = {"refuse": line_id, "reason": crypto.fingerprint(words).hex()}
    async with at_desk(who, line_id) as task:
        if await _is_first(task, who, idempotency_key, content):
            await ending.end_undelivered(
                task,
                "REFUSED",
                by=who.witness,
                out_of=("DUE", "BEGUN", "NEEDS_CORRECTION"),
                words=words,
            )
    await news.order_changed(task.order.tenant_id, task.order.id)


async def _is_first(
    task: Task, who: Deliverer, idempotency_key: str, content: dict[str, object]
) -> bool:
    order = task.order
    request = Request(order.tenant_id, f"manual:{who.witness.actor}", idempotency_key, content)
    return (await idempotency.claim(request, kind="ORDER", result_id=order.id)).first


def _is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def _words(text: str, *, field: str) -> str:
    words = crypto.normalised(text)
    if not (0 < len(words) <= LONGEST_WORDS and _is_plain(words)):
        message = f"This has 1 to {LONGEST_WORDS} printable characters."
        raise Invalid(message, field=field)
    return words
