"""What a person delivers: the money waits in escrow, and one of all who act is first."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest

from catalog.forms.fields import FieldKind, FormField, define_form
from catalog.goods import DeliveryTerms, set_delivery
from catalog.models import DeliveryMode
from entrypoints import sweeps
from hand_desk import MINUTES, SAID, SUPPLIER, UID, HandDesk, open_by_hand
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from listeners import plant_endpoint
from offers.cart import carts
from offers.cart.lines import CartWish
from offers.cart.storing import Holder
from offers.delivery_modes import DeliveryModeNotAllowed
from offers.quotes import NotEnough, Wish
from orders import checkout, paying
from orders.drafts import Buyer
from orders.manual import desk as manual_desk
from orders.manual.desk import Delivery
from orders.manual.listing import deliveries_page
from orders.manual.tasks import Deliverer, WrongState
from orders.queries import OrderView, order_view
from orders.records import Viewer
from orders.refunds import Reason
from points_desk import balance, begin_program, plant_points
from sales import Purchase, SalesDesk, key
from supply.hand_listings import HandListing, list_by_hand
from supply.places import DeliveredBefore, declare_places
from world import Person

pytestmark = pytest.mark.engines


async def order(
    desk: SalesDesk, wishes: list[Wish] | None = None, *, by: Person | None = None
) -> Purchase:
    """Order, and say what the goods ask for."""
    shop, wishes = await desk.shop(), wishes or [Wish(desk.world.goods.sku_id, 1)]
    quote = await desk.quote(shop, wishes, by=by)
    made = await checkout.create_order(
        shop=shop,
        buyer=Buyer(by.id if by else None),
        quote_id=quote.id,
        contact=None,
        affiliate_code=None,
        idempotency_key=key(),
        said={desk.world.goods.sku_id: SAID},
    )
    no: str = await desk.owner.fetchval("select no from orders where id = $1", made.order_id)
    viewer = Viewer(customer_id=by.id if by else None, guest_token=made.guest_token)
    return Purchase(desk, shop, viewer, made.order_id, no, quote.total_minor)


async def at_hand(desk: SalesDesk, bought: Purchase) -> HandDesk:
    """The desk for the order's line that a person delivers."""
    line_id = await desk.owner.fetchval(
        "select line_id from manual_deliveries where order_id = $1", bought.id
    )
    return HandDesk(desk, bought, line_id)


async def shown(bought: Purchase) -> OrderView:
    return await order_view(shop=bought.shop, viewer=bought.viewer, order_no=bought.no)


@pytest.fixture
async def due(desk: SalesDesk) -> HandDesk:
    """A top-up of an account that was paid by card."""
    await open_by_hand(desk.world)
    return await at_hand(desk, await (await order(desk)).paid())


async def test_a_top_up_is_paid_into_escrow_and_earned_when_it_is_done(
    due: HandDesk, desk: SalesDesk
) -> None:
    escrowed = await desk.books()
    assert escrowed["L:ESCROW"] == -11_000
    assert not any(code.startswith("L:PARTY") for code in escrowed)
    before = await shown(due.bought)
    (line,) = before.lines
    assert (before.status, line.delivery_mode, before.delivered_at) == (
        "FULFILLING", "DIRECT_TOPUP", None,
    )  # fmt: skip
    assert before.paid_at is not None and line.progress is not None and line.commitments == ()
    assert line.progress.due_at is not None
    assert (line.progress.due_at - before.paid_at).total_seconds() == MINUTES * 60

    assert await due.begin() == SAID
    once = key()
    for _ in range(2):
        await due.deliver(note="done, reference 4711", again=once)
    after = await shown(due.bought)
    assert (after.status, after.lines[0].keys) == ("DELIVERED", ())
    assert after.delivered_at is not None and after.lines[0].progress is not None
    assert after.lines[0].progress.words is not None
    assert after.lines[0].progress.words.text() == "done, reference 4711"
    books = await desk.books(("agent", desk.world.agent.id), ("shop", desk.world.shop.id))
    assert "L:ESCROW" not in books
    assert books["L:PARTY:PENDING agent"] == -2_000 // 4
    evidence = await desk.owner.fetch("select kind, actor from manual_events order by id")
    assert [tuple(row) for row in evidence] == [
        ("LOOKED", "supplier:test"), ("DELIVERED", "supplier:test"),
    ]  # fmt: skip
    await desk.assert_sound()


async def test_what_was_delivered_by_hand_does_not_come_back_by_a_change_of_mind(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world, mode="MANUAL", asks=False)
    bought = await (await desk.order()).paid()
    hand = await at_hand(desk, bought)
    await hand.begin()
    await hand.deliver("made for this buyer")
    before = (await desk.books(), await desk.key_states())
    with pytest.raises(Invalid):
        await bought.refund(11_000, "CHANGE_OF_MIND")
    assert (await desk.books(), await desk.key_states()) == before
    await desk.assert_sound()


async def test_what_is_handed_over_becomes_a_key_like_any_other_and_never_twice(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world, mode="MANUAL", asks=False)
    customer = await desk.world.customer(wallet_minor=100_000)
    made = await paying.quick_buy(
        shop=await desk.shop(),
        buyer=Buyer(customer.id),
        wish=Wish(desk.world.goods.sku_id, 2),
        expected_total_minor=22_000,
        contact=None,
        affiliate_code=None,
        method="WALLET",
        idempotency_key=key(),
    )
    assert made.view is not None
    bought = Purchase(
        desk, await desk.shop(), Viewer(customer.id), made.order_id, made.view.no, 22_000
    )
    read = await shown(bought)
    assert (made.view, read.status) == (read, "FULFILLING")
    hand = await at_hand(desk, bought)
    with pytest.raises(WrongState):
        await hand.deliver("a", "b")  # who has not begun does not deliver
    await hand.begin()
    for contents in ((), ("one",), ("one", "two", "three")):
        with pytest.raises(Invalid):
            await hand.deliver(*contents)
    with pytest.raises(DeliveredBefore):
        await hand.deliver("same", "same")
    assert await hand.state() == "BEGUN"
    assert await desk.owner.fetchval("select count(*) from delivered_keys") == 0

    await hand.deliver("user/pass-1", "user/pass-2", note="Change the password.")
    opened = await bought.reveal()
    assert sorted(one.secret for one in opened) == ["user/pass-1", "user/pass-2"]
    (line,) = (await shown(bought)).lines
    assert len(line.keys) == len(line.commitments) == 2
    with pytest.raises(Invalid):
        await bought.give_back(1)
    await bought.refund(11_000, "SUPPLIER_FAULT")

    again = await at_hand(desk, await (await order_of(desk, customer)).paid("WALLET"))
    await again.begin()
    with pytest.raises(DeliveredBefore):
        await again.deliver("user/pass-1")
    assert await again.state() == "BEGUN"
    await desk.assert_sound()


async def order_of(desk: SalesDesk, customer: Person) -> Purchase:
    return await desk.order(by=customer)


async def test_an_order_may_mix_what_comes_at_once_with_what_a_person_delivers(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world)
    keys = await desk.world.more_goods("keys")
    await desk.world.keys(2, keys)
    wishes = [Wish(desk.world.goods.sku_id, 1), Wish(keys.sku_id, 2)]
    bought = await order(desk, wishes)
    await bought.paid("ALIPAY")
    assert await bought.status() == "PARTIALLY_DELIVERED"
    assert len(await bought.reveal()) == 2
    assert (await desk.books())["L:ESCROW"] == -11_000
    hand = await at_hand(desk, bought)
    await hand.refuse("The server is closed.")
    view = await shown(bought)
    assert (view.status, view.refunded_minor) == ("REFUNDING", 11_000)
    assert {line.progress.state for line in view.lines if line.progress} == {"REFUSED"}
    assert await desk.owner.fetchval("select fulfilment_status from orders") == "DELIVERED"
    await desk.send_refunds()
    await desk.assert_sound()


async def test_a_correction_stops_the_clock_and_gives_back_the_time_that_was_left(
    due: HandDesk, desk: SalesDesk
) -> None:
    await due.begin()
    for fields in ((), ("password",)):
        with pytest.raises(Invalid):
            await due.ask(*fields)
    await desk.world.shift_clock("20 minutes")
    await due.ask("uid", message="This account does not exist.")
    view = await shown(due.bought)
    progress = view.lines[0].progress
    assert view.status == "NEEDS_CORRECTION" and progress is not None
    assert (progress.asked_fields, progress.words is not None) == (("uid",), True)
    for wrong in ({}, {"uid": "12"}, {"server": "os"}, {"uid": "999888777", "server": "os"}):
        with pytest.raises(Invalid) as refused:
            await due.correct(**wrong)
        assert str(refused.value.field).startswith("form.")
    await desk.world.shift_clock("30 hours")  # far past the promise, whose clock stood still
    assert await sweeps.end_late_deliveries() == 0
    await due.correct(uid="999888777")
    left = await desk.owner.fetchval(
        "select extract(epoch from due_at - platform_now())::int from manual_deliveries"
    )
    assert 39 * 60 <= left <= 40 * 60
    assert await due.begin() == {"uid": "999888777", "server": "cn"}
    await due.deliver()
    assert await due.bought.status() == "DELIVERED"
    await desk.assert_sound()


async def test_a_form_that_was_changed_since_the_sale_does_not_bar_a_correction(
    due: HandDesk, desk: SalesDesk
) -> None:
    await due.begin()
    await due.ask("uid", "server")
    # Today's form asks for one thing more, and for the server no more.
    mail = FormField(name="mail", kind=FieldKind.TEXT, label_zh="邮箱")
    await define_form(sku_id=desk.world.goods.sku_id, fields=[UID, mail])
    for wrong in ({"uid": "12", "server": "os"}, {"uid": "999888777", "server": ""}):
        with pytest.raises(Invalid):
            await due.correct(**wrong)
    await due.correct(uid="999888777", server="os")
    assert await due.begin() == {"uid": "999888777", "server": "os"}

    await due.ask("server")
    strict = replace(UID, pattern=r"\d{12}")  # the uid that stands would not be taken today
    await define_form(sku_id=desk.world.goods.sku_id, fields=[strict])
    await due.correct(server="eu")
    assert await due.begin() == {"uid": "999888777", "server": "eu"}


@pytest.mark.parametrize(
    ("asked", "after", "ends_as", "reason", "places"),
    [
        (False, "59 minutes", None, None, 4),
        (False, "61 minutes", "MISSED", "SUPPLIER_FAULT", 4),
        (True, "71 hours", None, None, 4),
        (True, "73 hours", "CANCELED", "CHANGE_OF_MIND", 5),
    ],
)
async def test_what_is_late_is_refunded_by_itself_once(
    due: HandDesk,
    desk: SalesDesk,
    asked: bool,
    after: str,
    ends_as: str | None,
    reason: Reason | None,
    places: int,
) -> None:
    await due.begin()
    if asked:
        await due.ask("uid")
    await desk.world.shift_clock(after)
    if ends_as is not None:
        with pytest.raises(WrongState):  # not even before the worker comes
            await (due.correct(uid="999888777") if asked else due.deliver())
    assert await sweeps.end_late_deliveries() == (0 if ends_as is None else 1)
    assert await sweeps.end_late_deliveries() == 0
    assert await due.state() == (ends_as or ("NEEDS_CORRECTION" if asked else "BEGUN"))
    refunds = await desk.owner.fetch("select reason, amount_minor from refunds")
    assert [tuple(row) for row in refunds] == ([(reason, 11_000)] if reason else [])
    free = await desk.owner.fetchval("select count(*) from keys where status = 'AVAILABLE'")
    assert free == places
    await desk.send_refunds()
    await desk.assert_sound()


_ACTS: Final[dict[str, Callable[[HandDesk], Awaitable[object]]]] = {
    "begin": lambda hand: hand.begin(),
    "deliver": lambda hand: hand.deliver(),
    "ask": lambda hand: hand.ask("uid"),
    "refuse": lambda hand: hand.refuse(),
    "correct": lambda hand: hand.correct(uid="999888777"),
    "cancel": lambda hand: hand.cancel(),
    "refund": lambda hand: hand.bought.refund(1),
}
#: What may be done in each state; all else is refused.
_ALLOWED: Final = {
    "DUE": {"begin", "refuse", "cancel"},
    "BEGUN": {"begin", "deliver", "ask", "refuse"},
    "NEEDS_CORRECTION": {"refuse", "correct", "cancel"},
    "DELIVERED": {"refund"},
    "REFUSED": set[str](),
    "CANCELED": set[str](),
}


@pytest.mark.parametrize("state", _ALLOWED)
async def test_in_each_state_only_what_belongs_there_is_done(
    due: HandDesk, desk: SalesDesk, state: str
) -> None:
    await due.go_to(state)
    before = await everything(desk)
    for name, act in _ACTS.items():
        if name in _ALLOWED[state]:
            continue
        with pytest.raises(Refusal):
            await act(due)
        assert await everything(desk) == before, name
    for number, name in enumerate(sorted(_ALLOWED[state])):
        one = due if not number else await at_hand(desk, await (await order(desk)).paid())
        if number:
            await one.go_to(state)
        await _ACTS[name](one)
    await desk.send_refunds()
    await desk.assert_sound()


async def everything(desk: SalesDesk) -> object:
    """All that could have been written."""
    return await desk.owner.fetchrow(
        """select (select array_agg(m::text) from manual_deliveries m),
                  (select count(*) from manual_events), (select array_agg(o::text) from orders o),
                  (select count(*) from ledger_entries), (select count(*) from refunds),
                  (select array_agg(k::text order by id) from keys k),
                  (select array_agg(f::text) from order_forms f)"""
    )


async def test_places_are_sold_once_come_back_unpaid_and_are_declared_anew(
    desk: SalesDesk,
) -> None:
    goods = await open_by_hand(desk.world, quantity=2)

    async def declare(quantity: int) -> int:
        return await declare_places(
            listing_id=goods.listing_id, supplier_id=goods.supplier_id, quantity=quantity
        )

    unpaid = await order(desk)
    await (await order(desk)).paid()
    with pytest.raises(NotEnough):
        await order(desk)
    await unpaid.cancel()
    assert await desk.key_states() == {"AVAILABLE": 1, "SOLD": 1}
    assert [await declare(number) for number in (4, 4, 1, 0, 3)] == [4, 4, 1, 0, 3]
    for wrong in (-1, 1_001):
        with pytest.raises(Invalid):
            await declare(wrong)
    with pytest.raises(NotFound):
        await declare_places(listing_id=goods.listing_id, supplier_id=new_id(), quantity=9)
    assert (await desk.key_states())["AVAILABLE"] == 3
    await desk.assert_sound()


async def test_the_buyer_waits_for_a_person_only_where_the_goods_allow_it_and_he_says_so(
    desk: SalesDesk,
) -> None:
    sku_id, shop = desk.world.goods.sku_id, await desk.shop()
    await desk.world.keys(1)
    with pytest.raises(DeliveryModeNotAllowed) as refused:
        await desk.quote(shop, [Wish(sku_id, 1, delivery_mode="MANUAL")])
    assert refused.value.field == "deliveryMode"
    await desk.owner.execute("update skus set manual_minutes = 30")
    hand = new_id()
    await desk.owner.execute(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency,
                                          by_hand)
           values ($1, $2, $3, 7000, 'CNY', true)""",
        hand,
        desk.world.goods.supplier_id,
        sku_id,
    )
    await declare_places(listing_id=hand, supplier_id=desk.world.goods.supplier_id, quantity=7)
    modes = {}
    for mode in (None, "AUTO_KEY", "MANUAL"):
        (line,) = (await desk.quote(shop, [Wish(sku_id, 1, delivery_mode=mode)])).lines
        modes[mode] = (line.delivery_mode, line.manual_minutes, line.offer.unit_price_minor)
    assert modes == {
        None: ("AUTO_KEY", None, 11_000),  # the cheaper offer, but nobody has asked to wait
        "AUTO_KEY": ("AUTO_KEY", None, 11_000),
        "MANUAL": ("MANUAL", 30, 10_000),
    }
    with pytest.raises(NotEnough):
        await desk.quote(shop, [Wish(sku_id, 2)])
    with pytest.raises(DeliveryModeNotAllowed):
        await desk.quote(shop, [Wish(sku_id, 1, hand, "AUTO_KEY")])
    both = [CartWish(Wish(sku_id, 1)), CartWish(Wish(sku_id, 2, delivery_mode="MANUAL"))]
    cart = (await carts.add_lines(shop, Holder(), both, ip="192.0.2.1")).cart
    assert cart.quote is not None
    assert [one.quoted.delivery_mode for one in cart.lines if one.quoted] == ["AUTO_KEY", "MANUAL"]
    bought = await desk.order(wishes=[Wish(sku_id, 2, delivery_mode="MANUAL")])
    await bought.paid()
    assert await bought.status() == "FULFILLING"
    await desk.assert_sound()


async def test_a_desk_shows_a_supplier_its_own_lines_and_an_operator_all_of_them(
    due: HandDesk, desk: SalesDesk
) -> None:
    rivals = await open_by_hand(desk.world, await desk.world.more_goods("rival"), mode="MANUAL")
    await desk.world.shift_clock("1 minute")
    shop = await desk.shop()
    quote = await desk.quote(shop, [Wish(rivals.sku_id, 1)])
    made = await checkout.create_order(
        shop=shop, buyer=Buyer(), quote_id=quote.id, contact=None, affiliate_code=None,
        idempotency_key=key(), said={rivals.sku_id: SAID},
    )  # fmt: skip
    no: str = await desk.owner.fetchval("select no from orders where id = $1", made.order_id)
    viewer = Viewer(guest_token=made.guest_token)
    theirs = await at_hand(
        desk, await Purchase(desk, shop, viewer, made.order_id, no, quote.total_minor).paid()
    )
    rival = replace(due.deliverer, supplier_id=rivals.supplier_id)
    operator = replace(due.deliverer, supplier_id=None)

    async def lines(who: Deliverer, **page: Any) -> list[UUID]:
        found = await deliveries_page(who, **{"state": None, "first": 9, "after": None} | page)
        return [row.line_id for row in found.rows]

    assert await lines(due.deliverer) == [due.line_id]
    assert await lines(rival) == [theirs.line_id]
    assert await lines(operator) == [due.line_id, theirs.line_id]  # the soonest due first
    assert await lines(operator, state="DELIVERED") == []
    first = await deliveries_page(operator, state=None, first=1, after=None)
    assert first.has_next
    assert await lines(operator, after=first.cursors[0]) == [theirs.line_id]
    with pytest.raises(Invalid):
        await lines(rival, after=first.cursors[0])

    before = await everything(desk)
    for act in (
        manual_desk.begin(rival, due.line_id),
        manual_desk.ask_correction(rival, due.line_id, fields=["uid"], message="Again."),
        manual_desk.refuse(rival, due.line_id, reason="No.", idempotency_key=key()),
        manual_desk.deliver(
            rival, due.line_id, delivery=Delivery.of([], None), idempotency_key=key()
        ),
        manual_desk.begin(rival, new_id()),
    ):
        with pytest.raises(NotFound):
            await act
    assert await everything(desk) == before
    await manual_desk.begin(operator, due.line_id)


async def test_a_priority_brings_a_line_forward_and_no_further_than_a_quarter_of_the_promise(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world, asks=False, quantity=9)
    first, last = await desk.world.customer(), await desk.world.customer()
    for buyer, priority in ((first, 0), (last, 100)):
        tier_id = await desk.world.tier(
            desk.world.shop, f"priority {priority}", rank=1 + priority // 100, priority=priority
        )
        await desk.owner.execute(
            "update customers set given_tier_id = $2 where id = $1", buyer.id, tier_id
        )
    lines: dict[tuple[str, int], UUID] = {}
    # Nobody, a member of no priority and one of the highest, in the first minute and later ones.
    for minute in (0, 10, 16):
        await desk.world.shift_clock(f"{minute} minutes")
        for name, by in (("guest", None), ("plain", first), ("gold", last)):
            bought = await (await desk.order(by=by)).paid()
            lines[name, minute] = (await at_hand(desk, bought)).line_id
    # What somebody becomes later moves no order that was made.
    await desk.owner.execute("update membership_tiers set priority = 0")

    operator = Deliverer(None, desk.world.root.id, SUPPLIER)
    names = {line_id: name for name, line_id in lines.items()}
    read, after = list[tuple[str, int]](), None
    while True:
        page = await deliveries_page(operator, state=None, first=2, after=after)
        read += [names[row.line_id] for row in page.rows]
        if not page.has_next:
            break
        after = page.cursors[-1]
    assert read == [
        ("gold", 0), ("gold", 10), ("guest", 0), ("plain", 0), ("gold", 16),
        ("guest", 10), ("plain", 10), ("guest", 16), ("plain", 16),
    ]  # fmt: skip
    await desk.assert_sound()


async def test_an_operator_lists_what_a_supplier_delivers_by_hand_and_prices_it_anew(
    desk: SalesDesk,
) -> None:
    goods = desk.world.goods
    await set_delivery(
        sku_id=goods.sku_id, terms=DeliveryTerms(mode=DeliveryMode.MANUAL, manual_minutes=60)
    )
    offer = HandListing(
        supplier_id=goods.supplier_id, sku_id=goods.sku_id, supply_price_minor=7_000, currency="CNY"
    )
    wish = [Wish(goods.sku_id, 1, delivery_mode="MANUAL")]
    listing_id = await list_by_hand(offer)
    await declare_places(listing_id=listing_id, supplier_id=goods.supplier_id, quantity=2)
    first = await (await desk.order(wishes=wish)).paid()
    assert await list_by_hand(replace(offer, supply_price_minor=8_000)) == listing_id
    second = await (await desk.order(wishes=wish)).paid()
    # Over 70.00 and 80.00 everybody adds what they add; what was sold keeps its price.
    assert (first.total_minor, second.total_minor) == (10_000, 11_000)
    before = await desk.owner.fetch("select * from supplier_listings")
    for wrong, field in (
        (replace(offer, supplier_id=new_id()), "supplierId"),
        (replace(offer, sku_id=new_id()), "skuId"),
    ):
        with pytest.raises(NotFound) as refused:
            await list_by_hand(wrong)
        assert refused.value.field == field
    assert await desk.owner.fetch("select * from supplier_listings") == before
    await desk.assert_sound()


async def test_points_pay_for_what_a_person_delivers_and_come_back_where_nothing_is(
    desk: SalesDesk,
) -> None:
    await open_by_hand(desk.world, asks=False)
    buyer = await desk.world.customer()
    shop = await begin_program(await desk.shop())
    await plant_points(desk.owner, shop, buyer, 1_000)
    for refused, left in ((False, 600), (True, 600)):
        bought = await (await desk.order(by=buyer, redeem_points=400)).paid()
        assert bought.total_minor == 10_600
        hand = await at_hand(desk, bought)
        await hand.begin()
        await (hand.refuse() if refused else hand.deliver())
        # Nobody had earned anything when it was paid, so neither has the buyer earned points.
        assert await balance(shop, buyer) == left
    assert "L:ESCROW" not in await desk.books()
    await desk.assert_sound()


async def test_programs_hear_that_an_order_waits_for_its_buyer_and_that_it_came(
    due: HandDesk, desk: SalesDesk
) -> None:
    await plant_endpoint(
        desk.owner, desk.world.shop.id, event_types=["order.needs_correction", "order.delivered"]
    )
    hand = await at_hand(desk, await (await order(desk)).paid())
    await hand.go_to("NEEDS_CORRECTION")
    await hand.correct(uid="999888777")
    await hand.deliver()
    told = await desk.owner.fetch("select type from outbox_events order by number")
    assert [row["type"] for row in told] == ["order.needs_correction", "order.delivered"]
