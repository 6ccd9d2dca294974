"""Money that a channel brings: for a customer's wallet, a shop's trade balance, a deposit.

As with every payment, what is asked is written and committed before the channel is asked.
"""

from typing import Literal
from uuid import UUID

from billing import payments
from billing.deposits.parties import DepositParty
from billing.payment_choices import NOTHING
from billing.payment_methods import BANK_TRANSFER
from billing.payments import Payment
from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from orders import channel_calls, idempotency, ways_to_pay
from orders.paying import PaymentStarted
from tenants.directory import Shop, current_shop

MIN_TOP_UP_MINOR = 100  # less than the channel's fee and its own minimum are worth
MAX_TOP_UP_MINOR = 5_000_000


async def top_up(
    *,
    shop: Shop,
    customer_id: UUID,
    amount_minor: int,
    method: str,
    return_url: str,
    idempotency_key: str,
) -> PaymentStarted:
    """Start adding money to a customer's wallet; it is there when the channel says so."""
    # Money that comes in its own time pays for no goods by itself: every shop takes it.
    if method not in (*shop.payment_methods, BANK_TRANSFER):
        raise Invalid("This shop does not take that payment method.", field="method")
    return await begin_top_up(
        shop=shop,
        purpose="TOP_UP",
        actor=f"top-up:{customer_id}",
        customer_id=customer_id,
        amount_minor=amount_minor,
        most_minor=MAX_TOP_UP_MINOR,
        method=method,
        return_url=return_url,
        idempotency_key=idempotency_key,
    )


async def begin_top_up(
    *,
    shop: Shop,
    purpose: Literal["TOP_UP", "TRADE_TOP_UP", "DEPOSIT_TOP_UP"],
    actor: str,
    customer_id: UUID | None,
    amount_minor: int,
    most_minor: int,
    method: str,
    return_url: str,
    idempotency_key: str,
    deposit_of: DepositParty | None = None,
) -> PaymentStarted:
    """Write down that money is to come by a channel, for a customer, the shop or a deposit, and ask
    for it.

    Raises `Invalid` for an amount out of bounds, `TenantRestricted`, `IdempotencyConflict`.
    """
    idempotency.require_key(idempotency_key, guest=False)
    if not MIN_TOP_UP_MINOR <= amount_minor <= most_minor:
        bounds = f"{MIN_TOP_UP_MINOR} and {most_minor}"
        raise Invalid(f"A top-up is between {bounds} minor units.", field="amount")
    ways_to_pay.require_for_top_up(shop, method, amount_minor=amount_minor)
    content = {"amount": amount_minor, "method": method}
    request = idempotency.Request(shop.id, actor, idempotency_key, content)
    draft = payments.draft(
        payment_id=new_id(),
        tenant_id=shop.id,
        purpose=purpose,
        order_id=None,
        customer_id=customer_id,
        method=method,
        currency=shop.currency,
        channel_minor=amount_minor,
        wallet_minor=0,
        description=f"{shop.name} top-up",
        return_url=return_url,
    )
    async with db.transaction(db.core_scope(shop.id, path=shop.path)):
        payment = await _opened_once(draft, request, deposit_of)
    if not payment.open:
        return PaymentStarted(payment.id, payment.status)
    started = await channel_calls.ask(payment, NOTHING)
    return PaymentStarted(
        payment.id,
        "PENDING",
        started.action_url,
        started.client_secret,
        transfer=started.transfer,
    )


async def _opened_once(
    draft: Payment, request: idempotency.Request, deposit_of: DepositParty | None
) -> Payment:
    """The payment as drafted, or the one that the same request has made before."""
    shop = await current_shop(draft.tenant_id)
    if draft.purpose == "TOP_UP":
        shop.require_collected()
    elif draft.purpose == "TRADE_TOP_UP":
        shop.require_open()  # a deposit is for shops, too, that are not open yet, or not any more
    claim = await idempotency.claim(request, kind="PAYMENT", result_id=draft.id)
    if claim.first:
        opened = await payments.open_payment(draft)
        if deposit_of is not None:
            await _note_deposit(opened, deposit_of)
        return opened
    known = await payments.by_id(claim.result_id)
    assert known is not None
    return known


async def _note_deposit(payment: Payment, party: DepositParty) -> None:
    await db.execute(
        """insert into deposit_top_ups (tenant_id, payment_id, party_kind, party_id)
           values ($1, $2, $3, $4)""",
        payment.tenant_id,
        payment.id,
        party.kind,
        party.id,
    )
