"""Before a change of prices is written: would it break a guard for anything that it touches?

A rule is tried for whom it is for, on each SKU that it may price at some time, at each number of
pieces at which its price may be another. What a child makes of its own price is the child's
business: were it asked, one low fixed price below would forbid the shop to ever raise its own. Such
a price is hidden in the child's shop, and the child is told (`alerts.py`); the dry run says so
before (`impact.py`).

Nothing is locked while this looks. The change is written afterwards, in a moment, on the condition
that the shop's own version is the one that was looked at (`writing.py`). What changes above
meanwhile is for the guards at the time of the quote, which nothing gets round.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import Final, NamedTuple
from uuid import UUID

from kernel.errors import Refusal
from offers.price_desk.changes import EVERYONES, Change
from offers.price_desk.evaluation import Ground, ground_of
from offers.price_desk.goods import FIRST, DeskSku, Portion, portions
from offers.price_desk.own_rules import Candidate, DeskLayer, LayerKey, OwnRules
from tenants.directory import Shop
from tenants.pricing import Audience, Broken, Guard, PriceRule, RuleBook, quantity_breaks

_NO_LAYER: Final = DeskLayer(())
_LAYERS_AT_ONCE: Final = 50


class GuardBroken(Refusal):
    """A price would break a guard; `details` name the guard, how many SKUs, and one of them.

    No amount is told: a limit may follow from what somebody else pays.
    """


class PriceFloorViolation(GuardBroken):
    """G2: a retail price below a floor or above a ceiling."""

    code = "PRICE_FLOOR_VIOLATION"


class MarkupCapExceeded(GuardBroken):
    """G4: more is added to the cost than may be."""

    code = "MARKUP_CAP_EXCEEDED"


class MarginNegative(GuardBroken):
    """G1, G3, G5: the price does not cover the cost and what else must be paid out of it."""

    code = "MARGIN_NEGATIVE"


class RestlessPrices(Refusal):
    """The prices were changed by somebody else each time they were looked at."""

    code = "PRICE_CHANGED"


class BrokenPrice(NamedTuple):
    """A guard that a change breaks: of which SKU, for whom, and by which rule; None is none."""

    sku: DeskSku
    layer: LayerKey
    rule: PriceRule | None
    guard: Guard


@dataclass(frozen=True)
class Trial:
    """The shop's prices before and after a change, on one ground."""

    ground: Ground
    before: OwnRules
    after: OwnRules
    change: Change
    layers: frozenset[LayerKey]
    """Those whom the change touches."""

    async def broken(self, sku: DeskSku) -> AsyncIterator[BrokenPrice]:
        """Name what the change breaks for a SKU, one guard of each layer that was whole before.

        Other requests have their turns meanwhile: a shop may have rules for thousands of buyers.
        """
        changed, ground = self.change.ranged(sku), self._ground_after
        face_value_minor = ground.face_value_minor(sku)
        for number, key in enumerate(self.layers):
            if number % _LAYERS_AT_ONCE == 0:
                await asyncio.sleep(0)
            before = list(_layer(self.before, key).candidates(sku, face_value_minor))
            after = list(_layer(self.after, key).candidates(sku, face_value_minor))
            if self.change.is_of_rules_alone:  # whoever is asked as before, asks as before
                after = [one for one in after if one not in before]
            broken = _broken(ground, changed, key, after)
            if broken is not None and (
                self.change.names(sku) or _broken(self.ground, sku, key, before) is None
            ):
                yield broken

    @cached_property
    def _ground_after(self) -> Ground:
        margin_minor = self.change.min_margin_minor
        if margin_minor is None:
            return self.ground
        return self.ground.with_own(replace(self.ground.own, min_margin_minor=margin_minor))


async def require_guards(shop: Shop, change: Change, before: OwnRules) -> None:
    """Raise the refusal of the first guard that the change breaks, with how many SKUs it breaks.

    Raises `RestlessPrices` when the shop's rules are no longer those of `before`.
    """
    by_guard: dict[Guard, list[str]] = {}
    async for _, found in tried(shop, change, before):
        for _, of_sku in groupby(found, key=lambda one: one.sku.id):
            first = next(of_sku)  # a SKU counts once
            by_guard.setdefault(first.guard, []).append(first.sku.code)
    if by_guard:
        raise _refusal(by_guard, change)


async def tried(
    shop: Shop, change: Change, before: OwnRules, *, after: UUID = FIRST
) -> AsyncIterator[tuple[Portion, list[BrokenPrice]]]:
    """Try a change on everything that it touches behind a SKU, and tell what each portion of the
    goods has broken.

    Raises `RestlessPrices` when the shop's rules are no longer those of `before`.
    """
    rules, layers = change.rules_after(before), frozenset(change.touched_layers(before))
    async for portion in portions(shop, change.touched(before), after=after):
        ground = await ground_of(shop, portion)
        if ground is None or portion.versions[-2] != before.version:
            raise RestlessPrices("The prices were changed meanwhile: try again.")
        trial = Trial(ground, before, rules, change, layers)
        yield portion, [one for sku in portion.skus async for one in trial.broken(sku)]


def refusal_of(guard: Guard) -> type[GuardBroken]:
    """Which refusal a broken guard is."""
    if guard is Guard.G2:
        return PriceFloorViolation
    return MarkupCapExceeded if guard in (Guard.G4, Guard.RANGE) else MarginNegative


def _refusal(by_guard: dict[Guard, list[str]], change: Change) -> GuardBroken:
    guard, codes = max(by_guard.items(), key=lambda item: len(item[1]))
    details: dict[str, int | str] = {
        "guard": guard.value,
        "skus": sum(len(found) for found in by_guard.values()),
        "sku": codes[0],
    }
    kind = refusal_of(guard)
    if kind is PriceFloorViolation:
        return PriceFloorViolation(
            "The price would be outside the range that is set for it.",
            field=change.field,
            details=details,
        )
    if kind is MarkupCapExceeded:
        return MarkupCapExceeded(
            "The markup would be higher than is allowed.", field=change.field, details=details
        )
    return MarginNegative(
        "The price would not cover the cost and the least margin.",
        field=change.field,
        details=details,
    )


def _layer(rules: OwnRules, key: LayerKey) -> DeskLayer:
    return rules.layers.get(key, _NO_LAYER)


def _broken(
    ground: Ground, sku: DeskSku, key: LayerKey, candidates: Iterable[Candidate]
) -> BrokenPrice | None:
    """What a price for these buyers or children would break, if anything."""
    for candidate in candidates:
        if candidate.rule is None and key not in EVERYONES:
            continue  # who is named nowhere here is asked what everyone is asked
        for quantity in _quantities(ground, sku, candidate):
            guard = _broken_at(ground, sku, key[0], candidate.rule, quantity)
            if guard is not None:
                return BrokenPrice(sku, key, candidate.rule, guard)
    return None


def _quantities(ground: Ground, sku: DeskSku, candidate: Candidate) -> list[int]:
    return candidate.quantities(quantity_breaks(ground.levels, sku.id))


def _broken_at(
    ground: Ground, sku: DeskSku, audience: Audience, rule: PriceRule | None, quantity: int
) -> Guard | None:
    """The guard that the rule breaks when no offer of the SKU is left with a price by it.

    One offer that is dearer than the others may drop out: else a supplier's high price could
    forbid every rule. An offer that broke higher up is not of our doing.
    """
    book = RuleBook.of(() if rule is None else (rule,))
    own: Guard | None = None
    for offer in sku.offers:
        if audience is Audience.WHOLESALE:
            result = ground.wholesale(sku, offer, book, quantity=quantity)
        else:
            level = replace(ground.own, retail_rules=book)
            result = ground.with_own(level).retail(sku, offer, quantity=quantity)
        if not isinstance(result, Broken):
            return None
        if result.level == ground.own_level:
            own = own or result.guard
    return own
