"""E-mail addresses and phone numbers: their one spelling, and how they are sealed at rest."""

import re
from enum import StrEnum
from uuid import UUID

import phonenumbers

from kernel import crypto
from kernel.crypto import Sealed
from kernel.errors import Invalid

LONGEST_EMAIL = 254  # characters, RFC 5321
LONGEST_CONTACT = 200
DEFAULT_REGION = "CN"

# A message sent there is the only real test; this refuses what cannot be an address at all.
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@.\x00-\x1f\x7f]+(\.[^\s@.\x00-\x1f\x7f]+)+")


class ContactKind(StrEnum):
    """The two ways to reach a customer, each unique within a shop."""

    EMAIL = "email"
    PHONE = "phone"


def normalised_email(text: str) -> str:
    """Return the one spelling of an e-mail address.

    Case folds, because people do not remember how they wrote it. Raises `Invalid`.
    """
    email = crypto.normalised(text).casefold()
    if len(email) > LONGEST_EMAIL or _EMAIL.fullmatch(email) is None:
        raise Invalid("This is not an e-mail address.", field="email")
    return email


def normalised_phone(text: str) -> str:
    """Return a phone number as E.164: `+8613800138000`.

    Without a country code it is a Chinese one. Raises `Invalid`.
    """
    try:
        number = phonenumbers.parse(crypto.normalised(text)[:40], DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        raise Invalid("This is not a phone number.", field="phone") from None
    if not phonenumbers.is_valid_number(number):
        raise Invalid("This is not a phone number.", field="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def recognised(account: str) -> tuple[ContactKind, str]:
    """Tell an e-mail address from a phone number, and normalise it.

    Raises `Invalid` when it is neither.
    """
    if "@" in crypto.normalised(account):
        return ContactKind.EMAIL, normalised_email(account)
    return ContactKind.PHONE, normalised_phone(account)


def spelling(account: str) -> str:
    """Give one spelling per account, so that writing it in another way gives no more attempts."""
    try:
        kind, value = recognised(account)
    except Invalid:
        return crypto.normalised(account).casefold()[:100]
    return f"{kind}:{value}"


def seal_contact(text: str, *, bound_to: UUID) -> Sealed:
    """Encrypt where messages about an order go; only that row can open it.

    Raises `Invalid` unless the text has 1 to 200 printable characters.
    """
    contact = crypto.normalised(text)
    if not (0 < len(contact) <= LONGEST_CONTACT and contact.isprintable()):
        message = f"A contact has 1 to {LONGEST_CONTACT} printable characters."
        raise Invalid(message, field="contact")
    return seal_field(contact, row_id=bound_to, column="orders.contact")


def open_contact(sealed: Sealed, *, bound_to: UUID) -> str:
    """Decrypt an order's contact; `CannotDecrypt` for another row's."""
    return open_field(sealed, row_id=bound_to, column="orders.contact")


def seal_field(text: str, *, row_id: UUID, column: str) -> Sealed:
    """Encrypt one field of one row, bound to both (`table.column`)."""
    return crypto.keyring().seal(text.encode(), bound_to=_place(row_id, column))


def open_field(sealed: Sealed, *, row_id: UUID, column: str) -> str:
    """Decrypt a field; `CannotDecrypt` unless it is that row's and column's."""
    return crypto.keyring().unseal(sealed, bound_to=_place(row_id, column)).decode()


def _place(row_id: UUID, column: str) -> bytes:
    return row_id.bytes + column.encode()
