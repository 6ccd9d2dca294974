"""On which terms a shop buys and sells to one buyer: the books of its path, put together.

Most buyers see what strangers see. Whose prices differ is said by a `BuyerClass`, which the
statement that reads the path's versions gives with them: a buyer who has just been given another
tier, or a secret price, is of another class in the next statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from tenants.directory import Shop
from tenants.price_books import SecretBook, TenantBook, path_books, secret_book
from tenants.pricing import (
    EARNING_DEPTH,
    Audience,
    ForKind,
    Layer,
    PathLevel,
    RuleBook,
    quantity_breaks,
)

CLASS_OF_CUSTOMER: Final = """
(select tier_id from customers where id = {customer}) as tier_id,
exists (select from price_rules where customer_id = {customer}) as has_secret_prices
"""
"""In a statement in the shop's own scope, whose fence it has: what makes a customer's class."""

_Wanted = Sequence[tuple[ForKind, UUID | None]]


class BuyerClass(NamedTuple):
    """What decides, of a buyer, which prices it sees in a shop.

    `customer_id` only of a customer with secret prices. Guests, and customers without a tier, are
    strangers alike.
    """

    tier_id: UUID | None = None
    customer_id: UUID | None = None

    @classmethod
    def of(cls, customer_id: UUID | None, row: Mapping[str, Any]) -> "BuyerClass":
        """Make the class of a customer out of a row with `CLASS_OF_CUSTOMER`; None is a guest."""
        if customer_id is None:
            return STRANGER
        return cls(row["tier_id"], customer_id if row["has_secret_prices"] else None)


STRANGER: Final = BuyerClass()


@dataclass(frozen=True, eq=False)
class PathTerms:
    """The rules of a path for one class of buyers of its shop, at one version of each level."""

    books: tuple[TenantBook, ...]
    buyer: BuyerClass = STRANGER
    secrets: SecretBook | None = None

    @cached_property
    def levels(self) -> tuple[PathLevel, ...]:
        """Each tenant's rules that concern its child on the path, and the shop's for the buyer."""
        children = (*self.books[1:], None)
        return tuple(
            _level(book, child=child, retail_rules=self._retail_rules(book))
            for book, child in zip(self.books, children, strict=True)
        )

    @property
    def payment_methods(self) -> tuple[str, ...]:
        """By what the shop may be paid."""
        return self.books[-1].payment_methods

    @property
    def cumulative_cap_bp(self) -> int | None:
        """How far a retail price may exceed the platform's own."""
        return self.books[0].cumulative_cap_bp

    @property
    def earning_depth(self) -> int:
        """How many agents of the path earn on a sale."""
        depth = self.books[0].earning_depth
        return EARNING_DEPTH if depth is None else depth

    def breaks_on(self, sku_id: UUID) -> tuple[int, ...]:
        """The numbers of pieces, above one, from which on a SKU may have another price."""
        return quantity_breaks(self.levels, sku_id)

    def reached_break(self, sku_id: UUID, quantity: int) -> int:
        """The largest of these numbers within a quantity, else 1: all that a price knows of it."""
        if quantity == 1:
            return 1
        return max((one for one in self.breaks_on(sku_id) if one <= quantity), default=1)

    def _retail_rules(self, book: TenantBook) -> RuleBook:
        """The shop's for the buyer; what those above it ask everyone is what they suggest."""
        if book is not self.books[-1]:
            return _rules(book, Audience.RETAIL, [(ForKind.EVERYONE, None)])
        wanted: list[tuple[ForKind, UUID | None]] = [
            (ForKind.PROMOTION, None),
            (ForKind.EVERYONE, None),
        ]
        if self.buyer.tier_id is not None:
            wanted.append((ForKind.TIER, self.buyer.tier_id))
        secret = {} if self.secrets is None else {ForKind.CUSTOMER: self.secrets.layer}
        return _rules(book, Audience.RETAIL, wanted, also=secret)


def _level(book: TenantBook, *, child: TenantBook | None, retail_rules: RuleBook) -> PathLevel:
    wanted: list[tuple[ForKind, UUID | None]] = [(ForKind.EVERYONE, None)]
    if child is not None:
        wanted.append((ForKind.CHILD, child.tenant_id))
        if child.grade_id is not None:
            wanted.append((ForKind.GRADE, child.grade_id))
    return PathLevel(
        tenant_id=book.tenant_id,
        wholesale_rules=_rules(book, Audience.WHOLESALE, wanted),
        retail_rules=retail_rules,
        min_margin_minor=book.min_margin_minor,
        max_markup_bp=book.max_markup_bp,
    )


def _rules(
    book: TenantBook,
    audience: Audience,
    wanted: _Wanted,
    *,
    also: Mapping[ForKind, Layer] | None = None,
) -> RuleBook:
    found = {
        for_kind: layer
        for for_kind, for_id in wanted
        if (layer := book.layers.get((audience, for_kind, for_id))) is not None
    }
    return RuleBook.of_layers(audience, {**found, **(also or {})})


async def path_terms(
    shop: Shop, versions: Sequence[int], buyer: BuyerClass = STRANGER
) -> PathTerms | None:
    """The terms of a shop for a class of buyers, exactly as they were at these versions.

    None when something has changed since. No statement when the process has the books; else one
    for those of the path, and one for the buyer's own.
    """
    books = await path_books(shop, versions)
    if books is None:
        return None
    secrets = None
    if buyer.customer_id is not None:
        secrets = await secret_book(shop, buyer.customer_id, books[-1].version)
        if secrets is None:
            return None
    return PathTerms(books, buyer, secrets)
