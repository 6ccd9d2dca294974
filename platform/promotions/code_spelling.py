"""The one spelling of a coupon's code."""

from kernel import crypto


def spelt_code(code: str) -> str:
    """The one spelling of a code: as printed, in upper case."""
    return crypto.normalised(code).upper()
