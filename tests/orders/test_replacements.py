"""A bad key is replaced: the money of E9 to the last fen, and every end that such a sale may have.

The numbers are those of the worked example: the sale of 105.00, supply 80.00 by A and 82.00 by B.
"""

from collections.abc import Awaitable

import asyncpg
import pytest

from deposit_desk import put_down
from dispute_desk import bank_of
from earnings_books import held_by, released
from entrypoints import sweeps
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from orders import offer_figures
from orders.deposits import counting
from orders.disputed import OrderDisputed
from orders.disputes import deciding as dispute_deciding
from orders.fast_refunds import accepting, deciding
from orders.idempotency import IdempotencyConflict
from orders.records import ShareRow, Viewer
from orders.replacements import arithmetic
from orders.replacements.rows import AlreadyReplaced
from replacement_desk import DEPOSIT_MINOR, keys_of, replace, second_supplier, sold
from sales import Purchase, SalesDesk, key
from supply.pool import OutOfStock
from trade_desk import COST_MINOR, buy, credit
from world import Goods

WRITTEN = """
    select (select count(*) from ledger_entries), (select count(*) from key_replacements),
           (select count(*) from delivered_keys), (select count(*) from idempotency_records),
           (select array_agg(status order by id) from keys),
           (select sum(version) from orders)
"""


def share(role: str, amount_minor: int, reversed_minor: int = 0) -> ShareRow:
    return ShareRow(new_id(), new_id(), "SUPPLIER", new_id(), role, amount_minor, reversed_minor)


def test_a_piece_gives_up_its_part_and_a_cheaper_one_leaves_the_rest_with_the_platform() -> None:
    supply, commission = share("SUPPLY", 22_800, 7_600), share("SUPPLIER_COMMISSION", 1_200, 400)

    dearer = arithmetic.exchange(
        [supply, commission], pieces=2, price_minor=8_200, commission_bp=500
    )
    cheaper = arithmetic.exchange(
        [supply, commission], pieces=2, price_minor=7_001, commission_bp=500
    )

    assert dearer.given_up == ((supply, 7_600), (commission, 400))
    assert (dearer.supply_minor, dearer.commission_minor, dearer.cover_minor) == (7_790, 410, 200)
    assert (cheaper.supply_minor, cheaper.commission_minor, cheaper.cover_minor) == (
        7_001 - 351,
        351 + 999,
        0,
    )
    last = arithmetic.exchange([share("SUPPLY", 8, 1)], pieces=1, price_minor=7, commission_bp=0)
    assert (last.given_up_minor, last.cover_minor) == (7, 0)


async def books_of(desk: SalesDesk, other: Goods, purchase: Purchase) -> dict[str, int]:
    affiliate = await desk.owner.fetchval(
        "select affiliate_id from orders where id = $1", purchase.id
    )
    world = desk.world
    return await desk.books(
        ("A", world.goods.supplier_id),
        ("B", other.supplier_id),
        ("T1", world.agent.id),
        ("T2", world.shop.id),
        ("aff", affiliate),
    )


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    changed = {code: after.get(code, 0) - before.get(code, 0) for code in {*before, *after}}
    return {code: minor for code, minor in changed.items() if minor}


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
async def test_another_supplier_is_paid_its_price_and_nobody_above_earns_more_or_less(
    desk: SalesDesk,
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    before, (bad,), once = await books_of(desk, other, purchase), await keys_of(purchase), key()

    another = await replace(purchase, bad, idempotency_key=once)
    assert await replace(purchase, bad, idempotency_key=once) == another

    posted = await desk.owner.fetch(
        """select account.code, entry.amount_minor from ledger_entries entry
           join ledger_transactions header on header.id = entry.transaction_id
           join ledger_accounts account on account.id = entry.account_id
           where header.kind = 'E9_REPLACEMENT' order by entry.id"""
    )
    assert sorted(map(tuple, posted)) == sorted(
        [
            ("L:PARTY:PENDING", 7_600),
            ("R:SUPPLIER_COMMISSION", 400),
            ("L:DEPOSIT:FREE", 200),
            ("L:PARTY:PENDING", -7_790),
            ("R:SUPPLIER_COMMISSION", -410),
        ]
    )
    assert difference(before, await books_of(desk, other, purchase)) == {
        "L:PARTY:PENDING A": 7_600,
        "L:DEPOSIT:FREE A": 200,
        "L:PARTY:PENDING B": -7_790,
        "R:SUPPLIER_COMMISSION": -10,
    }
    assert await desk.key_states() == {"REPLACED": 1, "SOLD": 1}
    assert await purchase.unopened() == [another]
    (opened,) = await purchase.reveal()
    assert opened.id == another
    await assert_refused(desk, NotFound, purchase.reveal([bad]))
    await desk.assert_sound()


@pytest.mark.engines
async def test_the_same_supplier_gives_another_key_for_nothing(desk: SalesDesk) -> None:
    purchase = await sold(desk, 2)
    await desk.world.keys(1)
    other = await second_supplier(desk.world, 100, keys=1)  # cheaper, and not asked
    before, (bad, good) = await books_of(desk, other, purchase), await keys_of(purchase)

    another = await replace(purchase, bad, elsewhere=False)

    assert await books_of(desk, other, purchase) == before
    assert await keys_of(purchase) == [good, another]
    assert await desk.key_states() == {"REPLACED": 1, "REVEALED": 1, "SOLD": 1, "AVAILABLE": 1}
    # The supplier has no key more: its piece is replaced from elsewhere, one of two.
    await replace(purchase, another)
    assert difference(before, await books_of(desk, other, purchase)) == {
        "L:PARTY:PENDING A": 7_600,
        "L:PARTY:PENDING B": -95,
        "R:SUPPLIER_COMMISSION": 400 - 5 - 7_900,
    }
    await desk.assert_sound()


@pytest.mark.engines
@pytest.mark.parametrize("parts", [1, 3])
async def test_a_refund_afterwards_takes_from_the_other_what_it_got_and_gives_the_cover_back(
    desk: SalesDesk, parts: int
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    await replace(purchase)
    await desk.assert_sound()

    left_minor = purchase.total_minor
    for part in range(parts, 0, -1):
        amount_minor = left_minor if part == 1 else purchase.total_minor // parts
        await purchase.refund(amount_minor, "SUPPLIER_FAULT")
        left_minor -= amount_minor
        await desk.assert_sound()

    await desk.send_refunds()
    books = await books_of(desk, other, purchase)
    assert books == {
        "A:BANK": DEPOSIT_MINOR,
        "A:GATEWAY:STRIPE": -63,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "L:DEPOSIT:FREE A": -DEPOSIT_MINOR,
        "A:RECV B": 63,  # its key was bad as well: the channel's fee, and it has no deposit
    }
    shares = await desk.owner.fetch("select amount_minor, reversed_minor from line_shares")
    assert all(one["amount_minor"] == one["reversed_minor"] for one in shares)
    await assert_refused(desk, Invalid, replace(purchase))


@pytest.mark.engines
async def test_what_has_matured_and_left_is_taken_by_the_waterfall_and_the_other_waits_anew(
    desk: SalesDesk,
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    supplier_id = desk.world.goods.supplier_id
    await desk.world.shift_clock("40 days")
    await sweeps.note_earnings()
    await sweeps.mature_earnings()
    books = await books_of(desk, other, purchase)
    assert books["L:PARTY:AVAILABLE A"] == -7_600

    await replace(purchase)

    assert difference(books, await books_of(desk, other, purchase)) == {
        "L:PARTY:AVAILABLE A": 7_600,
        "L:DEPOSIT:FREE A": 200,
        "L:PARTY:PENDING B": -7_790,
        "R:SUPPLIER_COMMISSION": -10,
    }
    await sweeps.mature_earnings()
    assert "L:PARTY:AVAILABLE B" not in await books_of(desk, other, purchase)
    await desk.world.shift_clock("48 days")
    await sweeps.mature_earnings()
    assert (await books_of(desk, other, purchase))["L:PARTY:AVAILABLE B"] == -7_790
    waited = (
        "select extract(day from available_at - delivered_at) from earnings where party_id = $1"
    )
    assert await desk.owner.fetchval(waited, other.supplier_id) == 7
    assert supplier_id != other.supplier_id
    await desk.assert_sound()


@pytest.mark.engines
async def test_an_empty_deposit_makes_the_cover_a_debt_and_held_money_gives_up_its_part(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.rule(world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await world.keys(1)
    purchase = await (await desk.order()).paid()
    await purchase.reveal()
    other = await second_supplier(world, keys=1)
    case_id = new_id()
    await held_by(purchase, case_id)

    await replace(purchase)

    books = await books_of(desk, other, purchase)
    assert books["A:RECV A"] == 200
    assert "L:PARTY:HOLD A" not in books and books["L:PARTY:PENDING B"] == -7_790
    await desk.assert_sound()
    await released(purchase.shop.id, case_id)
    await world.shift_clock("40 days")
    await sweeps.mature_earnings()
    assert (await books_of(desk, other, purchase))["L:PARTY:AVAILABLE B"] == -7_790
    await desk.assert_sound()


@pytest.mark.engines
@pytest.mark.parametrize("goods", ["GOOD", "BAD"])
async def test_a_dispute_lost_afterwards_is_borne_by_whoever_has_earned(
    desk: SalesDesk, goods: str
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    await put_down("SUPPLIER", other.supplier_id, DEPOSIT_MINOR)
    await replace(purchase)
    await purchase.reveal()
    bank = await bank_of(purchase)
    await bank.opens()
    await desk.world.keys(1, other)
    await assert_refused(desk, OrderDisputed, replace(purchase))
    case_id = await desk.owner.fetchval("select id from disputes")
    if goods == "BAD":
        await dispute_deciding.decide_goods(case_id=case_id, within=None, goods="BAD")

    await bank.wins()

    await desk.assert_sound()
    books = await books_of(desk, other, purchase)
    if goods == "BAD":  # B's key was bad: its sale is undone, and the fees are its own
        assert "L:PARTY:HOLD B" not in books
        assert books["L:DEPOSIT:FREE A"] == -DEPOSIT_MINOR
        assert books["L:DEPOSIT:FREE B"] == -(DEPOSIT_MINOR - 63 - 1_500)
    else:  # B's goods are gone and stay paid for
        assert books["L:PARTY:PENDING B"] == -7_790
        assert books["L:DEPOSIT:FREE A"] == -(DEPOSIT_MINOR - 200)


@pytest.mark.engines
async def test_a_fast_refund_afterwards_is_laid_out_by_whose_key_it_is(desk: SalesDesk) -> None:
    purchase = await sold(desk, 2)
    other = await second_supplier(desk.world, keys=2)
    await put_down("SUPPLIER", other.supplier_id, DEPOSIT_MINOR)
    line_id = (await purchase.line()).id

    async def accept() -> None:
        await accepting.accept(
            shop=purchase.shop,
            actor="operator:test",
            order_no=purchase.no,
            line_id=line_id,
            kind="INVALID",
            idempotency_key=key(),
        )

    await replace(purchase)
    await purchase.reveal()
    await assert_refused(desk, Invalid, accept())  # of two suppliers
    await replace(purchase)
    await purchase.reveal()
    await accept()
    assert (await books_of(desk, other, purchase))["L:DEPOSIT:FREE B"] == -(DEPOSIT_MINOR - 21_000)
    await desk.assert_sound()
    claim_id = await desk.owner.fetchval("select id from fast_refunds")
    await deciding.decide(claim_id, uphold=True, reason="", actor="operator:test")

    books = await books_of(desk, other, purchase)
    assert books["L:DEPOSIT:FREE B"] == -(DEPOSIT_MINOR - 126)
    assert books["L:DEPOSIT:FREE A"] == -DEPOSIT_MINOR
    await desk.assert_sound()
    await assert_refused(desk, Invalid, replace(purchase))


@pytest.mark.engines
async def test_what_cannot_be_replaced_is_refused_and_says_why(desk: SalesDesk) -> None:
    purchase = await sold(desk, 2, opened=False)
    other = await second_supplier(desk.world, 10_501)
    (first, second) = await keys_of(purchase)

    assert (await assert_refused(desk, OutOfStock, replace(purchase, first))).field == "keyId"
    await desk.world.keys(1, other)  # dearer than what the buyer has paid
    await assert_refused(desk, OutOfStock, replace(purchase, first))
    await desk.owner.execute(
        "update supplier_listings set supply_price_minor = 10500 where id = $1", other.listing_id
    )
    await assert_refused(desk, OutOfStock, replace(purchase, first, elsewhere=False))
    await assert_refused(desk, NotFound, replace(purchase, new_id()))
    await assert_refused(desk, Invalid, replace(purchase, first, reason=" "))
    await assert_refused(desk, Invalid, replace(purchase, first, reason="r" * 501))
    once = key()
    await replace(purchase, first, idempotency_key=once)
    await assert_refused(desk, AlreadyReplaced, replace(purchase, first))
    await assert_refused(desk, IdempotencyConflict, replace(purchase, second, idempotency_key=once))
    await purchase.give_back(1)
    given_back = await desk.owner.fetchval(
        "select id from delivered_keys where returned_at is not null and replaced_by is null"
    )
    await assert_refused(desk, Invalid, replace(purchase, given_back))
    await desk.assert_sound()
    for column in ("replaced_for", "cover_minor"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with desk.owner.transaction():
                await desk.owner.execute("set local role kameng_core")
                await desk.owner.execute(f"update key_replacements set {column} = default")
    with pytest.raises(asyncpg.CheckViolationError, match="does not go from REPLACED"):
        await desk.owner.execute("update keys set status = 'AVAILABLE' where status = 'REPLACED'")


@pytest.mark.engines
async def test_what_a_shop_has_bought_at_cost_is_replaced_alike(desk: SalesDesk) -> None:
    await credit(await desk.shop(), 2 * COST_MINOR)
    await desk.world.keys(1)
    bought = await buy(await desk.shop(), desk.world.goods)
    other = await second_supplier(desk.world, keys=1)
    purchase = Purchase(
        desk,
        await desk.shop(),
        Viewer(purchases=True),
        bought.order.id,
        bought.order.no,
        COST_MINOR,
    )

    await replace(purchase)
    await desk.assert_sound()
    await purchase.refund(COST_MINOR, "SHOP_FAULT")

    books = await desk.books(("A", desk.world.goods.supplier_id), ("B", other.supplier_id))
    assert "L:PARTY:PENDING B" not in books
    await desk.assert_sound()


@pytest.mark.engines
async def test_a_bad_key_counts_against_its_supplier_and_the_other_has_sold_one(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await sold(desk)
    other = await second_supplier(desk.world, keys=1)
    await replace(purchase)
    monkeypatch.setattr(offer_figures, "SETTLED_AFTER_SECONDS", -3_600)
    await offer_figures.count_sales(100)
    await counting.count_claimable(100)
    assert await counting.count_claimable(100) == await offer_figures.count_sales(100) == 0

    figures = await desk.owner.fetch(
        "select listing_id, sum(sold) as sold, sum(faults) as faults from offer_days group by 1"
    )
    assert {row["listing_id"]: (row["sold"], row["faults"]) for row in figures} == {
        desk.world.goods.listing_id: (1, 1),
        other.listing_id: (1, 0),
    }
    hours = await desk.owner.fetch(
        """select party_id, sum(sold) as sold, sum(faults) as faults,
                  sum(paid_minor - refunded_minor) as open_minor
           from deposit_hours group by 1"""
    )
    assert {row["party_id"]: tuple(row)[1:] for row in hours} == {
        desk.world.goods.supplier_id: (1, 1, 0),
        other.supplier_id: (1, 0, 10_500),
        desk.world.shop.id: (1, 0, 10_500),
    }
