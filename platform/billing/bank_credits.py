"""Bank transfers that an operator has credited: each once, to whomever and for whatever."""

from typing import Final
from uuid import UUID

from kernel import crypto, db
from kernel.errors import Invalid

LONGEST_REFERENCE: Final = 64
ONCE: Final = "bank_credits_pkey"
"""The constraint that a second credit of one transfer breaks."""


def checked_reference(text: str) -> str:
    """Give a bank's reference in its one spelling. Raises `Invalid`."""
    reference = crypto.normalised(text)
    if not (1 <= len(reference) <= LONGEST_REFERENCE and reference.isprintable()):
        raise Invalid(
            f"A reference has 1 to {LONGEST_REFERENCE} printable characters.",
            field="bankReference",
        )
    return reference


async def note(reference: str, *, posting_id: UUID) -> None:
    """Note what was just posted for a transfer; a unique violation (`ONCE`) for a second time."""
    await db.execute(
        "insert into bank_credits (bank_reference, posting_id) values ($1, $2)",
        reference,
        posting_id,
    )
