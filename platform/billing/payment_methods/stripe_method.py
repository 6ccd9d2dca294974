"""What all methods behind Stripe share; a method adds its name, its fee and its own words."""

from typing import Any, ClassVar
from uuid import UUID

from billing.payment_methods import stripe_amounts, stripe_intents, stripe_sessions
from billing.payment_methods.base import Ask, ChannelReport, Mode, Started, Terms
from billing.payment_methods.stripe_api import PROVIDER


class StripeMethod:
    """A payment method whose channel is a Stripe PaymentIntent, or a Checkout Session.

    Stripe's ids say which of the two a payment is.
    """

    provider: ClassVar[str] = PROVIDER
    stripe_type: ClassVar[str]
    modes: ClassVar[tuple[Mode, ...]] = ("ELEMENTS", "HOSTED")
    terms: ClassVar[Terms | None] = None
    countries: ClassVar[tuple[str, ...]] = ()
    tops_up: ClassVar[bool] = True
    session_options: ClassVar[dict[str, Any]] = {}
    """What a session is told of the method's type."""

    @property
    def is_on(self) -> bool:
        """Always, but for methods that wait for a setting."""
        return True

    def takes_all_of(self, currency: str) -> bool:
        """True without terms, where Stripe counts the currency as we do."""
        alike = stripe_amounts.is_counted_alike(currency)
        return self.terms is None and alike and self.step_minor(currency) == 1

    def step_minor(self, currency: str) -> int:
        """What Stripe counts the currency in."""
        return stripe_amounts.step_minor(currency)

    def takes(self, currency: str, amount_minor: int | None = None) -> bool:
        """Whether Stripe counts it as we do, the terms have the currency, and the amount lies
        within its bounds."""
        if not self.is_on or not stripe_amounts.is_counted_alike(currency, amount_minor):
            return False
        if self.terms is None:
            return True
        bounds = self.terms.get(currency)
        if bounds is None or amount_minor is None:
            return bounds is not None
        return bounds.least_minor <= amount_minor <= bounds.most_minor

    async def start(self, ask: Ask) -> Started:
        """Make the session or the intent."""
        if ask.mode == "HOSTED":
            return await stripe_sessions.create(
                ask, method_type=self.stripe_type, options=self.session_options
            )
        return await self.start_intent(ask)

    async def start_intent(self, ask: Ask) -> Started:
        """Make the intent, unconfirmed: the shop's page confirms it with the channel's script."""
        return await stripe_intents.create(ask, method_type=self.stripe_type)

    async def resume(self, ask: Ask, provider_ref: str) -> Started:
        """Where the buyer goes on with what was made before."""
        if stripe_sessions.is_session(provider_ref):
            return await stripe_sessions.resume(provider_ref)
        return await self.resume_intent(ask, provider_ref)

    async def resume_intent(self, ask: Ask, provider_ref: str) -> Started:
        """Where the buyer goes on with the intent."""
        return await stripe_intents.resume(provider_ref)

    async def find_refund(self, *, refund_id: UUID, provider_ref: str) -> tuple[str, bool] | None:
        """The refund if Stripe has it already."""
        return await stripe_intents.find_refund(refund_id=refund_id, provider_ref=provider_ref)

    async def look(self, provider_ref: str) -> ChannelReport:
        """The session or the intent as it stands."""
        if stripe_sessions.is_session(provider_ref):
            return await stripe_sessions.look(provider_ref)
        return await stripe_intents.look(provider_ref)

    async def cancel(self, provider_ref: str) -> None:
        """End the session or the intent if it is still open."""
        if stripe_sessions.is_session(provider_ref):
            await stripe_sessions.expire(provider_ref)
        else:
            await stripe_intents.cancel(provider_ref)

    async def refund(
        self, *, refund_id: UUID, provider_ref: str, amount_minor: int, asks: int = 0
    ) -> tuple[str, bool]:
        """Refund a part of the intent: what has paid is always one."""
        return await stripe_intents.refund(
            refund_id=refund_id, provider_ref=provider_ref, amount_minor=amount_minor, asks=asks
        )

    async def look_refund(self, refund_ref: str) -> bool | None:
        """How the refund stands."""
        return await stripe_intents.look_refund(refund_ref)
