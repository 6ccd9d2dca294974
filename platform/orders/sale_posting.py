"""What a sale posts: the payer's money into escrow, and out of it to everyone who has earned."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from billing import ledger, payments, trade_moves
from billing.payment_methods import TRADE
from billing.payments import Payment
from orders import foreign_supply, funding, postings
from orders.funding import FundingState
from orders.records import Funding, ShareRow
from orders.split import channel_fee_minor


def posting_of_sale(
    *,
    order_id: UUID,
    tenant_id: UUID,
    currency: str,
    root_sells: bool,
    shares: Sequence[ShareRow],
    payment: Payment,
    fundings: Sequence[Funding] = (),
    funding_state: FundingState = "HELD",
    waiting: Mapping[UUID, int] | None = None,
    earned_minor: int = 0,
) -> dict[str, Any]:
    """Give the values of `ledger.POST` for an order that is paid, and where the shop's own balance
    pays it, of `trade_moves.MOVE`.

    `fundings` are what others than the buyer pay, held for the order or still free. `waiting` are
    the lines that are still to be delivered, each with its part of the channel's fee in minor
    units: what was paid for them stays in escrow. `earned_minor` is what the points are worth that
    the buyer earns.
    """
    waiting = waiting or {}
    fee_minor = channel_fee_minor(amount_minor=payment.channel_minor, fee_bp=payment.fee_bp)
    captured = postings.captured(
        provider=payment.provider,
        currency=currency,
        channel_minor=payment.channel_minor,
        fee_minor=fee_minor,
        wallet=payments.wallet_account(payment),
        wallet_minor=payment.wallet_minor,
    )
    captured += funding.into_escrow(fundings, currency=currency, state=funding_state)
    own, foreign = foreign_supply.parted(share for share in shares if share.line_id not in waiting)
    delivered = postings.delivered(
        currency=currency,
        shares=[(share.role, share.party_id, share.amount_minor) for share in own],
        bought_minor=sum(one.exchange.amount_minor for one in foreign),
        fee_minor=fee_minor - sum(waiting.values()),
        shop_id=None if root_sells else tenant_id,
    )
    for one in foreign:
        delivered += foreign_supply.owed_entries(one)
    delivered += postings.points_earned(
        currency=currency, shop_id=tenant_id, root_sells=root_sells, amount_minor=earned_minor
    )
    posting = ledger.posting(
        postings.sale(captured, delivered),
        kind="SALE",
        idempotency_key=f"sale:{order_id}",
        tenant_id=tenant_id,
        order_id=order_id,
    )
    if payment.method != TRADE:
        return posting
    return posting | trade_moves.move(
        posting_id=posting["posting_id"],
        account=payments.free_balance(payment),
        kind="PURCHASE",
        amount_minor=-payment.wallet_minor,
        order_id=order_id,
    )
