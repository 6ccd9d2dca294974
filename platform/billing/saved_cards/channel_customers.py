"""A shop's customer as the channel knows it: made once, when a card is to be kept or paid with."""

from uuid import UUID

from billing.payment_methods import CARD_KEEPERS
from kernel import db
from kernel.faults import crash_point


async def customer_ref(*, tenant_id: UUID, customer_id: UUID, method: str, provider: str) -> str:
    """What the channel calls the customer. It is asked with no transaction open, and with the
    customer's own id as idempotency key; of two who ask at once both note the same answer.

    Raises `ChannelUnavailable`, `ChannelRefused`.
    """
    known = await _known(tenant_id, customer_id, provider)
    if known is not None:
        return known
    made = await CARD_KEEPERS[method].make_customer(customer_id)
    crash_point("card.customer_made")
    async with db.transaction(db.core_scope(tenant_id)):
        await db.execute(
            """insert into channel_customers (tenant_id, customer_id, provider, provider_ref)
               values ($1, $2, $3, $4) on conflict (tenant_id, customer_id, provider) do nothing""",
            tenant_id,
            customer_id,
            provider,
            made,
        )
    noted = await _known(tenant_id, customer_id, provider)
    assert noted is not None
    return noted


async def _known(tenant_id: UUID, customer_id: UUID, provider: str) -> str | None:
    rows = await db.read(
        db.core_scope(tenant_id),
        """select provider_ref from channel_customers
           where tenant_id = $1 and customer_id = $2 and provider = $3""",
        tenant_id,
        customer_id,
        provider,
    )
    return rows[0]["provider_ref"] if rows else None
