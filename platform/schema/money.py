"""Money and the scalars of the schema."""

from functools import lru_cache
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from kernel import money

MinorUnits = NewType("MinorUnits", int)


def _minor_units(value: object) -> int:
    if type(value) is not int:
        raise GraphQLError("MinorUnits is a whole number.")
    if abs(value) > money.MAX_AMOUNT_MINOR:
        raise GraphQLError("MinorUnits is at most 2^53 - 1.")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    MinorUnits: strawberry.scalar(
        name="MinorUnits",
        description="Whole minor units (分, cents) as a JSON integer, at most 2^53 - 1.",
        parse_value=_minor_units,
    )
}


@strawberry.type(description="An amount with its currency; never a float.")
class Money:
    """`amount_minor` in minor units of `currency`."""

    amount_minor: MinorUnits
    currency: str

    @strawberry.field(description="For people, ¥105.00; the locale is zh-CN or en.")
    def formatted(self, locale: str | None = None) -> str:
        """Write the amount for people."""
        chosen = "en" if (locale or "").startswith("en") else "zh-CN"
        return _formatted(self.amount_minor, self.currency, chosen)


@lru_cache(maxsize=10_000)
def _formatted(amount_minor: int, currency: str, locale: str) -> str:
    """Writing an amount costs more than all else of a price, and a shop has few prices."""
    return money.format_money(money.Money(amount_minor, currency), locale)


@strawberry.input(description="An amount; its currency must be the shop's.")
class MoneyInput:
    """`amount_minor` in minor units of `currency`."""

    amount_minor: MinorUnits
    currency: str


def amount(amount_minor: int, currency: str) -> Money:
    """Wrap an amount for the schema."""
    return Money(amount_minor=MinorUnits(amount_minor), currency=currency)
