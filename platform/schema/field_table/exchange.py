"""Rows about exchange rates: the platform's own, which tell what supplies cost."""

from typing import Final

from schema.field_table.roles import OPERATORS

ROWS: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("Query", OPERATORS, "fxRates"),
    ("Mutation", OPERATORS, "fxRateSet fxRevalue"),
    ("FxRateConnection", OPERATORS, "edges pageInfo"),
    ("FxRateEdge", OPERATORS, "cursor node"),
    ("FxRate", OPERATORS, "id base quote rate source takenAt freshUntil isFresh setBy setAt"),
    ("FxRateWasSet", OPERATORS, "rate"),
    ("FxBridged", OPERATORS, "bridge"),
    ("FxBridge", OPERATORS, "toBuy setAside gained"),
)
