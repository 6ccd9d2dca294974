"""Who pays a refund, and how much of it: pure arithmetic, for any shares."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.ids import new_id
from orders.clawback import Claim, fee_part_minor, reversal
from orders.records import Line, ShareRow
from orders.split import RefundTooLarge

SUPPLIER, T1, T2, STAR = (UUID(int=number) for number in range(1, 5))


def a_line(*, net_minor: int = 10_500, refunded_minor: int = 0, fee_minor: int = 63) -> Line:
    line_id = new_id()
    return Line(
        id=line_id,
        order_id=line_id,
        sku_id=line_id,
        supplier_listing_id=line_id,
        quantity=1,
        unit_price_minor=net_minor,
        net_minor=net_minor,
        refunded_minor=refunded_minor,
        returned_quantity=0,
        channel_fee_minor=fee_minor,
        key_ids=(line_id,),
    )


def share(role: str, party_id: UUID | None, amount_minor: int, reversed_minor: int = 0) -> ShareRow:
    kind = "PLATFORM" if party_id is None else "TENANT"
    return ShareRow(new_id(), new_id(), kind, party_id, role, amount_minor, reversed_minor)


def example() -> list[ShareRow]:
    """The worked example's shares, the shop's before the channel's fee."""
    return [
        share("SUPPLY", SUPPLIER, 7_600),
        share("SUPPLIER_COMMISSION", None, 400),
        share("WHOLESALE_MARGIN", None, 500),
        share("AGENT_MARGIN", T1, 500),
        share("AFFILIATE", STAR, 315),
        share("SHOP_MARGIN", T2, 1_185),
    ]


def claimed(claims: tuple[Claim, ...]) -> list[tuple[str, int]]:
    return [(claim.role, claim.amount_minor) for claim in claims]


def test_everybody_gives_back_a_share_and_the_shop_bears_the_fee() -> None:
    found = reversal(a_line(), example(), amount_minor=10_500, fault_of_supplier=False)
    assert claimed(found.claims) == [
        ("SUPPLY", 7_600),
        ("SUPPLIER_COMMISSION", 400),
        ("WHOLESALE_MARGIN", 500),
        ("AGENT_MARGIN", 500),
        ("AFFILIATE", 315),
        ("SHOP_MARGIN", 1_185),
    ]


def test_a_supplier_at_fault_pays_the_fee_for_the_shop_from_its_deposit_first() -> None:
    found = reversal(a_line(), example(), amount_minor=10_500, fault_of_supplier=True)
    assert claimed(found.claims)[-2:] == [("SHOP_MARGIN", 1_122), ("SUPPLY", 63)]
    assert [claim.deposit_first for claim in found.claims] == [False] * 6 + [True]
    # What stands on the shares is the whole refund all the same.
    assert sum(part for _, part in found.by_share) == 10_500


def test_a_fee_larger_than_what_the_shop_gives_moves_no_more_than_that() -> None:
    shares = [share("SUPPLY", SUPPLIER, 9_990), share("SHOP_MARGIN", T2, 10)]
    line = a_line(net_minor=10_000, fee_minor=60)
    found = reversal(line, shares, amount_minor=10_000, fault_of_supplier=True)
    assert claimed(found.claims) == [("SUPPLY", 9_990), ("SUPPLY", 10)]


def test_more_than_what_is_left_of_the_shares_is_refused() -> None:
    shares = [share("SUPPLY", SUPPLIER, 100, reversed_minor=40)]
    with pytest.raises(RefundTooLarge):
        reversal(a_line(net_minor=100), shares, amount_minor=61, fault_of_supplier=False)


@given(
    st.integers(1, 100_000), st.integers(0, 5_000), st.lists(st.integers(1, 100_000), max_size=12)
)
def test_the_parts_of_the_fee_never_exceed_it_and_the_last_refund_takes_the_rest(
    net_minor: int, fee_minor: int, refunds: list[int]
) -> None:
    fee_minor = min(fee_minor, net_minor)
    refunded_minor, parts = 0, 0
    for wanted in [*refunds, net_minor]:
        amount_minor = min(wanted, net_minor - refunded_minor)
        line = a_line(net_minor=net_minor, refunded_minor=refunded_minor, fee_minor=fee_minor)
        part = fee_part_minor(line, amount_minor)
        assert 0 <= part <= fee_minor - parts
        parts += part
        refunded_minor += amount_minor
    assert (refunded_minor, parts) == (net_minor, fee_minor)
