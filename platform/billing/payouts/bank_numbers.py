"""A bank account as a party writes it down: checked for what it can be, and for nothing else."""

import re
from dataclasses import dataclass
from typing import Final

from kernel import crypto
from kernel.errors import Invalid

LONGEST_NAME: Final = 80
_NUMBER: Final = re.compile(r"[0-9A-Z]{8,34}")  # a card's or an account's number, or an IBAN
#: What spreadsheets take for the beginning of a formula.
_FORMULA: Final = tuple("=+-@")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Holder, number and bank in one spelling; the number without spaces."""

    holder: str
    number: str
    bank: str

    @classmethod
    def written(cls, *, holder: str, number: str, bank: str) -> "BankAccount":
        """Read what was written; `Invalid`, which names the field, for what no bank would take."""
        return cls(_name(holder, field="holder"), _number(number), _name(bank, field="bank"))


def _name(text: str, *, field: str) -> str:
    name = crypto.normalised(text)
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()) or name.startswith(_FORMULA):
        raise Invalid(
            f"A name at a bank has 1 to {LONGEST_NAME} printable characters, and no formula.",
            field=field,
        )
    return name


def _number(text: str) -> str:
    number = "".join(crypto.normalised(text[:200]).upper().replace("-", " ").split())
    if _NUMBER.fullmatch(number) is None:
        raise Invalid("An account number has 8 to 34 digits and letters.", field="number")
    return number
