"""How goods may be delivered: at once out of the pool, or by a person, where the SKU allows it."""

from collections.abc import Mapping
from typing import Any, Final

from kernel.errors import Invalid, Refusal

FROM_THE_POOL: Final = frozenset({"AUTO_KEY", "SHARED_KEY"})
"""What is delivered with the payment: a key, or a seat of one."""
BY_HAND: Final = frozenset({"MANUAL", "DIRECT_TOPUP"})
"""What a person delivers within a stated time: something handed over, or a top-up."""


class DeliveryModeNotAllowed(Refusal):
    """These goods are not delivered in that way; `details` says in which they are."""

    code = "DELIVERY_MODE_NOT_ALLOWED"


def mode_of(sku: Mapping[str, Any], *, by_hand: bool) -> str:
    """How an offer of a SKU is delivered."""
    mode: str = sku["delivery_mode"]
    if not by_hand:
        return mode
    return "DIRECT_TOPUP" if mode == "DIRECT_TOPUP" else "MANUAL"


def allowed_modes(sku: Mapping[str, Any]) -> tuple[str, ...]:
    """In which ways a SKU may be delivered, the usual one first."""
    pool = (sku["delivery_mode"],) if sku["delivery_mode"] in FROM_THE_POOL else ()
    is_parcel = sku["delivery_mode"] == "PHYSICAL"
    by_hand = (mode_of(sku, by_hand=True),) if sku["manual_minutes"] and not is_parcel else ()
    return pool + by_hand


def wanted(sku: Mapping[str, Any], mode: str | None) -> bool | None:
    """Say whether the buyer wants a person to deliver; None for who has not chosen.

    Raises `DeliveryModeNotAllowed`, and `Invalid` for goods that nobody can order yet.
    """
    modes = allowed_modes(sku)
    if not modes:
        raise Invalid("Nobody delivers these goods yet.", field="skuId")
    if mode is None:
        return None
    if mode not in modes:
        raise _not_allowed(modes)
    return mode in BY_HAND


def require_allowed(sku: Mapping[str, Any], *, by_hand: bool, chosen: bool | None) -> None:
    """Raise `DeliveryModeNotAllowed` for an offer that is delivered in another way than the buyer
    has chosen, or than the SKU allows."""
    modes = allowed_modes(sku)
    fits = by_hand or sku["delivery_mode"] in FROM_THE_POOL
    if not fits or mode_of(sku, by_hand=by_hand) not in modes or chosen not in (None, by_hand):
        raise _not_allowed(modes)


def _not_allowed(modes: tuple[str, ...]) -> DeliveryModeNotAllowed:
    return DeliveryModeNotAllowed(
        "This is not delivered in that way.",
        field="deliveryMode",
        details={"allowed": " ".join(modes)},
    )
