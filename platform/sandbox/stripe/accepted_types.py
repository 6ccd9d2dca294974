"""Which payment method types an intent accepts: the account's, narrowed by what the shop asks."""

from typing import Any

from sandbox.stripe.errors import BadParameter
from sandbox.stripe.method_terms import REDIRECTING, fits
from sandbox.stripe.payment_methods import CARD, SUPPORTED_TYPES
from sandbox.stripe.wire import Json
from sandbox.stripe.work import Work

Params = dict[str, Any]

# From this version on a shop narrows the types with `allowed_payment_method_types` instead.
# https://docs.stripe.com/changelog/endive/2026-09-30 ("Removes the payment method types parameter")
_TYPES_NOT_WRITABLE_SINCE = "2026-09-30"
_EXCLUSIVE = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "excluded_payment_method_types",
    "payment_method_types",
)
NARROWING = (
    "allowed_payment_method_types",
    "excluded_payment_method_types",
    "payment_method_types",
)


def accepted(work: Work, params: Params, *, amount_minor: int, currency: str) -> Json:
    """Give the fields of an intent that say how it may be paid.

    Raises BadParameter for two ways of saying it, an unknown type, or none left over.
    """
    _check(work, params)
    automatic = params.get("automatic_payment_methods")
    types = params.get("payment_method_types")
    if types is not None:
        _require_known(types)
        return _fields(types)
    offered = [
        name for name in SUPPORTED_TYPES if fits(name, amount_minor=amount_minor, currency=currency)
    ]
    allowed = params.get("allowed_payment_method_types")
    if allowed is not None:
        # What the account does not offer is left out in silence; only nothing left is an error.
        return _fields([name for name in allowed if name in offered], allowed=allowed)
    if automatic is not None and not automatic["enabled"]:
        return _fields([CARD], automatic={"allow_redirects": "always", **automatic})
    excluded = params.get("excluded_payment_method_types")
    return _by_account(offered, automatic, excluded=excluded)


def _by_account(offered: list[str], automatic: Json | None, *, excluded: list[str] | None) -> Json:
    """Since 2023-08-16 an intent that names no types takes all that the account has on."""
    chosen = {"enabled": True, "allow_redirects": "always", **(automatic or {})}
    redirects = chosen["allow_redirects"] == "always"
    types = [name for name in offered if redirects or name not in REDIRECTING]
    return _fields(
        [name for name in types if name not in (excluded or ())],
        automatic=chosen,
        excluded=excluded,
    )


def _fields(
    types: list[str],
    *,
    automatic: Json | None = None,
    allowed: list[str] | None = None,
    excluded: list[str] | None = None,
) -> Json:
    if not types:
        raise BadParameter(
            "No valid payment method types for this Payment Intent.",
            code="payment_intent_invalid_parameter",
            param="allowed_payment_method_types",
        )
    return {
        "allowed_payment_method_types": allowed,
        "automatic_payment_methods": automatic,
        "excluded_payment_method_types": excluded,
        "payment_method_types": types,
    }


def _check(work: Work, params: Params) -> None:
    if "payment_method_types" in params and work.api_version >= _TYPES_NOT_WRITABLE_SINCE:
        raise BadParameter(
            "The payment_method_types parameter is no longer supported. Use "
            "allowed_payment_method_types or dynamic payment methods.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    given = [name for name in _EXCLUSIVE if name in params]
    if len(given) > 1 and given != ["automatic_payment_methods", "excluded_payment_method_types"]:
        raise BadParameter(
            f"You may only specify one of these parameters: {', '.join(given)}.", param=given[-1]
        )


def _require_known(types: list[str]) -> None:
    for name in types:
        if name not in SUPPORTED_TYPES:
            raise BadParameter(
                f"The payment method type provided: {name} is invalid. Please ensure the "
                "provided type is activated in your dashboard.",
                code="payment_intent_invalid_parameter",
                param="payment_method_types",
            )
