"""What a buyer does about goods that a person delivers: correct what was said, or cancel."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from catalog.forms.fields import FieldKind, FormField, form_fields
from kernel import db
from kernel.errors import Invalid
from offers.form_values import Answer, answered
from orders import idempotency, news, records
from orders.forms import seal_form
from orders.idempotency import Request
from orders.manual import ending
from orders.manual.desk import answers_of
from orders.manual.tasks import Task, locked, move
from orders.records import Viewer
from orders.reveal import Witness
from tenants.directory import Shop


async def correct(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    line_id: UUID,
    values: Mapping[str, str],
    witness: Witness,
) -> UUID:
    """Say anew what was asked; the delivery goes on with the time that it had left.

    Returns the order's id. Raises `NotFound`, `WrongState`, and `Invalid` with `form.<name>` for
    what is wrong, was not asked, or is still missing.
    """
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        task = await locked(order, line_id)
        left = await db.fetch_row(
            """select platform_now() as now, left_seconds from manual_deliveries
               where line_id = $1""",
            line_id,
        )
        assert left is not None
        if task.state == "NEEDS_CORRECTION" and not task.is_late:
            await _write_form(task, values)
        due_at: datetime = left["now"] + timedelta(seconds=left["left_seconds"] or 1)
        await move(
            task,
            "BEGUN",
            by=witness,
            kind="CORRECTED",
            out_of=("NEEDS_CORRECTION",),
            due_at=due_at,
        )
    await news.order_changed(shop.id, order.id)
    return order.id


async def _write_form(task: Task, values: Mapping[str, str]) -> None:
    """Put the new answers in the place of those that were asked about; the others stay as they are.

    The SKU's form may have changed since the sale: who may correct one field is not held to what
    the form asks today of all the others.
    """
    if set(values) != set(task.asked_fields):
        missing = next(iter(sorted(set(task.asked_fields) ^ set(values))))
        known = missing if missing in task.asked_fields else "?"
        raise Invalid("Say what was asked, and no more.", field=f"form.{known}")
    before = await answers_of(task)
    asked = [answer for answer in before if answer.name in values]
    anew = {answer.name: answer for answer in answered(await _fields(task, asked), values)}
    answers = [anew.get(answer.name, answer) for answer in before]
    kept = [one for one in answers if one.name not in values or one.name in anew]
    sealed = seal_form(kept, line_id=task.line.id)
    await db.execute(
        "update order_forms set form = $3, form_key_id = $4 where order_id = $1 and line_id = $2",
        task.order.id,
        task.line.id,
        sealed.ciphertext,
        sealed.key_id,
    )


async def _fields(task: Task, asked: Sequence[Answer]) -> list[FormField]:
    """The fields by which these answers are checked: today's, or, of one that the form has no
    more, a plain text."""
    stored: str = await db.fetch_value(
        "select form_fields::text from skus where id = $1", task.line.sku_id
    )
    today = {field.name: field for field in form_fields(stored)}
    return [today.get(answer.name) or _plain_text(answer) for answer in asked]


def _plain_text(answer: Answer) -> FormField:
    return FormField(
        name=answer.name,
        kind=FieldKind.TEXT,
        label_zh=answer.label_zh,
        label_en=answer.label_en,
        sensitive=answer.sensitive,
    )


async def cancel_line(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    line_id: UUID,
    witness: Witness,
    idempotency_key: str,
) -> UUID:
    """Give up what nobody has begun to deliver, or what the deliverer asks about: the money comes
    back, and the place is free again.

    Returns the order's id. Raises `NotFound`, `WrongState`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=viewer.is_guest)
    actor = f"cancel:{viewer.customer_id or order_no}"
    request = Request(shop.id, actor, idempotency_key, {"order": order_no, "line": line_id})
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        task = await locked(order, line_id)
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            await ending.end_undelivered(
                task, "CANCELED", by=witness, out_of=("DUE", "NEEDS_CORRECTION")
            )
    await news.order_changed(shop.id, order.id)
    return order.id
