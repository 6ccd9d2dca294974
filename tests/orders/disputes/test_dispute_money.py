"""E10 in numbers: the worked example's sale, disputed, won and lost, through the real code."""

import pytest

from billing.payment_methods.base import ChannelReport
from dispute_desk import bank_of, disputed
from orders import settlement, topping_up
from orders.disputed import OrderDisputed
from orders.disputes import deciding
from sales import Purchase, SalesDesk, key, provider_ref
from tenants import liability
from world import Person

pytestmark = pytest.mark.engines


@pytest.fixture
async def star(desk: SalesDesk) -> Person:
    """The prices of the example, keys to sell, and the affiliate."""
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(4)
    return await desk.world.affiliate("star", rate_bp=300)


async def _sold(desk: SalesDesk, *, opened: bool = True) -> Purchase:
    purchase = await (await desk.order(affiliate_code="star")).paid()
    if opened:
        await purchase.reveal()
    return purchase


async def _books(desk: SalesDesk, star: Person, case: str | None = None) -> dict[str, int]:
    """The books, by the names of the example."""
    world = desk.world
    cases = await desk.owner.fetch("select id from disputes order by opened_at")
    return await desk.books(
        ("supplier", world.goods.supplier_id),
        ("T1", world.agent.id),
        ("T2", world.shop.id),
        ("affiliate", star.id),
        *((f"case {number}", row["id"]) for number, row in enumerate(cases)),
    )


def _worth(books: dict[str, int], party: str) -> int:
    """What a party has, in whatever stage, less what it owes; minor units."""
    return -sum(minor for name, minor in books.items() if name.endswith(f" {party}"))


async def test_a_dispute_takes_the_money_holds_the_shares_and_gives_all_back_when_won(
    desk: SalesDesk, star: Person
) -> None:
    purchase = await _sold(desk)
    before = await _books(desk, star)
    bank = await bank_of(purchase)
    assert (await bank.opens()).effect == "DISPUTED"
    opened = await _books(desk, star)
    assert opened["A:DISPUTE case 0"] == 10_500
    assert opened["E:DISPUTE_FEE"] == 1_500
    assert opened["A:GATEWAY:STRIPE"] - before["A:GATEWAY:STRIPE"] == -12_000
    held = {name: minor for name, minor in opened.items() if name.startswith("L:PARTY:HOLD")}
    assert held == {
        "L:PARTY:HOLD supplier": -7_600,
        "L:PARTY:HOLD T1": -500,
        "L:PARTY:HOLD affiliate": -315,
        "L:PARTY:HOLD T2": -1_122,
    }
    await desk.assert_sound()
    assert (await bank.loses()).effect == "DISPUTED"
    assert await _books(desk, star) == before
    assert await purchase.status() == "DELIVERED"
    assert (await bank.loses()).effect == "NOTHING"
    await desk.assert_sound()
    await purchase.refund(10_500, "SUPPLIER_FAULT")


async def test_good_goods_are_borne_by_affiliate_and_shop_down_to_a_debt(
    desk: SalesDesk, star: Person
) -> None:
    purchase = await _sold(desk)
    bank = await bank_of(purchase)
    await bank.opens()
    await bank.wins()
    books = await _books(desk, star)
    assert books == {
        "A:GATEWAY:STRIPE": 10_437 - 12_000,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "L:PARTY:PENDING supplier": -7_600,
        "L:PARTY:PENDING T1": -500,
        "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500,
        "A:RECV T2": 9_063 + 1_500,
        "E:DISPUTE_FEE": 1_500,
        "R:DISPUTE_RECOVERY": -1_500,
    }
    assert await purchase.status() == "CHARGED_BACK"
    await desk.assert_sound()


async def test_bad_goods_are_the_suppliers_and_the_fee_with_them(
    desk: SalesDesk, star: Person
) -> None:
    purchase = await _sold(desk)
    bank = await bank_of(purchase)
    await bank.opens()
    case_id = await desk.owner.fetchval("select id from disputes")
    await deciding.decide_goods(case_id=case_id, within=None, goods="BAD")
    await bank.wins()
    books = await _books(desk, star)
    assert _worth(books, "T2") == 0
    assert _worth(books, "supplier") == -63 - 1_500
    assert (_worth(books, "T1"), _worth(books, "affiliate")) == (0, 0)
    assert "R:WHOLESALE_MARGIN" not in books
    assert books["R:DISPUTE_RECOVERY"] == -1_500
    with pytest.raises(deciding.DisputeOver):
        await deciding.decide_goods(case_id=case_id, within=None, goods="GOOD")
    await desk.assert_sound()


async def test_the_platform_bears_what_it_has_guaranteed_and_later_terms_change_no_old_order(
    desk: SalesDesk, star: Person
) -> None:
    before = await _sold(desk)
    await liability.set_liability(
        tenant_id=desk.world.shop.id, liability="PLATFORM", actor="operator:1", reason="contract 7"
    )
    after = await _sold(desk)
    await liability.set_liability(
        tenant_id=desk.world.shop.id, liability="SHOP", actor="operator:1", reason=""
    )
    shares = await _books(desk, star)
    guaranteed = await bank_of(after)
    await guaranteed.opens()
    await guaranteed.wins()
    books = await _books(desk, star)
    assert books["E:CHARGEBACK_LOSS"] == 10_500
    assert books["E:DISPUTE_FEE"] == 1_500
    assert {name: minor for name, minor in books.items() if name.startswith("L:PARTY")} == {
        name: minor for name, minor in shares.items() if name.startswith("L:PARTY")
    }
    old = await bank_of(before)
    await old.opens()
    await old.wins()
    rows = await desk.owner.fetch("select liability from disputes order by heard_at")
    assert [row["liability"] for row in rows] == ["PLATFORM", "SHOP"]
    await desk.assert_sound()


async def test_keys_that_nobody_has_opened_stay_closed_and_go_back_when_it_is_lost(
    desk: SalesDesk, star: Person
) -> None:
    purchase = await _sold(desk, opened=False)
    bank = await bank_of(purchase)
    await bank.opens()
    with pytest.raises(OrderDisputed) as refused:
        await purchase.reveal()
    assert refused.value.code == "ORDER_DISPUTED"
    assert await desk.owner.fetchval("select count(*) from key_reveals") == 0
    for refusal in (purchase.give_back(), purchase.refund(100, "SHOP_FAULT")):
        with pytest.raises(OrderDisputed):
            await refusal
    assert await desk.owner.fetchval("select count(*) from refunds") == 0
    await bank.wins()
    assert await desk.key_states() == {"AVAILABLE": 4}
    books = await _books(desk, star)
    assert _worth(books, "supplier") == 0
    assert _worth(books, "T2") == -63 - 1_500
    await desk.assert_sound()


async def test_an_open_refund_waits_and_what_the_bank_has_paid_is_not_paid_twice(
    desk: SalesDesk, star: Person
) -> None:
    won, lost, partial = [await _sold(desk) for _ in range(3)]
    for purchase in (won, lost, partial):
        await purchase.refund(4_000, "SUPPLIER_FAULT")
    banks = [await bank_of(won), await bank_of(lost), await bank_of(partial, 1_500)]
    for bank in banks:
        await bank.opens()
    await desk.send_refunds()
    assert desk.channels["CARD"].refunded == {}
    await desk.assert_sound()
    await banks[0].loses()
    await banks[1].wins()
    await banks[2].wins()
    await desk.assert_sound()
    await desk.send_refunds()
    assert sorted(desk.channels["CARD"].refunded.values()) == [2_500, 4_000]
    rows = await desk.owner.fetch(
        """select reason, channel_minor, covered_minor, status from refunds
           order by payment_id, sequence"""
    )
    assert [tuple(row) for row in rows] == [
        ("SUPPLIER_FAULT", 4_000, 0, "DONE"),
        ("SUPPLIER_FAULT", 4_000, 4_000, "DONE"),
        ("CHARGEBACK", 6_500, 0, "DONE"),
        ("SUPPLIER_FAULT", 4_000, 1_500, "DONE"),
    ]
    await desk.assert_sound()


async def test_two_partial_disputes_never_take_more_than_was_paid(
    desk: SalesDesk, star: Person
) -> None:
    purchase = await _sold(desk)
    first, second = await bank_of(purchase, 6_000), await bank_of(purchase, 6_000, name="b")
    await first.opens()
    await second.opens()
    claimed = await desk.owner.fetchval(
        "select disputed_minor from payments where channel_minor > 0"
    )
    assert claimed == 10_500  # of 120.00
    await second.wins()
    await first.wins()
    line = await purchase.line()
    assert line.refunded_minor == 10_500
    # The bank has taken 15.00 more than was ever paid: by the contract that is the shop's, too.
    books = await _books(desk, star)
    assert _worth(books, "T2") == -(12_000 - 315 - 1_122) - 3_000
    await desk.assert_sound()


async def test_a_disputed_top_up_is_taken_out_of_the_balance_as_far_as_it_goes(
    desk: SalesDesk,
) -> None:
    buyer = await desk.world.customer()
    ref = await _topped_up(desk, buyer, 5_000)
    bank = disputed(ref, 5_000)
    await bank.opens()
    books = await desk.books(("buyer", buyer.id))
    assert "L:WALLET buyer" not in books
    await bank.loses()
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -5_000
    await desk.assert_sound()

    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(1)
    late = disputed(await _topped_up(desk, buyer, 8_000), 8_000)
    await (await desk.order(by=buyer)).paid("WALLET")
    await late.opens()
    await late.wins()
    books = await desk.books(("buyer", buyer.id), ("T2", desk.world.shop.id))
    # 25.00 were still there; 55.00 are spent, and the shop's to bear, with the fee.
    assert "L:WALLET buyer" not in books
    assert books["A:RECV T2"] == 5_500 + 1_500 - 1_500
    await desk.assert_sound()


async def _topped_up(desk: SalesDesk, buyer: Person, amount_minor: int) -> str:
    """A buyer tops the wallet up; the channel's id of the payment."""
    started = await topping_up.top_up(
        shop=await desk.shop(),
        customer_id=buyer.id,
        amount_minor=amount_minor,
        method="CARD",
        return_url="http://shop.localhost/",
        idempotency_key=key(),
    )
    report = ChannelReport(
        provider="stripe",
        event_id=f"evt_{key()}",
        kind="test",
        state="SUCCEEDED",
        provider_ref=provider_ref(started.payment_id),
        payment_id=started.payment_id,
        amount_minor=amount_minor,
        currency="CNY",
    )
    assert (await settlement.hear(report)).effect == "TOPPED_UP"
    return report.provider_ref
