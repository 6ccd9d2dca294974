"""A shop's trade balance: what it has prepaid, how money comes in, and where it went."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from billing.trade_balances import trade_page
from orders import trade_funding, trade_terms
from schema.connections import PageInfo
from schema.context import Context, Info
from schema.inputs import amount_in, return_url
from schema.money import Money, MoneyInput, amount
from schema.payment_methods import PaymentMethodCode
from schema.payments import PaymentStartPayload, payment_started
from schema.problems import Problem, Refusals


@strawberry.enum
class TradeMoveKind(Enum):
    """Why a trade balance has changed."""

    TOP_UP = "TOP_UP"
    BANK_CREDIT = "BANK_CREDIT"
    PURCHASE = "PURCHASE"
    REFUND = "REFUND"
    DISPUTED = "DISPUTED"
    DISPUTE_WON = "DISPUTE_WON"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    OPEN_FEE = "OPEN_FEE"


@strawberry.type
class TradeMove:
    """One movement of the trade balance; `balance` is what it came to. `otherShop` is the parent
    or the child of a transfer."""

    at: datetime
    kind: TradeMoveKind
    amount: Money
    balance: Money
    order_no: str | None
    other_shop: str | None
    bank_reference: str | None


@strawberry.type
class TradeMoveEdge:
    """A movement and the cursor that continues after it."""

    cursor: str
    node: TradeMove


@strawberry.type
class TradeMoveConnection:
    """A page of movements, the newest first."""

    edges: list[TradeMoveEdge]
    page_info: PageInfo


@strawberry.type
class TradeBalance:
    """The trade balance as it is now."""

    trade: Money
    low_balance_threshold: Money | None


TradeBalancePayload = Annotated[TradeBalance | Problem, strawberry.union("TradeBalancePayload")]


@strawberry.input
class TradeBalanceTopUpInput:
    """Money for the shop's own balance, by one of the platform's channels."""

    amount: MoneyInput
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    return_path: str | None = None


@strawberry.input
class TradeBalanceCreditInput:
    """A bank transfer that has come; the bank's own reference is credited once."""

    amount: MoneyInput
    bank_reference: str
    idempotency_key: strawberry.ID


@strawberry.input
class TransferToChildInput:
    """To a shop directly below this one, in the currency of both."""

    child_slug: str
    amount: MoneyInput
    idempotency_key: strawberry.ID


@strawberry.input
class LowBalanceSetInput:
    """Below `threshold` the shop wants to be told; with 0 it is told nothing."""

    threshold: MoneyInput


async def _balance(context: Context) -> TradeBalance:
    shop = context.shop
    held = await trade_terms.trade_balance_of(shop)
    threshold = held.low_balance_minor
    return TradeBalance(
        trade=amount(held.held_minor, shop.currency),
        low_balance_threshold=None if threshold is None else amount(threshold, shop.currency),
    )


@strawberry.type
class TradeQuery:
    """Where the trade balance came from and went to."""

    @strawberry.field(description="The trade balance's movements, the newest first.")
    async def trade_ledger(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> TradeMoveConnection:
        """Read a page of movements."""
        context = info.context
        page = await trade_page(context.core(), context.shop.id, first=first, after=after)
        edges = [
            TradeMoveEdge(
                cursor=cursor,
                node=TradeMove(
                    at=row.moved_at,
                    kind=TradeMoveKind(row.kind),
                    amount=amount(row.amount_minor, row.currency),
                    balance=amount(row.balance_minor, row.currency),
                    order_no=row.order_no,
                    other_shop=row.other_slug,
                    bank_reference=row.bank_reference,
                ),
            )
            for row, cursor in zip(page.rows, page.cursors, strict=True)
        ]
        end = page.cursors[-1] if page.cursors else None
        return TradeMoveConnection(
            edges=edges, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end)
        )


@strawberry.type
class TradeMutation:
    """Money into the trade balance, and from it to a child."""

    @strawberry.mutation(
        description="Start adding money to the shop's trade balance.", extensions=[Refusals()]
    )
    async def trade_balance_top_up(
        self, info: Info, input: TradeBalanceTopUpInput
    ) -> PaymentStartPayload:
        """Ask a channel for the money; it arrives when the channel says so."""
        context = info.context
        started = await trade_funding.top_up_trade(
            shop=context.shop,
            actor=context.actor,
            amount_minor=amount_in(input.amount, context, field="amount"),
            method=input.method.value,
            return_url=return_url(context, input.return_path),
            idempotency_key=input.idempotency_key,
        )
        return payment_started(started)

    @strawberry.mutation(
        description="Credit a bank transfer to the trade balance of the shop at this address.",
        extensions=[Refusals()],
    )
    async def trade_balance_credit(
        self, info: Info, input: TradeBalanceCreditInput
    ) -> TradeBalancePayload:
        """Write down money that an operator has seen at the bank."""
        context = info.context
        await trade_funding.credit_bank_transfer(
            shop=context.shop,
            actor=context.actor,
            amount_minor=amount_in(input.amount, context, field="amount"),
            bank_reference=input.bank_reference,
            idempotency_key=input.idempotency_key,
        )
        return await _balance(context)

    @strawberry.mutation(
        description="Move money to the trade balance of a shop directly below this one.",
        extensions=[Refusals()],
    )
    async def transfer_to_child(
        self, info: Info, input: TransferToChildInput
    ) -> TradeBalancePayload:
        """Pay into a child's trade balance out of the own one."""
        context = info.context
        await trade_funding.transfer_to_child(
            shop=context.shop,
            actor=context.actor,
            child_slug=input.child_slug,
            amount_minor=amount_in(input.amount, context, field="amount"),
            idempotency_key=input.idempotency_key,
        )
        return await _balance(context)

    @strawberry.mutation(
        description="Say below which trade balance the shop wants to be told.",
        extensions=[Refusals()],
    )
    async def low_balance_set(self, info: Info, input: LowBalanceSetInput) -> TradeBalancePayload:
        """Set or take away the threshold of the alarm."""
        context = info.context
        threshold_minor = amount_in(input.threshold, context, field="threshold")
        await trade_terms.set_low_balance(context.shop, threshold_minor)
        return await _balance(context)
