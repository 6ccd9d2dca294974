"""What all methods behind Stripe share; a method adds its name, its fee and how it starts."""

from typing import ClassVar
from uuid import UUID

from billing.payment_methods import stripe_intents
from billing.payment_methods.base import Ask, ChannelReport, Started


class StripeMethod:
    """A payment method whose channel is a Stripe PaymentIntent."""

    provider: ClassVar[str] = stripe_intents.PROVIDER

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        """Where the buyer goes on with the intent that was made before."""
        return await stripe_intents.resume(provider_ref)

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        """The refund if Stripe has it already."""
        return await stripe_intents.find_refund(refund_id=refund_id, provider_ref=provider_ref)

    async def look(self, provider_ref: str) -> ChannelReport:
        """The intent as it stands."""
        return await stripe_intents.look(provider_ref)

    async def cancel(self, provider_ref: str) -> None:
        """Cancel the intent if it is still open."""
        await stripe_intents.cancel(provider_ref)

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int
    ) -> tuple[str, bool]:
        """Refund a part of the intent."""
        return await stripe_intents.refund(
            refund_id=refund_id, provider_ref=provider_ref, amount_minor=amount_minor
        )

    async def look_refund(self, refund_ref: str) -> bool | None:
        """How the refund stands."""
        return await stripe_intents.look_refund(refund_ref)
