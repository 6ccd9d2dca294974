"""Addresses that a shop names: https, a plain host, and nothing that a header could trip over."""

import re
from typing import Final
from urllib.parse import urlsplit

from kernel.errors import Invalid

LONGEST_ADDRESS: Final = 500  # characters
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# No user, no port, no number for a host (its last label has a letter), no fragment; of a path's
# characters none that ends a word in HTML, in CSS or in a Content-Security-Policy.
_ADDRESS: Final = re.compile(
    rf"https://({_LABEL}\.)+(?=[a-z0-9-]*[a-z]){_LABEL}(/[A-Za-z0-9._~%!$&()*+=:@/?-]*)?"
)


def is_address(text: str) -> bool:
    """Say whether a text is an address that may be shown."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def checked_address(text: str, *, field: str) -> str:
    """Return an address without spaces around it; `Invalid` for anything but https."""
    address = text.strip()
    if not is_address(address):
        raise Invalid("This is not an https address of a public host.", field=field)
    return address


def origin_of(address: str) -> str:
    """Give scheme and host, as a Content-Security-Policy names a source."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
