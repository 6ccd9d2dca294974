"""Writing an order with its keys: in one statement where nobody has to wait for a key.

The statement is a transaction of its own. It claims the idempotency key, asks who may order, takes
the keys and writes order, lines and shares. Where a wallet pays, it locks the wallet, sees what
that holds, and writes payment, deliveries and ledger as well: the whole sale. What it wants of
others' rows it takes in one order: claim, wallet, keys. Keys that are locked are skipped and never
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

from billing import ledger, payment_parts
from kernel import db
from kernel.ids import new_id
from kernel.settings import settings
from kernel.statements import Statement
from orders import admission, forms, idempotency, parts
from orders.drafts import Draft
from orders.sale_posting import posting_of_sale
from supply import holding, pool
from supply.stock_news import sold_news


class Short(Exception):
    """The keys at hand do not suffice; the transaction ends, and the order is made in turn."""


@dataclass(frozen=True, slots=True)
class PlacedKey:
    """One key of an order that was just written; `delivered_id` where it is the buyer's already."""

    line_id: UUID
    key_id: UUID
    serial: str
    commitment: bytes
    delivered_id: UUID | None


@dataclass(frozen=True, slots=True)
class Placed:
    """What the database added to a draft."""

    draft: Draft
    now: datetime
    expires_at: datetime
    keys: tuple[PlacedKey, ...]


_ENTER = (idempotency.CLAIM, admission.ADMISSION)
_WALLET = (
    payment_parts.LOCK_WALLET.format(only_if="exists (select from admission)"),
    # Counting the wallet's rows makes sure that its lock comes before any key's.
    """admitted as materialized (
        select 1 from admission where refusal is null and (select count(*) from wallet) >= 0
    )""",
)
_PAY = (payment_parts.OPEN, parts.HAND_OVER)
_GIVEN = (
    parts.MOMENT,
    "claim as (select)",  # which was made before the keys were waited for
    admission.ADMISSION,
    "ready as (select 1 from admission where refusal is null)",
    parts.GIVEN_KEYS,
)
_ANSWER = """
select said.is_first, moment.now, held.*,
       case when said.refusal is not null then give_up(said.refusal)
            {funds}
            when said.is_first and held.n is null then give_up('SHORT')
       end as gave_up
from moment left join admission said on true left join held on true
"""
_FUNDS_ANSWER = """when (select held_minor from funds) < :wallet_minor::bigint
                then give_up('FUNDS ' || (select held_minor from funds))"""
_GIVEN_ANSWER = """
select said.is_first, said.refusal, moment.now, taken.n, taken.id as key_id, sealed.serial,
       sealed.commitment
from moment, admission said, taken join sealed_keys sealed on sealed.id = taken.id
"""

_PLACE_PARTS = (
    parts.MOMENT_ALONE,
    *_ENTER,
    "admitted as materialized (select 1 from admission where refusal is null)",
    holding.PICK,
    holding.HOLD,
    parts.WRITE_ORDER,
)
_PLACE_AND_PAY_PARTS = (
    parts.MOMENT_ALONE,
    *_ENTER,
    ledger.LOCK_FUNDS,
    # Whoever looks for keys has locked the wallet, and can pay.
    """admitted as materialized (
        select 1 from funds where held_minor >= :wallet_minor::bigint
    )""",
    holding.PICK,
    holding.SELL_PICKED,
    parts.WRITE_ORDER,
    *_PAY,
    ledger.POST,
)
_PLACE = Statement.of(*_PLACE_PARTS, then=_ANSWER.format(funds=""))
_PLACE_AND_PAY = Statement.of(*_PLACE_AND_PAY_PARTS, then=_ANSWER.format(funds=_FUNDS_ANSWER))
_PLACE_FORMS = Statement.of(*_PLACE_PARTS, forms.WRITE_FORMS, then=_ANSWER.format(funds=""))
_PLACE_FORMS_AND_PAY = Statement.of(
    *_PLACE_AND_PAY_PARTS, forms.WRITE_FORMS, then=_ANSWER.format(funds=_FUNDS_ANSWER)
)
_ENTER_ALONE = Statement.of(
    parts.MOMENT,
    *_ENTER,
    *_WALLET,
    then="""select said.is_first, said.refusal, moment.now, (select count(*) from admitted)
            from moment left join admission said on true""",
)
_WRITE = Statement.of(*_GIVEN, parts.WRITE_ORDER, then=_GIVEN_ANSWER)
_WRITE_AND_PAY = Statement.of(*_GIVEN, parts.WRITE_ORDER, *_PAY, then=_GIVEN_ANSWER)
_WRITE_FORMS = Statement.of(*_GIVEN, parts.WRITE_ORDER, forms.WRITE_FORMS, then=_GIVEN_ANSWER)
_WRITE_FORMS_AND_PAY = Statement.of(
    *_GIVEN, parts.WRITE_ORDER, *_PAY, forms.WRITE_FORMS, then=_GIVEN_ANSWER
)


async def place_at_once(draft: Draft) -> Placed | None:
    """Write the order with the next free keys, and where a wallet pays, all of the sale.

    Outside a transaction: it is one. None when the request was answered before. Raises
    `TenantRestricted`, `Forbidden`, `Invalid`, `InsufficientBalance`, and `Short` when free keys
    are not at hand.
    """
    pick = holding.Pick.of([line.wanted for line in draft.lines])
    if draft.forms:
        statement = _PLACE_FORMS if draft.payment is None else _PLACE_FORMS_AND_PAY
    else:
        statement = _PLACE if draft.payment is None else _PLACE_AND_PAY
    values = parts.with_values(_values(draft), _posting(draft), pick.values())
    try:
        rows = await db.write(draft.scope, statement, values)
    except db.GaveUp as why:
        raise _refusal_of(str(why)) from None
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
    said = await db.fetch_row(_ENTER_ALONE.sql, *_ENTER_ALONE.values(values))
    assert said is not None
    if not _admitted(said):
        return None
    keys = await _hold_in_lock_order(draft, until=said["now"] + values["hold_for"])
    if draft.forms:
        statement = _WRITE_FORMS if draft.payment is None else _WRITE_FORMS_AND_PAY
    else:
        statement = _WRITE if draft.payment is None else _WRITE_AND_PAY
    values = parts.with_values(values, holding.sale_values(keys))
    rows = await db.fetch(statement.sql, *statement.values(values))
    _admitted(rows[0])  # asked again: while one waits, an account may be frozen, or a shop closed
    return _placed(draft, rows, values)


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
        idempotency.claiming(draft.request, kind="ORDER", result_id=draft.id),
        payment,
        forms.form_values(draft.forms),
        {
            "debited_account": wallet.id if wallet is not None else None,
            "hold_for": timedelta(seconds=settings().payment_hold_seconds),
            "delivered_ids": [new_id() for _ in range(draft.pieces)],
        },
    )


def _posting(draft: Draft) -> dict[str, Any]:
    """What the sale posts; nothing for an order that waits for its payment."""
    if draft.payment is None:
        return {}
    return posting_of_sale(
        order_id=draft.id,
        tenant_id=draft.shop.id,
        currency=draft.shop.currency,
        root_sells=len(draft.shop.path) == 1,
        shares=draft.shares,
        payment=draft.payment,
    )


def _refusal_of(reason: str) -> Exception:
    """Why the statement has given itself up."""
    word, _, held_minor = reason.partition(" ")
    if word == "SHORT":
        return Short()
    if word == "FUNDS":
        return ledger.too_little(int(held_minor), field="walletAmount")
    return admission.refusal_of(word)


def _admitted(said: Any) -> bool:
    """True for the first such request; False for a repeated one; raises why it is refused."""
    if said["refusal"] is not None:
        raise admission.refusal_of(said["refusal"])
    return bool(said["is_first"])


def _number(row: Any) -> int:
    number: int = row["n"]
    return number


def _placed(draft: Draft, rows: Sequence[Any], values: dict[str, Any]) -> Placed:
    lines = [line.id for line in draft.lines for _ in range(line.quoted.quantity)]
    delivered = values["delivered_ids"] if draft.payment is not None else [None] * draft.pieces
    keys = tuple(
        PlacedKey(line_id, row["key_id"], row["serial"], row["commitment"], delivered_id)
        for line_id, delivered_id, row in zip(
            lines, delivered, sorted(rows, key=_number), strict=True
        )
    )
    now: datetime = rows[0]["now"]
    return Placed(draft, now, now + values["hold_for"], keys)
