"""Prices down the tenant tree: pure arithmetic, no database, no clock.

`rules.py` says what a rule is and what it charges; `books.py` which one of a tenant's applies;
`path.py` walks from the supply price through every level to the shop's retail price and holds the
guards; `suggestions.py` says what a shop without a rule of its own goes by.
"""

from tenants.pricing.books import Asked, Layer, RuleBook, most_specific
from tenants.pricing.path import (
    EARNING_DEPTH,
    Broken,
    Guard,
    PathLevel,
    Priced,
    PriceInputs,
    price,
    quantity_breaks,
)
from tenants.pricing.rules import (
    Audience,
    ForKind,
    PriceRule,
    Rounding,
    RuleKind,
    Scope,
    charge_minor,
)
from tenants.pricing.suggestions import with_suggestions

__all__ = [
    "EARNING_DEPTH",
    "Asked",
    "Audience",
    "Broken",
    "ForKind",
    "Guard",
    "Layer",
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
    "quantity_breaks",
    "with_suggestions",
]
