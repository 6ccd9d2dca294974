"""A shop's level of a path with other rules than it has."""

from dataclasses import dataclass, replace
from uuid import UUID

from offers.price_desk.own_rules import OwnRules
from tenants.pricing import Audience, ForKind, Layer, PathLevel, RuleBook


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks in a shop: a stranger, somebody of a tier, or one customer."""

    tier_id: UUID | None = None
    customer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """A direct child, and the grade that it has."""

    id: UUID
    grade_id: UUID | None = None


def level_for_child(level: PathLevel, own: OwnRules, child: Child) -> PathLevel:
    """The shop's level on the way to one child, and to everybody below that child.

    The shop's retail rules are what they are to a child: for everyone, and without promotions.
    """
    return replace(
        level,
        wholesale_rules=wholesale_book(own, child),
        retail_rules=RuleBook.of(own.in_force((Audience.RETAIL, ForKind.EVERYONE, None))),
    )


def level_for_buyer(level: PathLevel, own: OwnRules, buyer: Buyer) -> PathLevel:
    """The shop's level at the end of its own path, for somebody who buys there."""
    return replace(level, retail_rules=retail_book(own, buyer))


def wholesale_book(own: OwnRules, child: Child) -> RuleBook:
    """What the shop charges one child, by the rules in force."""
    layers = {ForKind.EVERYONE: _layer(own, Audience.WHOLESALE, ForKind.EVERYONE, None)}
    layers[ForKind.CHILD] = _layer(own, Audience.WHOLESALE, ForKind.CHILD, child.id)
    if child.grade_id is not None:
        layers[ForKind.GRADE] = _layer(own, Audience.WHOLESALE, ForKind.GRADE, child.grade_id)
    return RuleBook.of_layers(Audience.WHOLESALE, layers)


def retail_book(own: OwnRules, buyer: Buyer) -> RuleBook:
    """What the shop asks one buyer, by the rules in force."""
    layers = {
        ForKind.EVERYONE: _layer(own, Audience.RETAIL, ForKind.EVERYONE, None),
        ForKind.PROMOTION: own.promotions_in_force(),
    }
    if buyer.tier_id is not None:
        layers[ForKind.TIER] = _layer(own, Audience.RETAIL, ForKind.TIER, buyer.tier_id)
    if buyer.customer_id is not None:
        layers[ForKind.CUSTOMER] = _layer(own, Audience.RETAIL, ForKind.CUSTOMER, buyer.customer_id)
    return RuleBook.of_layers(Audience.RETAIL, layers)


def _layer(own: OwnRules, audience: Audience, for_kind: ForKind, for_id: UUID | None) -> Layer:
    return Layer.of(own.in_force((audience, for_kind, for_id)))
