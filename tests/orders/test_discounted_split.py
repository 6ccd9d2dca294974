"""Whatever coupons take off a line: its shares add up, nobody pays to take part, and refunds of
any parts end at zero for everybody."""

from dataclasses import replace
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from kernel.money import BASIS_POINTS
from orders import clawback, funding
from orders.records import Line, ShareRow
from orders.split import Commission, NegativeShare, Share, split_line
from promotions.discounts import (
    CouponKind,
    Discount,
    DiscountableLine,
    Part,
    Payer,
    PayerKind,
    Terms,
    discounts_by_line,
    least_net_minor,
    shop_funded_minor,
    with_gap_moved,
)

ROOT, AGENT, SHOP = UUID(int=1), UUID(int=2), UUID(int=3)
SUPPLIER, AFFILIATE, SKU = UUID(int=4), UUID(int=5), UUID(int=6)
_KINDS = (
    Payer(PayerKind.SHOP, None, 0),
    Payer(PayerKind.TENANT, AGENT, 0),
    Payer(PayerKind.PLATFORM, None, 0),
    Payer(PayerKind.SUPPLIER, None, 0),
)


@st.composite
def payers(draw: st.DrawFn) -> tuple[Payer, ...]:
    """One to four payers, whose parts are the whole."""
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=4, unique=True))
    cuts = st.lists(st.integers(1, BASIS_POINTS - 1), unique=True, min_size=len(kinds) - 1,
                    max_size=len(kinds) - 1)  # fmt: skip
    marks = [0, *sorted(draw(cuts)), BASIS_POINTS]
    return tuple(
        replace(kind, share_bp=upper - lower)
        for kind, lower, upper in zip(kinds, marks, marks[1:], strict=False)
    )


@st.composite
def coupons(draw: st.DrawFn) -> list[Terms]:
    """Up to four coupons of any kind and size."""
    return [
        Terms(
            coupon_id=UUID(int=100 + number),
            kind=draw(st.sampled_from(list(CouponKind))),
            value=draw(st.integers(1, BASIS_POINTS)),
            cap_minor=draw(st.none() | st.integers(1, 3_000)),
            min_subtotal_minor=0,
            sku_ids=frozenset(),
            category_ids=frozenset(),
            payers=draw(payers()),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


def bearable(
    discounts: tuple[Discount, ...], *, list_minor: int, cost_minor: int, fee_bp: int
) -> tuple[Discount, ...]:
    """What `funding.bearable` does with a shelf's line, without commission."""
    given_minor = shop_funded_minor(discounts)
    least_minor = least_net_minor(to_cover_minor=cost_minor, fee_bp=fee_bp)
    assert least_minor is not None
    gap_minor = min(max(least_minor - (list_minor - given_minor), 0), given_minor)
    return with_gap_moved(discounts, gap_minor=gap_minor, to=Part(PayerKind.TENANT, SHOP, 0))


def line_of(
    quantity: int, unit_minor: int, net_minor: int, discounts: tuple[Discount, ...]
) -> Line:
    """The line as it is stored."""
    fundings = funding.fundings_of(discounts)
    return Line(
        id=UUID(int=7),
        order_id=UUID(int=8),
        sku_id=SKU,
        supplier_listing_id=UUID(int=9),
        quantity=quantity,
        unit_price_minor=unit_minor,
        net_minor=net_minor,
        refunded_minor=0,
        returned_quantity=0,
        channel_fee_minor=0,
        key_ids=(),
        funded_minor=sum(one.amount_minor for one in fundings),
        fundings=fundings,
    )


def rows_of(shares: tuple[Share, ...]) -> list[ShareRow]:
    return [
        ShareRow(
            UUID(int=200 + place), UUID(int=7), one.party_kind, one.party_id, one.role,
            one.amount_minor, 0,
        )
        for place, one in enumerate(shares)
    ]  # fmt: skip


def refunded(line: Line, shares: list[ShareRow], amount_minor: int) -> tuple[Line, list[ShareRow]]:
    """The line and its shares after a refund; nobody gives or gets more than was there."""
    parts = funding.returned_parts(line, amount_minor)
    given_back = {one.id: part_minor for one, part_minor in parts}
    taken = clawback.reversal(
        line,
        shares,
        amount_minor=amount_minor,
        fault_of_supplier=False,
        to_funders_minor=sum(given_back.values()),
    )
    by_share = dict(taken.by_share)
    assert sum(by_share.values()) == amount_minor + sum(given_back.values())
    fundings = tuple(
        replace(one, returned_minor=one.returned_minor + given_back.get(one.id, 0))
        for one in line.fundings
    )
    assert all(one.left_minor >= 0 for one in fundings)
    after = [
        replace(one, reversed_minor=one.reversed_minor + by_share.get(one.id, 0)) for one in shares
    ]
    assert all(0 <= one.reversed_minor <= one.amount_minor for one in after)
    refunded_minor = line.refunded_minor + amount_minor
    return replace(line, refunded_minor=refunded_minor, fundings=fundings), after


@given(
    data=st.data(),
    stack=coupons(),
    supply_minor=st.integers(1, 20_000),
    margins=st.tuples(*[st.integers(0, 5_000)] * 3),
    quantity=st.integers(1, 20),
    rate_bp=st.integers(0, 1_000),
    fee_bp=st.sampled_from([0, 60, 300]),
)
def test_any_stack_of_coupons_divides_and_comes_back_to_the_last_unit(
    data: st.DataObject,
    stack: list[Terms],
    supply_minor: int,
    margins: tuple[int, int, int],
    quantity: int,
    rate_bp: int,
    fee_bp: int,
) -> None:
    costs = (supply_minor, supply_minor + margins[0], supply_minor + margins[0] + margins[1])
    unit_minor = costs[-1] + margins[2]
    on_shelf = DiscountableLine(SKU, (), SUPPLIER, unit_minor * quantity)
    [discounts] = discounts_by_line([on_shelf], stack)
    paid_minor = on_shelf.list_minor - sum(one.amount_minor for one in discounts)
    commission = paid_minor * rate_bp // BASIS_POINTS
    discounts = bearable(
        discounts,
        list_minor=on_shelf.list_minor,
        cost_minor=costs[-1] * quantity + commission,
        fee_bp=fee_bp,
    )
    net_minor = paid_minor + sum(one.amount_minor for one in funding.fundings_of(discounts))
    try:
        shares = split_line(
            costs=costs,
            quantity=quantity,
            net_minor=net_minor,
            supplier_id=SUPPLIER,
            supplier_commission_bp=500,
            path=(ROOT, AGENT, SHOP),
            commissions=[Commission(AFFILIATE, commission)],
            dearest_channel_fee_bp=fee_bp,
        )
    except NegativeShare:
        # Only where the list price itself does not cover what the sale costs.
        assert on_shelf.list_minor - net_minor == 0
        assume(False)
        raise
    line = line_of(quantity, unit_minor, net_minor, discounts)
    assert paid_minor >= 1
    assert line.paid_minor == paid_minor
    assert sum(share.amount_minor for share in shares) == paid_minor + line.funded_minor
    assert all(share.amount_minor > 0 for share in shares)

    rows = rows_of(shares)
    while left_minor := line.paid_minor - line.refunded_minor:
        line, rows = refunded(line, rows, data.draw(st.integers(1, left_minor)))
        if data.draw(st.booleans()) and (left_minor := line.paid_minor - line.refunded_minor):
            line, rows = refunded(line, rows, left_minor)
    assert [one.left_minor for one in line.fundings if one.left_minor] == []
    assert all(row.reversed_minor == row.amount_minor for row in rows)
