"""What somebody wants a price rule to say, before anybody has agreed to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from kernel.errors import Invalid, NotFound
from offers.price_desk.own_rules import DeskRule
from offers.price_desk.rule_bounds import MAX_MIN_QUANTITY, MAX_RULE_VALUE, UNITS_MINOR
from tenants.pricing import Audience, ForKind, PriceRule, Rounding, RuleKind, Scope

_AUDIENCE_OF: Final = {
    ForKind.GRADE: Audience.WHOLESALE,
    ForKind.CHILD: Audience.WHOLESALE,
    ForKind.TIER: Audience.RETAIL,
    ForKind.CUSTOMER: Audience.RETAIL,
    ForKind.PROMOTION: Audience.RETAIL,
}


class NoSuchRule(NotFound):
    """There is no such rule, or it is another shop's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """One price rule as it is wished for; `value` in basis points or minor units by its kind."""

    audience: Audience
    scope: Scope
    kind: RuleKind
    value: int = 0
    target_id: UUID | None = None
    for_kind: ForKind = ForKind.EVERYONE
    for_id: UUID | None = None
    rounding: Rounding = Rounding.HALF_UP
    unit_minor: int = 1
    min_quantity: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        """Raise `Invalid` for what no rule may say; the field is the API's."""
        self._check_for_whom()
        self._check_value()
        self._check_reach()

    def _check_for_whom(self) -> None:
        if (self.for_kind is ForKind.EVERYONE) != (self.for_id is None):
            raise Invalid("Say for whom, unless the rule is for everyone.", field="forId")
        if _AUDIENCE_OF.get(self.for_kind, self.audience) is not self.audience:
            raise Invalid(
                "Grades and children buy wholesale, tiers and customers retail.", field="forKind"
            )

    def _check_value(self) -> None:
        if not 0 <= self.value <= MAX_RULE_VALUE:
            raise Invalid("A rule's value is out of range.", field="value")
        positive = self.kind in (RuleKind.ABSOLUTE, RuleKind.PERCENT_OF_FACE)
        if (positive and not self.value) or (self.kind is RuleKind.PASS_THROUGH and self.value):
            raise Invalid("This kind of rule takes another value.", field="value")
        if self.kind is RuleKind.ABSOLUTE and self.scope is not Scope.SKU:
            raise Invalid("A fixed price is for one SKU.", field="scope")
        if self.unit_minor not in UNITS_MINOR:
            raise Invalid("A price is rounded to 1, 10, 100 or 1000 units.", field="unitMinor")

    def _check_reach(self) -> None:
        if (self.scope is Scope.DEFAULT) != (self.target_id is None):
            raise Invalid("Name the SKU or the category that the rule is for.", field="scope")
        if not 1 <= self.min_quantity <= MAX_MIN_QUANTITY:
            raise Invalid(
                f"A quantity break is 1 to {MAX_MIN_QUANTITY} pieces.", field="minQuantity"
            )
        if self.min_quantity > 1 and self.scope is not Scope.SKU:
            raise Invalid("A quantity break is for one SKU.", field="minQuantity")
        if self.starts_at is not None and self.ends_at is not None:
            if self.ends_at <= self.starts_at:
                raise Invalid("A rule ends after it starts.", field="endsAt")
        is_windowed = self.starts_at is not None or self.ends_at is not None
        if self.for_kind is ForKind.PROMOTION and (is_windowed or self.scope is not Scope.SKU):
            raise Invalid("A promotion's rule is for one SKU, for its time.", field="scope")

    def as_rule(self, *, rule_id: UUID, owner_id: UUID) -> DeskRule:
        """Make the rule that would be stored."""
        rule = PriceRule(
            id=rule_id,
            owner_id=owner_id,
            audience=self.audience,
            scope=self.scope,
            target_id=self.target_id,
            kind=self.kind,
            value=self.value,
            rounding=self.rounding,
            unit_minor=self.unit_minor,
            for_kind=self.for_kind,
            for_id=self.for_id,
            min_quantity=self.min_quantity,
        )
        return DeskRule(rule, self.starts_at, self.ends_at)
