"""A supplier who asks dollars of a shop that sells in yuan: priced, sold, refunded, to the fen.

A piece costs 11.20 USD at 7.1234: 79.78208 yuan, so c0 is 79.79 and the buyer pays 104.79. The
commission of 5 % is 0.56 USD, so 10.64 USD are owed, which 75.80 yuan buy (75.792976); the 3.99
that are left of c0 are the platform's commission.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookkeeping import exchange
from dispute_desk import bank_of
from entrypoints import sweeps
from exchange.arithmetic import Rate
from exchange.setting import NewRate, set_rates
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from offers import quotes
from offers.quotes import PriceChanged, Wish
from orders.fast_refunds import accepting, deciding
from orders.split import ForeignSupply, PartyKind, Role, split_line
from sales import Purchase, SalesDesk, key

pytestmark = pytest.mark.engines

SOLD = {
    "A:GATEWAY:STRIPE CNY": 10_416,
    "E:GATEWAY_FEE CNY": 63,
    "A:FX:USD CNY": -7_580,
    "A:FX:CNY USD": 1_064,
    "L:PARTY:PENDING supplier USD": -1_064,
    "R:SUPPLIER_COMMISSION CNY": -399,
    "R:WHOLESALE_MARGIN CNY": -500,
    "L:PARTY:PENDING T1 CNY": -500,
    "L:PARTY:PENDING affiliate CNY": -314,
    "L:PARTY:PENDING T2 CNY": -1_123,
    "R:GATEWAY_RECOVERY CNY": -63,
}


@dataclass(frozen=True)
class Example:
    """The sale, and its parties by their names."""

    desk: SalesDesk
    purchase: Purchase
    parties: dict[UUID, str]

    async def mature(self) -> None:
        """A month later all earnings are available."""
        await self.desk.world.shift_clock("30 days")
        await sweeps.note_earnings()
        await sweeps.mature_earnings()


async def set_rate(value: str, base: str = "USD", quote: str = "CNY") -> UUID:
    (rate,) = await set_rates(
        [NewRate(base, quote, Decimal(value))],
        source="a bank",
        actor="operator:one",
        confirmed_change_bp=10_000,
    )
    return rate.id


@pytest.fixture
async def dollars(desk: SalesDesk) -> UUID:
    """The supplier asks 11.20 dollars; returns the rate."""
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(2)
    await desk.owner.execute(
        "update supplier_listings set currency = 'USD', supply_price_minor = 1120"
    )
    return await set_rate("7.1234")


@pytest.fixture
async def example(desk: SalesDesk, dollars: UUID) -> Example:
    star = await desk.world.affiliate("star", rate_bp=300)
    purchase = await desk.order(affiliate_code="star")
    assert purchase.total_minor == 10_479
    parties = {
        desk.world.goods.supplier_id: "supplier",
        desk.world.agent.id: "T1",
        desk.world.shop.id: "T2",
        star.id: "affiliate",
    }
    return Example(desk, await purchase.paid(), parties)


async def books(example: Example) -> dict[str, int]:
    """Every account that holds something, with its currency; zero in each of them."""
    rows = await example.desk.owner.fetch(
        """select a.code, a.owner_id, a.currency, sum(e.amount_minor)::bigint as minor
           from ledger_accounts a join ledger_entries e on e.account_id = a.id
           group by 1, 2, 3 having sum(e.amount_minor) <> 0"""
    )
    called = example.parties
    held = {
        " ".join(filter(None, (row["code"], called.get(row["owner_id"]), row["currency"]))): row[
            "minor"
        ]
        for row in rows
    }
    for currency in ("CNY", "USD"):
        assert sum(minor for name, minor in held.items() if name.endswith(currency)) == 0
    await example.desk.assert_sound()
    return held


async def test_the_supplier_is_owed_dollars_and_the_rate_is_frozen(
    example: Example, dollars: UUID
) -> None:
    assert await books(example) == SOLD
    rows = await example.desk.owner.fetch(
        "select role, currency, amount_minor, fx_rate_id from line_shares where fx_rate_id is not"
        " null or currency <> 'CNY' order by role"
    )
    assert [tuple(row) for row in rows] == [
        ("EXCHANGE", "CNY", 7_580, dollars),
        ("SUPPLY", "USD", 1_064, None),
    ]


async def test_from_the_wallet_it_is_one_statement_and_the_same_split(
    desk: SalesDesk, dollars: UUID
) -> None:
    buyer = await desk.world.customer(wallet_minor=20_000)
    await (await desk.order(by=buyer)).paid("WALLET")
    held = await desk.books(("supplier", desk.world.goods.supplier_id))
    assert (held["A:FX:USD"], held["A:FX:CNY"]) == (-7_580, 1_064)
    assert held["L:PARTY:PENDING supplier"] == -1_064
    await desk.assert_sound()


async def test_refunds_go_back_at_the_orders_rate_whatever_the_rate_is_now(
    example: Example,
) -> None:
    await set_rate("8.5")
    line = await example.purchase.line()
    await example.purchase.refund(3_333)
    held = await books(example)
    # The shares give back in proportion; 24.27 yuan had bought 3.40 dollars and something.
    bridged = 7_580 + held["A:FX:USD CNY"]
    assert held["A:FX:CNY USD"] == 1_064 - 1_064 * bridged // 7_580
    assert held["L:PARTY:PENDING supplier USD"] == -held["A:FX:CNY USD"]

    await example.purchase.refund(line.net_minor - 3_333, "SUPPLIER_FAULT")
    await example.desk.send_refunds()
    assert await example.purchase.status() == "REFUNDED"
    left = await books(example)
    assert not [name for name in left if name.startswith("A:FX")]
    assert not [name for name in left if "supplier USD" in name]


async def test_what_has_matured_and_was_paid_out_becomes_a_debt_in_dollars(
    example: Example,
) -> None:
    await example.mature()
    assert (await books(example))["L:PARTY:AVAILABLE supplier USD"] == -1_064
    line = await example.purchase.line()
    await example.purchase.refund(line.net_minor)
    held = await books(example)
    assert not [name for name in held if "USD" in name]


async def test_without_a_fresh_rate_the_goods_are_hidden_and_a_list_is_whole(
    desk: SalesDesk, dollars: UUID
) -> None:
    shop = await desk.shop()
    wish = [Wish(desk.world.goods.sku_id, 1)]
    assert (await desk.quote(shop, wish)).total_minor == 10_479
    await desk.world.shift_clock("26 hours")
    with pytest.raises(NotFound):
        await desk.quote(shop, wish)
    await set_rate("7.2")
    assert (await desk.quote(shop, wish)).total_minor == 10_564


@pytest.mark.parametrize("uphold", [True, False])
async def test_a_claim_that_is_paid_at_once_comes_out_in_both_currencies(
    example: Example, uphold: bool
) -> None:
    await example.purchase.reveal()
    claim = await accepting.accept(
        shop=example.purchase.shop,
        actor="operator:one",
        order_no=example.purchase.no,
        line_id=(await example.purchase.line()).id,
        kind="INVALID",
        idempotency_key=key(),
    )
    await deciding.decide(claim.id, uphold=uphold, reason="tried it", actor="operator:one")
    held = await books(example)
    foreign = {name: minor for name, minor in held.items() if name.endswith("USD")}
    if uphold:
        assert foreign == {}
    else:
        assert foreign == {"A:FX:CNY USD": 1_064, "L:PARTY:PENDING supplier USD": -1_064}


@pytest.mark.parametrize("goods", ["open", "unopened"])
async def test_a_lost_dispute_comes_out_in_both_currencies(example: Example, goods: str) -> None:
    if goods == "open":
        await example.purchase.reveal()
    bank = await bank_of(example.purchase)
    await bank.opens()
    await bank.wins()
    held = await books(example)
    foreign = {name: minor for name, minor in held.items() if name.endswith("USD")}
    if goods == "open":  # the goods are gone: the supplier keeps what it has earned
        assert sum(minor for name, minor in foreign.items() if "PARTY" in name) == -1_064
    else:
        assert foreign == {}


async def test_what_was_bought_dearer_than_it_was_priced_is_the_platforms_loss(
    example: Example,
) -> None:
    await set_rate("7.2")
    assert await exchange.revalue(base="USD", quote="CNY") == (
        exchange.Bridge("USD", "CNY", 1_064, 7_661),
        -81,
    )
    assert (await books(example))["E:FX CNY"] == 81
    with pytest.raises(Invalid):
        await buy(1_065, 7_670)
    for _ in range(2):  # the second time is the first one's answer
        await buy(1_064, 7_650, once="once")
    assert (await exchange.revalue(base="USD", quote="CNY"))[1] == 11
    assert await books(example) == {
        **{name: minor for name, minor in SOLD.items() if not name.startswith("A:FX")},
        "A:BANK USD": 1_064,
        "A:BANK CNY": -7_650,
        "E:FX CNY": 70,
    }


async def buy(bought_minor: int, sold_minor: int, *, once: str = "") -> exchange.Bridge:
    return await exchange.settle(
        base="USD",
        quote="CNY",
        bought_minor=bought_minor,
        sold_minor=sold_minor,
        idempotency_key=once or key(),
    )


async def test_one_rate_prices_a_quote_and_its_order(desk: SalesDesk, dollars: UUID) -> None:
    await desk.world.asks(desk.world.shop, 12_000)
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(desk.world.goods.sku_id, 1)])
    await set_rate("7.1235")
    with pytest.raises(PriceChanged):
        async with db.transaction(db.core_scope(shop.id, path=shop.path)):
            await quotes.redeem(shop, quote.id)


@given(
    pair=st.sampled_from([("USD", "CNY"), ("JPY", "CNY"), ("CNY", "JPY"), ("KWD", "CNY"),
                          ("CNY", "KWD"), ("IDR", "USD")]),
    digits=st.integers(1, 10**12 - 1),
    places=st.integers(0, 12),
    price_minor=st.integers(1, 10**6),
    quantity=st.integers(1, 500),
    commission_bp=st.integers(0, 10_000),
)  # fmt: skip
def test_what_is_bought_is_never_more_than_the_goods_cost(
    pair: tuple[str, str],
    digits: int,
    places: int,
    price_minor: int,
    quantity: int,
    commission_bp: int,
) -> None:
    value = Decimal(digits).scaleb(-places)
    rate = Rate(new_id(), *pair, value, datetime(2030, 1, 1, tzinfo=UTC))
    cost = rate.up(price_minor)
    if cost * quantity > 2**53 - 1:
        return
    net = cost * quantity
    shares = split_line(
        costs=[cost],
        quantity=quantity,
        net_minor=net,
        supplier_id=new_id(),
        supplier_commission_bp=commission_bp,
        path=[new_id()],
        foreign=ForeignSupply(rate, price_minor),
    )
    own = [share for share in shares if share.currency is None]
    assert sum(share.amount_minor for share in own) == net
    assert all(share.amount_minor > 0 for share in shares)
    owed = {share.role: share.amount_minor for share in shares}
    assert (Role.SUPPLY in owed) == (Role.EXCHANGE in owed)
    if Role.SUPPLY in owed:
        assert owed[Role.EXCHANGE] == rate.up(owed[Role.SUPPLY])
        assert [one.party_kind for one in shares[:2]] == [PartyKind.SUPPLIER, PartyKind.PLATFORM]
