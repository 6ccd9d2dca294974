"""Random tenant paths, and a slow second opinion on their prices that shares no arithmetic.

`Tree` keeps the rules as plain lists, those of other buyers and children among them;
`priced_by_fractions` reads them line by line, in exact fractions, as the trade would on paper.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from uuid import UUID

from hypothesis import strategies as st

from tenants.path_terms import STRANGER, BuyerClass, PathTerms
from tenants.price_books import SecretBook, TenantBook, layers_of
from tenants.pricing import (
    Audience,
    ForKind,
    Layer,
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
GOLD, SILVER = UUID(int=21), UUID(int=22)
"""Grades and tiers, as it comes."""
ALICE, BOB = UUID(int=31), UUID(int=32)
OLD, NEW = UUID(int=41), UUID(int=42)
"""Promotions that run, and since when."""
RUNS_SINCE = {OLD: datetime(2026, 1, 1, tzinfo=UTC), NEW: datetime(2026, 2, 1, tzinfo=UTC)}
SOMEBODY_ELSE = UUID(int=1_999)

Whom = tuple[ForKind, UUID | None]


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
    whom: Whom = (ForKind.EVERYONE, None),
    min_quantity: int = 1,
) -> PriceRule:
    """A rule on the SKU, a category, or (without a target) the whole catalogue."""
    scope = Scope.CATEGORY
    if target is None or target == SKU:
        scope = Scope.SKU if target else Scope.DEFAULT
    for_kind, for_id = whom
    return PriceRule(
        UUID(int=number),
        tenant(level),
        audience,
        scope,
        target,
        kind,
        value,
        rounding,
        unit_minor,
        for_kind,
        for_id,
        min_quantity,
        RUNS_SINCE[for_id] if for_kind is ForKind.PROMOTION and for_id else None,
    )


@dataclass(frozen=True)
class Tree:
    """All rules of every level, the grades its tenants have, who buys, and the price inputs."""

    rules: tuple[tuple[PriceRule, ...], ...]
    inputs: PriceInputs
    grades: tuple[UUID | None, ...] = (None,)
    buyer: BuyerClass = field(default=STRANGER)

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
        return cls(((rule,),), inputs)


_values = {
    RuleKind.PERCENT_OVER_COST: st.integers(-20, 3_000),
    RuleKind.FIXED_OVER_COST: st.integers(-20, 5_000),
    RuleKind.PERCENT_OF_FACE: st.integers(1, 40_000),
    RuleKind.ABSOLUTE: st.integers(20_000, 400_000),
    RuleKind.PASS_THROUGH: st.just(0),
}
_usual_kinds = st.sampled_from(
    [RuleKind.PERCENT_OVER_COST] * 6 + [RuleKind.FIXED_OVER_COST] * 5 + list(RuleKind)
)
_wholesale_whom: list[Whom] = [
    (ForKind.GRADE, GOLD),
    (ForKind.GRADE, SILVER),
    (ForKind.CHILD, SOMEBODY_ELSE),
]
_retail_whom: list[Whom] = [
    (for_kind, for_id)
    for for_kind, ids in (
        (ForKind.TIER, (GOLD, SILVER)),
        (ForKind.CUSTOMER, (ALICE, BOB)),
        (ForKind.PROMOTION, (OLD, NEW)),
    )
    for for_id in ids
]


@st.composite
def _rules(draw: st.DrawFn, level: int, audience: Audience) -> tuple[PriceRule, ...]:
    whom = _retail_whom
    if audience is Audience.WHOLESALE:
        whom = [*_wholesale_whom, (ForKind.CHILD, tenant(level + 1))]
    everyone: Whom = (ForKind.EVERYONE, None)
    seats = st.tuples(
        st.sampled_from([everyone, everyone, *whom]),
        st.sampled_from([SKU, SKU, NEAR, MIDDLE, TOP, ELSEWHERE, None]),
        st.sampled_from([1, 1, 10, 50]),
    )
    taken, rules = set[tuple[object, ...]](), []
    for number, (for_whom, target, quantity) in enumerate(draw(st.lists(seats, max_size=5)), 1):
        on = SKU if for_whom[0] is ForKind.PROMOTION else target
        least = quantity if on == SKU else 1
        if (for_whom, on, least) in taken:
            continue
        taken.add((for_whom, on, least))
        kind = draw(_usual_kinds)
        rules.append(
            a_rule(
                kind,
                draw(_values[kind]),
                target=on,
                rounding=draw(st.sampled_from(Rounding)),
                unit_minor=draw(st.sampled_from([1, 1, 10, 100])),
                number=number,
                level=level,
                audience=audience,
                whom=for_whom,
                min_quantity=least,
            )
        )
    return tuple(rules)


def _maybe(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    """Mostly nothing, so that most trees are not refused for their limits."""
    return st.one_of(st.none(), st.none(), st.none(), strategy)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Paths of depth 0 to 5 with rules for all kinds of people, limits and rates of every kind."""
    depth = draw(st.integers(0, 5))
    rules = tuple(
        draw(_rules(level, Audience.WHOLESALE)) + draw(_rules(level, Audience.RETAIL))
        for level in range(depth + 1)
    )
    grades = (None, *(draw(st.sampled_from([None, GOLD, SILVER])) for _ in range(depth)))
    books = tuple(
        _book(
            level,
            rules[level],
            grade_id=grades[level],
            min_margin_minor=draw(st.sampled_from([0, 0, 0, 1, 50])),
            max_markup_bp=draw(_maybe(st.integers(1_000, 9_000))),
        )
        for level in range(depth + 1)
    )
    buyer = BuyerClass(
        draw(st.sampled_from([None, GOLD, SILVER])), draw(st.sampled_from([None, ALICE]))
    )
    inputs = PriceInputs(
        sku_id=SKU,
        category_path=CATEGORY_PATH,
        face_value_minor=draw(st.one_of(st.none(), st.integers(1, 100_000))),
        supply_price_minor=draw(st.integers(0, 60_000)),
        levels=path_terms(books, rules[-1], buyer).levels,
        floor_minor=draw(_maybe(st.integers(0, 30_000))),
        ceiling_minor=draw(_maybe(st.integers(50_000, 500_000))),
        suggested_retail_minor=draw(_maybe(st.integers(20_000, 300_000))),
        platform_suggested_minor=draw(_maybe(st.integers(20_000, 300_000))),
        cumulative_cap_bp=draw(_maybe(st.integers(0, 10_000))),
        worst_affiliate_bp=draw(st.one_of(st.just(0), st.integers(0, 500))),
        dearest_channel_fee_bp=draw(st.one_of(st.just(0), st.integers(0, 300))),
        quantity=draw(st.sampled_from([1, 9, 10, 49, 50, 500])),
        net_floor_minor=draw(_maybe(st.integers(0, 30_000))),
        earning_depth=draw(st.sampled_from([3, 3, 3, 0, 1, 5])),
        retail_step_minor=draw(st.sampled_from([1, 1, 1, 10])),
    )
    return Tree(rules, inputs, grades, buyer)


def path_terms(
    books: tuple[TenantBook, ...], rules_of_shop: Sequence[PriceRule], buyer: BuyerClass
) -> PathTerms:
    """The terms of a path for a buyer, whose secret prices are among the shop's rules."""
    secrets = None
    if buyer.customer_id is not None:
        own = [rule for rule in rules_of_shop if rule.for_id == buyer.customer_id]
        secrets = SecretBook(1, Layer.of(own), len(own))
    return PathTerms(books, buyer, secrets)


def _book(
    level: int,
    rules: Sequence[PriceRule],
    *,
    grade_id: UUID | None,
    min_margin_minor: int,
    max_markup_bp: int | None,
) -> TenantBook:
    """As it is read: without the rules for customers."""
    return TenantBook(
        tenant_id=tenant(level),
        version=1,
        layers=layers_of(rule for rule in rules if rule.for_kind is not ForKind.CUSTOMER),
        grade_id=grade_id,
        min_margin_minor=min_margin_minor,
        max_markup_bp=max_markup_bp,
        payment_methods=(),
        cumulative_cap_bp=None,
        earning_depth=None,
        rules=len(rules),
    )


Opinion = tuple[list[int], int, list[tuple[str, int]]]
"""Costs, retail, and every broken guard with its level."""


def priced_by_fractions(tree: Tree) -> Opinion:
    """The tree's price by the book and without hurry."""
    inputs = tree.inputs
    costs, broken = _costs_by_the_book(tree, len(inputs.levels) - 1, inputs.quantity)
    shops = [rule for rule in tree.rules[-1] if rule.audience is Audience.RETAIL]
    retail = _by_the_book(shops, _whom_the_buyer_is(tree), costs[-1], inputs, inputs.quantity)
    if retail is None:
        suggested = inputs.suggested_retail_minor
        retail = costs[-1] if suggested is None else suggested
    retail = math.ceil(Fraction(retail, inputs.retail_step_minor)) * inputs.retail_step_minor
    guards = _retail_guards(inputs, costs[-1], retail)
    return costs, retail, broken + [(guard, len(inputs.levels) - 1) for guard in guards]


def suggested_by_the_book(tree: Tree, level: int) -> int | None:
    """What the shop at a level asks everyone for one piece, if it asks anything that it may."""
    inputs = tree.inputs
    costs, broken = _costs_by_the_book(tree, level, 1)
    everyone: list[Whom] = [(ForKind.EVERYONE, None)]
    retail = _by_the_book(
        [rule for rule in tree.rules[level] if rule.audience is Audience.RETAIL],
        everyone,
        costs[-1],
        inputs,
        1,
    )
    if retail is None:
        retail = suggested_by_the_book(tree, level - 1) if level else None
    if retail is None:
        return None
    retail = math.ceil(Fraction(retail, inputs.retail_step_minor)) * inputs.retail_step_minor
    if broken or retail < costs[-1]:
        return None
    markup = inputs.levels[level].max_markup_bp
    rates = inputs.worst_affiliate_bp + inputs.dearest_channel_fee_bp
    if markup is not None and retail > _with(costs[-1], markup):
        return None
    return None if retail - costs[-1] < Fraction(retail * rates, 10_000) else retail


def _costs_by_the_book(
    tree: Tree, level: int, quantity: int
) -> tuple[list[int], list[tuple[str, int]]]:
    inputs = tree.inputs
    assert inputs.supply_price_minor is not None  # no tree is without a rate
    costs, broken = [inputs.supply_price_minor], list[tuple[str, int]]()
    for number in range(level):
        seller, cost = inputs.levels[number], costs[-1]
        if number > inputs.earning_depth:
            costs.append(cost)
            continue
        whom: list[Whom] = [(ForKind.CHILD, tenant(number + 1))]
        whom += [(ForKind.GRADE, tree.grades[number + 1]), (ForKind.EVERYONE, None)]
        rules = [rule for rule in tree.rules[number] if rule.audience is Audience.WHOLESALE]
        charged = _by_the_book(rules, whom, cost, inputs, quantity)
        costs.append(cost if charged is None else charged)
        if costs[-1] < cost + seller.min_margin_minor:
            broken.append(("G1", number))
        if seller.max_markup_bp is not None and costs[-1] > _with(cost, seller.max_markup_bp):
            broken.append(("G4", number))
    return costs, broken


def _whom_the_buyer_is(tree: Tree) -> list[Whom]:
    return [
        (ForKind.CUSTOMER, tree.buyer.customer_id or SOMEBODY_ELSE),
        (ForKind.TIER, tree.buyer.tier_id or SOMEBODY_ELSE),
        (ForKind.PROMOTION, NEW),
        (ForKind.PROMOTION, OLD),
        (ForKind.EVERYONE, None),
    ]


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


def _by_the_book(
    rules: Sequence[PriceRule],
    whom: Sequence[Whom],
    cost: int,
    inputs: PriceInputs,
    quantity: int,
) -> int | None:
    """Secret price, then grade or tier, then promotion, then everyone; on the SKU first, and there
    at the highest reached number of pieces."""
    face = inputs.face_value_minor
    for for_kind, for_id in whom:
        for target in (SKU, *CATEGORY_PATH, None):
            reached = [
                rule
                for rule in rules
                if (rule.for_kind, rule.for_id, rule.target_id) == (for_kind, for_id, target)
                and rule.min_quantity <= quantity
                and (face is not None or rule.kind is not RuleKind.PERCENT_OF_FACE)
            ]
            if reached:
                rule = max(reached, key=lambda one: one.min_quantity)
                return _rounded(rule, _exact(rule, cost, face or 0))
    return None


def _exact(rule: PriceRule, cost: int, face: int) -> Fraction:
    match rule.kind:
        case RuleKind.PERCENT_OF_FACE:
            return face * Fraction(rule.value, 10_000)
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
