"""Writing an order with its keys: in one statement where nobody has to wait for a key.

The statement is a transaction of its own. It claims the idempotency key, asks who may order, takes
the keys and writes order, lines and shares. Where a balance pays (a customer's wallet, or the
shop's own trade balance for what it buys at cost), it locks the balance, sees what that holds, and
writes payment, deliveries and ledger as well: the whole sale. What it wants of others' rows it
takes in one order: claim, balance, keys. Keys that are locked are skipped and never
waited for, so nobody can wait in a circle.

Whoever is refused, and whoever comes out short of keys, has written nothing: the statement gives
itself up. An order that was short is made again in turn, in a transaction of several statements:
holding the way of `supply/pool.py`, which may wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from affiliates.parts import attribution_values
from billing import ledger, payment_parts
from kernel import db
from kernel.ids import new_id
from kernel.settings import settings
from orders import admission, forms, funding, idempotency, parts, placing_statements
from orders.drafts import Draft
from orders.manual import manual_parts
from orders.placing_statements import Way
from orders.sale_posting import posting_of_sale
from promotions import coupon_parts
from promotions.points import refusals
from promotions.points.parts import points_values
from supply import holding, pool
from supply.stock_news import sold_news


class Short(Exception):
    """The keys at hand do not suffice; the transaction ends, and the order is made in turn."""


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """One key of an order that was just written; `delivered_id` where it is the buyer's already.
    A place, whose key a person will deliver, is committed to nothing yet."""

    line_id: UUID
    key_id: UUID
    serial: str
    commitment: bytes | None
    delivered_id: UUID | None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the database added to a draft."""

    draft: Draft
    now: datetime
    expires_at: datetime
    keys: tuple[PlacedKey, ...]


async def place_at_once(draft: Draft) -> Placed | None:
    """Write the order with the next free keys, and where a wallet pays, all of the sale.

    Outside a transaction: it is one. None when the request was answered before. Raises
    `TenantRestricted`, `Forbidden`, `Invalid`, `InsufficientBalance`, and `Short` when free keys
    are not at hand.
    """
    pick = holding.Pick.of([line.wanted for line in draft.lines])
    values = parts.with_values(_values(draft), _posting(draft), pick.values())
    try:
        rows = await db.write(draft.scope, placing_statements.at_once(_way(draft)), values)
    except db.GaveUp as why:
        raise _refusal_of(str(why), draft) from None
    except BaseException:
        sold_news.tell(draft.scarce_listings)  # nobody heard whether it was sold
        raise
    if not rows[0]["is_first"]:
        return None
    placed = _placed(draft, rows, values)
    pick.learn([row["position"] for row in sorted(rows, key=_number)])
    sold_news.tell(draft.scarce_listings)
    return placed


async def place_in_turn(draft: Draft) -> Placed | None:
    """Write the order with keys that may have to be waited for; the money is still to be moved.

    Inside a transaction. None when it was answered before. Raises what `place_at_once` does but
    for `InsufficientBalance`, and `OutOfStock` instead of `Short`.
    """
    values = _values(draft)
    enter = placing_statements.enter_alone(_way(draft))
    said = await db.fetch_row(enter.sql, *enter.values(values))
    assert said is not None
    if not _admitted(said, draft):
        return None
    keys = await _hold_in_lock_order(draft, until=said["now"] + values["hold_for"])
    statement = placing_statements.in_turn(_way(draft))
    values = parts.with_values(values, _hold(draft), holding.sale_values(keys))
    rows = await db.fetch(statement.sql, *statement.values(values))
    # Asked again: while one waits, an account may be frozen, or a shop closed.
    _admitted(rows[0], draft)
    return _placed(draft, rows, values)


def _way(draft: Draft) -> Way:
    return Way(
        pays=draft.payment is not None,
        at_cost=draft.buyer.at_cost,
        coupons=draft.has_coupons,
        points=draft.redeemed_points > 0,
        funded=bool(funding.of_budgets(draft.fundings)),
        earns=draft.earned_points > 0,
        forms=bool(draft.forms),
        titled=draft.is_titled,
        by_hand=bool(draft.by_hand),
        brought=draft.verdict is not None,
        exchanged=draft.is_exchanged,
    )


async def _hold_in_lock_order(draft: Draft, *, until: datetime) -> list[tuple[UUID, UUID]]:
    """Every line's (key, line) pairs. Listings come in the order of their ids, so that two orders
    cannot cross."""
    held: dict[UUID, list[UUID]] = {}
    for line in sorted(draft.lines, key=lambda line: line.quoted.offer.id):
        held[line.id] = await pool.hold(line.wanted, until=until)
    return [(key_id, line.id) for line in draft.lines for key_id in held[line.id]]


def _values(draft: Draft) -> dict[str, Any]:
    wallet = draft.debited_account
    payment = payment_parts.opened(draft.payment) if draft.payment is not None else {}
    return parts.with_values(
        draft.values(),
        _coupon_values(draft) if draft.has_coupons else {},
        _discount_values(draft) if draft.has_coupons or draft.redeemed_points else {},
        _points_values(draft) if draft.redeemed_points or draft.earned_points else {},
        idempotency.claiming(draft.request, kind="ORDER", result_id=draft.id),
        payment,
        forms.form_values(draft.forms),
        manual_parts.placing_values(draft),
        attribution_values(draft.verdict) if draft.verdict is not None else {},
        {
            "debited_account": wallet.id if wallet is not None else None,
            "hold_for": timedelta(seconds=settings().payment_hold_seconds),
            "delivered_ids": [new_id() for _ in range(draft.pieces)],
        },
    )


def _coupon_values(draft: Draft) -> dict[str, Any]:
    needs, currency = funding.needs(draft.fundings), draft.shop.currency
    return coupon_parts.taking_values(draft.takings, needs, currency=currency)


def _discount_values(draft: Draft) -> dict[str, Any]:
    return funding.discount_values(
        [
            given
            for line in draft.lines
            for given in (
                *funding.given_by_coupons(line.id, line.discounts),
                *funding.given_by_points(line.id, line.redemption),
            )
        ]
    )


def _points_values(draft: Draft) -> dict[str, Any]:
    return points_values(
        customer_id=draft.buyer.customer_id,
        redeemed=draft.redeemed_points,
        earned=draft.earned_points,
    )


def _hold(draft: Draft) -> dict[str, Any]:
    """What an order posts that waits for its payment: nothing, but where others pay a part."""
    if draft.payment is not None or not funding.of_budgets(draft.fundings):
        return {}
    return funding.hold_posting(
        draft.fundings,
        currency=draft.shop.currency,
        order_id=draft.id,
        tenant_id=draft.shop.id,
    )


def _posting(draft: Draft) -> dict[str, Any]:
    """What the sale posts."""
    if draft.payment is None:
        return _hold(draft)
    return posting_of_sale(
        order_id=draft.id,
        tenant_id=draft.shop.id,
        currency=draft.shop.currency,
        root_sells=len(draft.shop.path) == 1,
        shares=draft.shares,
        payment=draft.payment,
        fundings=draft.fundings,
        funding_state="FREE",
        waiting=manual_parts.waiting_of(draft),
        earned_minor=draft.earned_minor,
    )


def _refusal_of(reason: str, draft: Draft) -> Exception:
    """Why the statement has given itself up."""
    word, _, more = reason.partition(" ")
    if word == "SHORT":
        return Short()
    if word == "FUNDS":
        return ledger.too_little(int(more), field="walletAmount")
    if word == "COUPON":
        return coupon_parts.taking_refusal(more, draft.takings)
    if word == "POINTS":
        return refusals.gone()
    return admission.refusal_of(word)


def _admitted(said: Any, draft: Draft) -> bool:
    """True for the first such request; False for a repeated one; raises why it is refused."""
    if said["refusal"] is not None:
        raise _refusal_of(said["refusal"], draft)
    return bool(said["is_first"])


def _number(row: Any) -> int:
    number: int = row["n"]
    return number


def _placed(draft: Draft, rows: Sequence[Any], values: dict[str, Any]) -> Placed:
    lines = [line.id for line in draft.lines for _ in range(line.quoted.quantity)]
    waiting = {line.id for line in draft.lines if draft.payment is None} | {
        line.id for line in draft.by_hand
    }
    delivered = [
        None if line_id in waiting else given
        for line_id, given in zip(lines, values["delivered_ids"], strict=True)
    ]
    keys = tuple(
        PlacedKey(line_id, row["key_id"], row["serial"], row["commitment"], delivered_id)
        for line_id, delivered_id, row in zip(
            lines, delivered, sorted(rows, key=_number), strict=True
        )
    )
    now: datetime = rows[0]["now"]
    return Placed(draft, now, now + values["hold_for"], keys)
