"""Texts that a customer need not type again: sealed, at most twenty, the last used first."""

from dataclasses import dataclass
from uuid import UUID

from identity.contact import normalised_email, normalised_phone, open_field, seal_field
from identity.models import SavedContactKind
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id

MAX_SAVED = 20
LONGEST = 200  # characters
_COLUMN = "saved_contacts.value"


@dataclass(frozen=True, slots=True)
class SavedContact:
    """One saved text, for its customer's eyes."""

    id: UUID
    kind: SavedContactKind
    value: str


async def saved_contacts(*, tenant_id: UUID, customer_id: UUID) -> list[SavedContact]:
    """Everything that a customer has saved, the last used first."""
    rows = await db.read(
        db.core_scope(tenant_id),
        """select id, kind, value, data_key_id from saved_contacts
           where tenant_id = $1 and customer_id = $2 order by used_at desc, id desc""",
        tenant_id,
        customer_id,
    )
    return [
        SavedContact(
            row["id"],
            SavedContactKind(row["kind"]),
            open_field(Sealed(row["data_key_id"], row["value"]), row_id=row["id"], column=_COLUMN),
        )
        for row in rows
    ]


async def save_contact(
    *, tenant_id: UUID, customer_id: UUID, kind: SavedContactKind, value: str
) -> UUID:
    """Save a text, or note that it was used again; the one used longest ago makes room.

    Raises `Invalid` for an address or a number that is none, and unless the text has 1 to 200
    printable characters.
    """
    text = _spelling(kind, value)
    index = crypto.blind_index(f"saved:{kind}:{customer_id}", text)
    async with db.transaction(db.core_scope(tenant_id)):
        # Whoever saves for this customer at the same moment waits here, and sees this one.
        await db.execute(
            "select from customers where tenant_id = $1 and id = $2 for no key update",
            tenant_id,
            customer_id,
        )
        known: UUID | None = await db.fetch_value(
            """update saved_contacts set used_at = greatest(platform_now(), used_at)
               where tenant_id = $1 and customer_id = $2 and value_index = $3 returning id""",
            tenant_id,
            customer_id,
            index,
        )
        return known or await _written(tenant_id, customer_id, kind, text, index)


async def forget_contact(*, tenant_id: UUID, customer_id: UUID, contact_id: UUID) -> None:
    """Delete a saved text; `NotFound` for another customer's."""
    async with db.transaction(db.core_scope(tenant_id)):
        found = await db.execute(
            "delete from saved_contacts where tenant_id = $1 and customer_id = $2 and id = $3",
            tenant_id,
            customer_id,
            contact_id,
        )
        if not found:
            raise NotFound("There is no such saved contact.", field="contactId")


async def _written(
    tenant_id: UUID, customer_id: UUID, kind: SavedContactKind, text: str, index: bytes
) -> UUID:
    """Write into a free slot, or into the one that was used longest ago."""
    contact_id = new_id()
    sealed = seal_field(text, row_id=contact_id, column=_COLUMN)
    slot: int = await db.fetch_value(
        """select slot from generate_series(1, $3) as slot
           left join (select slot, used_at from saved_contacts
                      where tenant_id = $1 and customer_id = $2) as held using (slot)
           order by held.used_at nulls first, slot limit 1""",
        tenant_id,
        customer_id,
        MAX_SAVED,
    )
    await db.execute(
        "delete from saved_contacts where tenant_id = $1 and customer_id = $2 and slot = $3",
        tenant_id,
        customer_id,
        slot,
    )
    await db.execute(
        """insert into saved_contacts (tenant_id, id, customer_id, slot, kind, value, value_index,
                                       data_key_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        tenant_id,
        contact_id,
        customer_id,
        slot,
        kind,
        sealed.ciphertext,
        index,
        sealed.key_id,
    )
    return contact_id


def _spelling(kind: SavedContactKind, value: str) -> str:
    if kind is SavedContactKind.EMAIL:
        return normalised_email(value)
    if kind is SavedContactKind.PHONE:
        return normalised_phone(value)
    text = crypto.normalised(value)
    if not (0 < len(text) <= LONGEST and text.isprintable()):
        raise Invalid(f"A saved text has 1 to {LONGEST} printable characters.", field="value")
    return text
