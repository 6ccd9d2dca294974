"""Prices down the tree: rules, roundings, which rule wins, guards."""

import random
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from price_trees import (
    ALICE,
    CATEGORY_PATH,
    ELSEWHERE,
    GOLD,
    MIDDLE,
    NEAR,
    NEW,
    OLD,
    SILVER,
    SKU,
    TOP,
    Tree,
    Whom,
    a_rule,
    priced_by_fractions,
    suggested_by_the_book,
    tenant,
    trees,
)
from tenants.price_books import layers_of
from tenants.pricing import (
    Asked,
    Audience,
    Broken,
    ForKind,
    Guard,
    PathLevel,
    Priced,
    PriceInputs,
    PriceRule,
    Rounding,
    RuleBook,
    RuleKind,
    charge_minor,
    most_specific,
    price,
    quantity_breaks,
    with_suggestions,
)

MAX_MINOR = 2**53 - 1
ASKED = Asked(SKU, CATEGORY_PATH)
PERCENT = RuleKind.PERCENT_OVER_COST
FIXED = RuleKind.FIXED_OVER_COST
ABSOLUTE = RuleKind.ABSOLUTE


def level(
    number: int,
    wholesale: PriceRule | None = None,
    *,
    retail: PriceRule | None = None,
    min_margin_minor: int = 0,
    max_markup_bp: int | None = None,
) -> PathLevel:
    """One tenant with at most one rule for each audience."""
    return PathLevel(
        tenant_id=tenant(number),
        wholesale_rules=RuleBook.of([wholesale] if wholesale else []),
        retail_rules=RuleBook.of([retail] if retail else []),
        min_margin_minor=min_margin_minor,
        max_markup_bp=max_markup_bp,
    )


def inputs(*levels: PathLevel, supply_price_minor: int = 8_000) -> PriceInputs:
    """The worked example's SKU on a path, without limits and without rates."""
    return PriceInputs(
        sku_id=SKU,
        category_path=CATEGORY_PATH,
        face_value_minor=10_000,
        supply_price_minor=supply_price_minor,
        levels=levels,
    )


def root_shop(retail_minor: int, *, supply_price_minor: int = 8_000) -> PriceInputs:
    """The root selling for itself at a price."""
    return inputs(
        level(0, retail=a_rule(ABSOLUTE, retail_minor)), supply_price_minor=supply_price_minor
    )


def the_worked_example() -> PriceInputs:
    """Supply 80.00, platform to T1 85.00, T1 to T2 90.00, T2's list price 110.00."""
    return inputs(
        level(0, a_rule(FIXED, 500)),
        level(1, a_rule(ABSOLUTE, 9_000)),
        level(2, retail=a_rule(FIXED, 2_000, audience=Audience.RETAIL)),
    )


# --- what a rule charges


@pytest.mark.parametrize(
    ("kind", "value", "charged_minor"),
    [
        (PERCENT, 625, 8_500),
        (PERCENT, 0, 8_000),
        (FIXED, 500, 8_500),
        (ABSOLUTE, 8_500, 8_500),
        (RuleKind.PASS_THROUGH, 123, 8_000),
        (RuleKind.PERCENT_OF_FACE, 9_800, 9_800),
    ],
)
def test_each_kind_of_rule_makes_a_price_out_of_a_cost(
    kind: RuleKind, value: int, charged_minor: int
) -> None:
    rule = a_rule(kind, value)
    assert charge_minor(rule, cost_minor=8_000, face_value_minor=10_000) == charged_minor


@pytest.mark.parametrize(
    ("rounding", "unit_minor", "exact_bp", "charged_minor"),
    [
        # Exact prices here are exact_bp hundredths of a minor unit over a cost of 100.
        (Rounding.NONE, 100, 49, 100),
        (Rounding.NONE, 100, 50, 101),
        (Rounding.NONE, 100, 51, 101),
        (Rounding.HALF_UP, 1, 50, 101),
        (Rounding.HALF_UP, 10, 499, 100),
        (Rounding.HALF_UP, 10, 500, 110),
        (Rounding.HALF_UP, 100, 4_999, 100),
        (Rounding.HALF_UP, 100, 5_000, 200),
        (Rounding.UP, 1, 0, 100),
        (Rounding.UP, 1, 1, 101),
        (Rounding.UP, 10, 1, 110),
        (Rounding.UP, 10, 1_000, 110),
        (Rounding.UP, 100, 1, 200),
        (Rounding.ENDING_9, 1, 0, 109),
        (Rounding.ENDING_9, 1, 900, 109),
        (Rounding.ENDING_9, 1, 901, 119),
        (Rounding.ENDING_9, 10, 0, 190),
        (Rounding.ENDING_9, 10, 9_000, 190),
        (Rounding.ENDING_9, 10, 9_001, 290),
        (Rounding.ENDING_9, 100, 0, 900),
    ],
)
def test_a_price_is_rounded_once_at_its_boundary(
    rounding: Rounding, unit_minor: int, exact_bp: int, charged_minor: int
) -> None:
    rule = a_rule(PERCENT, exact_bp, rounding=rounding, unit_minor=unit_minor)
    assert charge_minor(rule, cost_minor=100, face_value_minor=None) == charged_minor


def test_a_free_piece_may_still_end_in_9() -> None:
    rule = a_rule(rounding=Rounding.ENDING_9, unit_minor=10)
    assert charge_minor(rule, cost_minor=0, face_value_minor=None) == 90


@given(
    st.integers(0, 10**9),
    st.integers(0, 50_000),
    st.sampled_from([Rounding.UP, Rounding.ENDING_9]),
    st.integers(1, 1_000),
)
def test_rounding_up_and_to_9_never_sell_a_markup_below_cost(
    cost_minor: int, bp: int, rounding: Rounding, unit_minor: int
) -> None:
    rule = a_rule(PERCENT, bp, rounding=rounding, unit_minor=unit_minor)
    charged_minor = charge_minor(rule, cost_minor=cost_minor, face_value_minor=None)
    assert charged_minor * 10_000 >= cost_minor * (10_000 + bp)
    assert charged_minor % unit_minor == 0


# --- which rule wins


def test_the_most_specific_rule_wins_over_every_cheaper_one() -> None:
    on_sku, on_near = a_rule(ABSOLUTE, 9_000, target=SKU), a_rule(ABSOLUTE, 8_000, target=NEAR)
    on_middle, on_top = a_rule(ABSOLUTE, 7_000, target=MIDDLE), a_rule(ABSOLUTE, 6_000, target=TOP)
    default, elsewhere = a_rule(ABSOLUTE, 5_000), a_rule(ABSOLUTE, 1, target=ELSEWHERE)
    by_rank = [on_sku, on_near, on_middle, on_top, default]
    for rank, winner in enumerate(by_rank):
        book = RuleBook.of([elsewhere, *reversed(by_rank[rank:])])
        assert most_specific(book, ASKED) is winner


def test_without_a_rule_for_it_a_sku_passes_through() -> None:
    book = RuleBook.of([a_rule(ABSOLUTE, 1, target=ELSEWHERE)])
    assert most_specific(book, ASKED) is None


def test_of_two_rules_on_one_target_the_smaller_id_counts_in_any_order() -> None:
    first, second = a_rule(FIXED, 1, number=1), a_rule(FIXED, 2, number=2)
    for rules in ([first, second], [second, first]):
        assert most_specific(RuleBook.of(rules), ASKED) is first


def test_a_rule_book_does_not_mix_owners_or_audiences() -> None:
    others = [
        a_rule(target=SKU, number=2, level=1),
        a_rule(target=SKU, number=2, audience=Audience.RETAIL),
    ]
    for other in others:
        with pytest.raises(ValueError, match="one owner"):
            RuleBook.of([a_rule(), other])


BY_RANK_WHOLESALE: list[tuple[Whom, UUID | None, int]] = [
    (whom, target, least)
    for whom in ((ForKind.CHILD, tenant(1)), (ForKind.GRADE, GOLD), (ForKind.EVERYONE, None))
    for target, least in ((SKU, 50), (SKU, 10), (SKU, 1), (NEAR, 1), (TOP, 1), (None, 1))
]
BY_RANK_RETAIL: list[tuple[Whom, UUID | None, int]] = [
    (whom, target, least)
    for whom in ((ForKind.CUSTOMER, ALICE), (ForKind.TIER, GOLD))
    for target, least in ((SKU, 50), (SKU, 1), (NEAR, 1), (None, 1))
]
BY_RANK_RETAIL += [
    ((ForKind.PROMOTION, NEW), SKU, 10),
    ((ForKind.PROMOTION, NEW), SKU, 1),
    ((ForKind.PROMOTION, OLD), SKU, 50),
    ((ForKind.EVERYONE, None), SKU, 50),
    ((ForKind.EVERYONE, None), SKU, 1),
    ((ForKind.EVERYONE, None), NEAR, 1),
    ((ForKind.EVERYONE, None), None, 1),
]


@pytest.mark.parametrize(
    ("audience", "by_rank"),
    [(Audience.WHOLESALE, BY_RANK_WHOLESALE), (Audience.RETAIL, BY_RANK_RETAIL)],
)
def test_secret_prices_come_first_then_grades_or_tiers_then_promotions_then_everyone(
    audience: Audience, by_rank: list[tuple[Whom, UUID | None, int]]
) -> None:
    rules = [
        a_rule(
            ABSOLUTE,
            100_000 - rank,  # every rule that is asked later is cheaper
            target=target,
            number=rank + 1,
            audience=audience,
            whom=whom,
            min_quantity=least,
        )
        for rank, (whom, target, least) in enumerate(by_rank)
    ]
    asked = Asked(SKU, CATEGORY_PATH, quantity=50)
    for rank, winner in enumerate(rules):
        assert most_specific(RuleBook.of(reversed(rules[rank:])), asked) is winner


def test_a_rule_for_more_pieces_than_the_line_has_is_not_asked() -> None:
    many, few = a_rule(ABSOLUTE, 1, target=SKU, min_quantity=10), a_rule(ABSOLUTE, 2, target=SKU)
    default = a_rule(ABSOLUTE, 3)
    for quantity, winner in ((9, few), (10, many), (11, many)):
        found = most_specific(RuleBook.of([many, few]), ASKED._replace(quantity=quantity))
        assert found is winner
    assert most_specific(RuleBook.of([many, default]), ASKED._replace(quantity=9)) is default


def test_a_share_of_the_face_value_is_asked_only_where_there_is_one() -> None:
    of_face = a_rule(RuleKind.PERCENT_OF_FACE, 9_800, target=SKU)
    default = a_rule(FIXED, 500)
    book = RuleBook.of([of_face, default])
    assert most_specific(book, ASKED._replace(face_value_minor=10_000)) is of_face
    assert most_specific(book, ASKED) is default, "the next one is asked"
    higher = a_rule(RuleKind.PERCENT_OF_FACE, 9_000, target=SKU, min_quantity=10)
    lower = a_rule(ABSOLUTE, 9_900, target=SKU)
    many = ASKED._replace(quantity=10)
    assert most_specific(RuleBook.of([higher, lower]), many) is lower


@pytest.mark.parametrize(
    "one_or_the_other",
    [
        [(ForKind.GRADE, GOLD), (ForKind.GRADE, SILVER)],
        [(ForKind.CHILD, tenant(1)), (ForKind.CHILD, tenant(2))],
    ],
)
def test_nobody_has_two_grades_or_is_two_children(one_or_the_other: list[Whom]) -> None:
    with pytest.raises(ValueError, match="one owner"):
        RuleBook.of(a_rule(whom=whom) for whom in one_or_the_other)


# --- the way down


def test_the_worked_example_costs_80_85_90_and_sells_at_110() -> None:
    assert price(the_worked_example()) == Priced((8_000, 8_500, 9_000), 11_000)


def test_a_priced_sku_knows_what_it_costs_the_shop() -> None:
    assert Priced((8_000, 8_500, 9_000), 11_000).cost_minor == 9_000


def test_the_root_alone_is_a_shop() -> None:
    assert price(root_shop(8_800)) == Priced((8_000,), 8_800)


def test_a_parent_without_a_rule_passes_its_own_cost_on() -> None:
    shop = level(2, retail=a_rule(FIXED, 100, audience=Audience.RETAIL))
    assert price(inputs(level(0), level(1), shop)) == Priced((8_000, 8_000, 8_000), 8_100)


def test_retail_falls_back_to_the_parents_suggestion_and_then_to_cost() -> None:
    without_a_rule = inputs(level(0, a_rule(FIXED, 500)), level(1))
    suggested = replace(without_a_rule, suggested_retail_minor=9_900)
    assert price(suggested) == Priced((8_000, 8_500), 9_900)
    assert price(without_a_rule) == Priced((8_000, 8_500), 8_500)


def test_a_shops_own_rule_beats_the_suggestion() -> None:
    assert price(replace(root_shop(9_000), suggested_retail_minor=8_500)) == Priced((8_000,), 9_000)


def test_wholesale_rules_do_not_price_for_buyers_nor_retail_rules_for_children() -> None:
    parent = level(0, a_rule(FIXED, 500), retail=a_rule(FIXED, 7_777, audience=Audience.RETAIL))
    shop = level(1, a_rule(FIXED, 6_666))
    assert price(inputs(parent, shop)) == Priced((8_000, 8_500), 8_500)


def a_deep_path(depth: int) -> PriceInputs:
    """Each parent adds 1.00; the shop asks 150.00."""
    parents = [level(number, a_rule(FIXED, 100)) for number in range(depth)]
    return inputs(*parents, level(depth, retail=a_rule(ABSOLUTE, 15_000)))


@pytest.mark.parametrize(
    ("earning_depth", "costs"),
    [
        (0, (8_000, 8_100, 8_100, 8_100, 8_100, 8_100)),
        (1, (8_000, 8_100, 8_200, 8_200, 8_200, 8_200)),
        (3, (8_000, 8_100, 8_200, 8_300, 8_400, 8_400)),
        (4, (8_000, 8_100, 8_200, 8_300, 8_400, 8_500)),
    ],
)
def test_so_many_agents_earn_counted_from_the_top_and_deeper_ones_pass_their_cost_on(
    earning_depth: int, costs: tuple[int, ...]
) -> None:
    deep = replace(a_deep_path(5), earning_depth=earning_depth)
    assert price(deep) == Priced(costs, 15_000)


def test_who_is_too_deep_to_earn_has_no_least_margin_to_break() -> None:
    shop = level(2, retail=a_rule(ABSOLUTE, 15_000))
    path = inputs(level(0), level(1, a_rule(FIXED, 1), min_margin_minor=50), shop)
    assert price(path) == Broken(Guard.G1, 1, 8_001, 8_050)
    assert price(replace(path, earning_depth=0)) == Priced((8_000, 8_000, 8_000), 15_000)


def test_three_agents_earn_where_the_platform_says_nothing() -> None:
    assert a_deep_path(5).earning_depth == 3


# --- the guards


def test_g1_refuses_a_parent_that_sells_below_its_own_cost() -> None:
    broken = price(inputs(level(0), level(1, a_rule(ABSOLUTE, 7_999)), level(2)))
    assert broken == Broken(Guard.G1, level=1, actual_minor=7_999, limit_minor=8_000)


def test_g1_keeps_the_least_margin_of_every_parent() -> None:
    shop = level(1)
    enough = level(0, a_rule(FIXED, 100), min_margin_minor=100)
    too_little = level(0, a_rule(FIXED, 99), min_margin_minor=100)
    assert price(inputs(enough, shop)) == Priced((8_000, 8_100), 8_100)
    assert price(inputs(too_little, shop)) == Broken(Guard.G1, 0, 8_099, 8_100)


def test_g2_keeps_retail_between_floor_and_ceiling() -> None:
    bounded = replace(root_shop(9_000), floor_minor=9_000, ceiling_minor=9_000)
    assert price(bounded) == Priced((8_000,), 9_000)
    assert price(replace(bounded, floor_minor=9_001)) == Broken(Guard.G2, 0, 9_000, 9_001)
    assert price(replace(bounded, floor_minor=None, ceiling_minor=8_999)) == Broken(
        Guard.G2, 0, 9_000, 8_999
    )


def test_g3_refuses_a_shop_that_sells_below_its_cost() -> None:
    assert price(root_shop(8_000)) == Priced((8_000,), 8_000)
    assert price(root_shop(7_999)) == Broken(Guard.G3, 0, 7_999, 8_000)


def test_g3_also_refuses_a_suggestion_below_cost() -> None:
    suggested = replace(inputs(level(0), level(1)), suggested_retail_minor=7_000)
    assert price(suggested) == Broken(Guard.G3, 1, 7_000, 8_000)


def test_g4_caps_the_markup_of_a_parent_and_of_a_shop() -> None:
    most, too_much = a_rule(FIXED, 400), a_rule(FIXED, 401)
    assert price(inputs(level(0, most, max_markup_bp=500), level(1))) == Priced(
        (8_000, 8_400), 8_400
    )
    assert price(inputs(level(0, too_much, max_markup_bp=500), level(1))) == Broken(
        Guard.G4, 0, 8_401, 8_400
    )
    assert price(inputs(level(0), level(1, retail=too_much, max_markup_bp=500))) == Broken(
        Guard.G4, 1, 8_401, 8_400
    )


def test_g4_caps_all_levels_together_over_the_platforms_suggestion() -> None:
    capped = replace(root_shop(12_000), platform_suggested_minor=10_000, cumulative_cap_bp=2_000)
    assert price(capped) == Priced((8_000,), 12_000)
    assert price(replace(capped, cumulative_cap_bp=1_999)) == Broken(Guard.G4, 0, 12_000, 11_999)
    assert price(replace(capped, cumulative_cap_bp=0, platform_suggested_minor=None)) == Priced(
        (8_000,), 12_000
    )


def test_a_floor_on_what_is_paid_goes_out_with_the_price() -> None:
    floored = replace(root_shop(9_000), floor_minor=8_500, net_floor_minor=8_500)
    assert price(floored) == Priced((8_000,), 9_000, net_floor_minor=8_500)


def test_the_cap_of_all_levels_is_over_what_the_platforms_own_shop_asks() -> None:
    retail = a_rule(ABSOLUTE, 10_000, audience=Audience.RETAIL)
    root, shop = level(0, retail=retail), level(1, retail=a_rule(ABSOLUTE, 12_000))
    capped = replace(inputs(root, shop), cumulative_cap_bp=1_999)
    assert price(with_suggestions(capped)) == Broken(Guard.G4, 1, 12_000, 11_999)
    enough = replace(capped, cumulative_cap_bp=2_000)
    assert price(with_suggestions(enough)) == Priced((8_000, 8_000), 12_000)
    silent = replace(capped, levels=(level(0), shop))
    assert price(with_suggestions(silent)) == Priced((8_000, 8_000), 12_000)


def test_a_suggestion_is_for_one_piece_and_for_everyone() -> None:
    root = replace(
        level(0),
        retail_rules=RuleBook.of(
            [
                a_rule(ABSOLUTE, 9_900, target=SKU, audience=Audience.RETAIL),
                a_rule(ABSOLUTE, 9_000, target=SKU, audience=Audience.RETAIL, min_quantity=10),
            ]
        ),
    )
    many = replace(inputs(root, level(1)), quantity=10)
    assert price(with_suggestions(many)) == Priced((8_000, 8_000), 9_900)


def test_g5_keeps_enough_margin_for_the_worst_affiliate_and_the_dearest_channel() -> None:
    # 3.6 % of 83.00 is 2.988, of which 83.00 - 80.00 pays 3.00; at 82.98 it is 2.9873 of 2.98.
    enough = replace(root_shop(8_300), worst_affiliate_bp=300, dearest_channel_fee_bp=60)
    too_little = replace(root_shop(8_298), worst_affiliate_bp=300, dearest_channel_fee_bp=60)
    assert price(enough) == Priced((8_000,), 8_300)
    assert price(too_little) == Broken(Guard.G5, 0, 298, 299)


def test_g5_counts_the_fraction_that_one_piece_alone_would_round_away() -> None:
    # One piece owes 0.9 of a unit, which rounds down to nothing; two owe 1.8, that is 1.
    thin = replace(root_shop(90, supply_price_minor=90), worst_affiliate_bp=100)
    assert price(thin) == Broken(Guard.G5, 0, 0, 1)


def test_no_price_is_outside_what_an_amount_can_hold() -> None:
    assert price(root_shop(MAX_MINOR)) == Priced((8_000,), MAX_MINOR)
    assert price(root_shop(MAX_MINOR + 1)) == Broken(Guard.RANGE, 0, MAX_MINOR + 1, MAX_MINOR)
    assert price(root_shop(5, supply_price_minor=-1)) == Broken(Guard.RANGE, 0, -1, 0)


def test_a_broken_guard_says_what_met_which_limit() -> None:
    assert Broken(Guard.G2, 1, 9_500, 9_600).detail == "9500 against a limit of 9600"


# --- what cannot be an input at all


def test_rules_levels_and_inputs_that_make_no_sense_are_bugs() -> None:
    with pytest.raises(ValueError, match="unit"):
        a_rule(unit_minor=0)
    with pytest.raises(ValueError, match="target"):
        replace(a_rule(), target_id=UUID(int=5))
    with pytest.raises(ValueError, match="target"):
        replace(a_rule(target=SKU), target_id=None)
    with pytest.raises(ValueError, match="negative"):
        level(0, min_margin_minor=-1)
    with pytest.raises(ValueError, match="negative"):
        level(0, max_markup_bp=-1)
    with pytest.raises(ValueError, match="root"):
        inputs()


@pytest.mark.parametrize(
    ("affiliate_bp", "fee_bp", "cap_bp"),
    [(-1, 0, 0), (10_001, 0, 0), (0, -1, 0), (0, 10_001, 0), (0, 0, -1)],
)
def test_a_rate_outside_its_bounds_is_a_bug(affiliate_bp: int, fee_bp: int, cap_bp: int) -> None:
    with pytest.raises(ValueError, match="rate"):
        replace(
            root_shop(9_000),
            worst_affiliate_bp=affiliate_bp,
            dearest_channel_fee_bp=fee_bp,
            cumulative_cap_bp=cap_bp,
        )


# --- every tree


@given(trees())
def test_prices_and_guards_agree_with_a_second_opinion_in_fractions(tree: Tree) -> None:
    result = price(tree.inputs)
    costs, retail_minor, broken = priced_by_fractions(tree)
    if isinstance(result, Priced):
        assert (list(result.costs), result.retail_minor, broken) == (costs, retail_minor, [])
    else:
        assert (result.guard, result.level) == broken[0]
        assert result.actual_minor != result.limit_minor


@given(trees())
def test_suggestions_agree_with_the_second_opinion(tree: Tree) -> None:
    asked = with_suggestions(tree.inputs)
    depth = len(tree.inputs.levels) - 1
    if depth and most_specific(asked.levels[-1].retail_rules, asked.asked) is None:
        assert asked.suggested_retail_minor == suggested_by_the_book(tree, depth - 1)
    if depth and asked.cumulative_cap_bp is not None:
        assert asked.platform_suggested_minor == suggested_by_the_book(tree, 0)
    complete = replace(tree, inputs=asked)
    result, (costs, retail_minor, broken) = price(asked), priced_by_fractions(complete)
    assert isinstance(result, Broken) == bool(broken)
    if isinstance(result, Priced):
        assert (list(result.costs), result.retail_minor) == (costs, retail_minor)


@given(trees())
def test_costs_only_grow_down_the_path_and_only_where_somebody_may_earn(tree: Tree) -> None:
    result = price(tree.inputs)
    if isinstance(result, Broken):
        return
    assert list(result.costs) == sorted(result.costs)
    assert result.retail_minor >= result.cost_minor
    assert result.net_floor_minor == tree.inputs.net_floor_minor
    deep = result.costs[tree.inputs.earning_depth + 1 :]
    assert len(set(deep)) <= 1, "whoever stands too deep passes its cost on"


@given(trees(), st.integers(1, 600))
def test_a_price_knows_of_the_quantity_only_which_break_it_reaches(
    tree: Tree, quantity: int
) -> None:
    breaks = quantity_breaks(tree.inputs.levels, SKU)
    assert list(breaks) == sorted(set(breaks)) and all(one > 1 for one in breaks)
    reached = max((one for one in breaks if one <= quantity), default=1)
    assert price(replace(tree.inputs, quantity=quantity)) == price(
        replace(tree.inputs, quantity=reached)
    )


@given(trees(), st.randoms(use_true_random=False))
def test_a_price_does_not_depend_on_the_order_in_which_rules_are_read(
    tree: Tree, shuffler: random.Random
) -> None:
    for rules in tree.rules:
        for concerns, layer in layers_of(shuffler.sample(rules, len(rules))).items():
            ordered = layers_of(rules)[concerns]
            assert (layer.by_sku, layer.by_category, layer.default) == (
                ordered.by_sku,
                ordered.by_category,
                ordered.default,
            )
