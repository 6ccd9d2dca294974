"""One payment as the use cases handle it: its row, and its terms."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from billing.payment_methods import BANK_TRANSFER, INSTALMENT, METHODS, TRADE, WALLET
from kernel.errors import Invalid
from kernel.settings import settings

# domain 5, Payment: after so many seconds the channel is asked again, if nobody told us.
POLL_AFTER_SECONDS = (30, 120, 300, 900, 3600, 43200)


def first_poll_after(method: str) -> timedelta:
    """When the channel is first asked about a payment of which nothing was heard; by then a
    transfer has had its time."""
    if method == BANK_TRANSFER:
        return timedelta(seconds=settings().bank_hold_seconds)
    return timedelta(seconds=POLL_AFTER_SECONDS[0])


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment's row, locked or not as the query says."""

    id: UUID
    tenant_id: UUID
    purpose: str
    order_id: UUID | None
    customer_id: UUID | None
    method: str
    currency: str
    channel_minor: int
    wallet_minor: int
    fee_bp: int
    status: str
    provider: str
    provider_ref: str | None
    refunded_channel_minor: int
    description: str
    return_url: str

    @property
    def open(self) -> bool:
        """True while the channel may still bring money that we wait for."""
        return self.status in ("CREATED", "PENDING")

    def is_known_as(self, provider_ref: str) -> bool:
        """True when the channel's own id has been noted, and is this one."""
        return self.status != "CREATED" and self.provider_ref == provider_ref


PAYMENT_COLUMNS = """id, tenant_id, purpose, order_id, customer_id, method, currency, channel_minor,
              wallet_minor, fee_bp, status, provider, provider_ref, refunded_channel_minor,
              description, return_url"""


def draft(
    *,
    payment_id: UUID,
    tenant_id: UUID,
    purpose: str,
    order_id: UUID | None,
    customer_id: UUID | None,
    method: str,
    currency: str,
    channel_minor: int,
    wallet_minor: int,
    description: str = "",
    return_url: str = "",
) -> Payment:
    """Give a new payment, not yet written; `Invalid` for an unknown method.

    One without a channel's part succeeds with the statement that writes it.
    """
    fee_bp, provider = terms(method)
    return Payment(
        id=payment_id,
        tenant_id=tenant_id,
        purpose=purpose,
        order_id=order_id,
        customer_id=customer_id,
        method=method,
        currency=currency,
        channel_minor=channel_minor,
        wallet_minor=wallet_minor,
        fee_bp=fee_bp,
        status="CREATED" if channel_minor else "SUCCEEDED",
        provider=provider,
        provider_ref=None,
        refunded_channel_minor=0,
        description=description,
        return_url=return_url,
    )


def terms(method: str) -> tuple[int, str]:
    """The fee in basis points and the provider of a method; `Invalid` for an unknown one."""
    if method == WALLET:
        return 0, "wallet"
    if method == TRADE:
        return 0, "trade"
    if method == INSTALMENT:
        return 0, "instalment"
    if method not in METHODS:
        raise Invalid("This payment method is not offered.", field="method")
    return METHODS[method].fee_bp, METHODS[method].provider
