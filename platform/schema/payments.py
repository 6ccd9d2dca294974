"""Paying: orders and wallet top-ups."""

from typing import Annotated

import strawberry

from billing.payment_choices import Choice
from kernel.ids import parse_id, public_id
from orders import paying
from schema.context import Info
from schema.inputs import amount_in, return_url
from schema.money import MoneyInput
from schema.orders import OrderChanged, OrderPayload, OrderRef, order_by_id
from schema.payment_methods import PaymentMethodCode, PaymentMode
from schema.problems import Problem, Refusals
from schema.transfers import BankTransferDetails, transfer_type


@strawberry.input
class PaymentStartInput:
    """`walletAmount` is taken from the wallet, the rest through `method`, in its own first mode
    unless `mode` names another. `saveCard` is the customer's consent to have the card kept for the
    next time; with `savedCardId` one that is kept pays at once, unless `actionUrl` says where its
    bank asks first."""

    order_no: str
    method: PaymentMethodCode
    idempotency_key: strawberry.ID
    guest_token: str | None = None
    wallet_amount: MoneyInput | None = None
    return_path: str | None = None
    mode: PaymentMode | None = None
    save_card: bool = False
    saved_card_id: strawberry.ID | None = None


@strawberry.type
class PaymentStarted:
    """Where the buyer goes on: `actionUrl`, or the channel's own script with `clientSecret`, or
    what to transfer."""

    payment_id: strawberry.ID
    status: str
    action_url: str | None
    client_secret: str | None
    transfer: BankTransferDetails | None


PaymentStartPayload = Annotated[PaymentStarted | Problem, strawberry.union("PaymentStartPayload")]


def payment_started(started: paying.PaymentStarted) -> PaymentStarted:
    """Put a started payment into the schema's words."""
    return PaymentStarted(
        payment_id=strawberry.ID(public_id("pay", started.payment_id)),
        status=started.status,
        action_url=started.action_url,
        client_secret=started.client_secret,
        transfer=transfer_type(started.transfer),
    )


def _choice(input: PaymentStartInput) -> Choice:
    saved = input.saved_card_id
    return Choice(
        mode=input.mode.value if input.mode else None,
        saves_card=input.save_card,
        saved_card_id=parse_id("crd", saved, field="savedCardId") if saved is not None else None,
    )


@strawberry.type
class PaymentMutation:
    """From the order to its money."""

    @strawberry.mutation(
        description="Start paying an order.", extensions=[Refusals(asks_itself=True)]
    )
    async def payment_start(self, info: Info, input: PaymentStartInput) -> PaymentStartPayload:
        """Hold the wallet's part and ask the channel for the rest."""
        context = info.context
        wallet = input.wallet_amount
        started = await paying.start_payment(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
            method=input.method.value,
            wallet_minor=amount_in(wallet, context, field="walletAmount") if wallet else 0,
            return_url=return_url(context, input.return_path),
            idempotency_key=input.idempotency_key,
            choice=_choice(input),
        )
        return payment_started(started)

    @strawberry.mutation(
        description="Ask the channel now: the buyer is back.", extensions=[Refusals()]
    )
    async def payment_refresh(self, info: Info, input: OrderRef) -> OrderPayload:
        """Apply what the channel says."""
        context = info.context
        order_id = await paying.refresh_payment(
            shop=context.shop,
            viewer=context.viewer(input.guest_token),
            order_no=input.order_no,
        )
        return OrderChanged(order=await order_by_id(context, order_id))
