"""What of ours a transfer names: the payout or the refund that it was made for, or brings back.

Banks repeat what a transfer says in their own way, in capitals, with spaces or without marks.
"""

import re
from typing import Final
from uuid import UUID

from kernel.errors import NotFound
from kernel.ids import parse_id

_KINDS: Final = ("pyt", "ref")
_NAME: Final = re.compile(r"(pyt|ref)[_\-.]?([0-9a-hjkmnp-tv-z]{26})")


def named_in(message: str) -> str | None:
    """The one id of a payout or a refund that a message has, as it stands outside; else None."""
    compact = "".join(message.split()).lower()
    found = {f"{kind}_{letters}" for kind, letters in _NAME.findall(compact)}
    return found.pop() if len(found) == 1 else None


def own_id(name: str | None) -> UUID | None:
    """The id inside a name; None where it is none."""
    for kind in _KINDS:
        try:
            return parse_id(kind, name or "")
        except NotFound:
            continue
    return None


def message_for(name: str) -> str:
    """What a transfer of ours says: whose platform it is from, and what it is for."""
    return f"kameng {name}"
