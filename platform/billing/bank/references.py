"""The reference on a transfer: by it a bank's line finds the payment that it is for."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from kernel import clear_codes, crypto

LENGTH: Final = 12
"""11 letters of 23 and the check: 10^15 references."""


def reference_of(payment_id: UUID) -> str:
    """Return the one reference of a payment; it cannot be computed by anybody else."""
    return clear_codes.code_of(
        crypto.derived_token("ref", f"bank-reference:{payment_id}").encode(), LENGTH
    )


def references_in(message: str) -> Iterator[str]:
    """Give everything in a transfer's message that may be a reference of ours."""
    return clear_codes.codes_in(message, LENGTH)
