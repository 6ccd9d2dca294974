"""An order that is paid in parts: what is owed, what is handed over for it, and how it ends."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from billing.ledger import InsufficientBalance
from dispute_desk import disputed
from kernel.errors import Invalid, NotFound, Refusal
from listeners import plant_endpoint
from offers.quotes import Wish
from orders import refunds
from orders.disputed import OrderDisputed
from orders.idempotency import IdempotencyConflict
from orders.instalments.forgiving import InstalmentsOpen
from orders.instalments.offering import InstalmentsNotOffered
from orders.plans import ending, reminding, starting
from orders.plans.starting import PartChanged
from orders.records import Viewer
from orders.refunds import LineRefund, Reason
from plan_desk import PlanDesk, agree, order_in_parts
from sales import Purchase, SalesDesk, key, provider_ref

pytestmark = pytest.mark.engines


async def test_goods_come_as_they_are_paid_for_and_are_earned_with_their_last_piece(
    desk: SalesDesk,
) -> None:
    await agree(desk)
    plan = await order_in_parts(desk, 4)
    await plan.began(4)
    assert [minor for _, _, minor in await plan.parts()] == [13_200, 10_267, 10_267, 10_266]
    assert await plan.state() == ("OPEN", "PARTIALLY_DELIVERED", 1)
    books = await desk.books(("order", plan.bought.id))
    assert books["A:INSTALMENT order"] == 44_000 - 13_200
    assert books["L:ESCROW"] == -44_000
    assert not any(code.startswith("L:PARTY") for code in books)
    await desk.assert_sound()

    await plan.pay_next()
    assert await plan.state() == ("OPEN", "PARTIALLY_DELIVERED", 2)
    await plan.pay_next("ALIPAY")
    assert await plan.state() == ("OPEN", "PARTIALLY_DELIVERED", 3)
    await plan.pay_next()
    assert await plan.state() == ("PAID", "DELIVERED", 4)
    books = await desk.books(("agent", desk.world.agent.id), ("T2", desk.world.shop.id))
    assert "A:INSTALMENT" not in " ".join(books) and "L:ESCROW" not in books
    assert books["L:PARTY:PENDING agent"] == -2_000
    await desk.assert_sound()


async def test_a_plan_that_is_ended_gives_back_what_was_paid_beyond_the_goods(
    desk: SalesDesk,
) -> None:
    """33,000 are paid, for two pieces of 11,000 and more: the rest is the buyer's again."""
    await agree(desk, first_bp=5_000)
    plan = await (await order_in_parts(desk, 3)).began(2)
    buyer = plan.bought.viewer.customer_id
    assert buyer is not None
    assert await plan.state() == ("OPEN", "PARTIALLY_DELIVERED", 1)
    await plan.cancel()
    assert await plan.state() == ("ENDED", "PARTIALLY_REFUNDED", 1)
    assert [state for _, state, _ in await plan.parts()] == ["PAID", "WAIVED"]
    books = await desk.books(("order", plan.bought.id), ("buyer", buyer))
    assert books["L:WALLET buyer"] == -(16_500 - 11_000)
    assert "A:INSTALMENT order" not in books and "L:ESCROW" not in books
    assert await desk.key_states() == {"AVAILABLE": 2, "SOLD": 1}
    await desk.assert_sound()
    with pytest.raises(Invalid):
        await plan.cancel()

    await refunded(plan)
    books = await desk.books(("buyer", buyer))
    assert books["L:WALLET buyer"] == -16_500
    assert not any(code.startswith("L:PARTY") for code in books)
    await desk.assert_sound()


async def test_who_pays_no_more_loses_what_was_not_handed_over_and_no_more(desk: SalesDesk) -> None:
    await agree(desk)
    plan = await (await order_in_parts(desk, 4)).began(4)
    late = await plan.start_next()
    await desk.world.shift_clock("36 days")
    await ending.end_overdue()
    assert (await plan.state())[0] == "OPEN"
    await desk.world.shift_clock("38 days")
    for _ in range(2):
        await ending.end_overdue()
    assert await plan.state() == ("DEFAULTED", "PARTIALLY_REFUNDED", 1)
    books = await desk.books(("buyer", buyer_of(plan)))
    assert "E:BAD_DEBT" not in books and "A:INSTALMENT" not in " ".join(books)
    assert books["L:WALLET buyer"] == -(13_200 - 11_000)
    assert (await plan.bought.heard(late)).effect == "REFUNDING"
    await desk.assert_sound()


async def test_what_was_lent_and_is_not_paid_is_the_platforms_bad_debt(desk: SalesDesk) -> None:
    """With the first part all of the goods come, and everybody has earned; the buyer's fee is owed
    beside them."""
    await agree(desk, release="AT_START", fee_by="BUYER", fee_bp=500, first_bp=2_000)
    plan = await (await order_in_parts(desk, 2)).began(3)
    assert [minor for _, _, minor in await plan.parts()] == [4_620, 9_240, 9_240]
    assert await plan.state() == ("OPEN", "DELIVERED", 2)
    await desk.assert_sound()
    with pytest.raises(Invalid):
        await plan.cancel()
    await desk.world.shift_clock("38 days")
    await ending.end_overdue()
    assert await plan.state() == ("DEFAULTED", "DELIVERED", 2)
    books = await desk.books(("T2", desk.world.shop.id))
    assert (books["E:BAD_DEBT"], books["R:INSTALMENT_FEE"]) == (18_480, -1_100)
    assert books["L:PARTY:PENDING T2"] == -2 * 2_000
    await desk.assert_sound()


async def test_all_that_is_owed_is_paid_at_once_from_the_wallet(desk: SalesDesk) -> None:
    """The shop bears the fee, as it bears a channel's; the goods come with the last part."""
    await agree(desk, release="AT_END", fee_bp=100)
    buyer = await desk.world.customer(wallet_minor=25_000)
    plan = await (await order_in_parts(desk, 2, by=buyer)).began(12, "WALLET")
    assert await plan.state() == ("OPEN", "FULFILLING", 0)
    await plan.pay_next("WALLET", pays_off=True)
    assert await plan.state() == ("PAID", "DELIVERED", 2)
    books = await desk.books(("T2", desk.world.shop.id), ("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -3_000
    assert (books["R:GATEWAY_RECOVERY"], books["L:PARTY:PENDING T2"]) == (-220, -4_000 + 220)
    await desk.assert_sound()


async def test_a_refund_takes_off_what_is_owed_first(desk: SalesDesk) -> None:
    """One line is there whole, and was no good; the other is paid with what it brings back."""
    await agree(desk, first_bp=5_000)
    other = await desk.world.more_goods("honkai")
    await desk.world.keys(1)
    await desk.world.keys(1, other)
    wishes = [Wish(desk.world.goods.sku_id, 1), Wish(other.sku_id, 1)]
    bought = await desk.order(wishes=wishes, by=await desk.world.customer())
    plan = await PlanDesk(desk, bought).began(2)
    assert await plan.state() == ("OPEN", "PARTIALLY_DELIVERED", 1)
    here, waiting = await lines_by_state(plan)
    with pytest.raises(InstalmentsOpen):
        await refunded(plan, waiting)
    with pytest.raises(InstalmentsOpen):
        await returned(plan, waiting)
    payment_id = await plan.start_next()
    await refunded(plan, here)
    assert await plan.state() == ("PAID", "PARTIALLY_REFUNDED", 2)
    assert (await bought.heard(payment_id)).effect == "REFUNDING"
    books = await desk.books()
    assert "L:WALLET" not in " ".join(books) and "A:INSTALMENT" not in " ".join(books)
    await desk.assert_sound()


async def test_while_a_bank_decides_about_a_part_the_plan_stands_still(desk: SalesDesk) -> None:
    await agree(desk)
    for end in ("WON", "LOST"):
        plan = await (await order_in_parts(desk, 2)).began(2)
        first = await plan.bought.desk.owner.fetchval(
            "select payment_id from instalment_payments where order_id = $1", plan.bought.id
        )
        second = await plan.start_next()
        bank = disputed(provider_ref(first), 6_600)
        await bank.opens()
        assert await plan.parts() == [(1, "DISPUTED", 6_600), (2, "DUE", 15_400)]
        with pytest.raises(OrderDisputed):
            await plan.cancel()
        with pytest.raises(OrderDisputed):
            await plan.start_next()
        await desk.assert_sound()
        if end == "WON":
            await bank.loses()
            assert (await plan.bought.heard(second)).effect == "SETTLED"
            assert await plan.state() == ("PAID", "DELIVERED", 2)
        else:
            await bank.wins()
            assert await plan.parts() == [(1, "LATE", 6_600), (2, "DUE", 15_400)]
            await desk.world.shift_clock("8 days")
            await ending.end_overdue()
            assert (await plan.state())[0] == "DEFAULTED"
        await desk.assert_sound()


async def test_a_plan_that_nobody_has_begun_to_pay_is_no_plan(desk: SalesDesk) -> None:
    """It may be another one, or none; what it was started with goes back."""
    await agree(desk)
    plan = await order_in_parts(desk, 2)
    of_four = await plan.start(4)
    of_two = await plan.start(2)
    assert len(await plan.parts()) == 2
    whole = await plan.bought.start()
    assert (await plan.bought.heard(whole)).effect == "SETTLED"
    for payment_id in (of_four, of_two):
        assert (await plan.bought.heard(payment_id)).effect == "REFUNDING"
    assert (await plan.state())[:2] == ("PROPOSED", "DELIVERED")
    await desk.assert_sound()

    unpaid = await order_in_parts(desk, 2)
    payment_id = await unpaid.start(2)
    await desk.world.shift_clock("16 minutes")
    await desk.sweep()
    assert (await unpaid.bought.heard(payment_id)).effect == "REFUNDING"
    assert (await unpaid.state())[1] == "EXPIRED"
    await desk.assert_sound()


async def test_the_same_plan_and_the_same_part_are_started_once(desk: SalesDesk) -> None:
    await agree(desk)
    buyer = await desk.world.customer(wallet_minor=60_000)
    plan = await order_in_parts(desk, 2, by=buyer)
    once, then = key(), key()
    for _ in range(2):
        await starting.start_plan(plan.wish(6_600, "WALLET", again=once), parts=2)
    for _ in range(2):
        await starting.pay_part(plan.wish(15_400, "WALLET", again=then), pays_off=False)
    assert await plan.state() == ("PAID", "DELIVERED", 2)
    with pytest.raises(IdempotencyConflict):
        await starting.start_plan(plan.wish(6_600, "WALLET", again=once), parts=3)
    books = await desk.books(("buyer", buyer.id))
    assert books["L:WALLET buyer"] == -(60_000 - 22_000)


async def test_a_plan_is_for_those_whom_the_terms_name(desk: SalesDesk) -> None:
    """Each refusal has its reason, and has written nothing."""
    buyer = await desk.world.customer(wallet_minor=100)
    plan = await order_in_parts(desk, 2, by=buyer)
    with pytest.raises(InstalmentsNotOffered):
        await starting.start_plan(plan.wish(6_600), parts=2)
    await agree(desk, most_parts=6, most_open=1)
    cases: list[tuple[type[Refusal], int, int, str]] = [
        (InstalmentsNotOffered, 0, 6_600, "CARD"),
        (InstalmentsNotOffered, 1, 6_600, "CARD"),
        (InstalmentsNotOffered, 7, 6_600, "CARD"),
        (InstalmentsNotOffered, 13, 6_600, "CARD"),
        (PartChanged, 2, 6_599, "CARD"),
        (Invalid, 2, 6_600, "KLARNA"),
        (Invalid, 2, 6_600, "CASH"),
        (InsufficientBalance, 2, 6_600, "WALLET"),
    ]
    for refusal, parts, amount_minor, method in cases:
        with pytest.raises(refusal):
            await starting.start_plan(plan.wish(amount_minor, method), parts=parts)
    guest = PlanDesk(desk, await desk_order_of_guest(desk))
    with pytest.raises(Invalid):
        await starting.start_plan(guest.wish(3_300), parts=2)
    stranger = PlanDesk(desk, replace(plan.bought, viewer=Viewer((await desk.world.customer()).id)))
    with pytest.raises(NotFound):
        await starting.start_plan(stranger.wish(6_600), parts=2)
    with pytest.raises(Invalid):
        await starting.pay_part(plan.wish(6_600), pays_off=False)
    assert await desk.owner.fetchval("select count(*) from instalment_plans") == 0

    await plan.began(2)
    second = await order_in_parts(desk, 2, by=buyer)
    with pytest.raises(InstalmentsNotOffered):
        await starting.start_plan(second.wish(6_600), parts=2)
    await agree(desk, least_minor=22_001, most_open=2)
    with pytest.raises(InstalmentsNotOffered):
        await starting.start_plan(second.wish(6_600), parts=2)
    await agree(desk, fee_bp=3_000)
    with pytest.raises(InstalmentsNotOffered):
        await starting.start_plan(second.wish(6_600), parts=2)


async def test_programs_are_told_of_parts_before_their_time_and_after_it(desk: SalesDesk) -> None:
    await agree(desk)
    await plant_endpoint(
        desk.owner, desk.world.shop.id, event_types=("instalment.due", "instalment.ended")
    )
    plan = await (await order_in_parts(desk, 2)).began(2)
    for passed in ("26 days", "28 days", "31 days", "32 days", "38 days"):
        await desk.world.shift_clock(passed)
        await reminding.remind()
        await ending.end_overdue()
    told = await desk.owner.fetch("select type::text, details from outbox_events order by number")
    assert [row["type"] for row in told] == ["instalment.due", "instalment.due", "instalment.ended"]
    assert [json.loads(row["details"])["isLate"] for row in told[:2]] == [False, True]
    assert json.loads(told[2]["details"]) == {
        "orderNo": plan.bought.no, "state": "DEFAULTED", "currency": "CNY", "unpaidMinor": 0,
    }  # fmt: skip


def buyer_of(plan: PlanDesk) -> UUID:
    """Who pays it."""
    assert plan.bought.viewer.customer_id is not None
    return plan.bought.viewer.customer_id


async def desk_order_of_guest(desk: SalesDesk) -> Purchase:
    """A guest's order."""
    await desk.world.keys(1)
    return await desk.order(1)


async def lines_by_state(plan: PlanDesk) -> list[UUID]:
    """The lines that are handed over, then those that wait."""
    rows = await plan.desk.owner.fetch(
        "select line_id from instalment_lines where order_id = $1 order by state", plan.bought.id
    )
    return [row["line_id"] for row in rows]


async def refunded(plan: PlanDesk, line_id: UUID | None = None) -> None:
    """An operator gives back all that is left of a line, or of the order."""
    wishes: list[LineRefund] | Reason = "SUPPLIER_FAULT"
    if line_id is not None:
        wishes = [LineRefund(line_id, None, "SUPPLIER_FAULT")]
    await refunds.refund_order(
        shop=plan.bought.shop,
        actor="operator",
        order_no=plan.bought.no,
        wishes=wishes,
        idempotency_key=key(),
    )


async def returned(plan: PlanDesk, line_id: UUID) -> None:
    """The buyer gives a line's keys back."""
    await refunds.return_unrevealed(
        shop=plan.bought.shop,
        viewer=plan.bought.viewer,
        order_no=plan.bought.no,
        line_id=line_id,
        quantity=None,
        idempotency_key=key(),
    )
