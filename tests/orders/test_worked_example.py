"""The numbers of the worked example, through the real code, to the cent.

Supply 80.00, T1 pays 85.00, T2 pays 90.00 and sells for 105.00; the supplier's commission is 5 %,
the affiliate's rate 3 %, the channel's fee 0.6 %.
"""

from uuid import UUID

import pytest

from billing import accounts, ledger
from billing.ledger import Entry, credit, debit
from entrypoints import sweeps
from kernel import db
from orders.refunds import Reason
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines

SOLD = {
    "A:GATEWAY:STRIPE": 10_437,
    "E:GATEWAY_FEE": 63,
    "L:PARTY:PENDING supplier": -7_600,
    "R:SUPPLIER_COMMISSION": -400,
    "R:WHOLESALE_MARGIN": -500,
    "L:PARTY:PENDING T1": -500,
    "L:PARTY:PENDING affiliate": -315,
    "L:PARTY:PENDING T2": -1_122,
    "R:GATEWAY_RECOVERY": -63,
}
"""What the ledger holds when the sale is done: debits positive, minor units."""
AFTER_EVERY_FULL_REFUND = {
    "A:GATEWAY:STRIPE": -63,  # the channel gave 105.00 back and keeps its fee
    "E:GATEWAY_FEE": 63,
    "R:GATEWAY_RECOVERY": -63,
}


class Example:
    """The sale, and its parties by the names of the example."""

    def __init__(self, desk: SalesDesk, purchase: Purchase, affiliate_id: UUID) -> None:
        self.desk = desk
        self.purchase = purchase
        world = desk.world
        self.parties = {
            "supplier": world.goods.supplier_id,
            "T1": world.agent.id,
            "T2": world.shop.id,
            "affiliate": affiliate_id,
        }

    async def books(self) -> dict[str, int]:
        return await self.desk.books(*self.parties.items())

    async def move(self, *entries: Entry, about: str) -> None:
        """Post something that happens around the sale."""
        async with db.transaction(db.core_scope()):
            await ledger.post(entries, kind=about, idempotency_key=about, tenant_id=None)

    async def deposit(self, party: str, amount_minor: int) -> None:
        """A party puts down a deposit."""
        await self.move(
            debit(ledger.Account("A:BANK", "CNY"), amount_minor),
            credit(accounts.deposit_free(self.parties[party], "CNY"), amount_minor),
            about=f"deposit of {party}",
        )

    async def mature(self) -> None:
        """A month later all earnings are available."""
        await self.desk.world.shift_clock("30 days")
        await sweeps.note_earnings()
        await sweeps.mature_earnings()

    async def pay_out(self, party: str, amount_minor: int) -> None:
        """Available earnings leave the platform."""
        await self.move(
            debit(accounts.party_available(self.parties[party], "CNY"), amount_minor),
            credit(ledger.Account("A:BANK", "CNY"), amount_minor),
            about=f"payout of {party}",
        )

    async def refunded_in_full(self, reason: Reason) -> dict[str, int]:
        """Refund all of it, send it, and return the books."""
        line = await self.purchase.line()
        await self.purchase.refund(line.net_minor, reason)
        await self.desk.send_refunds()
        assert await self.purchase.status() == "REFUNDED"
        await self.desk.assert_sound()
        return await self.books()


@pytest.fixture
async def example(desk: SalesDesk) -> Example:
    """The sale of the worked example, paid by card and delivered."""
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(1)
    star = await desk.world.affiliate("star", rate_bp=300)
    purchase = await desk.order(affiliate_code="star")
    assert purchase.total_minor == 10_500
    return Example(desk, await purchase.paid(), star.id)


async def test_a_card_sale_leaves_everybody_with_the_share_of_the_example(
    example: Example,
) -> None:
    assert await example.books() == SOLD
    (posted,) = await example.desk.owner.fetch("select id, kind from ledger_transactions")
    escrow = await example.desk.owner.fetch(
        """select e.amount_minor from ledger_entries e join ledger_accounts a on a.id = e.account_id
           where a.code = 'L:ESCROW' and e.transaction_id = $1 order by e.id""",
        posted["id"],
    )
    # E1 and E2 are one transaction, and the buyer's money is seen to pass through escrow.
    assert [row["amount_minor"] for row in escrow] == [-10_500, 10_500]
    await example.desk.assert_sound()


async def test_a_refund_by_the_suppliers_fault_takes_the_lost_fee_from_its_deposit(
    example: Example,
) -> None:
    await example.deposit("supplier", 50_000)
    line = await example.purchase.line()
    await example.purchase.refund(line.net_minor, "SUPPLIER_FAULT")
    # Owed to the buyer, and nobody else has anything of this sale any more.
    assert await example.books() == {
        "A:GATEWAY:STRIPE": 10_437,
        "E:GATEWAY_FEE": 63,
        "R:GATEWAY_RECOVERY": -63,
        "A:BANK": 50_000,
        "L:DEPOSIT:FREE supplier": -49_937,
        "L:REFUND_DUE": -10_500,
    }
    await example.desk.send_refunds()
    assert await example.books() == {
        **AFTER_EVERY_FULL_REFUND,
        "A:BANK": 50_000,
        "L:DEPOSIT:FREE supplier": -49_937,
    }
    await example.desk.assert_sound()


async def test_a_supplier_at_fault_without_a_deposit_owes_the_fee(example: Example) -> None:
    assert await example.refunded_in_full("SUPPLIER_FAULT") == {
        **AFTER_EVERY_FULL_REFUND,
        "A:RECV supplier": 63,
    }


@pytest.mark.parametrize("reason", ["SHOP_FAULT", "CHANGE_OF_MIND"])
async def test_any_other_refund_leaves_the_lost_fee_with_the_shop(
    example: Example, reason: Reason
) -> None:
    assert await example.refunded_in_full(reason) == {
        **AFTER_EVERY_FULL_REFUND,
        "A:RECV T2": 63,
    }


async def test_a_return_before_reveal_costs_the_shop_the_fee_and_the_key_is_for_sale_again(
    example: Example,
) -> None:
    await example.purchase.give_back()
    await example.desk.send_refunds()
    assert await example.books() == {**AFTER_EVERY_FULL_REFUND, "A:RECV T2": 63}
    assert await example.desk.key_states() == {"AVAILABLE": 1}
    await example.desk.assert_sound()


async def test_what_has_matured_or_gone_comes_from_available_then_deposit_then_is_a_debt(
    example: Example,
) -> None:
    await example.mature()
    await example.pay_out("supplier", 7_600)
    await example.deposit("supplier", 5_000)
    await example.pay_out("affiliate", 315)
    assert await example.refunded_in_full("SHOP_FAULT") == {
        **AFTER_EVERY_FULL_REFUND,
        "A:BANK": 5_000 - 7_600 - 315,
        "A:RECV supplier": 2_600,
        "A:RECV affiliate": 315,
        "A:RECV T2": 63,
    }


async def test_a_third_given_back_takes_a_third_from_everybody(example: Example) -> None:
    await example.purchase.refund(3_500, "SHOP_FAULT")
    rows = await example.desk.owner.fetch("select role, reversed_minor from line_shares")
    assert {row["role"]: row["reversed_minor"] for row in rows} == {
        "SUPPLY": 2_533,
        "SUPPLIER_COMMISSION": 133,
        "WHOLESALE_MARGIN": 167,
        "AGENT_MARGIN": 167,
        "AFFILIATE": 105,
        "SHOP_MARGIN": 395,
    }
    await example.purchase.refund(7_000, "SHOP_FAULT")
    await example.desk.send_refunds()
    assert await example.books() == {**AFTER_EVERY_FULL_REFUND, "A:RECV T2": 63}
    await example.desk.assert_sound()


async def test_money_that_comes_too_late_is_booked_apart_and_goes_back_whole(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    purchase = await desk.order()
    payment_id = await purchase.start()
    await purchase.cancel()
    assert (await purchase.heard(payment_id)).effect == "REFUNDING"
    fee_minor = 66  # 0.6 % of 110.00
    assert await desk.books() == {
        "A:GATEWAY:STRIPE": 11_000 - fee_minor,
        "E:GATEWAY_FEE": fee_minor,
        "L:REFUND_DUE": -11_000,
    }
    passed = await desk.owner.fetch(
        """select e.amount_minor from ledger_entries e join ledger_accounts a on a.id = e.account_id
           where a.code = 'L:UNAPPLIED' order by e.id"""
    )
    assert [row["amount_minor"] for row in passed] == [-11_000, 11_000]
    await desk.send_refunds()
    assert await desk.books() == {"A:GATEWAY:STRIPE": -fee_minor, "E:GATEWAY_FEE": fee_minor}
    assert await desk.key_states() == {"AVAILABLE": 1}
    await desk.assert_sound()
