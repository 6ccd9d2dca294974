"""The statements that make an order paid: keys sold and delivered, payment ended, money posted.

Each does all of it or, where the wallet or the keys do not suffice, nothing. The order, its
payment and the wallet have been locked by earlier statements, so that this one sees what was
committed while they waited; of others' rows it locks only the order's own keys.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from billing import ledger, payment_parts, payments
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from kernel import db
from kernel.ids import new_id
from kernel.statements import Statement
from orders import parts, settling_statements
from orders.funding import FundingState
from orders.manual import manual_parts
from orders.placing import Placed
from orders.records import Funding, Line, Order, PayableOrder, ShareRow
from orders.sale_posting import posting_of_sale
from orders.split import channel_fees_by_line
from promotions.points import parts as points_parts
from supply import holding


class HoldLost(Exception):
    """The order's keys are no longer all held for it, or it is not waiting to be paid."""


@dataclass(frozen=True, slots=True)
class Sale:
    """An order with all that is posted and handed over when it is paid."""

    order_id: UUID
    tenant_id: UUID
    currency: str
    root_sells: bool
    keys: Sequence[tuple[UUID, UUID]]
    """(key, line) pairs."""
    shares: Sequence[ShareRow]
    payment: Payment
    fundings: Sequence[Funding] = ()
    """What others than the buyer pay."""
    funding_state: FundingState = "HELD"
    waiting: Mapping[UUID, int] = field(default_factory=dict)
    """The lines that a person will deliver, each with its part of the channel's fee."""
    earned_points: int = 0
    earned_minor: int = 0
    """What the points are worth that the buyer earns, in minor units."""

    @property
    def earns(self) -> bool:
        """Whether it needs the statement that gives points."""
        return self.earned_points > 0

    def values(self) -> dict[str, Any]:
        """The values that all three statements want."""
        wallet = payments.wallet_account(self.payment)
        return parts.with_values(
            holding.sale_values(self.keys),
            posting_of_sale(
                order_id=self.order_id,
                tenant_id=self.tenant_id,
                currency=self.currency,
                root_sells=self.root_sells,
                shares=self.shares,
                payment=self.payment,
                fundings=self.fundings,
                funding_state=self.funding_state,
                waiting=self.waiting,
                earned_minor=self.earned_minor,
            ),
            points_parts.points_values(
                customer_id=self.payment.customer_id, redeemed=0, earned=self.earned_points
            ),
            manual_parts.starting_values(self.waiting, lines={line_id for _, line_id in self.keys}),
            {
                "debited_account": wallet.id if wallet is not None else None,
                "wallet_minor": self.payment.wallet_minor,
                "delivered_ids": [new_id() for _ in self.keys],
            },
        )


def sale_of(
    order: Order, lines: Sequence[Line], shares: Sequence[ShareRow], payment: Payment
) -> Sale:
    """The sale of an order that stands in the database."""
    return Sale(
        order_id=order.id,
        tenant_id=order.tenant_id,
        currency=order.currency,
        root_sells=len(order.path) == 1,
        keys=_keys_of(lines),
        shares=shares,
        payment=payment,
        fundings=_fundings_of(lines),
        waiting=_waiting(lines, payment),
        earned_points=sum(line.earned_points for line in lines),
        earned_minor=sum(line.earned_minor for line in lines),
    )


def _keys_of(lines: Sequence[Line]) -> list[tuple[UUID, UUID]]:
    return [(key_id, line.id) for line in lines for key_id in line.key_ids]


def _fundings_of(lines: Sequence[Line]) -> list[Funding]:
    return [funding for line in lines for funding in line.fundings]


async def settle_placed(placed: Placed) -> None:
    """Sell the keys of an order that this transaction has written as paid, and post its money.

    Raises `InsufficientBalance`.
    """
    draft = placed.draft
    assert draft.payment is not None
    sale = Sale(
        order_id=draft.id,
        tenant_id=draft.shop.id,
        currency=draft.shop.currency,
        root_sells=len(draft.shop.path) == 1,
        keys=[(key.key_id, key.line_id) for key in placed.keys],
        shares=draft.shares,
        payment=draft.payment,
        fundings=draft.fundings,
        funding_state="FREE",
        waiting=manual_parts.waiting_of(draft),
        earned_points=draft.earned_points,
        earned_minor=draft.earned_minor,
    )
    statement = (
        settling_statements.AT_COST
        if draft.buyer.at_cost
        else settling_statements.placed(earns=sale.earns)
    )
    await _settle_from_wallet(statement, sale, sale.values())


async def settle_from_wallet(sale: Sale, lines: Sequence[Line]) -> None:
    """Write the wallet's payment of a locked order and deliver it. The wallet is locked, too.

    Raises `InsufficientBalance`, and `HoldLost` when the keys have gone to somebody else.
    """
    values = parts.with_values(
        sale.values(), payment_parts.opened(sale.payment), _fees(lines, sale.payment)
    )
    statement = settling_statements.from_wallet(earns=sale.earns, by_hand=bool(sale.waiting))
    await _settle_from_wallet(statement, sale, values)


async def _settle_from_wallet(statement: Statement, sale: Sale, values: dict[str, Any]) -> None:
    said = await db.fetch_row(statement.sql, *statement.values(values))
    assert said is not None
    if said["held_minor"] < sale.payment.wallet_minor:
        raise ledger.too_little(said["held_minor"], field="walletAmount")
    if not said["done"]:
        raise HoldLost


async def settle_at_once(payment: Payment, order: PayableOrder, report: ChannelReport) -> bool:
    """Deliver an order for a channel's money, in one statement that is the whole transaction.

    False when it is not as simple as that: the order does not wait to be paid any more, or its
    payment or its keys are not what they were. Then nothing is written.
    """
    assert payment.order_id is not None
    sale = Sale(
        order_id=payment.order_id,
        tenant_id=payment.tenant_id,
        currency=payment.currency,
        root_sells=order.root_sells,
        keys=_keys_of(order.lines),
        shares=order.shares,
        payment=payment,
        fundings=_fundings_of(order.lines),
        waiting=_waiting(order.lines, payment),
        earned_points=sum(line.earned_points for line in order.lines),
        earned_minor=sum(line.earned_minor for line in order.lines),
    )
    values = _values_from_channel(sale, order.lines, report, effect="SETTLED")
    try:
        statement = settling_statements.at_once(earns=sale.earns, by_hand=bool(sale.waiting))
        await db.write(db.core_scope(sale.tenant_id), statement, values)
    except db.GaveUp:
        return False
    return True


async def settle_from_channel(
    sale: Sale, lines: Sequence[Line], report: ChannelReport, *, effect: str
) -> bool:
    """Deliver a locked order for a channel's money, and note the channel's words with it.

    False when its keys are no longer all held, or it is not waiting to be paid: then nothing is
    written.
    """
    statement = settling_statements.from_channel(earns=sale.earns, by_hand=bool(sale.waiting))
    values = _values_from_channel(sale, lines, report, effect=effect)
    done: bool = await db.fetch_value(statement.sql, *statement.values(values))
    return done


def _values_from_channel(
    sale: Sale, lines: Sequence[Line], report: ChannelReport, *, effect: str
) -> dict[str, Any]:
    return parts.with_values(
        sale.values(),
        payment_parts.succeeded(sale.payment, report, effect=effect),
        _fees(lines, sale.payment),
    )


def _fees(lines: Sequence[Line], payment: Payment) -> dict[str, Any]:
    return {"fee_lines": [line.id for line in lines], "fees": _fees_minor(lines, payment)}


def _fees_minor(lines: Sequence[Line], payment: Payment) -> list[int]:
    """The channel's fee on each line, in minor units."""
    return channel_fees_by_line(
        nets_minor=[line.paid_minor for line in lines],
        channel_minor=payment.channel_minor,
        fee_bp=payment.fee_bp,
    )


def _waiting(lines: Sequence[Line], payment: Payment) -> dict[UUID, int]:
    if not any(line.by_hand for line in lines):
        return {}
    fees = zip(lines, _fees_minor(lines, payment), strict=True)
    return {line.id: fee_minor for line, fee_minor in fees if line.by_hand}
