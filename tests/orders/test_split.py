"""The split of a line, the channel's fee, and refunds spread over what is left."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from affiliates.commission import commission_minor
from kernel.money import AmountOutOfRange
from orders.split import (
    Commission,
    NegativeShare,
    PartyKind,
    RefundTooLarge,
    Role,
    Share,
    channel_fee_minor,
    channel_fees_by_line,
    split_line,
    spread_refund,
)
from price_trees import Tree, trees
from tenants.pricing import Broken, Guard, Priced, price

ROOT, AGENT, SHOP = UUID(int=100), UUID(int=101), UUID(int=102)
SUPPLIER, AFFILIATE = UUID(int=200), UUID(int=300)
COSTS = (8_000, 8_500, 9_000)
PATH = (ROOT, AGENT, SHOP)


def sold(
    *,
    costs: tuple[int, ...] = COSTS,
    quantity: int = 1,
    net_minor: int = 10_500,
    supplier_commission_bp: int = 500,
    path: tuple[UUID, ...] = PATH,
    commissions: Sequence[Commission] = (),
    dearest_channel_fee_bp: int = 0,
) -> tuple[Share, ...]:
    """The worked example's line, except for what a test is about; without an affiliate."""
    return split_line(
        costs=costs,
        quantity=quantity,
        net_minor=net_minor,
        supplier_id=SUPPLIER,
        supplier_commission_bp=supplier_commission_bp,
        path=path,
        commissions=commissions,
        dearest_channel_fee_bp=dearest_channel_fee_bp,
    )


def total(shares: tuple[Share, ...]) -> int:
    """What all shares add up to, in minor units."""
    return sum(share.amount_minor for share in shares)


def amounts(shares: tuple[Share, ...]) -> dict[Role, int]:
    """Shares by role, for lines with at most one agent."""
    by_role = {share.role: share.amount_minor for share in shares}
    assert len(by_role) == len(shares)
    return by_role


# --- the worked example, number by number


def test_the_worked_example_splits_105_00_to_the_last_fen() -> None:
    shares = sold(commissions=[Commission(AFFILIATE, 315)], dearest_channel_fee_bp=60)
    assert shares == (
        Share(PartyKind.SUPPLIER, SUPPLIER, Role.SUPPLY, 7_600),
        Share(PartyKind.PLATFORM, None, Role.SUPPLIER_COMMISSION, 400),
        Share(PartyKind.PLATFORM, None, Role.WHOLESALE_MARGIN, 500),
        Share(PartyKind.TENANT, AGENT, Role.AGENT_MARGIN, 500),
        Share(PartyKind.AFFILIATE, AFFILIATE, Role.AFFILIATE, 315),
        Share(PartyKind.TENANT, SHOP, Role.SHOP_MARGIN, 1_185),
    )
    assert total(shares) == 10_500
    assert channel_fee_minor(amount_minor=10_500, fee_bp=60) == 63


def test_a_discount_that_the_platform_funds_makes_the_shop_whole() -> None:
    # 5.00 off, of which the platform funds 3.00: escrow holds 108.00, the buyer pays 105.00.
    owed = [Commission(AFFILIATE, 315)]
    shares = sold(net_minor=10_800, commissions=owed, dearest_channel_fee_bp=60)
    assert amounts(shares)[Role.SHOP_MARGIN] == 1_422 + 63
    assert amounts(shares)[Role.AFFILIATE] == 315
    assert total(shares) == 10_800


def test_a_prepaid_purchase_at_cost_leaves_the_shop_without_a_share() -> None:
    shares = sold(net_minor=9_000)
    assert amounts(shares) == {
        Role.SUPPLY: 7_600,
        Role.SUPPLIER_COMMISSION: 400,
        Role.WHOLESALE_MARGIN: 500,
        Role.AGENT_MARGIN: 500,
    }


def test_where_the_root_is_the_shop_its_margin_is_the_platforms() -> None:
    shares = sold(costs=(8_000,), path=(ROOT,), commissions=[Commission(AFFILIATE, 315)])
    assert [(share.party_kind, share.role, share.amount_minor) for share in shares] == [
        (PartyKind.SUPPLIER, Role.SUPPLY, 7_600),
        (PartyKind.PLATFORM, Role.SUPPLIER_COMMISSION, 400),
        (PartyKind.PLATFORM, Role.WHOLESALE_MARGIN, 2_185),
        (PartyKind.AFFILIATE, Role.AFFILIATE, 315),
    ]


def test_each_agent_between_platform_and_shop_has_its_own_margin() -> None:
    path = tuple(UUID(int=number) for number in range(100, 105))
    shares = sold(costs=(10, 11, 13, 17, 25), quantity=3, net_minor=90, path=path)
    agents = [share for share in shares if share.role is Role.AGENT_MARGIN]
    assert [(share.party_id, share.amount_minor) for share in agents] == [
        (path[1], 6),
        (path[2], 12),
        (path[3], 24),
    ]


def test_a_share_of_nothing_is_left_out() -> None:
    shares = sold(costs=(8_000, 8_000, 8_000), supplier_commission_bp=0, net_minor=8_001)
    assert amounts(shares) == {Role.SUPPLY: 8_000, Role.SHOP_MARGIN: 1}
    assert sold(costs=(0, 0, 0), net_minor=0) == ()


def test_the_fraction_of_a_suppliers_commission_goes_to_the_platform() -> None:
    shares = sold(costs=(9,), path=(ROOT,), net_minor=9)
    assert amounts(shares) == {Role.SUPPLY: 8, Role.SUPPLIER_COMMISSION: 1}


# --- what cannot be split


def test_a_net_below_the_shops_cost_is_refused_without_naming_it() -> None:
    with pytest.raises(NegativeShare) as refused:
        sold(net_minor=8_999)
    assert (refused.value.role, refused.value.amount_minor) == (Role.SHOP_MARGIN, -1)
    assert refused.value.code == "MARGIN_NEGATIVE"
    assert not any(digit in str(refused.value) for digit in "0123456789")
    assert refused.value.details == {}


def test_a_discounted_line_must_still_pay_for_the_dearest_channel() -> None:
    # 0.6 % of 90.54 is 0.54324, rounded up 0.55.
    assert total(sold(net_minor=9_055, dearest_channel_fee_bp=60)) == 9_055
    with pytest.raises(NegativeShare):
        sold(net_minor=9_054, dearest_channel_fee_bp=60)


@pytest.mark.parametrize(
    ("costs", "role"),
    [((8_000, 7_999, 9_000), Role.WHOLESALE_MARGIN), ((8_000, 8_500, 8_499), Role.AGENT_MARGIN)],
)
def test_a_parent_that_would_lose_is_refused(costs: tuple[int, ...], role: Role) -> None:
    with pytest.raises(NegativeShare) as refused:
        sold(costs=costs, quantity=2, net_minor=30_000)
    assert (refused.value.role, refused.value.amount_minor) == (role, -2)


def test_lines_that_make_no_sense_are_bugs() -> None:
    with pytest.raises(ValueError, match="every tenant"):
        sold(costs=(8_000, 8_500))
    with pytest.raises(ValueError, match="at least its root"):
        sold(costs=(), path=())
    with pytest.raises(ValueError, match="at least one piece"):
        sold(quantity=0)
    with pytest.raises(ValueError, match="negative"):
        sold(net_minor=-1)
    with pytest.raises(ValueError, match="negative"):
        sold(costs=(-1, 0, 0))
    with pytest.raises(ValueError, match="basis points"):
        sold(supplier_commission_bp=10_001)
    with pytest.raises(ValueError, match="less than nothing"):
        sold(commissions=[Commission(AFFILIATE, -1)])


def test_a_line_beyond_what_an_amount_can_hold_is_refused() -> None:
    with pytest.raises(AmountOutOfRange):
        sold(net_minor=2**53)
    with pytest.raises(AmountOutOfRange):
        sold(quantity=2**50)


# --- every tree: what the guards promise, the split keeps


def _split_of(tree: Tree, priced: Priced, quantity: int, commission_bp: int) -> tuple[Share, ...]:
    """A list-price sale through the worst affiliate, where there is one."""
    commission = commission_minor(
        paid_minor=priced.retail_minor * quantity, rate_bp=tree.inputs.worst_affiliate_bp
    )
    return sold(
        costs=priced.costs,
        quantity=quantity,
        net_minor=priced.retail_minor * quantity,
        supplier_commission_bp=commission_bp,
        path=tree.path,
        commissions=[Commission(AFFILIATE, commission)],
        dearest_channel_fee_bp=tree.inputs.dearest_channel_fee_bp,
    )


@given(trees(), st.integers(1, 500), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_was_priced_is_split_exactly_and_nobody_pays_for_any_quantity(
    tree: Tree, quantity: int, commission_bp: int, channel_share_bp: int
) -> None:
    priced = price(tree.inputs)
    assume(isinstance(priced, Priced))
    assert isinstance(priced, Priced)
    shares = _split_of(tree, priced, quantity, commission_bp)
    net_minor = priced.retail_minor * quantity
    assert total(shares) == net_minor
    assert all(share.amount_minor > 0 for share in shares)
    assert shares == _split_of(tree, priced, quantity, commission_bp)
    fee_minor = channel_fee_minor(
        amount_minor=net_minor * channel_share_bp // 10_000,
        fee_bp=tree.inputs.dearest_channel_fee_bp,
    )
    payer = Role.SHOP_MARGIN if len(tree.path) > 1 else Role.WHOLESALE_MARGIN
    assert sum(share.amount_minor for share in shares if share.role is payer) >= fee_minor


@given(st.integers(0, 100_000), st.integers(0, 3_000), st.integers(0, 1_000), st.integers(0, 300))
def test_g5_refuses_exactly_the_prices_that_some_quantity_could_not_pay(
    cost_minor: int, margin_minor: int, affiliate_bp: int, fee_bp: int
) -> None:
    tree = Tree.of_one_root(
        cost_minor=cost_minor,
        retail_minor=cost_minor + margin_minor,
        worst_affiliate_bp=affiliate_bp,
        dearest_channel_fee_bp=fee_bp,
    )
    result = price(tree.inputs)
    would_be = Priced((cost_minor,), cost_minor + margin_minor)
    if isinstance(result, Broken):
        assert result.guard is Guard.G5
        with pytest.raises(NegativeShare):
            _split_of(tree, would_be, 10_000, 0)
    else:
        for quantity in (1, 2, 3, 7, 499, 500, 9_999, 10_000):
            assert total(_split_of(tree, would_be, quantity, 0)) == (
                would_be.retail_minor * quantity
            )


# --- the channel's fee


@pytest.mark.parametrize(
    ("amount_minor", "fee_bp", "fee_minor"),
    [(10_500, 60, 63), (1, 60, 1), (10_501, 60, 64), (0, 60, 0), (10_500, 0, 0)],
)
def test_a_fraction_of_a_channels_fee_is_the_shops(
    amount_minor: int, fee_bp: int, fee_minor: int
) -> None:
    assert channel_fee_minor(amount_minor=amount_minor, fee_bp=fee_bp) == fee_minor


@pytest.mark.parametrize(("amount_minor", "fee_bp"), [(-1, 60), (1, -1), (1, 10_001)])
def test_an_impossible_fee_is_a_bug(amount_minor: int, fee_bp: int) -> None:
    with pytest.raises(ValueError, match="fee"):
        channel_fee_minor(amount_minor=amount_minor, fee_bp=fee_bp)


def test_the_part_that_came_from_a_wallet_costs_no_fee() -> None:
    assert channel_fees_by_line(nets_minor=[10_500, 10_500], channel_minor=10_500, fee_bp=60) == [
        32,
        31,
    ]
    assert channel_fees_by_line(nets_minor=[10_500], channel_minor=0, fee_bp=60) == [0]


def test_a_line_whose_fee_is_whole_does_not_pay_another_lines_fraction() -> None:
    assert channel_fees_by_line(nets_minor=[10_000, 5_000], channel_minor=15_000, fee_bp=1) == [
        1,
        1,
    ]


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=10),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
)
def test_lines_share_one_fee_exactly_and_none_pays_more_than_alone(
    nets_minor: list[int], channel_bp: int, fee_bp: int
) -> None:
    channel_minor = sum(nets_minor) * channel_bp // 10_000
    fees = channel_fees_by_line(nets_minor=nets_minor, channel_minor=channel_minor, fee_bp=fee_bp)
    assert sum(fees) == channel_fee_minor(amount_minor=channel_minor, fee_bp=fee_bp)
    for fee_minor, net_minor in zip(fees, nets_minor, strict=True):
        assert 0 <= fee_minor <= channel_fee_minor(amount_minor=net_minor, fee_bp=fee_bp)


def test_a_channel_cannot_take_more_than_the_lines_are_worth() -> None:
    with pytest.raises(ValueError, match="more than the lines"):
        channel_fees_by_line(nets_minor=[100, 200], channel_minor=301, fee_bp=60)


# --- refunds


def test_a_full_refund_takes_every_share_whole() -> None:
    remaining = [7_600, 400, 500, 500, 315, 1_122, 63]
    assert spread_refund(amount_minor=10_500, remaining=remaining) == remaining


def test_a_partial_refund_is_in_proportion_and_ties_go_by_role() -> None:
    assert spread_refund(amount_minor=1, remaining=[5, 5]) == [1, 0]
    assert spread_refund(amount_minor=3_500, remaining=[7_600, 400, 500, 500, 315, 1_185]) == [
        *(2_533, 133, 167, 167, 105, 395),
    ]


def test_a_refund_of_nothing_takes_nothing() -> None:
    assert spread_refund(amount_minor=0, remaining=[5, 0]) == [0, 0]
    assert spread_refund(amount_minor=0, remaining=[]) == []


def test_more_than_what_is_left_is_refused() -> None:
    with pytest.raises(RefundTooLarge) as refused:
        spread_refund(amount_minor=11, remaining=[5, 5])
    assert refused.value.details == {"amount_minor": 11, "left_minor": 10}


def test_a_negative_refund_is_a_bug() -> None:
    with pytest.raises(ValueError, match="negative"):
        spread_refund(amount_minor=-1, remaining=[5])


@given(st.lists(st.integers(0, 50_000), min_size=1, max_size=9), st.data())
def test_any_sequence_of_refunds_takes_no_share_twice_and_ends_at_zero(
    shares: list[int], data: st.DataObject
) -> None:
    remaining = list(shares)
    while sum(remaining):
        is_last = data.draw(st.integers(0, 4)) == 0
        amount_minor = sum(remaining) if is_last else data.draw(st.integers(1, sum(remaining)))
        parts = spread_refund(amount_minor=amount_minor, remaining=remaining)
        assert sum(parts) == amount_minor
        assert all(0 <= part <= left for part, left in zip(parts, remaining, strict=True))
        remaining = [left - part for part, left in zip(parts, remaining, strict=True)]
    assert remaining == [0] * len(shares)
