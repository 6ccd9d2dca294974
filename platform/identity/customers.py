"""Customers: one account per person and shop, its contact encrypted and yet to be found."""

from dataclasses import dataclass
from uuid import UUID

from asyncpg import UniqueViolationError

from identity.contact import (
    ContactKind,
    normalised_email,
    normalised_phone,
    open_field,
    recognised,
    seal_field,
)
from identity.passwords import hash_password
from identity.tokens import forget_tokens
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id

LONGEST_NAME = 80


class ContactTaken(Refusal):
    """An account of this shop has the e-mail address or the phone number; which is not said."""

    code = "VALIDATION"


@dataclass(frozen=True, slots=True)
class OwnContact:
    """A customer's own e-mail address and phone number, for that customer's eyes."""

    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class _SealedContact:
    """One contact as it is stored: ciphertext, blind index, and the key that sealed it."""

    ciphertext: bytes | None = None
    index: bytes | None = None
    key_id: int | None = None


async def create_customer(
    *,
    tenant_id: UUID,
    name: str = "",
    email: str | None = None,
    phone: str | None = None,
    password: str | None = None,
) -> UUID:
    """Open an account in one shop and return its id.

    Without a password nobody can sign in to it. Raises `ContactTaken`, and `Invalid` for a name
    over 80 characters, a malformed contact or a password outside its bounds.
    """
    name = _checked_name(name)
    customer_id = new_id()
    email = normalised_email(email) if email else None
    phone = normalised_phone(phone) if phone else None
    password_hash = await hash_password(password) if password is not None else None
    sealed_email = _sealed(ContactKind.EMAIL, email, customer_id)
    sealed_phone = _sealed(ContactKind.PHONE, phone, customer_id)
    async with db.transaction(db.core_scope(tenant_id)):
        try:
            await db.execute(
                """insert into customers (tenant_id, id, name, email, email_index, phone,
                                          phone_index, data_key_id, password_hash)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
                tenant_id,
                customer_id,
                name,
                sealed_email.ciphertext,
                sealed_email.index,
                sealed_phone.ciphertext,
                sealed_phone.index,
                sealed_email.key_id or sealed_phone.key_id,
                password_hash,
            )
        except UniqueViolationError:
            raise ContactTaken("An account cannot be opened with these details.") from None
    return customer_id


async def find_by_contact(*, tenant_id: UUID, contact: str) -> UUID | None:
    """Find the customer of a shop by e-mail address or phone number.

    Raises `Invalid` for what is neither.
    """
    kind, value = recognised(contact)
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        found: UUID | None = await db.fetch_value(
            f"select id from customers where tenant_id = $1 and {kind}_index = $2",
            tenant_id,
            crypto.blind_index(kind, value),
        )
    return found


async def own_contact(*, tenant_id: UUID, customer_id: UUID) -> OwnContact:
    """Decrypt a customer's own contact; `NotFound` in another shop."""
    async with db.transaction(db.core_scope(tenant_id), read_only=True):
        row = await db.fetch_row(
            "select email, phone, data_key_id from customers where tenant_id = $1 and id = $2",
            tenant_id,
            customer_id,
        )
    if row is None:
        raise NotFound("There is no such customer.")
    key_id = row["data_key_id"]
    return OwnContact(
        email=_opened(ContactKind.EMAIL, row["email"], key_id, customer_id),
        phone=_opened(ContactKind.PHONE, row["phone"], key_id, customer_id),
    )


async def freeze_customer(*, tenant_id: UUID, customer_id: UUID) -> None:
    """Stop a customer from signing in and acting, at once.

    Every token is revoked; orders and money stay as they are. `NotFound` in another shop.
    """
    async with db.transaction(db.core_scope(tenant_id)):
        found = await db.execute(
            "update customers set status = 'FROZEN' where tenant_id = $1 and id = $2",
            tenant_id,
            customer_id,
        )
        if not found:
            raise NotFound("There is no such customer.")
        await db.execute(
            """update access_tokens set revoked_at = platform_now()
               where principal_id = $1 and kind = 'CUSTOMER' and revoked_at is null""",
            customer_id,
        )
    forget_tokens()


def _checked_name(name: str) -> str:
    text = crypto.normalised(name)
    if len(text) > LONGEST_NAME or not text.isprintable():
        message = f"A name has at most {LONGEST_NAME} printable characters."
        raise Invalid(message, field="name")
    return text


def _sealed(kind: ContactKind, value: str | None, customer_id: UUID) -> _SealedContact:
    if value is None:
        return _SealedContact()
    sealed = seal_field(value, row_id=customer_id, column=f"customers.{kind}")
    return _SealedContact(sealed.ciphertext, crypto.blind_index(kind, value), sealed.key_id)


def _opened(
    kind: ContactKind, ciphertext: bytes | None, key_id: int, customer_id: UUID
) -> str | None:
    if ciphertext is None:
        return None
    sealed = Sealed(key_id, ciphertext)
    return open_field(sealed, row_id=customer_id, column=f"customers.{kind}")
