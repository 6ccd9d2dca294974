"""The one spelling of a coupon's code."""

from typing import Final

from kernel import crypto

LONGEST_CODE: Final = 32


def spelt_code(code: str) -> str:
    """The one spelling of a code: as printed, in upper case."""
    return crypto.normalised(code)[:LONGEST_CODE].upper()
