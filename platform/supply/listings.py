"""Suppliers and what they offer: the rows that everything else of this room hangs on."""

from uuid import UUID

from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from kernel.money import BASIS_POINTS, MAX_AMOUNT_MINOR, UnknownCurrency, currency_exponent
from supply.hand_listings import MAX_WARRANTY_HOURS

MAX_NAME_CHARS = 200
MAX_PRIORITY = 1_000_000


class AlreadyListed(Refusal):
    """The supplier offers this SKU already; change that listing instead."""


async def create_supplier(*, name: str, commission_bp: int = 0) -> UUID:
    """Add a supplier and return its id.

    `commission_bp` is the platform's share of its supply price, in basis points (0 to 10,000).
    Raises `Invalid` outside the bounds.
    """
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise Invalid(f"A name has 1 to {MAX_NAME_CHARS} printable characters.", field="name")
    _require_within("commission_bp", commission_bp, 0, BASIS_POINTS)
    supplier_id = new_id()
    async with db.transaction(db.core_scope()):
        await db.execute(
            "insert into suppliers (id, name, commission_bp) values ($1, $2, $3)",
            supplier_id,
            name,
            commission_bp,
        )
    return supplier_id


async def create_supplier_listing(
    *,
    supplier_id: UUID,
    sku_id: UUID,
    supply_price_minor: int,
    currency: str,
    min_retail_minor: int | None = None,
    max_retail_minor: int | None = None,
    warranty_hours: int = 24,
    priority: int = 0,
    by_hand: bool = False,
) -> UUID:
    """Offer a SKU from a supplier and return the listing's id.

    Amounts are minor units of `currency`; `min_retail_minor` and `max_retail_minor` bound what
    any shop may ask. Raises `Invalid` outside the bounds, `NotFound` for a supplier or SKU that
    does not exist, `AlreadyListed` for a second listing of the same SKU. With `by_hand` a person
    of the supplier's delivers, and what is sold are places (`supply/places.py`).
    """
    _require_currency(currency)
    _require_within("supply_price_minor", supply_price_minor, 1, MAX_AMOUNT_MINOR)
    _require_retail_bounds(min_retail_minor, max_retail_minor)
    _require_within("warranty_hours", warranty_hours, 0, MAX_WARRANTY_HOURS)
    _require_within("priority", priority, -MAX_PRIORITY, MAX_PRIORITY)
    listing_id = new_id()
    async with db.transaction(db.core_scope()):
        await _require_row("suppliers", supplier_id, field="supplier_id")
        await _require_row("skus", sku_id, field="sku_id")
        inserted = await db.execute(
            """insert into supplier_listings
                   (id, supplier_id, sku_id, supply_price_minor, currency, min_retail_minor,
                    max_retail_minor, warranty_hours, priority, by_hand)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               on conflict (supplier_id, sku_id, by_hand) do nothing""",
            listing_id,
            supplier_id,
            sku_id,
            supply_price_minor,
            currency,
            min_retail_minor,
            max_retail_minor,
            warranty_hours,
            priority,
            by_hand,
        )
        if not inserted:
            raise AlreadyListed("The supplier offers this SKU already.", field="sku_id")
    return listing_id


def _require_within(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise Invalid(f"{field} is within {least} and {most}.", field=field)


def _require_currency(currency: str) -> None:
    try:
        currency_exponent(currency)
    except UnknownCurrency as error:
        raise Invalid(str(error), field="currency") from None


def _require_retail_bounds(min_minor: int | None, max_minor: int | None) -> None:
    for field, value in (("min_retail_minor", min_minor), ("max_retail_minor", max_minor)):
        if value is not None:
            _require_within(field, value, 1, MAX_AMOUNT_MINOR)
    if min_minor is not None and max_minor is not None and min_minor > max_minor:
        raise Invalid("The lowest retail price is above the highest.", field="min_retail_minor")


async def _require_row(table: str, row_id: UUID, *, field: str) -> None:
    """Only our own words get into the statement as `table`."""
    found = await db.fetch_value(
        f"select 1 from {table} where id = $1",
        row_id,
    )
    if not found:
        raise NotFound(f"There is no such {field.removesuffix('_id')}.", field=field)
