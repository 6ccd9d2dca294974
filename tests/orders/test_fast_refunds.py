"""The arrival guarantee: paid at once out of the deposit, upheld, rejected, or left unanswered.

The numbers are those of E8: the sale of the worked example for 105.00, of which the channel keeps
0.63.
"""

from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from billing import accounts
from billing.deposits.parties import DepositParty
from billing.ledger import Entry
from deposit_desk import OPERATOR, ask_for, put_down
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from listeners import plant_endpoint
from orders.fast_refunds import accepting, deciding, postings, rows
from orders.fast_refunds.accepting import WindowClosed
from orders.fast_refunds.rows import FastRefund, Kind
from orders.idempotency import IdempotencyConflict
from orders.reveal import RevealedKey
from points_desk import balance, begin_program, plant_points
from sales import Purchase, SalesDesk, key
from trade_desk import COST_MINOR, buy, credit
from world import Person

SUPPLIER, BUYER = new_id(), new_id()
WRITTEN = """
    select (select count(*) from ledger_entries), (select count(*) from refunds),
           (select count(*) from fast_refunds), (select count(*) from idempotency_records),
           (select array_agg(status order by id) from keys)
"""


def test_a_rejected_claim_is_paid_by_the_wallet_as_far_as_it_goes_and_repays_a_debt_first() -> None:
    wallet, debt = accounts.wallet(BUYER, "CNY"), accounts.receivable(SUPPLIER, "CNY")
    deposit = accounts.deposit_free(SUPPLIER, "CNY")
    compensation = accounts.expense("COMPENSATION", "CNY")
    whole: dict[str, Any] = {"amount_minor": 10_500, "debt_minor": 0}

    assert postings.rejected(SUPPLIER, "CNY", **whole, wallet=None, wallet_minor=0) == [
        Entry(compensation, 10_500),
        Entry(deposit, -10_500),
    ]
    assert postings.rejected(
        SUPPLIER, "CNY", amount_minor=10_500, debt_minor=500, wallet=wallet, wallet_minor=4_000
    ) == [
        Entry(compensation, 6_500),
        Entry(wallet, 4_000),
        Entry(debt, -500),
        Entry(deposit, -10_000),
    ]


class Claimed:
    """The sale of the worked example, its parties by name, and the supplier's deposit."""

    def __init__(self, desk: SalesDesk, purchase: Purchase, star_id: UUID) -> None:
        self.desk, self.purchase = desk, purchase
        world = desk.world
        self.supplier_id = world.goods.supplier_id
        self.parties = {
            "S": self.supplier_id,
            "T1": world.agent.id,
            "T2": world.shop.id,
            "aff": star_id,
        }
        if purchase.viewer.customer_id is not None:
            self.parties["buyer"] = purchase.viewer.customer_id

    async def accept(self, kind: Kind = "INVALID", **more: Any) -> FastRefund:
        """An operator accepts the claim."""
        purchase = self.purchase
        wish: dict[str, Any] = {"order_no": purchase.no, "idempotency_key": key(), **more}
        line_id = wish.pop("line_id", None) or (await purchase.line()).id
        return await accepting.accept(
            shop=wish.pop("shop", purchase.shop), actor=OPERATOR, line_id=line_id, kind=kind, **wish
        )

    async def books(self) -> dict[str, int]:
        return await self.desk.books(*self.parties.items())


async def claimed(
    desk: SalesDesk,
    quantity: int = 1,
    *,
    by: Person | None = None,
    deposit_minor: int = 50_000,
    opened: int | None = None,
) -> Claimed:
    """Keys sold for 105.00 each by card, and opened; all of them unless so many are named."""
    world = desk.world
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await world.keys(quantity)
    star = await world.affiliate("star", rate_bp=300)
    if deposit_minor:
        await put_down("SUPPLIER", world.goods.supplier_id, deposit_minor)
    order = await desk.order(quantity, by=by, affiliate_code="star")
    purchase = await order.paid()
    await opened_keys(purchase, quantity if opened is None else opened)
    return Claimed(desk, purchase, star.id)


async def opened_keys(purchase: Purchase, count: int) -> list[RevealedKey]:
    return await purchase.reveal((await purchase.unopened())[:count]) if count else []


async def assert_refused(
    desk: SalesDesk, refusal: type[Refusal], what: Awaitable[object]
) -> Refusal:
    """It is refused for this reason, and nothing has been written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(refusal) as refused:
        await what
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refused.value


@pytest.mark.engines
async def test_a_claim_is_paid_out_of_the_deposit_and_upheld_costs_the_supplier_fee_and_sale(
    desk: SalesDesk,
) -> None:
    sale = await claimed(desk)
    once = key()
    claim = await sale.accept(idempotency_key=once)
    assert await sale.accept(idempotency_key=once) == claim

    assert (claim.amount_minor, claim.state) == (10_500, "ACCEPTED")
    assert await sale.books() == {
        "A:BANK": 50_000,
        "A:GATEWAY:STRIPE": 10_437,
        "E:GATEWAY_FEE": 63,
        "L:DEPOSIT:FREE S": -39_500,
        "L:REFUND_DUE": -10_500,
        "L:PARTY:HOLD S": -7_600,
        "L:PARTY:HOLD T1": -500,
        "L:PARTY:HOLD T2": -1_122,
        "L:PARTY:HOLD aff": -315,
        "R:SUPPLIER_COMMISSION": -400,
        "R:WHOLESALE_MARGIN": -500,
        "R:GATEWAY_RECOVERY": -63,
    }
    assert await desk.key_states() == {"VOIDED": 1}
    await desk.assert_sound()
    await assert_refused(desk, Invalid, sale.accept())
    await assert_refused(desk, IdempotencyConflict, sale.accept("MISSING", idempotency_key=once))
    with pytest.raises(Refusal):
        await sale.purchase.refund(1, "SUPPLIER_FAULT")
    await desk.send_refunds()
    assert await sale.purchase.status() == "REFUNDED"

    await deciding.decide(claim.id, uphold=True, reason="no such card", actor=OPERATOR)

    assert await sale.books() == {
        "A:BANK": 50_000,
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "L:DEPOSIT:FREE S": -49_937,
        "R:GATEWAY_RECOVERY": -63,
    }
    await desk.assert_sound()
    for uphold in (True, False):
        await assert_refused(
            desk, Invalid, deciding.decide(claim.id, uphold=uphold, reason="", actor=OPERATOR)
        )
    with pytest.raises(asyncpg.CheckViolationError, match="decided once"):
        await desk.owner.execute("update fast_refunds set reason = 'changed'")


@pytest.mark.engines
async def test_a_rejected_claim_takes_from_the_wallet_what_is_there_and_frees_what_was_held(
    desk: SalesDesk,
) -> None:
    buyer = await desk.world.customer(wallet_minor=4_000)
    sale = await claimed(desk, by=buyer)
    before = await sale.books()
    claim = await sale.accept()
    await desk.send_refunds()

    await deciding.decide(claim.id, uphold=False, reason="redeemed", actor=OPERATOR)

    after = await sale.books()
    changed = {code: after.get(code, 0) - before.get(code, 0) for code in {*before, *after}}
    assert {code: minor for code, minor in changed.items() if minor} == {
        "A:GATEWAY:STRIPE": -10_500,
        "L:WALLET buyer": 4_000,
        "E:COMPENSATION": 6_500,
    }
    (shown,) = (await rows.page(state="REJECTED", first=5, after=None)).rows
    assert (shown.claim.taken_back_minor, shown.claim.reason) == (4_000, "redeemed")
    assert (shown.order_no, shown.rejected_before) == (sale.purchase.no, 0)
    await desk.assert_sound()


@pytest.mark.engines
async def test_a_supplier_who_says_nothing_was_wrong(desk: SalesDesk) -> None:
    sale = await claimed(desk)
    claim = await sale.accept("MISSING")
    assert await deciding.uphold_silent() == 0
    await desk.world.shift_clock("24 hours")

    assert await deciding.uphold_silent() == 1
    assert await deciding.uphold_silent() == 0

    (shown,) = (await rows.page(state=None, first=5, after=None)).rows
    assert (shown.claim.state, shown.claim.decided_by) == ("UPHELD", deciding.CLOCK)
    assert (await sale.books())["L:DEPOSIT:FREE S"] == -49_937
    assert claim.id == shown.claim.id
    await desk.assert_sound()


@pytest.mark.engines
@pytest.mark.parametrize("uphold", [True, False])
async def test_a_deposit_that_is_too_small_is_helped_out_by_earnings_and_at_last_by_the_platform(
    desk: SalesDesk, uphold: bool
) -> None:
    sale = await claimed(desk, deposit_minor=1_000)
    await desk.world.keys(1)
    other = await (await desk.order()).paid()  # brings the supplier 76.00 more, which is pending
    claim = await sale.accept()

    books = await sale.books()
    assert books["A:RECV S"] == 10_500 - 1_000 - 7_600
    assert books["L:PARTY:HOLD S"] == -7_600
    assert "L:DEPOSIT:FREE S" not in books and "L:PARTY:PENDING S" not in books
    await desk.assert_sound()
    await deciding.decide(claim.id, uphold=uphold, reason="", actor=OPERATOR)

    books = await sale.books()
    assert "A:RECV S" not in books
    got_back_minor = 10_437 if uphold else 10_500
    assert books["L:DEPOSIT:FREE S"] == -(got_back_minor - 1_900)
    assert books.get("L:PARTY:PENDING S", 0) == (0 if uphold else -7_600)
    await other.refund((await other.line()).paid_minor, "SHOP_FAULT")
    await desk.assert_sound()


@pytest.mark.engines
async def test_unopened_keys_go_back_to_the_pool_and_the_claim_is_about_the_others(
    desk: SalesDesk,
) -> None:
    sale = await claimed(desk, 3, opened=2)

    claim = await sale.accept()

    assert claim.amount_minor == 21_000
    assert await desk.key_states() == {"AVAILABLE": 1, "VOIDED": 2}
    refunds = await desk.owner.fetch("select reason, amount_minor from refunds order by sequence")
    assert [tuple(row) for row in refunds] == [
        ("UNREVEALED_RETURN", 10_500),
        ("FAST_REFUND", 21_000),
    ]
    await deciding.decide(claim.id, uphold=True, reason="", actor=OPERATOR)
    await desk.send_refunds()
    assert await sale.purchase.status() == "REFUNDED"
    await desk.assert_sound()


@pytest.mark.engines
async def test_what_is_no_claim_is_refused(desk: SalesDesk) -> None:
    sale = await claimed(desk, 2, opened=0)
    await assert_refused(desk, Invalid, sale.accept())  # nobody has opened them
    await sale.purchase.reveal()
    await assert_refused(desk, NotFound, sale.accept(line_id=new_id()))
    await assert_refused(desk, NotFound, sale.accept(order_no="K20250101-0000000000"))
    elsewhere = await desk.shop(desk.world.agent)
    await assert_refused(desk, NotFound, sale.accept(shop=elsewhere))
    with pytest.raises(NotFound):
        await deciding.decide(new_id(), uphold=True, reason="", actor=OPERATOR)
    await desk.world.shift_clock("15 minutes")
    for kind in ("MISSING", "INVALID"):
        refused = await assert_refused(desk, WindowClosed, sale.accept(kind))
        assert refused.code == "SLA_WINDOW_CLOSED"
    await desk.world.shift_clock("0 minutes")

    await credit(await desk.shop(), 2 * COST_MINOR)
    await desk.world.keys(1)
    bought = await buy(await desk.shop(), desk.world.goods)
    (line,) = bought.order.lines
    at_cost = sale.accept(order_no=bought.order.no, line_id=line.id)
    await assert_refused(desk, Invalid, at_cost)
    await desk.assert_sound()


@pytest.mark.engines
@pytest.mark.parametrize("uphold", [True, False])
async def test_points_go_back_when_the_claim_is_upheld_and_not_before(
    desk: SalesDesk, uphold: bool
) -> None:
    shop, buyer = await desk.shop(), await desk.world.customer()
    shop = await begin_program(shop)
    await plant_points(desk.owner, shop, buyer, 1_000)
    await desk.world.keys(1)
    await put_down("SUPPLIER", desk.world.goods.supplier_id, 50_000)
    order = await (await desk.order(by=buyer, redeem_points=500)).paid()
    await order.reveal()
    had = await balance(shop, buyer)
    sale = Claimed(desk, order, new_id())
    claim = await sale.accept()

    assert claim.amount_minor == order.total_minor
    assert await balance(shop, buyer) == had == 500 + order.total_minor // 100
    await desk.send_refunds()
    await desk.assert_sound()
    await deciding.decide(claim.id, uphold=uphold, reason="", actor=OPERATOR)

    assert await balance(shop, buyer) == (1_000 if uphold else had)
    assert await sale.purchase.status() == "REFUNDED"
    await desk.assert_sound()


@pytest.mark.engines
async def test_a_supplier_pauses_with_the_claim_and_goes_on_with_the_decision(
    desk: SalesDesk,
) -> None:
    sale = await claimed(desk, deposit_minor=20_000)
    party: DepositParty = await put_down("SUPPLIER", sale.supplier_id, 1)
    await plant_endpoint(desk.owner, desk.world.root.id, event_types=["deposit.low"])
    await ask_for(party, base_minor=19_000)
    listing = "select status from supplier_listings where supplier_id = $1"
    assert await desk.owner.fetchval(listing, party.id) == "ACTIVE"

    claim = await sale.accept()
    assert await desk.owner.fetchval(listing, party.id) == "PAUSED"
    await deciding.decide(claim.id, uphold=True, reason="", actor=OPERATOR)

    assert await desk.owner.fetchval(listing, party.id) == "ACTIVE"
    await desk.assert_sound()
