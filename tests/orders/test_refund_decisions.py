"""Who may be given money back, how much of it, and out of whose pocket."""

import pytest

from billing import accounts, ledger
from billing.ledger import InsufficientBalance
from kernel import db
from kernel.errors import Invalid, NotFound
from orders.records import Viewer
from orders.refunds import AlreadyRevealed
from sales import Purchase, SalesDesk
from tenants.directory import TenantRestricted
from trade_desk import COST_MINOR, buy, credit, held_minor

pytestmark = pytest.mark.engines

PRICE_MINOR = 11_000


async def _bought(desk: SalesDesk, quantity: int = 1) -> Purchase:
    await desk.world.keys(quantity)
    return await (await desk.order(quantity)).paid()


async def _refunds(desk: SalesDesk) -> list[tuple[str, int]]:
    """The reason and the amount of every refund."""
    rows = await desk.owner.fetch("select reason, amount_minor from refunds order by sequence")
    return [(row["reason"], row["amount_minor"]) for row in rows]


async def test_a_change_of_mind_ends_where_a_key_has_been_opened(desk: SalesDesk) -> None:
    purchase = await _bought(desk, 2)
    await purchase.reveal((await purchase.unopened())[:1])
    before = await desk.books()
    with pytest.raises(AlreadyRevealed):
        await purchase.refund(100, "CHANGE_OF_MIND")
    assert await _refunds(desk) == []
    assert await desk.books() == before
    assert (await purchase.line()).refunded_minor == 0
    assert await purchase.status() == "DELIVERED"
    await desk.assert_sound()


async def test_a_change_of_mind_is_for_all_that_is_left_and_takes_the_keys_back(
    desk: SalesDesk,
) -> None:
    purchase = await _bought(desk, 2)
    before = await desk.books()
    with pytest.raises(Invalid) as refused:
        await purchase.refund(2 * PRICE_MINOR - 1, "CHANGE_OF_MIND")
    assert (refused.value.field, refused.value.details) == ("amount", {"left": 2 * PRICE_MINOR})
    assert (await _refunds(desk), await desk.books()) == ([], before)
    await purchase.refund(2 * PRICE_MINOR, "CHANGE_OF_MIND")
    with pytest.raises(NotFound):
        await purchase.reveal()
    assert await desk.key_states() == {"AVAILABLE": 2}
    await desk.assert_sound()


async def test_a_shop_does_not_open_what_it_bought_after_its_money_has_come_back(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(2)
    shop = await desk.shop()
    await credit(shop, 2 * COST_MINOR)
    bought = await buy(shop, desk.world.goods, 2, deliver_now=False)
    purchase = Purchase(
        desk, shop, Viewer(purchases=True), bought.order.id, bought.order.no, 2 * COST_MINOR
    )
    with pytest.raises(Invalid):
        await purchase.refund(2 * COST_MINOR - 1, "CHANGE_OF_MIND")
    assert await held_minor(desk.owner, shop.id) == 0
    await purchase.refund(2 * COST_MINOR, "CHANGE_OF_MIND")
    assert await held_minor(desk.owner, shop.id) == 2 * COST_MINOR
    assert await desk.key_states() == {"AVAILABLE": 2}
    await desk.assert_sound()


async def test_the_price_of_many_is_not_kept_for_few(desk: SalesDesk) -> None:
    world = desk.world
    await world.asks(world.shop, PRICE_MINOR - 800, min_quantity=3)
    await world.asks(world.agent, COST_MINOR - 300, audience="WHOLESALE", min_quantity=3)
    await world.keys(5)
    shop = await desk.shop()
    await credit(shop, 5 * COST_MINOR)
    sold = await (await desk.order(5, by=await world.customer(wallet_minor=100_000))).paid("WALLET")
    assert sold.total_minor == 5 * (PRICE_MINOR - 800)
    await world.keys(5)
    bought = await buy(shop, world.goods, 5, deliver_now=False)
    assert bought.order.total_minor == 5 * (COST_MINOR - 300)
    at_cost = Purchase(desk, shop, Viewer(purchases=True), bought.order.id, bought.order.no, 0)
    for purchase in (sold, at_cost):
        if purchase is at_cost:  # a price of its own that hides the goods is no way round
            await world.asks(world.shop, 1, min_quantity=5)
        for quantity in (3, 4):
            with pytest.raises(Invalid) as refused:
                await purchase.give_back(quantity)
            assert refused.value.field == "quantity"
        await purchase.give_back(2)
        assert (await purchase.line()).returned_quantity == 2
        await purchase.give_back(3)
        assert (await purchase.line()).returned_quantity == 5
    assert await held_minor(desk.owner, shop.id) == 5 * COST_MINOR
    assert await desk.key_states() == {"AVAILABLE": 10}
    await desk.assert_sound()


async def test_goodwill_is_paid_by_the_shop_alone(desk: SalesDesk) -> None:
    purchase = await _bought(desk)
    await purchase.reveal()
    before = await desk.books(("shop", desk.world.shop.id))
    await purchase.refund(500, "GOODWILL")
    await desk.send_refunds()
    after = await desk.books(("shop", desk.world.shop.id))
    moved = {name: after.get(name, 0) - before[name] for name in before}
    assert {name: minor for name, minor in moved.items() if minor} == {
        "A:GATEWAY:STRIPE": -500,
        "L:PARTY:PENDING shop": 500,
    }
    assert await desk.owner.fetchval("select sum(reversed_minor) from line_shares") == 0
    await desk.assert_sound()


async def test_goodwill_is_no_way_round_the_deposit_or_a_stop_of_payouts(desk: SalesDesk) -> None:
    purchase = await _bought(desk)
    shop_id = desk.world.shop.id
    async with db.transaction(db.core_scope(shop_id)):
        secured = [
            ledger.debit(accounts.bank("CNY"), 50_000),
            ledger.credit(accounts.deposit_free(shop_id, "CNY"), 50_000),
        ]
        await ledger.post(secured, kind="DEPOSIT", idempotency_key="d", tenant_id=shop_id)
    before = await desk.books(("shop", shop_id))
    with pytest.raises(InsufficientBalance):
        await purchase.refund(1 - before["L:PARTY:PENDING shop"], "GOODWILL")
    for stopped in (
        "status = 'RESTRICTED', payouts_frozen = true",
        "status = 'SUSPENDED', payouts_frozen = false",
    ):
        await desk.owner.execute(f"update tenants set {stopped} where id = $1", shop_id)
        with pytest.raises(TenantRestricted):
            await purchase.refund(1, "GOODWILL")
    assert (await _refunds(desk), await desk.books(("shop", shop_id))) == ([], before)
    await purchase.refund(PRICE_MINOR, "SHOP_FAULT")
    await desk.assert_sound()


async def test_goodwill_beyond_what_the_shop_has_earned_is_refused_and_writes_nothing(
    desk: SalesDesk,
) -> None:
    purchase = await _bought(desk)
    before = await desk.books(("shop", desk.world.shop.id))
    earned_minor = -before["L:PARTY:PENDING shop"]
    with pytest.raises(InsufficientBalance) as refused:
        await purchase.refund(earned_minor + 1, "GOODWILL")
    assert refused.value.details == {"available": earned_minor}
    assert await _refunds(desk) == []
    assert await desk.books(("shop", desk.world.shop.id)) == before
    assert (await purchase.line()).refunded_minor == 0
    await desk.assert_sound()


async def test_pieces_returned_after_a_partial_refund_bring_their_price_and_the_last_the_rest(
    desk: SalesDesk,
) -> None:
    purchase = await _bought(desk, 3)
    await purchase.reveal((await purchase.unopened())[:1])
    await purchase.refund(PRICE_MINOR, "SUPPLIER_FAULT")  # for the opened one
    await purchase.give_back(1)
    await purchase.give_back(1)
    assert await _refunds(desk) == [
        ("SUPPLIER_FAULT", PRICE_MINOR),
        ("UNREVEALED_RETURN", PRICE_MINOR),
        ("UNREVEALED_RETURN", PRICE_MINOR),
    ]
    await desk.send_refunds()
    assert await purchase.status() == "REFUNDED"
    await desk.assert_sound()


async def test_a_piece_that_was_refunded_in_part_brings_only_what_is_left(desk: SalesDesk) -> None:
    purchase = await _bought(desk, 2)
    await purchase.refund(15_000, "SHOP_FAULT")
    await purchase.give_back(1)
    assert await _refunds(desk) == [("SHOP_FAULT", 15_000), ("UNREVEALED_RETURN", 7_000)]
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 1}
    await desk.assert_sound()


async def test_an_unopened_key_whose_money_has_all_gone_back_cannot_be_opened(
    desk: SalesDesk,
) -> None:
    purchase = await _bought(desk, 2)
    opened = await purchase.reveal((await purchase.unopened())[:1])
    await purchase.refund(2 * PRICE_MINOR, "SUPPLIER_FAULT")
    with pytest.raises(NotFound):
        await purchase.reveal(await purchase.unopened())
    assert await desk.key_states() == {"REVEALED": 1, "SOLD": 1}
    # What has been seen can be seen again.
    assert [key.secret for key in await purchase.reveal()] == [key.secret for key in opened]
    await desk.assert_sound()
