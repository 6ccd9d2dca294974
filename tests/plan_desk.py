"""Orders that are paid in parts: the terms, the buyer at each part, and the channel."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from orders.instalments import offering, terms
from orders.instalments.terms import Terms
from orders.plans import ending, starting
from orders.plans.starting import PartWish
from sales import Purchase, SalesDesk, key
from world import Person

TERMS = Terms(
    most_parts=12,
    first_bp=3_000,
    interval_days=30,
    grace_days=7,
    fee_bp=0,
    fee_by="SHOP",
    least_minor=1_000,
    most_open=2,
    release="BY_SHARE",
)


async def agree(desk: SalesDesk, **others: Any) -> Terms:
    """The world's shop offers plans on these terms."""
    agreed = Terms(**{**{name: getattr(TERMS, name) for name in TERMS.__slots__}, **others})
    await terms.set_terms(desk.world.shop.id, agreed, actor="operator")
    return await terms.offer(desk.world.shop.id, is_offered=True)


@dataclass
class PlanDesk:
    """One order that is paid in parts."""

    desk: SalesDesk = field(repr=False)
    bought: Purchase

    def wish(
        self, amount_minor: int, method: str = "CARD", *, again: str | None = None
    ) -> PartWish:
        """How its buyer wants to pay a part."""
        return PartWish(
            shop=self.bought.shop,
            viewer=self.bought.viewer,
            order_no=self.bought.no,
            amount_minor=amount_minor,
            method=method,
            return_url="http://shop.localhost/",
            idempotency_key=again or key(),
        )

    async def start(self, parts: int, method: str = "CARD") -> UUID:
        """Begin a plan; returns the first part's payment."""
        first_minor = await self.first_minor(parts)
        return (await starting.start_plan(self.wish(first_minor, method), parts=parts)).payment_id

    async def first_minor(self, parts: int) -> int:
        """What the first of so many parts comes to, by the shop's terms."""
        offers = await offering.order_offers(
            shop=self.bought.shop, viewer=self.bought.viewer, order_no=self.bought.no
        )
        return next(offer.amounts[0] for offer in offers if offer.parts == parts)

    async def began(self, parts: int, method: str = "CARD") -> "PlanDesk":
        """Begin a plan, and the first part is paid."""
        payment_id = await self.start(parts, method)
        if method != "WALLET":
            assert (await self.bought.heard(payment_id)).effect == "SETTLED"
        return self

    async def start_next(self, method: str = "CARD", *, pays_off: bool = False) -> UUID:
        """Start paying the next part, or all of them."""
        open_ones = [row for row in await self.parts() if row[1] in ("DUE", "LATE")]
        amount_minor = sum(minor for _, _, minor in open_ones) if pays_off else open_ones[0][2]
        started = await starting.pay_part(self.wish(amount_minor, method), pays_off=pays_off)
        return started.payment_id

    async def pay_next(self, method: str = "CARD", *, pays_off: bool = False) -> None:
        """Pay the next part, or all of them."""
        payment_id = await self.start_next(method, pays_off=pays_off)
        if method != "WALLET":
            assert (await self.bought.heard(payment_id)).effect == "SETTLED"

    async def cancel(self) -> None:
        """The shop ends the plan."""
        await ending.cancel_plan(
            shop=self.bought.shop, actor="staff", order_no=self.bought.no, idempotency_key=key()
        )

    async def parts(self) -> list[tuple[int, str, int]]:
        """Each part, its state, and what it comes to."""
        rows = await self.desk.owner.fetch(
            """select part, state, (amount_minor - waived_minor)::bigint as minor
               from instalments where order_id = $1 order by part""",
            self.bought.id,
        )
        return [(row["part"], row["state"], row["minor"]) for row in rows]

    async def state(self) -> tuple[str, str, int]:
        """The plan's state, the order's, and how many keys the buyer has."""
        row = await self.desk.owner.fetchrow(
            """select plan.state, orders.status,
                      (select count(*) from delivered_keys handed
                       where handed.order_id = orders.id and returned_at is null) as keys
               from instalment_plans plan join orders on orders.id = plan.order_id
               where plan.order_id = $1""",
            self.bought.id,
        )
        assert row is not None
        return row["state"], row["status"], row["keys"]


async def order_in_parts(
    desk: SalesDesk, quantity: int = 4, *, by: Person | None = None
) -> PlanDesk:
    """An order of a customer's that waits to be paid, with keys enough for it."""
    await desk.world.keys(quantity)
    buyer = by or await desk.world.customer()
    return PlanDesk(desk, await desk.order(quantity, by=buyer))
