"""The steps that make one price, which add up to it, and the limits that it keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from kernel.money import BASIS_POINTS, share_bp_floor
from offers.price_desk.evaluation import Ground
from offers.price_desk.goods import DeskSku
from offers.statements import Row
from tenants.pricing import (
    Broken,
    Guard,
    PathLevel,
    PriceInputs,
    PriceRule,
    Rounding,
    RuleBook,
    charge_minor,
    most_specific,
    price,
    with_suggestions,
)


class StepKind(StrEnum):
    """What made a part of the price.

    SUPPLY_PRICE    what the supplier takes (operators only)
    PURCHASE_PRICE  what the shop itself pays
    RULE            what a rule adds to the cost, or takes off it
    PASSED_ON       no rule: the cost goes through
    SUGGESTED       no rule of the shop's own: what the shop above asks
    ROUNDING        what the rule's rounding adds
    DISCOUNT        what a coupon takes off the whole line, and one payer bears
    """

    SUPPLY_PRICE = "SUPPLY_PRICE"
    PURCHASE_PRICE = "PURCHASE_PRICE"
    RULE = "RULE"
    PASSED_ON = "PASSED_ON"
    SUGGESTED = "SUGGESTED"
    ROUNDING = "ROUNDING"
    DISCOUNT = "DISCOUNT"


class BoundKind(StrEnum):
    """What a price must not pass."""

    COST = "COST"
    LEAST_MARGIN = "LEAST_MARGIN"
    FLOOR = "FLOOR"
    CEILING = "CEILING"
    MARKUP_CAP = "MARKUP_CAP"
    CUMULATIVE_CAP = "CUMULATIVE_CAP"
    CHARGES = "CHARGES"


@dataclass(frozen=True, slots=True)
class PriceStep:
    """One part of a price, in minor units; `after_minor` is the sum up to here.

    `depth` is the level whose doing it is, the platform's being 0; `funder` and `coupon_code` say
    who bears what is taken off, and why, None where the price itself is made.
    """

    kind: StepKind
    delta_minor: int
    after_minor: int
    depth: int
    rule: PriceRule | None = None
    funder: str | None = None
    coupon_code: str | None = None


@dataclass(frozen=True, slots=True)
class PriceBound:
    """A limit on the price and whether it holds; its amount where the reader may know it."""

    kind: BoundKind
    guard: Guard
    limit_minor: int | None
    holds: bool


@dataclass(frozen=True, slots=True)
class PriceExplanation:
    """The steps, the limits and the outcome, for one piece of a line of `quantity`.

    `price_minor` is the sum of the steps' deltas; `broken` names the guard that keeps it hidden.
    None where the goods cannot be had at all, which is somebody else's doing further up.
    `adjustments` are what coupons take off the whole line: `paid_minor` is what is left of it.
    """

    sku_id: UUID
    sku_code: str
    quantity: int
    steps: tuple[PriceStep, ...]
    bounds: tuple[PriceBound, ...]
    price_minor: int | None
    broken: Guard | None
    adjustments: tuple[PriceStep, ...] = ()

    @property
    def line_minor(self) -> int | None:
        """What the line costs before any coupon; None where it cannot be bought."""
        is_shown = self.price_minor is not None and self.broken is None
        return self.price_minor * self.quantity if is_shown and self.price_minor else None

    @property
    def paid_minor(self) -> int | None:
        """What the line costs after them."""
        return self.adjustments[-1].after_minor if self.adjustments else self.line_minor


@dataclass(frozen=True, slots=True)
class Case:
    """What is explained: one offer of a SKU on its ground, for a buyer or a child."""

    ground: Ground
    sku: DeskSku
    offer: Row
    quantity: int
    book: RuleBook
    to_child: bool
    whole_chain: bool

    @property
    def inputs(self) -> PriceInputs:
        """The inputs of the retail price; those of a child's cost are the same further up."""
        level = self.ground.own
        if not self.to_child:
            level = replace(level, retail_rules=self.book)
        inputs = self.ground.with_own(level).inputs(self.sku, self.offer, quantity=self.quantity)
        return with_suggestions(inputs)


def explained(case: Case) -> PriceExplanation:
    """Take a price apart."""
    steps = tuple(_steps(case))
    price_minor = steps[-1].after_minor if steps else None
    bounds = () if price_minor is None else tuple(_bounds(case, price_minor))
    return PriceExplanation(
        sku_id=case.sku.id,
        sku_code=case.sku.code,
        quantity=case.quantity,
        steps=steps,
        bounds=bounds,
        price_minor=price_minor,
        broken=_broken(case) if steps else None,
    )


def _broken(case: Case) -> Guard | None:
    """The guard of the shop's own level that keeps the price hidden."""
    if case.to_child:
        result = case.ground.wholesale(case.sku, case.offer, case.book, quantity=case.quantity)
    else:
        result = price(case.inputs)
    is_own = isinstance(result, Broken) and result.level == case.ground.own_level
    return result.guard if is_own and isinstance(result, Broken) else None


def _steps(case: Case) -> Iterator[PriceStep]:
    cost_minor = case.ground.own_cost_minor(case.sku, case.offer, quantity=case.quantity)
    if cost_minor is None:
        return
    depth = case.ground.own_level
    if case.whole_chain:
        yield from _chain(case)
    else:
        yield PriceStep(StepKind.PURCHASE_PRICE, cost_minor, cost_minor, depth)
    suggested_minor = None if case.to_child else case.inputs.suggested_retail_minor
    after_minor = cost_minor
    for step in _made_by_rule(case, case.book, cost_minor, depth, suggested_minor):
        after_minor = step.after_minor
        yield step
    odd_minor = -after_minor % case.inputs.retail_step_minor
    if odd_minor and not case.to_child:
        yield PriceStep(StepKind.ROUNDING, odd_minor, after_minor + odd_minor, depth)


def _chain(case: Case) -> Iterator[PriceStep]:
    """How the shop's own cost came about, level by level."""
    inputs = case.inputs
    cost_minor = inputs.supply_price_minor
    assert cost_minor is not None  # there is a cost at the end
    yield PriceStep(StepKind.SUPPLY_PRICE, cost_minor, cost_minor, 0)
    for depth, level in enumerate(inputs.levels[:-1]):
        earns = depth <= inputs.earning_depth
        book = level.wholesale_rules if earns else RuleBook()
        for step in _made_by_rule(case, book, cost_minor, depth, None):
            cost_minor = step.after_minor
            yield step


def _made_by_rule(
    case: Case, book: RuleBook, cost_minor: int, depth: int, suggested_minor: int | None
) -> Iterator[PriceStep]:
    """What one level makes of its cost: a rule and its rounding, or what holds without one."""
    asked = case.inputs.asked
    rule = most_specific(book, asked)
    if rule is None:
        kind = StepKind.PASSED_ON if suggested_minor is None else StepKind.SUGGESTED
        after_minor = cost_minor if suggested_minor is None else suggested_minor
        yield PriceStep(kind, after_minor - cost_minor, after_minor, depth)
        return
    face = asked.face_value_minor
    exact = replace(rule, rounding=Rounding.NONE)
    plain_minor = charge_minor(exact, cost_minor=cost_minor, face_value_minor=face)
    final_minor = charge_minor(rule, cost_minor=cost_minor, face_value_minor=face)
    yield PriceStep(StepKind.RULE, plain_minor - cost_minor, plain_minor, depth, rule)
    if final_minor != plain_minor:
        yield PriceStep(StepKind.ROUNDING, final_minor - plain_minor, final_minor, depth)


def _bounds(case: Case, price_minor: int) -> Iterator[PriceBound]:
    cost_minor = case.ground.own_cost_minor(case.sku, case.offer, quantity=case.quantity)
    assert cost_minor is not None  # there is a price, so there is a cost
    own = case.ground.own
    if case.to_child:
        least_minor = cost_minor + own.min_margin_minor
        yield _at_least(BoundKind.LEAST_MARGIN, Guard.G1, least_minor, price_minor)
    else:
        yield _at_least(BoundKind.COST, Guard.G3, cost_minor, price_minor)
        yield from _retail_bounds(case.inputs, cost_minor, price_minor, told=case.whole_chain)
    yield from _markup_bound(own, cost_minor, price_minor)


def _retail_bounds(
    inputs: PriceInputs, cost_minor: int, price_minor: int, *, told: bool
) -> Iterator[PriceBound]:
    """Floors, ceilings, the cap on all levels together, and what must be paid out of the margin.

    The cap's amount is `told` to operators alone: it follows from what another shop is allowed.
    """
    if inputs.floor_minor is not None:
        yield _at_least(BoundKind.FLOOR, Guard.G2, inputs.floor_minor, price_minor)
    if inputs.ceiling_minor is not None:
        holds = price_minor <= inputs.ceiling_minor
        yield PriceBound(BoundKind.CEILING, Guard.G2, inputs.ceiling_minor, holds)
    suggested_minor, cap_bp = inputs.platform_suggested_minor, inputs.cumulative_cap_bp
    if suggested_minor is not None and cap_bp is not None:
        most = suggested_minor + share_bp_floor(amount_minor=suggested_minor, bp=cap_bp)
        limit_minor = most if told else None
        yield PriceBound(BoundKind.CUMULATIVE_CAP, Guard.G4, limit_minor, price_minor <= most)
    rate_bp = inputs.worst_affiliate_bp + inputs.dearest_channel_fee_bp
    owed_minor = -(-price_minor * rate_bp // BASIS_POINTS)
    yield _at_least(BoundKind.CHARGES, Guard.G5, cost_minor + owed_minor, price_minor)


def _markup_bound(own: PathLevel, cost_minor: int, price_minor: int) -> Iterator[PriceBound]:
    if own.max_markup_bp is not None:
        most = cost_minor + share_bp_floor(amount_minor=cost_minor, bp=own.max_markup_bp)
        yield PriceBound(BoundKind.MARKUP_CAP, Guard.G4, most, price_minor <= most)


def _at_least(kind: BoundKind, guard: Guard, limit_minor: int, price_minor: int) -> PriceBound:
    return PriceBound(kind, guard, limit_minor, price_minor >= limit_minor)
