"""How a SKU is delivered: at once or by a person, to one buyer or to several."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from catalog.models import DeliveryMode
from kernel import db
from kernel.errors import Invalid, NotFound

MAX_SEATS: Final = 100
LEAST_MINUTES: Final = 5
MOST_MINUTES: Final = 7 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTerms:
    """`seats` is how many buyers use one SHARED_KEY at once. `manual_minutes` is within how many
    minutes a person delivers, and None where nobody does; with it, buyers of keys may choose so."""

    mode: DeliveryMode
    seats: int = 1
    manual_minutes: int | None = None

    def require_sensible(self) -> None:
        """Raise `Invalid` for terms by which nothing can be delivered."""
        if not 1 <= self.seats <= MAX_SEATS:
            raise Invalid(f"A key has 1 to {MAX_SEATS} seats.", field="seats")
        if self.seats > 1 and self.mode is not DeliveryMode.SHARED_KEY:
            raise Invalid("Only a shared key has several seats.", field="seats")
        minutes = self.manual_minutes
        if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise Invalid(
                f"A person delivers within {LEAST_MINUTES} to {MOST_MINUTES} minutes.",
                field="manualMinutes",
            )
        if minutes is None and self.mode in (DeliveryMode.MANUAL, DeliveryMode.DIRECT_TOPUP):
            raise Invalid("Say within how many minutes a person delivers.", field="manualMinutes")


async def set_delivery(*, sku_id: UUID, terms: DeliveryTerms) -> None:
    """Deliver a SKU on these terms from now on; orders that are made keep theirs.

    Raises `Invalid` and `NotFound`.
    """
    terms.require_sensible()
    async with db.transaction(db.core_scope()):
        found = await db.execute(
            """update skus set delivery_mode = $2, seats = $3, manual_minutes = $4
               where id = $1""",
            sku_id,
            str(terms.mode),
            terms.seats,
            terms.manual_minutes,
        )
        if not found:
            raise NotFound("There is no such SKU.", field="skuId")
