"""How goods reach their buyer, in the schema's words."""

from enum import Enum

import strawberry


@strawberry.enum
class DeliveryMode(Enum):
    """How goods reach the buyer: AUTO_KEY within seconds, and so does a seat of a SHARED_KEY, which
    others use as well; with MANUAL a person hands over, with DIRECT_TOPUP a person tops up the
    buyer's account, both within a stated time. PHYSICAL goods are not sold yet."""

    AUTO_KEY = "AUTO_KEY"
    SHARED_KEY = "SHARED_KEY"
    DIRECT_TOPUP = "DIRECT_TOPUP"
    MANUAL = "MANUAL"
    PHYSICAL = "PHYSICAL"


def mode_in(mode: DeliveryMode | None) -> str | None:
    """Read a buyer's choice; None for none."""
    return None if mode is None else mode.value
