"""Money has come for a deposit: what it lets go on, in the transaction that books it."""

from billing import ledger, payments
from billing.deposits.parties import DepositParty
from billing.payment_methods.base import ChannelReport
from billing.payments import Payment
from orders import postings
from orders.deposits import stopping
from orders.deposits.whose import party_of_payment
from orders.split import channel_fee_minor
from tenants import reviews


async def settle_top_up(report: ChannelReport, payment: Payment) -> None:
    """A channel has brought what it was asked for; the platform bears its fee, as always."""
    await payments.end(payment, status="SUCCEEDED", provider_ref=report.provider_ref)
    party = await party_of_payment(payment)
    amount_minor = payment.channel_minor
    await ledger.post(
        postings.topped_up(
            provider=payment.provider,
            wallet=party.free,
            amount_minor=amount_minor,
            fee_minor=channel_fee_minor(amount_minor=amount_minor, fee_bp=payment.fee_bp),
        ),
        kind="E11_TOP_UP",
        idempotency_key=f"top-up:{payment.id}",
        tenant_id=party.tenant_id,
    )
    await has_come(party, actor=f"payment:{payment.id}")


async def has_come(party: DepositParty, *, actor: str) -> None:
    """Let a shop open that has waited for its deposit, and sales go on that were stopped for it."""
    await stopping.follow(party)
    if party.kind == "TENANT":
        await reviews.advance(party.id, actor=actor)
