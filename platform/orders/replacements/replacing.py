"""Replacing a bad key that was delivered (E9): what happens, from top to bottom.

The bad key is never for sale again, and its buyer has another one. From the same listing no money
moves. From another supplier, that one is paid at its price out of what the bad key has brought its
own, who covers what is missing; the buyer pays nothing, and nobody else earns more or less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billing import accounts, ledger
from billing.ledger import credit
from kernel import crypto, db
from kernel.errors import Invalid
from kernel.faults import crash_point
from kernel.ids import new_id
from orders import idempotency, news, records, refund_posting
from orders.clawback import Claim, Reversal
from orders.disputed import refuse_while_disputed
from orders.earnings import noting
from orders.earnings import rows as earning_rows
from orders.instalments.forgiving import refuse_if_paying
from orders.points_refunds import PointsBack
from orders.records import Line, Order, ShareRow, Viewer
from orders.refunds import line_of
from orders.replacements import arithmetic, rows
from orders.replacements.arithmetic import Exchange
from orders.replacements.rows import Delivery, Moved
from supply import replacements
from supply.replacements import Another
from tenants.directory import Shop

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """Which key is bad and why; `elsewhere`: another supplier's will do where its own has none."""

    order_no: str
    delivered_key_id: UUID
    reason: str
    elsewhere: bool = True


async def replace_key(*, shop: Shop, actor: str, wish: Wish, idempotency_key: str) -> UUID:
    """Give the buyer another key for a bad one; returns the order's id.

    The caller has checked that `actor` may decide so. Raises `OutOfStock`, `AlreadyReplaced`,
    `OrderDisputed`, `NotFound`, `IdempotencyConflict`, and `Invalid` for what has no key of its
    own, was given back, or of which all the money has gone back.
    """
    idempotency.require_key(idempotency_key, guest=False)
    reason = _reason(wish.reason)
    content = {"replace": wish.delivered_key_id, "order": wish.order_no, "for": reason}
    request = idempotency.Request(shop.id, f"replace:{actor}", idempotency_key, content)
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        order = await records.order_by_no(wish.order_no, Viewer(whole_shop=True), lock=True)
        claim = await idempotency.claim(request, kind="ORDER", result_id=order.id)
        if claim.first:
            await _replace(order, wish, reason, actor)
            crash_point("replacement.written")
    crash_point("replacement.committed")
    await news.order_changed(shop.id, order.id)
    return order.id


def _reason(text: str) -> str:
    words = crypto.normalised(text)
    if not 1 <= len(words) <= LONGEST_REASON or not words.isprintable():
        message = f"A reason has 1 to {LONGEST_REASON} printable characters."
        raise Invalid(message, field="reason")
    return words


async def _replace(order: Order, wish: Wish, reason: str, actor: str) -> None:
    all_keys = await rows.deliveries_of(order)
    bad = _bad_key(all_keys, wish.delivered_key_id)
    line = await line_of(order, bad.line_id)
    await refuse_while_disputed(order.id)
    pieces = len(rows.in_hand(all_keys, line.id))
    another = await _sell_another(order, line, bad, pieces, elsewhere=wish.elsewhere)
    delivery_id, replacement_id = new_id(), new_id()
    await rows.hand_over(bad, order, new_id=delivery_id, key_id=another.key_id)
    bargain = moved = None
    if another.listing_id != bad.listing_id:
        bargain = await _bargain(order, line, bad, another, all_keys)
        moved = await _move_money(order, bad, bargain, replacement_id)
    await rows.insert(
        order,
        bad,
        replacement_id=replacement_id,
        new_delivery_id=delivery_id,
        to_listing_id=another.listing_id,
        moved=moved,
        reason=reason,
        actor=actor,
    )
    if bargain is not None:
        await rows.move_shares(order, line.id, bargain.swap.given_up, bargain.made)
        await noting.note_orders([order.id])
    await db.execute("update orders set version = version + 1 where id = $1", order.id)


def _bad_key(all_keys: Sequence[Delivery], delivered_key_id: UUID) -> Delivery:
    for one in all_keys:
        if one.id == delivered_key_id:
            if one.replaced_by is not None:
                raise rows.already_replaced()
            if one.returned_at is not None:
                raise Invalid("This key was given back.", field="keyId")
            return one
    raise records.no_such_key()


async def _sell_another(
    order: Order, line: Line, bad: Delivery, pieces: int, *, elsewhere: bool
) -> Another:
    if line.delivery_mode != "AUTO_KEY":
        raise Invalid("Only a key of one's own is replaced.", field="keyId")
    await refuse_if_paying(line, field="keyId")
    if line.refunded_minor == line.paid_minor:
        raise Invalid("All of this line's money has gone back.", field="keyId")
    another = await replacements.sell_another(
        line_id=line.id,
        sku_id=line.sku_id,
        listing_id=bad.listing_id,
        currency=order.currency,
        elsewhere=elsewhere,
        most_minor=arithmetic.dearest_minor(
            paid_minor=line.paid_minor, refunded_minor=line.refunded_minor, pieces=pieces
        ),
    )
    if not await replacements.mark_replaced(line_id=line.id, key_ids=[bad.key_id]):
        raise Invalid("This key is not for use any more.", field="keyId")
    return another


@dataclass(frozen=True, slots=True)
class Bargain:
    """What is given up, and the shares that stand in its place."""

    swap: Exchange
    made: tuple[ShareRow, ...]


async def _bargain(
    order: Order, line: Line, bad: Delivery, another: Another, all_keys: Sequence[Delivery]
) -> Bargain:
    beside = [one for one in rows.in_hand(all_keys, line.id) if one.shares == bad.shares]
    swap = arithmetic.exchange(
        await rows.shares_of(bad, order, all_keys),
        pieces=len(beside),
        price_minor=another.supply_price_minor,
        commission_bp=another.commission_bp,
    )
    made = [
        ("SUPPLIER", another.supplier_id, "SUPPLY", swap.supply_minor),
        ("PLATFORM", None, "SUPPLIER_COMMISSION", swap.commission_minor),
    ]
    shares = tuple(
        ShareRow(new_id(), line.id, kind, party_id, role, minor, 0)
        for kind, party_id, role, minor in made
        if minor
    )
    return Bargain(swap, shares)


async def _move_money(order: Order, bad: Delivery, bargain: Bargain, replacement_id: UUID) -> Moved:
    """Take the bad key's part and the cover, each out of what is there, and credit the other."""
    swap, made = bargain.swap, bargain.made
    claims = [
        Claim(share.party_id, share.role, minor, share_id=share.id)
        for share, minor in swap.given_up
    ]
    if swap.cover_minor:
        claims.append(Claim(bad.supplier_id, "SUPPLY", swap.cover_minor, deposit_first=True))
    taken = Reversal(tuple((share.id, minor) for share, minor in swap.given_up), tuple(claims))
    earned = await noting.lock_earnings(order.id, [bad.line_id])
    drawn = await refund_posting.draw(order, taken, earned, [], PointsBack(), on_credit=True)
    # Not netted: what the platform gives back stays visible beside what it earns.
    posting_id = await ledger.post(
        [
            *ledger.merged(drawn.entries),
            *(credit(_account_of(share, order.currency), share.amount_minor) for share in made),
        ],
        kind="E9_REPLACEMENT",
        idempotency_key=f"replacement:{replacement_id}",
        tenant_id=order.tenant_id,
        order_id=order.id,
    )
    await earning_rows.write_stages(drawn.changed(earned))
    await earning_rows.write_ahead(drawn.ahead)
    ids = {share.role: share.id for share in made}
    return Moved(
        posting_id,
        ids.get("SUPPLY"),
        ids.get("SUPPLIER_COMMISSION"),
        swap.given_up_minor,
        swap.cover_minor,
    )


def _account_of(share: ShareRow, currency: str) -> ledger.Account:
    if share.party_id is None:
        return accounts.revenue(share.role, currency)
    return accounts.party_pending(share.party_id, currency)
