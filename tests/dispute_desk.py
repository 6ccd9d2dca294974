"""A buyer's bank: it disputes payments, and a channel tells of it in reports of our own shape."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from billing.payment_methods.disputes import DisputeReport, DisputeState
from orders.disputes import hearing
from orders.disputes.hearing import Heard
from sales import Purchase, provider_ref

FEE_MINOR = 1_500


@dataclass
class Bank:
    """One dispute of one payment, and every word that a channel has for it."""

    first: DisputeReport
    said: int = field(default=0)

    def report(
        self, state: DisputeState, *, withdrawn: bool = True, reinstated: bool = False
    ) -> DisputeReport:
        """The dispute as it is then; each report is an event of its own."""
        self.said += 1
        return replace(
            self.first,
            event_id=f"evt_{self.first.provider_ref}_{self.said}",
            state=state,
            is_withdrawn=withdrawn,
            is_reinstated=reinstated,
            fee_minor=self.first.fee_minor if withdrawn else 0,
            fee_back_minor=self.first.fee_minor if reinstated else 0,
        )

    async def opens(self) -> Heard:
        """The bank takes the money."""
        return await hearing.hear(self.report("NEEDS_RESPONSE"))

    async def loses(self) -> Heard:
        """The buyer loses, and the money comes back."""
        return await hearing.hear(self.report("WON", reinstated=True))

    async def wins(self) -> Heard:
        """The bank keeps the money."""
        return await hearing.hear(self.report("LOST"))


def disputed(
    payment_ref: str,
    amount_minor: int,
    *,
    fee_minor: int = FEE_MINOR,
    name: str = "",
    currency: str = "CNY",
) -> Bank:
    """A dispute of a payment, by the channel's id of it."""
    return Bank(
        DisputeReport(
            provider="stripe",
            event_id="",
            kind="test",
            provider_ref=f"du_{payment_ref}{name}",
            payment_ref=payment_ref,
            state="NEEDS_RESPONSE",
            amount_minor=amount_minor,
            currency=currency,
            reason="fraudulent",
            is_withdrawn=True,
            is_reinstated=False,
            fee_minor=fee_minor,
            fee_back_minor=0,
            opened_at=datetime.now(UTC),
            due_at=datetime.now(UTC) + timedelta(days=9),
        )
    )


async def bank_of(purchase: Purchase, amount_minor: int | None = None, *, name: str = "") -> Bank:
    """The bank of whoever has paid an order: it disputes all of it, or so much."""
    payment = await payment_of(purchase.desk.owner, purchase.id)
    amount_minor = payment["channel_minor"] if amount_minor is None else amount_minor
    return disputed(provider_ref(payment["id"]), amount_minor, name=name)


async def payment_of(owner: asyncpg.Connection, order_id: UUID) -> asyncpg.Record:
    """The payment that has paid an order."""
    return await owner.fetchrow(
        "select * from payments where order_id = $1 and status = 'SUCCEEDED'", order_id
    )
