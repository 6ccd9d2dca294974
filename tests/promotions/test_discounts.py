"""What coupons take off lines, and who pays: examples, and what is always true."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

SKU, OTHER_SKU = UUID(int=1), UUID(int=2)
GAMES, CARDS = UUID(int=11), UUID(int=12)
SUPPLIER, ANCESTOR = UUID(int=21), UUID(int=22)
SHOP_PAYS = (Payer(PayerKind.SHOP, None, 10_000),)


def line(list_minor: int = 11_000, *, sku_id: UUID = SKU, floor_minor: int = 0) -> DiscountableLine:
    return DiscountableLine(sku_id, (GAMES, CARDS), SUPPLIER, list_minor, floor_minor)


def terms(
    value: int,
    *,
    kind: CouponKind = CouponKind.FIXED,
    number: int = 1,
    cap_minor: int | None = None,
    sku_ids: frozenset[UUID] = frozenset(),
    category_ids: frozenset[UUID] = frozenset(),
    payers: tuple[Payer, ...] = SHOP_PAYS,
) -> Terms:
    return Terms(UUID(int=number), kind, value, cap_minor, 0, sku_ids, category_ids, payers)


def taken(lines: list[DiscountableLine], *coupons: Terms) -> list[int]:
    return [
        sum(discount.amount_minor for discount in discounts)
        for discounts in discounts_by_line(lines, coupons)
    ]


def test_a_percentage_rounds_down_and_stops_at_its_cap() -> None:
    percent = CouponKind.PERCENT
    assert taken([line(999)], terms(1_500, kind=percent)) == [149]
    assert taken([line(99_900)], terms(1_500, kind=percent, cap_minor=5_000)) == [5_000]


def test_an_amount_is_divided_over_the_lines_to_the_last_unit() -> None:
    assert taken([line(200), line(100, sku_id=OTHER_SKU)], terms(100)) == [67, 33]


def test_only_the_goods_that_a_coupon_is_for_become_cheaper() -> None:
    lines = [line(), line(sku_id=OTHER_SKU)]
    assert taken(lines, terms(500, sku_ids=frozenset({OTHER_SKU}))) == [0, 500]
    assert taken(lines, terms(500, category_ids=frozenset({GAMES}))) == [250, 250]
    assert taken(lines, terms(500, category_ids=frozenset({UUID(int=99)}))) == [0, 0]


def test_percentages_come_before_amounts_whatever_the_order_of_the_codes() -> None:
    amount, percent = terms(1_000, number=1), terms(1_000, kind=CouponKind.PERCENT, number=2)
    assert taken([line(10_000)], amount, percent) == [2_000]  # 10 % of 100.00, then 10.00
    assert taken([line(10_000)], percent, amount) == [2_000]


def test_a_line_keeps_one_minor_unit_and_never_falls_below_its_floor() -> None:
    assert taken([line(300)], terms(1_000)) == [299]
    assert taken([line(1_000, floor_minor=900)], terms(1_000)) == [100]
    assert taken([line(1_000, floor_minor=1_200)], terms(1_000)) == [0]


def test_a_shared_coupon_is_divided_between_its_payers() -> None:
    payers = (
        Payer(PayerKind.PLATFORM, None, 6_000),
        Payer(PayerKind.SHOP, None, 4_000),
    )
    [[discount]] = discounts_by_line([line()], [terms(500, payers=payers)])
    assert discount.parts == (
        Part(PayerKind.PLATFORM, None, 300),
        Part(PayerKind.SHOP, None, 200),
    )


def test_a_supplier_without_a_name_is_the_lines_own() -> None:
    payers = (Payer(PayerKind.SUPPLIER, None, 10_000),)
    [[discount]] = discounts_by_line([line()], [terms(500, payers=payers)])
    assert discount.parts == (Part(PayerKind.SUPPLIER, SUPPLIER, 500),)


def test_parts_that_are_not_the_whole_are_a_bug() -> None:
    with pytest.raises(ValueError, match="not its whole"):
        discounts_by_line([line()], [terms(500, payers=(Payer(PayerKind.SHOP, None, 9_999),))])


def test_a_gap_is_moved_from_the_shops_margin_to_its_budget() -> None:
    discounts = [
        Discount(UUID(int=1), (Part(PayerKind.SHOP, None, 300),)),
        Discount(UUID(int=2), (Part(PayerKind.SHOP, None, 200),)),
    ]
    moved = with_gap_moved(discounts, gap_minor=250, to=Part(PayerKind.TENANT, ANCESTOR, 0))
    assert [discount.parts for discount in moved] == [
        (Part(PayerKind.SHOP, None, 250), Part(PayerKind.TENANT, ANCESTOR, 50)),
        (Part(PayerKind.TENANT, ANCESTOR, 200),),
    ]
    with pytest.raises(ValueError, match="at most"):
        with_gap_moved(discounts, gap_minor=501, to=Part(PayerKind.TENANT, ANCESTOR, 0))


@given(to_cover=st.integers(0, 10**9), fee_bp=st.integers(0, 9_999))
def test_the_least_net_covers_and_one_less_does_not(to_cover: int, fee_bp: int) -> None:
    least = least_net_minor(to_cover_minor=to_cover, fee_bp=fee_bp)
    assert least is not None

    def kept(net: int) -> int:
        return net - -(-net * fee_bp // 10_000)

    assert kept(least) >= to_cover
    assert least == 0 or kept(least - 1) < to_cover


def test_no_net_covers_anything_after_a_fee_of_all_of_it() -> None:
    assert least_net_minor(to_cover_minor=1, fee_bp=10_000) is None


_payers = st.sampled_from(
    [
        SHOP_PAYS,
        (Payer(PayerKind.PLATFORM, None, 10_000),),
        (Payer(PayerKind.TENANT, ANCESTOR, 3_333), Payer(PayerKind.SHOP, None, 6_667)),
        (
            Payer(PayerKind.SUPPLIER, None, 1),
            Payer(PayerKind.PLATFORM, None, 4_999),
            Payer(PayerKind.SHOP, None, 5_000),
        ),
    ]
)
_lines = st.lists(
    st.builds(
        line,
        st.integers(1, 10**6),
        sku_id=st.sampled_from([SKU, OTHER_SKU]),
        floor_minor=st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=5,
)
_coupon_list = st.lists(
    st.builds(
        terms,
        st.integers(1, 10_000),
        kind=st.sampled_from(list(CouponKind)),
        number=st.integers(1, 50),
        cap_minor=st.none() | st.integers(1, 5_000),
        sku_ids=st.sampled_from([frozenset(), frozenset({SKU})]),
        payers=_payers,
    ),
    max_size=5,
    unique_by=lambda one: one.coupon_id,
)


@given(lines=_lines, coupons=_coupon_list)
def test_any_stack_leaves_a_price_above_its_floor_and_is_paid_to_the_last_unit(
    lines: list[DiscountableLine], coupons: list[Terms]
) -> None:
    given_to = discounts_by_line(lines, coupons)
    assert given_to == discounts_by_line(lines, coupons[::-1])
    by_coupon = {one.coupon_id: one for one in coupons}
    for one, discounts in zip(lines, given_to, strict=True):
        off = sum(discount.amount_minor for discount in discounts)
        assert 0 <= off < one.list_minor
        assert off == 0 or one.list_minor - off >= one.floor_minor
        assert 0 <= shop_funded_minor(discounts) <= off
        for discount in discounts:
            assert by_coupon[discount.coupon_id].is_for(one)
            assert all(part.amount_minor > 0 for part in discount.parts)
            assert sum(part.amount_minor for part in discount.parts) == discount.amount_minor
    for coupon in coupons:
        total = sum(
            discount.amount_minor
            for discounts in given_to
            for discount in discounts
            if discount.coupon_id == coupon.coupon_id
        )
        if coupon.kind is CouponKind.FIXED:
            assert total <= coupon.value
        elif coupon.cap_minor is not None:
            assert total <= coupon.cap_minor
