"""Goods and balances paid by bank transfer: what a line pays for, where other money goes."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from bank_desk import OPERATOR, Bank, platform_has_an_account, takes_transfers
from billing.bank import files, lines, refunds
from billing.bank.lines import LineUsed
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import new_id
from kernel.settings import settings
from orders import paying, topping_up
from orders.bank import giving_back, matching
from orders.idempotency import IdempotencyConflict
from orders.records import HoldExpired
from sales import Purchase, SalesDesk, key
from trade_desk import credit
from world import Person

pytestmark = pytest.mark.engines


@pytest.fixture
async def bank(desk: SalesDesk) -> AsyncIterator[Bank]:
    """The platform has an account, and the world's shop takes transfers for goods."""
    await takes_transfers(desk.owner, desk.world.shop)
    with platform_has_an_account():
        yield Bank(desk.owner)


async def transferring(desk: SalesDesk, buyer: Person) -> tuple[Purchase, UUID]:
    """An order of one key for 110.00, to be paid by transfer."""
    purchase = await desk.order(by=buyer)
    return purchase, await purchase.start("BANK_TRANSFER")


async def top_up(desk: SalesDesk, buyer: Person, amount_minor: int) -> paying.PaymentStarted:
    return await topping_up.top_up(
        shop=await desk.shop(),
        customer_id=buyer.id,
        amount_minor=amount_minor,
        method="BANK_TRANSFER",
        return_url="",
        idempotency_key=key(),
    )


async def test_a_transfer_with_its_reference_delivers_and_is_booked_without_a_fee(
    desk: SalesDesk, bank: Bank
) -> None:
    await desk.world.keys(1)
    purchase, payment_id = await transferring(desk, await desk.world.customer())
    held = await desk.owner.fetchrow(
        """select orders.expires_at - created_at as order_held,
                  held_until - created_at as key_held
           from orders join order_lines line on line.order_id = orders.id
           join keys on keys.id = any (line.key_ids)"""
    )
    assert held is not None
    assert {part.total_seconds() for part in held} == {settings().bank_hold_seconds}

    bank_id = bank.comes("110.00", f"for {await bank.reference(payment_id)}!")
    first = await bank.sent()

    assert (first.state, first.new_lines, await bank.state(bank_id)) == ("DONE", 1, "MATCHED")
    assert await purchase.status() == "DELIVERED"
    books = await desk.books()
    assert (books["A:BANK"], books["R:SUPPLIER_COMMISSION"]) == (11_000, -400)
    assert not {"E:GATEWAY_FEE", "L:UNAPPLIED:BANK", "L:ESCROW"} & books.keys()
    again = await bank.sent()
    assert (again.new_lines, await desk.books()) == (0, books)
    await desk.assert_sound()

    await purchase.give_back()
    await desk.send_refunds()
    await desk.send_refunds()
    (owed,) = await bank.owed()
    file = refunds.transfers_file(await refunds.due_refunds())
    assert "买家,6222 9,110.00,CNY" in file
    assert await purchase.status() == "REFUNDING"
    for _ in range(2):
        await giving_back.settle_refund(bank_refund_id=owed, to_wallet=False, actor=OPERATOR)
    assert await purchase.status() == "REFUNDED"
    assert not {"A:BANK", "L:REFUND_DUE"} & (await desk.books()).keys()
    with pytest.raises(Invalid):
        await giving_back.settle_refund(bank_refund_id=owed, to_wallet=True, actor=OPERATOR)
    await desk.assert_sound()


async def test_what_does_not_fit_waits_and_goes_where_an_operator_says(
    desk: SalesDesk, bank: Bank
) -> None:
    """Without a reference, in a wrong amount, twice, and for a payment that was given up."""
    await desk.world.keys(3)
    buyer = await desk.world.customer()
    purchase, payment_id = await transferring(desk, buyer)
    reference = await bank.reference(payment_id)
    unnamed = bank.comes("110.00", "no reference")
    wrong = bank.comes("100.00", reference)
    foreign = bank.comes("110.00", reference, currency="USD")
    await bank.sent()
    assert {await bank.state(one) for one in (unnamed, wrong, foreign)} == {"WAITING"}
    page = await lines.lines_page("WAITING", first=2, after=None)
    rest = await lines.lines_page("WAITING", first=2, after=page.cursors[-1])
    assert (len(page.rows), page.has_next, len(rest.rows)) == (2, True, 1)
    assert {one.bank_id: one.payment_id for one in (*page.rows, *rest.rows)} == {
        unnamed: None,
        wrong: payment_id,
        foreign: payment_id,
    }
    await desk.assert_sound()

    for _ in range(2):
        await matching.match_line(
            line_id=await bank.line_id(unnamed), payment_id=payment_id, actor=OPERATOR
        )
    assert await purchase.status() == "DELIVERED"
    with pytest.raises(Invalid, match="has its money"):
        await matching.match_line(
            line_id=await bank.line_id(wrong), payment_id=payment_id, actor=OPERATOR
        )
    for _ in range(2):
        await matching.credit_wallet(
            line_id=await bank.line_id(wrong), payment_id=payment_id, actor=OPERATOR
        )
        await giving_back.return_line(line_id=await bank.line_id(foreign), actor=OPERATOR)
    with pytest.raises(LineUsed):
        await giving_back.return_line(line_id=await bank.line_id(wrong), actor=OPERATOR)
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -10_000
    await desk.assert_sound()
    (owed,) = await bank.owed()
    with pytest.raises(Invalid, match="send it"):
        await giving_back.settle_refund(bank_refund_id=owed, to_wallet=True, actor=OPERATOR)
    await giving_back.settle_refund(bank_refund_id=owed, to_wallet=False, actor=OPERATOR)
    await desk.assert_sound()

    other, other_payment = await transferring(desk, buyer)
    late = bank.comes("105.00", await bank.reference(other_payment))
    await bank.sent()
    await matching.match_line(
        line_id=await bank.line_id(late), payment_id=other_payment, actor=OPERATOR
    )
    assert await bank.status_of(other_payment) == "UNAPPLIED"
    assert await other.status() == "PENDING_PAYMENT"
    await desk.send_refunds()
    (owed,) = await bank.owed()
    await giving_back.settle_refund(bank_refund_id=owed, to_wallet=True, actor=OPERATOR)
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -20_500
    await other.cancel()
    await desk.assert_sound()


async def test_a_late_transfer_waits_and_an_operator_lets_it_deliver_or_gives_it_back(
    desk: SalesDesk, bank: Bank
) -> None:
    await desk.world.keys(1)
    purchase, payment_id = await transferring(desk, await desk.world.customer())
    reference = await bank.reference(payment_id)
    await desk.world.shift_clock("25 hours")
    await desk.sweep()
    assert await purchase.status() == "EXPIRED"
    bank_id = bank.comes("110.00", reference)
    await bank.sent()
    assert await bank.state(bank_id) == "WAITING"

    await matching.match_line(
        line_id=await bank.line_id(bank_id), payment_id=payment_id, actor=OPERATOR
    )

    assert await purchase.status() == "DELIVERED"
    await desk.assert_sound()


async def test_balances_are_topped_up_by_transfer_in_shops_that_do_not_take_it_for_goods(
    desk: SalesDesk, bank: Bank
) -> None:
    await desk.world.keys(2)
    await desk.owner.execute("update tenants set payment_methods = '{WALLET,CARD}'")
    buyer = await desk.world.customer()
    started = await top_up(desk, buyer, 5_000)
    assert started.transfer is not None
    assert (started.transfer.number, started.transfer.amount_minor) == ("6222 0001", 5_000)
    bank.comes("50.00", started.transfer.reference)
    await bank.sent()
    assert (await desk.books(("buyer", buyer.id)))["L:WALLET buyer"] == -5_000

    with pytest.raises(Invalid):
        await (await desk.order(by=buyer)).start("BANK_TRANSFER")
    await takes_transfers(desk.owner, desk.world.shop)
    purchase = await desk.order(by=None)
    with pytest.raises(Invalid, match="signed-in"):
        await purchase.start("BANK_TRANSFER")
    await desk.assert_sound()


async def test_keys_that_end_before_the_transfers_time_are_not_held_for_one(
    desk: SalesDesk, bank: Bank
) -> None:
    soon = await desk.owner.fetchval("select now() + interval '1 hour'")
    await desk.owner.execute("update skus set min_remaining_days = 0")
    await desk.world.keys(1, expires_at=soon)
    purchase = await desk.order(by=await desk.world.customer())

    with pytest.raises(HoldExpired):
        await purchase.start("BANK_TRANSFER")

    assert await desk.owner.fetchval("select count(*) from payments") == 0


async def test_what_was_credited_by_hand_is_not_booked_twice_whichever_came_first(
    desk: SalesDesk, bank: Bank
) -> None:
    shop = await desk.shop()
    await credit(shop, 7_000, reference="hand-1")
    bank.comes("70.00", bank_id="hand-1")
    bank.comes("80.00", bank_id="file-1")
    bank.comes("-12.00", bank_id="out-1")
    await bank.sent()

    assert [await bank.state(one) for one in ("hand-1", "file-1", "out-1")] == [
        "BOOKED",
        "WAITING",
        "SENT",
    ]
    with pytest.raises(IdempotencyConflict) as refused:
        await credit(shop, 8_000, reference="file-1")
    assert refused.value.field == "bankReference"
    assert (await desk.books())["A:BANK"] == 15_000
    await desk.assert_sound()


async def test_a_statement_with_a_mistake_writes_nothing_and_an_address_ends(
    desk: SalesDesk, bank: Bank
) -> None:
    bank.comes("10.00", bank_id="one")
    await bank.sent()
    bank.lines = ["one,2026-07-01,11.00,CNY,,,", "two,2026-07-01,1.00,CNY,,,"]
    changed = await bank.sent()
    assert [(one.line, one.code) for one in changed.problems] == [(2, "KNOWN_OTHERWISE")]
    bank.lines = ["two,2026-07-01,nothing,CNY,,,"]
    refused = await bank.sent()
    assert (refused.state, refused.problems[0].code) == ("REFUSED", "NOT_AN_AMOUNT")
    assert await desk.owner.fetchval("select count(*) from bank_lines") == 1

    ticket = await files.issue_ticket(OPERATOR)
    with pytest.raises(NotFound):
        await files.statement_file(ticket.file_id)
    with pytest.raises(Forbidden):
        await files.keep_statement(ticket.token[:-2], b"x")
    await desk.world.shift_clock("11 minutes")
    with pytest.raises(Forbidden):
        await files.keep_statement(ticket.token, b"x")


async def test_an_operator_matches_nothing_that_there_is_not(desk: SalesDesk, bank: Bank) -> None:
    await desk.world.keys(1)
    bank_id = bank.comes("1.00")
    await bank.sent()
    line_id = await bank.line_id(bank_id)
    by_card = await (await desk.order()).start("CARD")

    with pytest.raises(NotFound):
        await matching.match_line(line_id=new_id(), payment_id=by_card, actor=OPERATOR)
    with pytest.raises(NotFound):
        await matching.match_line(line_id=line_id, payment_id=new_id(), actor=OPERATOR)
    with pytest.raises(Invalid, match="not by bank"):
        await matching.match_line(line_id=line_id, payment_id=by_card, actor=OPERATOR)
    with pytest.raises(Invalid, match="No customer"):
        await matching.credit_wallet(line_id=line_id, payment_id=by_card, actor=OPERATOR)
    with pytest.raises(NotFound):
        await giving_back.settle_refund(bank_refund_id=new_id(), to_wallet=False, actor=OPERATOR)

    assert await bank.state(bank_id) == "WAITING"
    await desk.assert_sound()


async def test_a_transfer_in_another_currency_is_another_one_whatever_its_bank_calls_it(
    desk: SalesDesk, bank: Bank
) -> None:
    await credit(await desk.shop(), 7_000, reference="same-1")
    bank.comes("70.00", bank_id="same-1", currency="USD")
    await bank.sent()

    assert await bank.state("same-1") == "WAITING"
    arrived = await desk.owner.fetchval(
        """select sum(amount_minor)::bigint from ledger_entries entry
           join ledger_accounts account on account.id = entry.account_id
           where account.code = 'A:BANK' and account.currency = 'USD'"""
    )
    assert arrived == 7_000
    await desk.assert_sound()
