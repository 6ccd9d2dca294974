"""Why a shop takes no orders."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import strawberry


@strawberry.enum
class OrderStop(Enum):
    """Why a shop takes no orders, beside its own state and those above it. PLATFORM and PARENT have
    decided it; LOW_DEPOSIT ends with the money."""

    PLATFORM = "PLATFORM"
    PARENT = "PARENT"
    LOW_DEPOSIT = "LOW_DEPOSIT"


def order_stops(row: Mapping[str, Any]) -> list[OrderStop]:
    """Why the tenant of a row takes no orders."""
    reasons = {
        OrderStop.PLATFORM: row["orders_stopped"],
        OrderStop.PARENT: row["restricted_by_parent"],
        OrderStop.LOW_DEPOSIT: row["deposit_low"],
    }
    return [reason for reason, is_stopped in reasons.items() if is_stopped]
