"""The statements that make an order paid, put together from the rooms' parts.

The order, its payment and the wallet have been locked by earlier statements, or by the first parts
of the one that is its own transaction. Only a sale that earns its customer points has their part.
"""

from functools import cache

from billing import ledger, payment_parts, trade_moves
from kernel.statements import Statement
from orders import parts
from orders.manual import manual_parts
from promotions.points import parts as points_parts
from supply import holding

_ALL_OURS = "(select count(*) from ours) = cardinality(:key_ids::uuid[])"
_FUNDED = "(select held_minor from funds) >= :wallet_minor::bigint"
_UNPAID = """exists (select from orders where id = :order_id::uuid
                     and payment_status in ('PENDING', 'EXPIRED'))"""


def _ready(*conditions: str) -> str:
    return f"ready as materialized (select 1 where {' and '.join(conditions)})"


def _earning(earns: bool) -> tuple[str, ...]:
    """Only a sale that earns points has their part."""
    return (points_parts.EARN,) if earns else ()


def _paid(*, by_hand: bool) -> tuple[str, ...]:
    """The order is paid, and the buyer's; what a person delivers begins to be waited for."""
    if by_hand:
        return parts.PAID_BY_HAND, parts.HAND_OVER_THE_REST, manual_parts.START
    return parts.PAID, parts.HAND_OVER


READY_TO_WAIT = _ready(_ALL_OURS, _UNPAID)
"""The condition of a statement that sells an order's keys and hands nothing over."""


@cache
def placed(*, earns: bool) -> Statement:
    """An order that an earlier statement has written as paid, from a wallet."""
    return Statement.of(
        parts.MOMENT,
        ledger.FUNDS,
        holding.OURS,
        _ready(_FUNDED, _ALL_OURS),
        holding.SELL,
        *_earning(earns),
        ledger.POST,
        then="select held_minor, exists (select from ready) as done from funds",
    )


#: The same from a shop's trade balance.
AT_COST = Statement.of(
    parts.MOMENT,
    ledger.FUNDS,
    holding.OURS,
    _ready(_FUNDED, _ALL_OURS),
    holding.SELL,
    trade_moves.MOVE,
    ledger.POST,
    then="select held_minor, exists (select from ready) as done from funds",
)


@cache
def from_wallet(*, earns: bool, by_hand: bool) -> Statement:
    """An order that has waited, from a wallet."""
    return Statement.of(
        parts.MOMENT,
        ledger.FUNDS,
        holding.OURS,
        _ready(_FUNDED, _ALL_OURS, _UNPAID),
        holding.SELL,
        parts.GIVEN_KEYS,
        *_paid(by_hand=by_hand),
        payment_parts.OPEN,
        *_earning(earns),
        ledger.POST,
        then="select held_minor, exists (select from ready) as done from funds",
    )


@cache
def from_channel(*, earns: bool, by_hand: bool) -> Statement:
    """A locked order, for a channel's money."""
    return Statement.of(
        parts.MOMENT,
        holding.OURS,
        _ready(_ALL_OURS, _UNPAID),
        holding.SELL,
        parts.GIVEN_KEYS,
        *_paid(by_hand=by_hand),
        payment_parts.SUCCEED,
        payment_parts.RECORD,
        *_earning(earns),
        ledger.POST,
        then="select exists (select from ready)",
    )


@cache
def at_once(*, earns: bool, by_hand: bool) -> Statement:
    """The same with the locks, all of it a transaction of its own."""
    return Statement.of(
        parts.UNPAID_ORDER_FIRST.format(which="orders.id = :order_id::uuid"),
        payment_parts.LOCK_OPEN.format(after="unpaid_order"),
        parts.MOMENT_OF_SALE,
        holding.OURS,
        _ready("exists (select from moment)", _ALL_OURS),
        holding.SELL,
        parts.GIVEN_KEYS,
        *_paid(by_hand=by_hand),
        payment_parts.SUCCEED,
        payment_parts.RECORD,
        *_earning(earns),
        ledger.POST,
        then="select case when not exists (select from ready) then give_up('NOT SO SIMPLE') end",
    )
