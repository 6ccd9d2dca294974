"""One bad request, and what is wrong in more rooms than one."""

from dataclasses import dataclass, field
from typing import Any, Final

from isolation.documents import OMIT
from isolation.slots import Ask
from kernel.ids import public_id

REFUSED: Final = frozenset({"VALIDATION"})
UNKNOWN: Final = frozenset({"NOT_FOUND"})
MALFORMED: Final = frozenset({"BAD_USER_INPUT"})


@dataclass(frozen=True)
class Bad:
    """One bad request: how it differs from a right one, and the code that it must get."""

    mutation: str
    about: str
    codes: frozenset[str] | set[str]
    changes: dict[str, Any] = field(default_factory=dict)
    """By the path inside `input`, with dots; a callable is given the `Ask`."""
    by: str = ""
    clock: str = ""
    """How far the platform's clock is moved first."""

    def __str__(self) -> str:
        return f"{self.mutation}: {self.about}"


def other_kind(ask: Ask) -> str:
    """A good id, of a product."""
    return public_id("prd", ask.town.goods.product_id)


def of_any_key(mutation: str) -> list[Bad]:
    """What is wrong with an idempotency key is wrong wherever there is one."""
    return [
        Bad(mutation, "an empty key", REFUSED, {"idempotencyKey": ""}),
        Bad(mutation, "a key of 129 characters", REFUSED, {"idempotencyKey": "k" * 129}),
        Bad(mutation, "no key", MALFORMED, {"idempotencyKey": OMIT}),
    ]


def of_any_amount(mutation: str, name: str = "amount") -> list[Bad]:
    """What is wrong with an amount of money is wrong wherever there is one."""
    return [
        Bad(mutation, "less than nothing", REFUSED, {f"{name}.amountMinor": -1}),
        Bad(mutation, "2^53", MALFORMED, {f"{name}.amountMinor": 2**53}),
        Bad(mutation, "another currency", REFUSED, {f"{name}.currency": "USD"}),
    ]
