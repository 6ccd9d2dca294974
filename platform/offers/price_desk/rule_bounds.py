"""How large the numbers in a price rule may be, however it was written."""

from typing import Final

MAX_RULE_VALUE: Final = 1_000_000_000_000
MAX_MIN_QUANTITY: Final = 500
UNITS_MINOR: Final = (1, 10, 100, 1000)
