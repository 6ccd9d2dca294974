"""The postings of a sale add up to zero for any amounts, and leave nothing in escrow."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from billing import accounts
from billing.ledger import Account, Entry
from kernel.ids import new_id
from orders import postings
from orders.split import channel_fee_minor

SHOP, SUPPLIER, BUYER = new_id(), new_id(), new_id()
ESCROW = accounts.escrow("CNY")


def balances(entries: list[Entry]) -> dict[Account, int]:
    sums: dict[Account, int] = defaultdict(int)
    for entry in entries:
        sums[entry.account] += entry.amount_minor
    return dict(sums)


@given(
    channel_minor=st.integers(0, 10**7),
    wallet_minor=st.integers(0, 10**7),
    fee_bp=st.integers(0, 600),
    supply_percent=st.integers(0, 90),
    at_root=st.booleans(),
)
def test_a_sale_moves_the_buyers_money_to_those_who_earned_it(
    channel_minor: int, wallet_minor: int, fee_bp: int, supply_percent: int, at_root: bool
) -> None:
    net_minor = channel_minor + wallet_minor
    fee_minor = channel_fee_minor(amount_minor=channel_minor, fee_bp=fee_bp)
    supply_minor = net_minor * supply_percent // 100
    shop_id = None if at_root else SHOP
    role = "WHOLESALE_MARGIN" if at_root else "SHOP_MARGIN"
    wallet = accounts.wallet_held(BUYER, "CNY")
    entries = postings.sale(
        postings.captured(
            provider="stripe",
            currency="CNY",
            channel_minor=channel_minor,
            fee_minor=fee_minor,
            wallet=wallet if wallet_minor else None,
            wallet_minor=wallet_minor,
        ),
        postings.delivered(
            currency="CNY",
            shares=[("SUPPLY", SUPPLIER, supply_minor), (role, shop_id, net_minor - supply_minor)],
            fee_minor=fee_minor,
            shop_id=shop_id,
        ),
    )
    moved = balances(entries)
    assert sum(moved.values()) == 0
    assert moved.get(ESCROW, 0) == 0
    assert all(entry.amount_minor for entry in entries)
    assert moved.get(accounts.gateway("stripe", "CNY"), 0) == channel_minor - fee_minor
    assert moved.get(wallet, 0) == wallet_minor
    shop = accounts.revenue(role, "CNY") if at_root else accounts.party_pending(SHOP, "CNY")
    assert -moved.get(shop, 0) == net_minor - supply_minor - fee_minor
    # The fee is paid by the shop, and what the channel took is the platform's cost.
    assert -moved.get(accounts.revenue("GATEWAY_RECOVERY", "CNY"), 0) == fee_minor
    assert moved.get(accounts.expense("GATEWAY_FEE", "CNY"), 0) == fee_minor


@given(st.integers(1, 10**7), st.integers(0, 600))
def test_a_top_up_is_the_buyers_whole_and_the_fee_the_platforms(
    amount_minor: int, fee_bp: int
) -> None:
    wallet = accounts.wallet(BUYER, "CNY")
    fee_minor = channel_fee_minor(amount_minor=amount_minor, fee_bp=fee_bp)
    entries = postings.topped_up(
        provider="stripe", wallet=wallet, amount_minor=amount_minor, fee_minor=fee_minor
    )
    moved = balances(entries)
    assert sum(moved.values()) == 0
    assert moved[wallet] == -amount_minor
    assert moved.get(accounts.gateway("stripe", "CNY"), 0) == amount_minor - fee_minor


def test_a_fee_that_is_all_that_came_stays_visible_at_the_channel() -> None:
    taken_in = postings.captured(
        provider="stripe",
        currency="CNY",
        channel_minor=1,
        fee_minor=1,
        wallet=None,
        wallet_minor=0,
    )
    gateway = accounts.gateway("stripe", "CNY")
    posted = postings.sale(taken_in, [])
    assert [one.amount_minor for one in posted if one.account == gateway] == [1, -1]
    assert sum(one.amount_minor for one in posted) == 0
