"""Refunds of delivered goods: what the buyer gets back, and who gives it (E7).

The buyer returns keys that nobody has opened, and gets them paid back; the same keys can be sold
again. A change of mind is the same by the shop's word, and for all that is left of a line: were it
for a part, a shop could take back all but a unit from those above it, and then open the keys.
Everything else is decided by the shop's staff or an operator. Money goes back where it came from:
first to the channel, as far as the channel's part reaches, then to the wallet.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Final
from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import idempotency, news, records
from orders.instalments.forgiving import refuse_if_paying
from orders.kept_pieces import require_same_price
from orders.manual.tasks import refuse_if_waiting
from orders.records import Line, Order, Viewer
from orders.refund_writing import Destination as Destination
from orders.refund_writing import Reason as Reason
from orders.refund_writing import lock_for_all, write_refund
from orders.returned_keys import AlreadyRevealed as AlreadyRevealed
from orders.returned_keys import require_from_the_pool, take_all_back, take_back
from orders.split import RefundTooLarge
from tenants.directory import Shop, TenantRestricted


async def return_unrevealed(
    *,
    shop: Shop,
    viewer: Viewer,
    order_no: str,
    line_id: UUID,
    quantity: int | None,
    idempotency_key: str,
    destination: Destination = "CHANNEL",
) -> UUID:
    """Give back keys that nobody has opened, and their money; all of the line's, or so many.

    The buyer may have the money in the wallet instead, at once. Returns the order's id.
    Raises `AlreadyRevealed` when fewer are unopened, `NotFound`, and `Invalid`, also where what is
    kept would cost more for being so few.
    """
    idempotency.require_key(idempotency_key, guest=viewer.is_guest)
    actor = f"return:{viewer.customer_id or order_no}"
    content = {"order": order_no, "line": line_id, "quantity": quantity, **_to(destination)}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, viewer, lock=True)
        # The result is the order: keys of a line that was refunded before come back without money.
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            line = await line_of(order, line_id)
            require_from_the_pool(line)
            await refuse_if_paying(line)
            returned = await take_back(order, line, quantity)
            in_hand = line.quantity - line.returned_quantity
            await require_same_price(shop, order, line, kept=in_hand - returned)
            await _write_return(order, line, returned, destination)
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def _write_return(
    order: Order, line: Line, returned: int, destination: Destination = "CHANNEL"
) -> None:
    """A piece brings what was paid for it, as far as that was not refunded; the last takes the
    rest."""
    left_minor = line.paid_minor - line.refunded_minor
    at_price_minor = min(line.paid_minor * returned // line.quantity, left_minor)
    is_last = returned == line.quantity - line.returned_quantity
    await write_refund(
        new_id(),
        order,
        line,
        left_minor if is_last else at_price_minor,
        "UNREVEALED_RETURN",
        returned=returned,
        destination=destination,
    )


async def return_all_unopened(order: Order, line: Line) -> None:
    """Take every unopened key of a locked order's line back and pay for it: the rest goes back,
    too, so that nothing is kept at a price for more. Raises `AlreadyRevealed` if there is none."""
    await _write_return(order, line, await take_back(order, line, None))


MOST_LINES: Final = 100


@dataclass(frozen=True, slots=True)
class LineRefund:
    """What somebody has decided about a line: so much of it back, or (None) all that is left."""

    line_id: UUID
    amount_minor: int | None
    reason: Reason


async def refund_line(
    *,
    shop: Shop,
    actor: str,
    order_no: str,
    line_id: UUID,
    amount_minor: int,
    reason: Reason,
    idempotency_key: str,
    destination: Destination = "CHANNEL",
) -> UUID:
    """Refund a part of a line, or all that is left of it: `refund_order` for one line."""
    content = {
        "order": order_no,
        "line": line_id,
        "amount": amount_minor,
        "reason": reason,
        **_to(destination),
    }
    return await _refund(
        shop,
        idempotency.Request(shop.id, f"refund:{actor}", idempotency_key, content),
        order_no,
        [LineRefund(line_id, amount_minor, reason)],
        destination,
    )


async def refund_order(
    *,
    shop: Shop,
    actor: str,
    order_no: str,
    wishes: Sequence[LineRefund] | Reason,
    idempotency_key: str,
    destination: Destination = "CHANNEL",
) -> UUID:
    """Refund several lines, each for its own reason, or (with a reason alone) all that is left of
    the order: all of it, or nothing.

    A fault is an operator's decision, because others pay for it; with GOODWILL the shop pays all,
    out of what it has earned. CHANGE_OF_MIND gives back all that is left of the line, and its keys
    go back to the pool. The caller has checked that `actor` may decide so. Returns the order's id.
    Raises `RefundTooLarge`, `NotFound`, `Invalid`, `AlreadyRevealed` for a change of mind about
    opened keys, `InsufficientBalance` when the shop has not earned as much, `TenantRestricted` for
    goodwill of a shop that is paid nothing out.
    """
    said = wishes if isinstance(wishes, str) else [astuple(wish) for wish in wishes]
    content = {"order": order_no, "lines": said, **_to(destination)}
    request = idempotency.Request(shop.id, f"refund-order:{actor}", idempotency_key, content)
    return await _refund(shop, request, order_no, wishes, destination)


def _to(destination: Destination) -> dict[str, str]:
    """What a request says of it; a request of before there was a choice says nothing."""
    return {} if destination == "CHANNEL" else {"destination": destination}


async def _refund(
    shop: Shop,
    request: idempotency.Request,
    order_no: str,
    wishes: Sequence[LineRefund] | Reason,
    destination: Destination,
) -> UUID:
    idempotency.require_key(request.key, guest=False)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(order_no, Viewer(whole_shop=True), lock=True)
        refund_id = new_id()
        claim = await idempotency.claim(request, kind="REFUND", result_id=refund_id)
        if claim.first:
            decided = await _decided(order, wishes)
            returned = [await _returned(order, line, wish) for line, wish in decided]
            if len(decided) > 1:
                await lock_for_all(order, [line for line, _ in decided])
            for (line, wish), pieces in zip(decided, returned, strict=True):
                amount_minor = _amount_minor(line, wish)
                await write_refund(
                    refund_id,
                    order,
                    line,
                    amount_minor,
                    wish.reason,
                    returned=pieces,
                    destination=destination,
                )
                order = replace(order, refunded_minor=order.refunded_minor + amount_minor)
                refund_id = new_id()
            crash_point("refund.written")
    crash_point("refund.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


async def _decided(
    order: Order, wishes: Sequence[LineRefund] | Reason
) -> list[tuple[Line, LineRefund]]:
    """The lines with what was decided about each, in the order in which locks are taken."""
    _require_paid(order)
    lines = await records.lines_of(order.id)
    if isinstance(wishes, str):
        left = [line for line in lines if line.refunded_minor < line.paid_minor]
        if not left:
            raise RefundTooLarge("All of this order was given back.", field="orderNo")
        return [(line, LineRefund(line.id, None, wishes)) for line in left]
    by_line = {wish.line_id: wish for wish in wishes}
    if not wishes or len(by_line) < len(wishes):
        raise Invalid("A refund names each line once, and one at least.", field="lines")
    if by_line.keys() - {line.id for line in lines}:
        raise NotFound("There is no such line in this order.", field="lineId")
    return [(line, by_line[line.id]) for line in lines if line.id in by_line]


def _amount_minor(line: Line, wish: LineRefund) -> int:
    left_minor = line.paid_minor - line.refunded_minor
    return left_minor if wish.amount_minor is None else wish.amount_minor


async def _returned(order: Order, line: Line, wish: LineRefund) -> int:
    """How many keys go back to the pool for what was decided about a line; now they do."""
    await refuse_if_waiting(line)
    await refuse_if_paying(line)
    amount_minor = _amount_minor(line, wish)
    if amount_minor < 1:
        raise Invalid("A refund is at least one minor unit.", field="amount")
    if wish.reason == "GOODWILL":
        await _require_generous(order)
    if wish.reason == "CHANGE_OF_MIND":
        return await take_all_back(order, line, amount_minor)
    return 0


def _require_paid(order: Order) -> None:
    if order.payment_status != "PAID":
        raise Invalid("This order is not paid: there is nothing to give back.", field="orderNo")


async def line_of(order: Order, line_id: UUID) -> Line:
    """One line of a paid order. Raises `NotFound`, and `Invalid` for one that is not paid."""
    _require_paid(order)
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
