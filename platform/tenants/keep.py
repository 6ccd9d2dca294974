"""How a change says that something stays as it is, where None takes it away."""

from enum import Enum
from typing import Final, Literal


class Keep(Enum):
    """Says that something stays as it is."""

    KEEP = "KEEP"


KEEP: Final = Keep.KEEP
Kept = Literal[Keep.KEEP]
