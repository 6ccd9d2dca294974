"""A cart: what somebody thinks of buying, shown at today's prices; it holds nothing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from catalog.forms.fields import FieldKind, FormField, define_form
from entrypoints import sweeps
from identity.contact import open_field
from kernel import crypto, db
from kernel.crypto import Sealed
from kernel.errors import Invalid, NotFound, RateLimited
from kernel.ids import new_id
from offers import quotes
from offers.cart import carts, lines, storing
from offers.cart.carts import CartChange, CartNow
from offers.cart.lines import CartLine, CartWish, LineChange
from offers.cart.storing import Holder
from offers.quotes import NotEnough, Wish
from random_markets import another_offer
from sales import SalesDesk

pytestmark = pytest.mark.engines

IP = "203.0.113.7"


async def put_in(
    desk: SalesDesk, holder: Holder | None = None, quantity: int = 1, sku_id: UUID | None = None
) -> CartChange:
    wish = Wish(sku_id or desk.world.goods.sku_id, quantity)
    return await carts.add_lines(await desk.shop(), holder or Holder(), [CartWish(wish)], ip=IP)


async def look(desk: SalesDesk, holder: Holder) -> CartNow:
    cart = await carts.look(await desk.shop(), holder)
    assert cart is not None
    return cart


async def stored(desk: SalesDesk) -> Sequence[Any]:
    rows: Sequence[Any] = await desk.owner.fetch("select * from cart_lines order by slot")
    return rows


def guests(change: CartChange) -> Holder:
    assert change.token is not None
    return Holder(token=change.token)


async def test_a_guests_cart_is_opened_by_its_token_alone_and_holds_no_key(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    made = await put_in(desk, quantity=2)
    assert made.token is not None
    assert made.cart.total_minor == 22_000
    (row,) = await desk.owner.fetch("select * from carts")
    assert row["token_hash"] == crypto.token_hash(made.token)
    assert await desk.key_states() == {"AVAILABLE": 3}

    cart = await look(desk, guests(made))
    assert [(one.line.quantity, one.problem) for one in cart.lines] == [(2, None)]
    for nobody in (Holder(), Holder(token=crypto.new_token("kmk")), Holder(token="x" * 90)):
        assert await carts.look(await desk.shop(), nobody) is None
    neighbour = await desk.shop(await desk.world.another_shop("neighbour"))
    assert await carts.look(neighbour, guests(made)) is None


async def test_the_same_goods_add_up_and_other_offers_stand_beside_them(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    other = await another_offer(desk.owner, desk.world.goods, supply_minor=8_100)
    await desk.world.keys(5, other)
    customer = Holder((await desk.world.customer()).id)
    await put_in(desk, customer, 2)
    await put_in(desk, customer, 3)
    chosen = CartWish(Wish(desk.world.goods.sku_id, 1, other.listing_id))
    change = await carts.add_lines(await desk.shop(), customer, [chosen], ip=IP)
    assert change.token is None
    assert [(row["quantity"], row["offer_id"]) for row in await stored(desk)] == [
        (5, None),
        (1, other.listing_id),
    ]
    assert change.cart.total_minor == 5 * 11_000 + 11_100


async def test_what_cannot_be_ordered_is_not_put_in(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    customer = Holder((await desk.world.customer()).id)
    await put_in(desk, customer, 2)
    before = await stored(desk)
    for wish, refusal in (
        (Wish(desk.world.goods.sku_id, 2), NotEnough),  # four with those that are in
        (Wish(new_id(), 1), NotFound),
        (Wish(desk.world.goods.sku_id, 1, new_id()), NotFound),
        (Wish(desk.world.goods.sku_id, 0), Invalid),
        (Wish(desk.world.goods.sku_id, 499), Invalid),
    ):
        with pytest.raises(refusal):
            await carts.add_lines(await desk.shop(), customer, [CartWish(wish)], ip=IP)
    with pytest.raises(Invalid):
        await carts.add_lines(await desk.shop(), customer, [], ip=IP)
    with pytest.raises(NotEnough):
        await put_in(desk, quantity=4)
    assert await stored(desk) == before
    assert await desk.owner.fetchval("select count(*) from carts") == 1


async def test_a_look_tells_what_has_changed_since(desk: SalesDesk) -> None:
    await desk.world.keys(3)
    gone = await desk.world.more_goods("gone")
    await desk.world.keys(1, gone)
    holder = guests(await put_in(desk, quantity=2))
    await put_in(desk, holder, 1, gone.sku_id)
    assert (await look(desk, holder)).quote is not None

    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 2_500)
    dearer = await look(desk, holder)
    assert [one.former_price_minor for one in dearer.lines] == [11_000, 11_000]
    assert dearer.total_minor == 3 * 11_500

    await desk.owner.execute("update skus set status = 'ARCHIVED' where id = $1", gone.sku_id)
    without = await look(desk, holder)
    assert [type(one.problem) for one in without.lines] == [type(None), NotFound]
    assert without.lines[1].goods.product_slug == "gone"
    assert (without.total_minor, without.quote) == (23_000, None)
    assert without.problem is without.lines[1].problem

    await desk.order(quantity=2)
    (short, _) = (await look(desk, holder)).lines
    assert isinstance(short.problem, NotEnough)
    assert short.problem.details == {"available": 1}


async def test_the_carts_quote_is_redeemed_like_any_other(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    change = await put_in(desk, quantity=2)
    assert change.cart.quote is not None
    shop = await desk.shop()
    async with db.transaction(storing.core_scope(shop), read_only=True):
        (line,) = await quotes.redeem(shop, change.cart.quote.id)
    assert (line.quantity, line.total_minor) == (2, change.cart.total_minor)


async def test_a_line_is_changed_and_taken_out_by_its_holder_only(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    shop = await desk.shop()
    mine, theirs = guests(await put_in(desk)), guests(await put_in(desk))
    line_id = (await look(desk, mine)).lines[0].line.id
    for stranger in (theirs, Holder((await desk.world.customer()).id)):
        with pytest.raises(NotFound):
            await carts.update_lines(shop, stranger, [LineChange(line_id, 3)])
        await carts.remove_lines(shop, stranger, [line_id])
    assert [row["quantity"] for row in await stored(desk)] == [1, 1]

    changed = await carts.update_lines(shop, mine, [LineChange(line_id, 3)])
    assert changed.cart.total_minor == 33_000
    with pytest.raises(NotEnough):
        await carts.update_lines(shop, mine, [LineChange(line_id, 6)])
    emptied = await carts.remove_lines(shop, mine, [line_id])
    assert (emptied.cart.lines, emptied.cart.quote) == ((), None)
    assert (await carts.remove_lines(shop, mine, [line_id])).cart.lines == ()


async def test_a_change_shows_the_buyer_the_price_and_so_it_is_no_news_any_more(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    holder = guests(await put_in(desk))
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 2_500)
    (line,) = (await look(desk, holder)).lines
    change = LineChange(line.line.id, 2)
    changed = await carts.update_lines(await desk.shop(), holder, [change])
    assert changed.cart.lines[0].former_price_minor is None


async def test_a_guests_cart_is_taken_over_once_by_whoever_signs_in(desk: SalesDesk) -> None:
    await desk.world.keys(9)
    other = await desk.world.more_goods("other")
    await desk.world.keys(2, other)
    shop, customer = await desk.shop(), await desk.world.customer()
    await put_in(desk, Holder(customer.id), 2)
    change = await put_in(desk, quantity=3)
    await put_in(desk, guests(change), 1, other.sku_id)
    assert change.token is not None

    for _ in range(2):
        await carts.take_over(shop, customer_id=customer.id, token=change.token)
        cart = await look(desk, Holder(customer.id))
        assert [(one.line.sku_id, one.line.quantity) for one in cart.lines] == [
            (desk.world.goods.sku_id, 5),
            (other.sku_id, 1),
        ]
    assert await carts.look(shop, guests(change)) is None
    await carts.take_over(shop, customer_id=customer.id, token=crypto.new_token("kmk"))
    assert len(await stored(desk)) == 2


async def test_what_a_buyer_says_for_a_line_lies_sealed_for_that_line(desk: SalesDesk) -> None:
    await desk.world.keys(9)
    shop, customer = await desk.shop(), await desk.world.customer()
    uid = FormField(name="uid", kind=FieldKind.ACCOUNT_ID, label_zh="UID", pattern=r"\d{9}")
    await define_form(sku_id=desk.world.goods.sku_id, fields=[uid])
    wrong = CartWish(Wish(desk.world.goods.sku_id, 1), {"uid": "1" * 5_000})
    with pytest.raises(Invalid):
        await carts.add_lines(shop, Holder(), [wrong], ip=IP)
    assert await stored(desk) == []
    said = CartWish(Wish(desk.world.goods.sku_id, 1), {"uid": "100200300"})
    change = await carts.add_lines(shop, Holder(), [said], ip=IP)
    assert change.token is not None
    (row,) = await stored(desk)
    assert b"100200300" not in row["form"]
    sealed = Sealed(row["form_key_id"], row["form"])
    with pytest.raises(crypto.CannotDecrypt):
        open_field(sealed, row_id=new_id(), column="cart_lines.form")
    await carts.take_over(shop, customer_id=customer.id, token=change.token)
    (line,) = (await look(desk, Holder(customer.id))).lines
    assert line.line.form == {"uid": "100200300"}


async def test_a_cart_past_its_time_is_not_shown_and_is_swept_away(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    customer = Holder((await desk.world.customer()).id)
    holder = guests(await put_in(desk))
    await put_in(desk, customer)
    await desk.world.shift_clock("31 days")
    assert await carts.look(await desk.shop(), holder) is None
    with pytest.raises(NotFound):
        await put_in(desk, holder)
    again = await put_in(desk, customer, 2)
    assert [one.line.quantity for one in again.cart.lines] == [2]
    assert await sweeps.forget_carts() == 1
    assert len(await stored(desk)) == 1


async def test_a_cart_has_twenty_lines_and_no_more(desk: SalesDesk) -> None:
    holder = Holder((await desk.world.customer()).id)
    for number in range(21):
        goods = await desk.world.more_goods(f"goods-{number}")
        await desk.world.keys(1, goods)
        if number < 20:
            await put_in(desk, holder, 1, goods.sku_id)
    with pytest.raises(Invalid, match="at most 20"):
        await put_in(desk, holder, 1, goods.sku_id)
    assert [row["slot"] for row in await stored(desk)] == list(range(1, 21))


async def test_a_look_costs_two_statements_however_much_is_in(desk: SalesDesk) -> None:
    await desk.world.keys(5)
    holder = Holder((await desk.world.customer()).id)
    shop = await desk.shop()
    costs = []
    for number in range(5):
        goods = await desk.world.more_goods(f"goods-{number}")
        await desk.world.keys(1, goods)
        await put_in(desk, holder, 1, goods.sku_id)
        await carts.look(shop, holder)  # whatever is learned of the new goods is learned now
        statements: list[str] = []
        token = db.statement_log.set(statements)
        await carts.look(shop, holder)
        db.statement_log.reset(token)
        costs.append(len(statements))
    assert costs == [2] * 5


def test_what_has_no_room_stays_behind_when_a_cart_is_taken_over() -> None:
    def line(slot: int, quantity: int = 1) -> CartLine:
        return CartLine(new_id(), slot, new_id(), None, quantity)

    own = [line(slot) for slot in range(1, 20)]
    guests = [line(1), line(2)]
    assert [one.slot for one in lines.taken_over(own, guests)] == [20]
    same = CartLine(new_id(), 7, own[0].sku_id, None, 500)
    (summed,) = lines.taken_over(own, [same])
    assert (summed.id, summed.slot, summed.quantity) == (own[0].id, 1, 500)


async def test_an_address_opens_so_many_carts_an_hour_and_no_more(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carts, "CARTS_AN_ADDRESS", 2)
    await desk.world.keys(3)
    first = await put_in(desk)
    await put_in(desk)
    before = await desk.owner.fetchval("select count(*) from carts")
    with pytest.raises(RateLimited) as refused:
        await put_in(desk)
    assert 3_500 < int(refused.value.details["retry_after_seconds"]) <= 3_600
    assert await desk.owner.fetchval("select count(*) from carts") == before == 2
    assert await desk.owner.fetchval("select sum(attempts) from attempt_counters") == 2
    assert (await put_in(desk, guests(first))).cart.total_minor == 22_000
    await put_in(desk, Holder((await desk.world.customer()).id))
    await desk.owner.execute("insert into sandbox_clock (shift) values (interval '61 minutes')")
    await put_in(desk)
