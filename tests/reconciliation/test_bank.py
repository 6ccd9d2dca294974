"""The ledger at the bank beside the bank's own lines: what is missing, unknown or another amount is
found as what it is, and a line that brings the platform's own money is taken for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from bank_desk import OPERATOR, Bank, platform_has_an_account
from billing import accounts, ledger
from billing.bank.naming import message_for
from billing.payment_methods.bank_statement import BankStatement
from billing.payouts.ending import ResultLine, record_results
from billing.payouts.rows import Payout
from billing.payouts.states import PayoutState
from book_keepers import BookKeeper
from entrypoints.verify import verify
from kernel import db
from kernel.ids import new_id, public_id
from kernel.settings import Settings
from orders import trade_funding
from orders.bank import giving_back
from payout_desk import PayoutDesk
from reconciliation import items, resolving, statements
from reconciliation.own_lines import NoSuchLine
from sales import key

pytestmark = pytest.mark.engines


@dataclass
class BankKeeper:
    """A book-keeper, the bank, and a party that is paid out through it."""

    books: BookKeeper
    bank: Bank
    payouts: PayoutDesk

    async def recorded(self, payout: Payout, *outcomes: PayoutState) -> Payout:
        """What an operator has written down of it, one after the other."""
        assert payout.batch_id is not None
        for outcome in outcomes:
            holder, proof = await self.payouts.batch_proof()
            await record_results(
                payout.batch_id,
                [ResultLine(payout.id, outcome, "as the bank says")],
                actor=self.payouts.operator,
                holder=holder,
                proof=proof,
            )
        return payout

    async def paid(self, amount_minor: int) -> Payout:
        """A payout that an operator has noted as paid."""
        return await self.recorded(await self.payouts.sent(amount_minor), PayoutState.PAID)

    def line(self, amount: str, payout: Payout) -> str:
        """A line of the bank's that names a payout, in the bank's own way."""
        name = public_id("pyt", payout.id)
        letters = message_for(name).upper().replace("_", " ")
        return self.bank.comes(amount, f"{letters[:21]} {letters[21:]}")

    async def found(self) -> dict[str, tuple[str, str]]:
        """What is open at the bank: the kind and the fix, by the reference."""
        rows = await self.payouts.owner.fetch(
            "select reference, kind, fix from reconciliation_items "
            "where state = 'OPEN' and book = 'BANK'"
        )
        return {row["reference"]: (row["kind"], row["fix"]) for row in rows}

    async def decide(self, book: str, reference: str) -> items.Item:
        """Put an open item right as it suggests."""
        item_id: UUID = await self.payouts.owner.fetchval(
            "select id from reconciliation_items "
            "where state = 'OPEN' and book = $1 and reference = $2",
            book,
            reference,
        )
        return await resolving.resolve(item_id, decision="SUGGESTED_FIX", actor=OPERATOR, reason="")


@pytest.fixture
async def at_bank(keeper: BookKeeper) -> AsyncIterator[BankKeeper]:
    """A shop that is paid at its bank, and has earned enough."""
    payouts = await PayoutDesk.of(keeper.desk.world)
    with platform_has_an_account(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "STATEMENTS", [keeper.said, BankStatement()])
        async with db.transaction(db.core_scope(payouts.party.tenant_id)):
            await ledger.post(
                [
                    ledger.debit(accounts.expense("COMPENSATION", "CNY"), 900_000),
                    ledger.credit(accounts.party_available(payouts.party.id, "CNY"), 900_000),
                ],
                kind="EARNED",
                idempotency_key=f"earned:{new_id()}",
                tenant_id=None,
            )
        await payouts.paid_at()
        yield BankKeeper(keeper, Bank(payouts.owner), payouts)


async def test_the_database_writes_ids_as_they_stand_outside(at_bank: BankKeeper) -> None:
    ids = [UUID(int=0), UUID(int=2**128 - 1), *(new_id() for _ in range(20))]
    rows = await at_bank.payouts.owner.fetch(
        "select public_id('pyt', id) as name from unnest($1::uuid[]) as id", ids
    )
    assert [row["name"] for row in rows] == [public_id("pyt", one) for one in ids]


async def test_whatever_the_bank_says_otherwise_is_found_and_nothing_that_is_right(
    at_bank: BankKeeper, config: Settings
) -> None:
    desk, bank = at_bank.books.desk, at_bank.bank
    right, lost, dear, twice = [await at_bank.paid(minor) for minor in (50_000, 60_000, 70_000,
                                                                        80_000)]  # fmt: skip
    silent = await at_bank.payouts.sent(90_000)
    at_bank.line("-498.00", right)
    at_bank.line("-699.00", dear)
    for _ in range(2):
        at_bank.line("-798.00", twice)
    at_bank.line("-898.00", silent)
    charge = bank.comes("-30.00", "account fees")
    strange = bank.comes("12.00", "whose is this?")
    unowed = bank.comes("15.00", "a present")
    await bank.imported()
    await giving_back.return_line(line_id=await bank.line_id(unowed), actor=OPERATOR)
    (owed,) = await bank.owed()
    await giving_back.settle_refund(bank_refund_id=owed, to_wallet=False, actor=OPERATOR)
    bank.comes("-15.00", f"Refund {unowed} {message_for(public_id('ref', owed))}")
    await bank.imported()
    for reference in ("by hand came", "by hand never came"):
        await trade_funding.credit_bank_transfer(
            shop=await desk.shop(), actor=OPERATOR, amount_minor=700, bank_reference=reference,
            idempotency_key=key(),
        )  # fmt: skip
    bank.comes("7.00", "trade", bank_id="by hand came")
    await bank.imported()

    await at_bank.books.close_day()
    await at_bank.books.run()
    named = {payout: public_id("pyt", payout.id) for payout in (lost, dear, twice, silent)}
    at_once = {
        named[dear]: ("AMOUNT", "ASK_PROVIDER"),
        named[twice]: ("DUPLICATE", "ASK_PROVIDER"),
        named[silent]: ("MISSING_IN_LEDGER", "RECORD_RESULT"),
        charge: ("UNKNOWN_REFERENCE", "ASK_PROVIDER"),
    }
    not_yet = (named[lost], "by hand never came")
    assert await at_bank.found() == at_once | dict.fromkeys(not_yet, ("TIMING", "WAIT"))
    assert strange not in at_once, "it waits for an operator, and is booked"

    await at_bank.recorded(silent, PayoutState.PAID)
    await at_bank.books.close_day(days=5)
    for days in (1, 5):
        await at_bank.books.run(at_bank.books.day + timedelta(days=days))
    missing = dict.fromkeys(not_yet, ("MISSING_AT_PROVIDER", "ASK_PROVIDER"))
    del at_once[named[silent]]
    assert await at_bank.found() == at_once | missing
    assert await verify(config.database_url) == []


async def test_a_line_that_brings_the_platforms_own_money_is_taken_for_it_once(
    at_bank: BankKeeper, config: Settings
) -> None:
    """A channel's payout, and a payout that came back: each was booked for what it is before."""
    bank, books = at_bank.bank, at_bank.books
    back = await at_bank.recorded(
        await at_bank.payouts.sent(50_000), PayoutState.PAID, PayoutState.RETURNED
    )
    at_bank.line("-498.00", back)
    await bank.imported()
    await books.provider_says("po_1", "PAYOUT", "po_1", -9_000)
    await books.close_day()
    await books.run()
    name = public_id("pyt", back.id)
    assert await at_bank.found() == {name: ("TIMING", "WAIT")}, "it has not come yet"
    await at_bank.decide("STRIPE", "po_1")

    came_back = at_bank.line("498.00", back)
    of_channel = bank.comes("90.00", "STRIPE TRANSFER ST-1")
    await bank.imported()
    await books.close_day()
    await books.run(books.day + timedelta(days=1))
    assert await at_bank.found() == dict.fromkeys((name, "po_1"), ("TIMING", "BOOK"))
    before = await books.desk.books()

    for reference in (name, "po_1"):
        item = await at_bank.decide("BANK", reference)
        assert (item.state, item.how) == ("RESOLVED", "BOOK")
        again = await resolving.resolve(
            item.id, decision="SUGGESTED_FIX", actor=OPERATOR, reason=""
        )
        assert again == item

    assert {await bank.state(line) for line in (came_back, of_channel)} == {"OWN"}
    after = await books.desk.books()
    assert (before["A:BANK"], before["L:UNAPPLIED:BANK"]) == (49_800 + 2 * 9_000, -58_800)
    assert (after["A:BANK"], "L:UNAPPLIED:BANK" in after) == (9_000, False)
    await books.run(books.day + timedelta(days=1))
    await books.close_day()
    await books.run(books.day + timedelta(days=2))
    assert await at_bank.found() == {}
    assert await verify(config.database_url) == []


async def test_a_line_that_has_gone_elsewhere_is_taken_for_nothing(at_bank: BankKeeper) -> None:
    bank, books = at_bank.bank, at_bank.books
    await books.provider_says("po_1", "PAYOUT", "po_1", -9_000)
    await books.close_day()
    await books.run()
    await at_bank.decide("STRIPE", "po_1")
    of_channel = bank.comes("90.00", "STRIPE TRANSFER ST-1")
    await bank.imported()
    await books.close_day()
    await books.run(books.day + timedelta(days=1))
    await giving_back.return_line(line_id=await bank.line_id(of_channel), actor=OPERATOR)
    before = await books.desk.books()
    with pytest.raises(NoSuchLine):
        await at_bank.decide("BANK", "po_1")
    assert await books.desk.books() == before
    assert await at_bank.found() == {"po_1": ("TIMING", "BOOK")}
