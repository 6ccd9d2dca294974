"""What the shops above one suggest: the price on which it falls back, and the one that caps it."""

from __future__ import annotations

from dataclasses import replace

from tenants.pricing.books import most_specific
from tenants.pricing.path import Priced, PriceInputs, price


def with_suggestions(inputs: PriceInputs) -> PriceInputs:
    """Complete what `price` needs: the parent's suggestion where the shop has no rule of its own,
    and the platform's where it caps the shop.

    A suggestion is what the shop above asks everyone for one piece, without a promotion, a tier or
    limits that are set for others. A shop with neither a rule nor a suggestion suggests nothing,
    and so does one whose price breaks a guard. The platform's own shop is not capped by its own
    price.
    """
    above = inputs.levels[:-1]
    if not above:
        return inputs
    suggested_minor = inputs.suggested_retail_minor
    if most_specific(inputs.levels[-1].retail_rules, inputs.asked) is None:
        suggested_minor = _asked_for_one_piece(inputs, levels=len(above))
    platforms_minor = inputs.platform_suggested_minor
    if inputs.cumulative_cap_bp is not None:
        platforms_minor = _asked_for_one_piece(inputs, levels=1)
    return replace(
        inputs,
        suggested_retail_minor=suggested_minor,
        platform_suggested_minor=platforms_minor,
    )


def _asked_for_one_piece(inputs: PriceInputs, *, levels: int) -> int | None:
    """What the shop that ends the first `levels` of the path asks for the same goods."""
    theirs = replace(
        inputs,
        levels=inputs.levels[:levels],
        quantity=1,
        floor_minor=None,
        ceiling_minor=None,
        net_floor_minor=None,
        suggested_retail_minor=None,
        platform_suggested_minor=None,
        cumulative_cap_bp=None,
    )
    theirs = with_suggestions(theirs)
    has_rule = most_specific(theirs.levels[-1].retail_rules, theirs.asked) is not None
    if not has_rule and theirs.suggested_retail_minor is None:
        return None
    result = price(theirs)
    return result.retail_minor if isinstance(result, Priced) else None
