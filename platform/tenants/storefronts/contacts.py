"""How buyers reach a shop's support: typed, so that each is shown as what it is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernel.errors import Invalid
from tenants.storefronts.addresses import is_address

MOST_CONTACTS: Final = 10
_LONGEST: Final = 500  # characters


class ContactKind(StrEnum):
    """A way to reach somebody."""

    PHONE = "PHONE"
    QQ = "QQ"
    WECHAT = "WECHAT"
    TELEGRAM = "TELEGRAM"
    EMAIL = "EMAIL"
    URL = "URL"


# Hotlines have short numbers of their own, so a phone number is only looked at for its digits.
_WELL_FORMED: Final = {
    ContactKind.PHONE: re.compile(r"\+?[0-9](?:[ -]?[0-9]){2,17}"),
    ContactKind.QQ: re.compile(r"[1-9][0-9]{4,11}"),
    ContactKind.WECHAT: re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}"),
    ContactKind.TELEGRAM: re.compile(r"[A-Za-z][A-Za-z0-9_]{4,31}"),
    ContactKind.EMAIL: re.compile(
        r"[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
    ),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """One way, in its one spelling."""

    kind: ContactKind
    value: str

    @property
    def href(self) -> str | None:
        """Where it leads; QQ and WeChat names are only to be copied."""
        match self.kind:
            case ContactKind.PHONE:
                return f"tel:{re.sub('[ -]', '', self.value)}"
            case ContactKind.TELEGRAM:
                return f"https://t.me/{self.value}"
            case ContactKind.EMAIL:
                return f"mailto:{self.value}"
            case ContactKind.URL:
                return self.value
            case _:
                return None


def checked_contacts(contacts: Sequence[Contact]) -> list[Contact]:
    """Return contacts in their one spelling; `Invalid` for more than 10, and for what is none."""
    if len(contacts) > MOST_CONTACTS:
        raise Invalid(f"At most {MOST_CONTACTS} contacts.", field="contacts")
    return [_checked(contact) for contact in contacts]


def _checked(contact: Contact) -> Contact:
    value = contact.value.strip()
    if contact.kind is ContactKind.TELEGRAM:
        value = value.removeprefix("@")
    if contact.kind is ContactKind.URL:
        fits = is_address(value)
    else:
        fits = _WELL_FORMED[contact.kind].fullmatch(value) is not None
    if not fits or len(value) > _LONGEST:
        raise Invalid("This is no contact of its kind.", field="contacts")
    return Contact(contact.kind, value)
