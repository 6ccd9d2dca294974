"""Refunds of delivered goods: what the buyer gets back, and who gives it (E7).

The buyer returns keys that nobody has opened, and gets them paid back; the same keys can be sold
again. A change of mind is the same by the shop's word, and for all that is left of a line: were it
for a part, a shop could take back all but a unit from those above it, and then open the keys.
Everything else is decided by the shop's staff or an operator. Money goes back where it came from:
first to the channel, as far as the channel's part reaches, then to the wallet.
"""

from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import idempotency, news, records
from orders.kept_pieces import require_same_price
from orders.manual.tasks import refuse_if_waiting
from orders.records import Line, Order, Viewer
from orders.refund_writing import Reason as Reason
from orders.refund_writing import write_refund
from supply import pool
from tenants.directory import Shop, TenantRestricted


class AlreadyRevealed(Refusal):
    """The key has been seen: it is used goods and does not come back."""

    code = "ALREADY_REVEALED"


async def return_unrevealed(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    line_id: UUID,
    quantity: int | None,
    idempotency_key: str,
) -> UUID:
    """Give back keys that nobody has opened, and their money; all of the line's, or so many.

    Returns the order's id.
    Raises `AlreadyRevealed` when fewer are unopened, `NotFound`, and `Invalid`, also where what is
    kept would cost more for being so few.
    """
    idempotency.require_key(idempotency_key, guest=viewer.is_guest)
    actor = f"return:{viewer.customer_id or order_no}"
    content = {"order": order_no, "line": line_id, "quantity": quantity}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        # The result is the order: keys of a line that was refunded before come back without money.
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            line = await _line(order, line_id)
            _require_from_the_pool(line)
            returned = await _take_back(order, line, quantity)
            in_hand = line.quantity - line.returned_quantity
            await require_same_price(shop, order, line, kept=in_hand - returned)
            # A piece brings what was paid for it, as far as that was not refunded; the last takes
            # the rest.
            left_minor = line.paid_minor - line.refunded_minor
            at_price_minor = min(line.paid_minor * returned // line.quantity, left_minor)
            amount_minor = left_minor if returned == in_hand else at_price_minor
            await write_refund(
                new_id(), order, line, amount_minor, "UNREVEALED_RETURN", returned=returned
            )
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def refund_line(
    *,
    shop: Shop,
    actor: str,
    order_no: str,
    line_id: UUID,
    amount_minor: int,
    reason: Reason,
    idempotency_key: str,
) -> UUID:
    """Refund a part of a line, or all that is left of it.

    A fault is an operator's decision, because others pay for it; with GOODWILL the shop pays all,
    out of what it has earned. CHANGE_OF_MIND gives back all that is left of the line, and its keys
    go back to the pool. The caller has checked that `actor` may decide so. Returns the order's id.
    Raises `RefundTooLarge`, `NotFound`, `Invalid`, `AlreadyRevealed` for a change of mind about
    opened keys, `InsufficientBalance` when the shop has not earned as much, `TenantRestricted` for
    goodwill of a shop that is paid nothing out.
    """
    idempotency.require_key(idempotency_key, guest=False)
    content = {
        "order": order_no,
        "line": line_id,
        "amount": amount_minor,
        "reason": reason,
    }
    request = idempotency.Request(shop.id, f"refund:{actor}", idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, Viewer(whole_shop=True), lock=True)
        refund_id = new_id()
        claim = await idempotency.claim(request, kind="REFUND", result_id=refund_id)
        if claim.first:
            line = await _line(order, line_id)
            await refuse_if_waiting(line)
            if amount_minor < 1:
                raise Invalid("A refund is at least one minor unit.", field="amount")
            if reason == "GOODWILL":
                await _require_generous(order)
            returned = 0
            if reason == "CHANGE_OF_MIND":
                returned = await _take_all_back(order, line, amount_minor)
            await write_refund(refund_id, order, line, amount_minor, reason, returned=returned)
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def _line(order: Order, line_id: UUID) -> Line:
    if order.payment_status != "PAID":
        raise Invalid("This order is not paid: there is nothing to give back.", field="orderNo")
    for line in await records.lines_of(order.id):
        if line.id == line_id:
            return line
    raise NotFound("There is no such line in this order.", field="lineId")


async def _require_generous(order: Order) -> None:
    """Raise where the shop may not give its own money away. It chooses who gets it: whose payouts
    are stopped would pay itself out by refunds to buyers of its own."""
    if order.at_cost:
        raise Invalid("The shop has bought this itself.", field="reason")
    is_stopped: bool = await db.fetch_value(
        """select payouts_frozen or status in ('SUSPENDED', 'CLOSED') from tenants
           where id = $1 for key share""",
        order.tenant_id,
    )
    if is_stopped:
        raise TenantRestricted("This shop pays nothing out at the moment: an operator decides.")


async def _take_all_back(order: Order, line: Line, amount_minor: int) -> int:
    """Put all keys of a line that somebody changed the mind about back; returns how many."""
    _require_from_the_pool(line)
    await _require_unopened(line)
    left_minor = line.paid_minor - line.refunded_minor
    if amount_minor < left_minor:
        raise Invalid(
            "A change of mind gives back all that is left of the line.",
            field="amount",
            details={"left": left_minor},
        )
    in_hand = line.quantity - line.returned_quantity
    return await _take_back(order, line, None) if in_hand else 0


def _require_from_the_pool(line: Line) -> None:
    """Raise `Invalid` for what was made for this buyer: nobody else can be sold it."""
    if line.by_hand:
        raise Invalid("What a person delivers does not come back.", field="lineId")


async def _require_unopened(line: Line) -> None:
    """A change of mind ends where a key has been seen (domain 4, E7)."""
    opened: int = await db.fetch_value(
        """select count(*) from delivered_keys
           where order_id = $1 and line_id = $2 and returned_at is null
             and revealed_at is not null""",
        line.order_id,
        line.id,
    )
    if opened:
        raise AlreadyRevealed(
            f"{opened} keys of this line have been opened.",
            field="reason",
            details={"revealed": opened},
        )


async def _take_back(order: Order, line: Line, quantity: int | None) -> int:
    """Put unopened keys of the line back into the pool; returns how many."""
    rows = await db.fetch(
        """select id, key_id from delivered_keys
           where order_id = $1 and line_id = $2 and tenant_id = $3
             and returned_at is null and revealed_at is null
           order by id for update""",
        order.id,
        line.id,
        order.tenant_id,
    )
    wanted = len(rows) if quantity is None else quantity
    if wanted < 1 and quantity is not None:
        raise Invalid("At least one key comes back.", field="quantity")
    if wanted < 1 or len(rows) < wanted:
        raise AlreadyRevealed(
            f"Only {len(rows)} keys of this line are unopened.",
            field="quantity",
            details={"unrevealed": len(rows)},
        )
    chosen = rows[:wanted]
    await db.execute(
        "update delivered_keys set returned_at = platform_now() where id = any ($1)",
        [row["id"] for row in chosen],
    )
    await pool.take_back(line_id=line.id, key_ids=sorted(row["key_id"] for row in chosen))
    return wanted
