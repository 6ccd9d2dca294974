"""What a buyer gets back, in what money, and what becomes of the keys."""

from collections import Counter

import pytest

from billing.ledger import InsufficientBalance
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from orders import refunds
from orders.idempotency import IdempotencyConflict
from orders.refunds import AlreadyRevealed
from orders.split import RefundTooLarge
from sales import Purchase, SalesDesk, key

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000


async def bought(desk: SalesDesk, quantity: int = 1, *, wallet_minor: int = 0) -> Purchase:
    """A delivered order, partly paid from a wallet if so told."""
    await desk.world.keys(quantity)
    buyer = await desk.world.customer(wallet_minor=wallet_minor) if wallet_minor else None
    return await (await desk.order(quantity, by=buyer)).paid(wallet_minor=wallet_minor)


async def rows(desk: SalesDesk) -> list[tuple[int, int, int]]:
    """Every refund as (amount, to the channel, to the wallet), in minor units."""
    found = await desk.owner.fetch("select * from refunds order by sequence")
    return [(row["amount_minor"], row["channel_minor"], row["wallet_minor"]) for row in found]


async def test_pieces_come_back_at_their_price_and_the_last_one_takes_the_rest(
    desk: SalesDesk,
) -> None:
    purchase = await bought(desk, 3)
    await purchase.give_back(1)
    await purchase.refund(500)
    await purchase.give_back(1)
    await purchase.give_back()
    assert [amount for amount, *_ in await rows(desk)] == [11_000, 500, 11_000, 10_500]
    assert await desk.key_states() == {"AVAILABLE": 3}
    line = await purchase.line()
    assert (line.refunded_minor, line.returned_quantity) == (3 * PRICE_MINOR, 3)
    await desk.send_refunds()
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_only_unopened_keys_come_back(desk: SalesDesk) -> None:
    purchase = await bought(desk, 3)
    await purchase.reveal((await purchase.unopened())[:2])
    with pytest.raises(AlreadyRevealed) as refused:
        await purchase.give_back(2)
    assert refused.value.details == {"unrevealed": 1}
    assert await rows(desk) == []
    await purchase.give_back()
    assert await desk.key_states() == {"AVAILABLE": 1, "REVEALED": 2}
    for impossible in (None, 1):
        with pytest.raises(AlreadyRevealed):
            await purchase.give_back(impossible)
    with pytest.raises(Invalid):
        await purchase.give_back(0)
    assert [amount for amount, *_ in await rows(desk)] == [PRICE_MINOR]
    await desk.assert_sound()


async def test_a_returned_key_is_sold_again_to_somebody_else(desk: SalesDesk) -> None:
    purchase = await bought(desk)
    await purchase.give_back()
    with pytest.raises(NotFound):
        await purchase.reveal()
    other = await (await desk.order()).paid()
    (opened,) = await other.reveal()
    assert opened.secret.startswith("KEY-")
    assert await desk.key_states() == {"REVEALED": 1}
    await desk.assert_sound()


async def test_money_goes_back_to_the_channel_first_and_then_to_the_wallet(
    desk: SalesDesk,
) -> None:
    purchase = await bought(desk, wallet_minor=4_000)
    for amount_minor in (5_000, 3_000, 3_000):
        await purchase.refund(amount_minor)
    assert await rows(desk) == [(5_000, 5_000, 0), (3_000, 2_000, 1_000), (3_000, 0, 3_000)]
    await desk.send_refunds()
    assert Counter(desk.channels["CARD"].refunded.values()) == Counter([5_000, 2_000])
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_a_refund_from_the_wallet_alone_is_done_at_once(desk: SalesDesk) -> None:
    await desk.world.keys(1)
    buyer = await desk.world.customer(wallet_minor=PRICE_MINOR)
    purchase = await (await desk.order(by=buyer)).paid("WALLET")
    await purchase.refund(1_000)
    assert await purchase.status() == "PARTIALLY_REFUNDED"
    await purchase.give_back()
    assert await purchase.status() == "REFUNDED"
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -PRICE_MINOR
    await desk.assert_sound()


async def test_more_than_what_is_left_is_refused_and_nothing_is_written(desk: SalesDesk) -> None:
    purchase = await bought(desk)
    await purchase.refund(10_000)
    written = await desk.owner.fetchval("select count(*) from ledger_entries")
    for impossible in (1_001, 11_000, 10**12):
        with pytest.raises(RefundTooLarge):
            await purchase.refund(impossible)
    for impossible in (0, -1):
        with pytest.raises(Invalid):
            await purchase.refund(impossible)
    with pytest.raises(NotFound):
        await purchase.refund(1, line_id=new_id())
    unpaid_keys = await desk.world.keys(1)
    unpaid = await desk.order()
    assert unpaid_keys
    with pytest.raises(Invalid, match="not paid"):
        await unpaid.refund(1)
    assert await desk.owner.fetchval("select count(*) from ledger_entries") == written
    await desk.assert_sound()


async def test_the_same_request_refunds_once_and_with_other_content_is_refused(
    desk: SalesDesk,
) -> None:
    purchase = await bought(desk, 2)
    line = await purchase.line()
    same = key()

    async def refund(amount_minor: int) -> None:
        await refunds.refund_line(
            shop=purchase.shop,
            actor="staff:one",
            order_no=purchase.no,
            line_id=line.id,
            amount_minor=amount_minor,
            reason="SHOP_FAULT",
            idempotency_key=same,
        )

    async def give_back() -> None:
        await refunds.return_unrevealed(
            shop=purchase.shop,
            viewer=purchase.viewer,
            order_no=purchase.no,
            line_id=line.id,
            quantity=1,
            idempotency_key=same + same,
        )

    for _ in range(2):
        await refund(100)
        await give_back()
    with pytest.raises(IdempotencyConflict):
        await refund(101)
    assert [amount for amount, *_ in await rows(desk)] == [100, PRICE_MINOR]
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 1}
    await desk.assert_sound()


async def test_a_change_of_mind_ends_where_a_key_has_been_seen(desk: SalesDesk) -> None:
    purchase = await bought(desk, 2)
    await purchase.reveal((await purchase.unopened())[:1])
    with pytest.raises(AlreadyRevealed) as refused:
        await purchase.refund(100, "CHANGE_OF_MIND")
    assert refused.value.details == {"revealed": 1}
    await purchase.refund(100, "SHOP_FAULT")
    await desk.assert_sound()


async def test_goodwill_is_the_shops_own_money_and_no_more_than_it_has_earned(
    desk: SalesDesk,
) -> None:
    purchase = await bought(desk)
    earned_minor = 2_000 - 66  # its markup, less the channel's fee
    with pytest.raises(InsufficientBalance) as refused:
        await purchase.refund(earned_minor + 1, "GOODWILL")
    assert refused.value.details == {"available": earned_minor}
    assert await rows(desk) == []
    await purchase.refund(earned_minor, "GOODWILL")
    books = await desk.books(
        ("supplier", desk.world.goods.supplier_id), ("T1", desk.world.agent.id)
    )
    # Nobody else has given anything.
    assert books["L:PARTY:PENDING supplier"] == -7_600
    assert books["L:PARTY:PENDING T1"] == -500
    assert sum(code.startswith("L:PARTY:PENDING") for code in books) == 2
    await desk.assert_sound()


async def test_money_back_without_the_keys_leaves_them_to_come_back_for_nothing(
    desk: SalesDesk,
) -> None:
    purchase = await bought(desk)
    await purchase.refund(PRICE_MINOR, "SUPPLIER_FAULT")
    with pytest.raises(NotFound):
        await purchase.reveal()
    await purchase.give_back()
    assert [amount for amount, *_ in await rows(desk)] == [PRICE_MINOR]
    assert await desk.key_states() == {"AVAILABLE": 1}
    await desk.assert_sound()


async def test_at_the_roots_own_shop_a_supplier_at_fault_pays_the_lost_fee_as_anywhere(
    desk: SalesDesk,
) -> None:
    root = desk.world.root
    await desk.world.rule(root, "RETAIL", "FIXED_OVER_COST", 2_000)
    await desk.world.keys(1)
    purchase = await (await desk.order(at=root)).paid()
    assert purchase.total_minor == 10_000
    await purchase.refund(10_000, "SUPPLIER_FAULT")
    await desk.send_refunds()
    assert await desk.books(("supplier", desk.world.goods.supplier_id)) == {
        "A:GATEWAY:STRIPE": -60,
        "E:GATEWAY_FEE": 60,
        "R:GATEWAY_RECOVERY": -60,
        "A:RECV supplier": 60,
    }
    await desk.assert_sound()


async def test_where_the_commission_is_the_whole_supply_price_the_platform_pays_for_the_fault(
    desk: SalesDesk,
) -> None:
    await desk.owner.execute("update suppliers set commission_bp = 10000")
    purchase = await bought(desk)
    await purchase.refund(PRICE_MINOR, "SUPPLIER_FAULT")
    await desk.send_refunds()
    assert await desk.books() == {
        "A:GATEWAY:STRIPE": -66,
        "E:GATEWAY_FEE": 66,
        "R:GATEWAY_RECOVERY": -66,
        "R:SUPPLIER_COMMISSION": 66,
    }
    await desk.assert_sound()
