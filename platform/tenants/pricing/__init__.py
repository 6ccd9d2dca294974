"""Prices down the tenant tree: pure arithmetic, no database, no clock.

`rules.py` says what a rule is, what it charges and which one applies; `path.py` walks from the
supply price through every level to the shop's retail price and holds the guards.
"""

from tenants.pricing.path import (
    Broken,
    Guard,
    PathLevel,
    Priced,
    PriceInputs,
    price,
)
from tenants.pricing.rules import (
    Audience,
    PriceRule,
    Rounding,
    RuleBook,
    RuleKind,
    Scope,
    charge_minor,
    most_specific,
)

__all__ = [
    "Audience",
    "Broken",
    "Guard",
    "PathLevel",
    "PriceInputs",
    "PriceRule",
    "Priced",
    "Rounding",
    "RuleBook",
    "RuleKind",
    "Scope",
    "charge_minor",
    "most_specific",
    "price",
]
