"""Random tenant paths, and a slow second opinion on their prices that shares no arithmetic.

`Tree` keeps the rules as plain lists; `priced_by_fractions` reads them line by line, in exact
fractions, as the trade would on paper.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from hypothesis import strategies as st

from tenants.pricing import (
    Audience,
    PathLevel,
    PriceInputs,
    PriceRule,
    Rounding,
    RuleBook,
    RuleKind,
    Scope,
)

SKU = UUID(int=1)
NEAR, MIDDLE, TOP = UUID(int=11), UUID(int=12), UUID(int=13)
CATEGORY_PATH = (NEAR, MIDDLE, TOP)
ELSEWHERE = UUID(int=99)


def tenant(level: int) -> UUID:
    """The tenant at a level of every path in these tests."""
    return UUID(int=1_000 + level)


def a_rule(
    kind: RuleKind = RuleKind.PASS_THROUGH,
    value: int = 0,
    *,
    target: UUID | None = None,
    rounding: Rounding = Rounding.NONE,
    unit_minor: int = 1,
    number: int = 1,
    level: int = 0,
    audience: Audience = Audience.WHOLESALE,
) -> PriceRule:
    """A rule on the SKU, a category, or (without a target) the whole catalogue."""
    scope = Scope.CATEGORY
    if target is None or target == SKU:
        scope = Scope.SKU if target else Scope.DEFAULT
    return PriceRule(
        UUID(int=number), tenant(level), audience, scope, target, kind, value, rounding, unit_minor
    )


@dataclass(frozen=True)
class Tree:
    """The wholesale rules of every level, the shop's retail rules, and the whole price inputs."""

    wholesale: tuple[tuple[PriceRule, ...], ...]
    retail: tuple[PriceRule, ...]
    inputs: PriceInputs

    @property
    def path(self) -> tuple[UUID, ...]:
        """The tenants from the root to the shop."""
        return tuple(level.tenant_id for level in self.inputs.levels)

    @classmethod
    def of_one_root(
        cls,
        *,
        cost_minor: int,
        retail_minor: int,
        worst_affiliate_bp: int,
        dearest_channel_fee_bp: int,
    ) -> "Tree":
        """The root selling for itself, with rates to pay."""
        rule = a_rule(RuleKind.ABSOLUTE, retail_minor, audience=Audience.RETAIL)
        inputs = PriceInputs(
            sku_id=SKU,
            category_path=CATEGORY_PATH,
            face_value_minor=None,
            supply_price_minor=cost_minor,
            levels=(PathLevel(tenant(0), RuleBook.of([]), RuleBook.of([rule])),),
            worst_affiliate_bp=worst_affiliate_bp,
            dearest_channel_fee_bp=dearest_channel_fee_bp,
        )
        return cls(((),), (rule,), inputs)


_values = {
    RuleKind.PERCENT_OVER_COST: st.integers(-20, 3_000),
    RuleKind.FIXED_OVER_COST: st.integers(-20, 5_000),
    RuleKind.ABSOLUTE: st.integers(20_000, 400_000),
    RuleKind.PASS_THROUGH: st.just(0),
}
_usual_kinds = st.sampled_from(
    [RuleKind.PERCENT_OVER_COST] * 6 + [RuleKind.FIXED_OVER_COST] * 5 + list(RuleKind)
)


@st.composite
def _rules(draw: st.DrawFn, level: int, audience: Audience) -> tuple[PriceRule, ...]:
    targets = st.lists(
        st.sampled_from([SKU, NEAR, MIDDLE, TOP, ELSEWHERE, None]), unique=True, max_size=3
    )
    rules = []
    for number, target in enumerate(draw(targets), start=1):
        kind = draw(_usual_kinds)
        rules.append(
            a_rule(
                kind,
                draw(_values[kind]),
                target=target,
                rounding=draw(st.sampled_from(Rounding)),
                unit_minor=draw(st.sampled_from([1, 1, 10, 100])),
                number=number,
                level=level,
                audience=audience,
            )
        )
    return tuple(rules)


def _maybe(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    """Mostly nothing, so that most trees are not refused for their limits."""
    return st.one_of(st.none(), st.none(), st.none(), strategy)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Paths of depth 0 to 5 with rules, limits and rates of every kind."""
    depth = draw(st.integers(0, 5))
    wholesale = tuple(draw(_rules(level, Audience.WHOLESALE)) for level in range(depth + 1))
    retail = draw(_rules(depth, Audience.RETAIL))
    levels = tuple(
        PathLevel(
            tenant_id=tenant(level),
            wholesale_rules=RuleBook.of(wholesale[level]),
            retail_rules=RuleBook.of(retail if level == depth else ()),
            min_margin_minor=draw(st.sampled_from([0, 0, 0, 1, 50])),
            max_markup_bp=draw(_maybe(st.integers(1_000, 9_000))),
        )
        for level in range(depth + 1)
    )
    inputs = PriceInputs(
        sku_id=SKU,
        category_path=CATEGORY_PATH,
        face_value_minor=draw(st.one_of(st.none(), st.integers(1, 100_000))),
        supply_price_minor=draw(st.integers(0, 60_000)),
        levels=levels,
        floor_minor=draw(_maybe(st.integers(0, 30_000))),
        ceiling_minor=draw(_maybe(st.integers(50_000, 500_000))),
        suggested_retail_minor=draw(_maybe(st.integers(20_000, 300_000))),
        platform_suggested_minor=draw(_maybe(st.integers(20_000, 300_000))),
        cumulative_cap_bp=draw(_maybe(st.integers(0, 10_000))),
        worst_affiliate_bp=draw(st.one_of(st.just(0), st.integers(0, 500))),
        dearest_channel_fee_bp=draw(st.one_of(st.just(0), st.integers(0, 300))),
    )
    return Tree(wholesale, retail, inputs)


def priced_by_fractions(tree: Tree) -> tuple[list[int], int, list[tuple[str, int]]]:
    """Costs, retail, and every broken guard with its level, by the book and without hurry."""
    inputs, levels = tree.inputs, tree.inputs.levels
    costs, broken = [inputs.supply_price_minor], list[tuple[str, int]]()
    for number, level in enumerate(levels[:-1]):
        cost = costs[-1]
        charged = _by_the_book(tree.wholesale[number], cost)
        costs.append(cost if charged is None else charged)
        if costs[-1] < cost + level.min_margin_minor:
            broken.append(("G1", number))
        if level.max_markup_bp is not None and costs[-1] > _with(cost, level.max_markup_bp):
            broken.append(("G4", number))
    retail = _by_the_book(tree.retail, costs[-1])
    if retail is None:
        suggested = inputs.suggested_retail_minor
        retail = costs[-1] if suggested is None else suggested
    broken += [(guard, len(levels) - 1) for guard in _retail_guards(inputs, costs[-1], retail)]
    return costs, retail, broken


def _retail_guards(inputs: PriceInputs, cost: int, retail: int) -> list[str]:
    too_low = inputs.floor_minor is not None and retail < inputs.floor_minor
    too_high = inputs.ceiling_minor is not None and retail > inputs.ceiling_minor
    markup = inputs.levels[-1].max_markup_bp
    over = markup is not None and retail > _with(cost, markup)
    suggested, cap = inputs.platform_suggested_minor, inputs.cumulative_cap_bp
    if suggested is not None and cap is not None:
        over = over or retail > _with(suggested, cap)
    rates = inputs.worst_affiliate_bp + inputs.dearest_channel_fee_bp
    unpaid = retail - cost < Fraction(retail * rates, 10_000)
    verdicts = {"G3": retail < cost, "G2": too_low or too_high, "G4": over, "G5": unpaid}
    return [guard for guard, is_broken in verdicts.items() if is_broken]


def _with(amount: int, bp: int) -> Fraction:
    return amount * (1 + Fraction(bp, 10_000))


def _by_the_book(rules: tuple[PriceRule, ...], cost: int) -> int | None:
    for target in (SKU, *CATEGORY_PATH, None):
        for rule in rules:
            if rule.target_id == target:
                return _rounded(rule, _exact(rule, cost))
    return None


def _exact(rule: PriceRule, cost: int) -> Fraction:
    match rule.kind:
        case RuleKind.PERCENT_OVER_COST:
            return _with(cost, rule.value)
        case RuleKind.FIXED_OVER_COST:
            return Fraction(cost + rule.value)
        case RuleKind.ABSOLUTE:
            return Fraction(rule.value)
        case RuleKind.PASS_THROUGH:
            return Fraction(cost)


def _rounded(rule: PriceRule, exact: Fraction) -> int:
    unit = rule.unit_minor
    match rule.rounding:
        case Rounding.NONE:
            return math.floor(exact + Fraction(1, 2))
        case Rounding.HALF_UP:
            return math.floor(exact / unit + Fraction(1, 2)) * unit
        case Rounding.UP:
            return math.ceil(exact / unit) * unit
        case Rounding.ENDING_9:
            units = math.ceil(exact / unit)
            while units % 10 != 9:
                units += 1
            return units * unit
