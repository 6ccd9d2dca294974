"""A customer's kept cards: shown, paid with, taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from billing.payment_methods.base import KeptCard
from kernel import crypto, db
from kernel.errors import NotFound
from kernel.ids import new_id

MAX_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class SavedCard:
    """One kept card, for its customer's eyes."""

    id: UUID
    brand: str
    last4: str
    expires_month: int
    expires_year: int


async def saved_cards(*, tenant_id: UUID, customer_id: UUID) -> list[SavedCard]:
    """Everything that a customer keeps, the last one first; a round trip of its own."""
    rows = await db.read(
        db.core_scope(tenant_id),
        """select id, brand, last4, expires_month, expires_year from saved_cards
           where tenant_id = $1 and customer_id = $2 and removed_at is null
           order by saved_at desc, id desc""",
        tenant_id,
        customer_id,
    )
    return [SavedCard(**_plain(row)) for row in rows]


async def require(*, tenant_id: UUID, customer_id: UUID, card_id: UUID) -> None:
    """Raise `NotFound` unless the customer keeps this card; inside the transaction that pays."""
    found = await db.fetch_value(
        """select 1 from saved_cards
           where tenant_id = $1 and customer_id = $2 and id = $3 and removed_at is null""",
        tenant_id,
        customer_id,
        card_id,
    )
    if found is None:
        raise _unknown("savedCardId")


async def ref_of(*, tenant_id: UUID, card_id: UUID) -> str:
    """What the channel calls a card, removed or not: a payment that has begun is asked alike."""
    (row,) = await db.read(
        db.core_scope(tenant_id),
        "select provider_ref from saved_cards where tenant_id = $1 and id = $2",
        tenant_id,
        card_id,
    )
    ref: str = row["provider_ref"]
    return ref


async def remove(*, tenant_id: UUID, customer_id: UUID, card_id: UUID) -> None:
    """Take a card away at once; the channel is told after. Raises `NotFound` for another's."""
    async with db.transaction(db.core_scope(tenant_id)):
        removed = await db.execute(
            """update saved_cards set removed_at = platform_now(), next_detach_at = platform_now()
               where tenant_id = $1 and customer_id = $2 and id = $3 and removed_at is null""",
            tenant_id,
            customer_id,
            card_id,
        )
        if not removed:
            raise _unknown("cardId")


async def keep(card: KeptCard, *, tenant_id: UUID, customer_id: UUID, provider: str) -> None:
    """Keep a card that has paid; inside a transaction.

    The same card once more takes the place of the former, and so may have a new date; the oldest
    of too many makes room. Whoever keeps one for this customer at the same moment waits here.
    """
    await db.execute(
        "select from customers where tenant_id = $1 and id = $2 for no key update",
        tenant_id,
        customer_id,
    )
    known = await db.fetch_value(
        "select 1 from saved_cards where provider = $1 and provider_ref = $2",
        provider,
        card.card_ref,
    )
    if known is not None:
        return
    fingerprint = crypto.blind_index("card", card.fingerprint)
    await _make_room(tenant_id, customer_id, fingerprint)
    await db.execute(
        """insert into saved_cards (tenant_id, id, customer_id, provider, provider_ref,
                                    fingerprint, brand, last4, expires_month, expires_year)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        tenant_id,
        new_id(),
        customer_id,
        provider,
        card.card_ref,
        fingerprint,
        card.brand,
        card.last4,
        card.expires_month,
        card.expires_year,
    )


async def _make_room(tenant_id: UUID, customer_id: UUID, fingerprint: bytes) -> None:
    await db.execute(
        """with kept as (
               select id, fingerprint, row_number() over (order by saved_at desc, id desc) as place
               from saved_cards where tenant_id = $1 and customer_id = $2 and removed_at is null)
           update saved_cards set removed_at = platform_now(), next_detach_at = platform_now()
           from kept where saved_cards.id = kept.id
             and (kept.fingerprint = $3 or kept.place >= $4)""",
        tenant_id,
        customer_id,
        fingerprint,
        MAX_KEPT,
    )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return dict(row)


def _unknown(field: str) -> NotFound:
    return NotFound("There is no such saved card.", field=field)
