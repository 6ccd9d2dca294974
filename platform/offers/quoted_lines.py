"""What a buyer asks a price for, and a line with its price."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from offers.delivery_modes import mode_of
from offers.shelf import Offer, ShelfSku, Sourcing
from promotions.coupons import Coupon
from promotions.discounts import Discount
from promotions.points.arithmetic import LinePoints


@dataclass(frozen=True, slots=True)
class Wish:
    """What a buyer asks a price for; `offer_id` where the buyer chooses among sellers, and
    `delivery_mode` where the goods are delivered in several ways."""

    sku_id: UUID
    quantity: int
    offer_id: UUID | None = None
    delivery_mode: str | None = None


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One line with its price. `sku.sourcing` is for the order only."""

    sku: ShelfSku
    offer: Offer
    quantity: int
    discounts: tuple[Discount, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    """Those that the discounts are of."""
    points: LinePoints | None = None
    """None where the buyer can have no points."""

    @property
    def delivery_mode(self) -> str:
        """How it will be delivered."""
        return mode_of(self.sku.row, by_hand=self.offer.by_hand)

    @property
    def manual_minutes(self) -> int | None:
        """Within how many minutes a person delivers it; None for what comes at once."""
        minutes: int | None = self.sku.row["manual_minutes"] if self.offer.by_hand else None
        return minutes

    @property
    def list_minor(self) -> int:
        """The line's price before any discount, in minor units."""
        return self.offer.unit_price_minor * self.quantity

    @property
    def discount_minor(self) -> int:
        """What all its coupons take off, in minor units."""
        return sum(discount.amount_minor for discount in self.discounts)

    @property
    def redeemed_minor(self) -> int:
        """What points pay of it, in minor units."""
        return self.points.redeemed_minor if self.points is not None else 0

    @property
    def total_minor(self) -> int:
        """What the buyer pays for the line, in minor units."""
        return self.list_minor - self.discount_minor - self.redeemed_minor

    @property
    def read_at(self) -> datetime:
        """The platform's time when the price was read."""
        moment: datetime = self.sku.row["read_at"]
        return moment

    @property
    def rate_id(self) -> UUID | None:
        """The rate at which its supply was converted; None for one in the shop's currency."""
        exchanged = self.sku.exchanged(self.offer.id)
        return exchanged.rate.id if exchanged is not None else None

    @property
    def sourcing(self) -> Sourcing:
        """What stands behind the offer."""
        return self.sku.sourcing[self.offer.id]
