"""Who pays for money that a bank has taken back out of a balance, when it is not there any more."""

from uuid import UUID

import pytest

from billing.deposits.parties import DepositParty
from billing.payment_methods.base import ChannelReport
from dispute_desk import bank_of, disputed
from kernel import db
from orders import deposit_funding, settlement, topping_up
from orders.deposits import cases, whose
from orders.paying import PaymentStarted
from sales import SalesDesk, key, provider_ref
from tenants import liability
from tenants.directory import current_shop
from world import Person

pytestmark = pytest.mark.engines
RETURN_URL = "http://shop.localhost/"


async def _paid(started: PaymentStarted, amount_minor: int) -> str:
    """The channel brings a top-up; its own id of the payment."""
    ref = provider_ref(started.payment_id)
    await settlement.hear(
        ChannelReport(
            provider="stripe",
            event_id=f"evt_{started.payment_id}",
            kind="test",
            state="SUCCEEDED",
            provider_ref=ref,
            payment_id=started.payment_id,
            amount_minor=amount_minor,
            currency="CNY",
        )
    )
    return ref


async def _wallet(desk: SalesDesk, buyer: Person, amount_minor: int) -> str:
    started = await topping_up.top_up(
        shop=await desk.shop(),
        customer_id=buyer.id,
        amount_minor=amount_minor,
        method="CARD",
        return_url=RETURN_URL,
        idempotency_key=key(),
    )
    return await _paid(started, amount_minor)


async def _deposit(party: DepositParty, amount_minor: int) -> str:
    async with db.transaction(db.core_scope(party.tenant_id)):
        shop = await current_shop(party.tenant_id)
    started = await deposit_funding.top_up(
        party,
        shop=shop,
        actor="staff:test",
        amount_minor=amount_minor,
        method="CARD",
        return_url=RETURN_URL,
        idempotency_key=key(),
    )
    return await _paid(started, amount_minor)


async def _lost(ref: str, amount_minor: int) -> None:
    bank = disputed(ref, amount_minor)
    await bank.opens()
    await bank.wins()


async def _deducted(party: DepositParty, amount_minor: int) -> None:
    held = await cases.hold(
        party,
        case_id=None,
        amount_minor=amount_minor,
        reason="bad keys",
        actor="operator:test",
        idempotency_key=key(),
    )
    await cases.end_hold(
        party, held.id, deducted_minor=amount_minor, reason="bad keys", actor="operator:test"
    )


async def test_what_comes_back_into_a_disputed_wallet_is_taken_when_the_bank_keeps_the_money(
    desk: SalesDesk,
) -> None:
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(1)
    buyer = await desk.world.customer()
    bank = disputed(await _wallet(desk, buyer, 10_500), 10_500)
    purchase = await (await desk.order(by=buyer)).paid("WALLET")
    await bank.opens()  # the wallet is empty
    await purchase.give_back()  # and full again
    await bank.wins()
    books = await desk.books(("buyer", buyer.id), ("T2", desk.world.shop.id))
    assert "L:WALLET buyer" not in books  # else the buyer has the money twice, and the shop pays
    assert books["A:RECV T2"] == 1_500  # the channel's fee
    await desk.assert_sound()


async def test_a_buyer_who_was_refunded_into_the_wallet_is_not_paid_again_by_the_bank(
    desk: SalesDesk,
) -> None:
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(2)
    buyer = await desk.world.customer()
    purchase = await (await desk.order(2, by=buyer)).paid()
    await purchase.give_back(1, destination="WALLET")
    names = ("buyer", buyer.id), ("T2", desk.world.shop.id)
    won = await bank_of(purchase, 12_000, name="won")
    await won.opens()  # 105.00 of the other piece, and 15.00 that are in the wallet
    assert (await desk.books(*names))["L:WALLET buyer"] == 1_500 - 10_500
    lost = await bank_of(purchase, 9_000)
    await lost.opens()
    assert "L:WALLET buyer" not in await desk.books(*names)
    await desk.assert_sound()
    await won.loses()
    assert (await desk.books(*names))["L:WALLET buyer"] == -1_500
    await desk.assert_sound()
    await lost.wins()
    books = await desk.books(*names)
    assert books["L:WALLET buyer"] == -1_500
    assert books["A:RECV T2"] == 1_500  # the fee; of what the bank took the shop owes nothing
    await desk.assert_sound()


async def test_the_books_are_sound_when_a_bank_takes_what_was_refunded_before(
    desk: SalesDesk,
) -> None:
    await desk.world.rule(desk.world.shop, "RETAIL", "FIXED_OVER_COST", 1_500)
    await desk.world.keys(1)
    purchase = await (await desk.order()).paid()
    await purchase.give_back()
    await desk.send_refunds()
    bank = await bank_of(purchase)
    await bank.opens()
    await bank.wins()
    assert (await desk.books(("T2", desk.world.shop.id)))["A:RECV T2"] == 10_500 + 1_500 + 63
    await desk.assert_sound()


async def test_a_supplier_owes_the_disputed_deposit_that_it_has_taken_along(
    desk: SalesDesk,
) -> None:
    supplier_id: UUID = desk.world.goods.supplier_id
    party = await whose.party_by_id("SUPPLIER", supplier_id)
    ref = await _deposit(party, 20_000)
    await _deducted(party, 8_000)
    await desk.owner.execute(
        "update suppliers set status = 'TERMINATED' where id = $1", supplier_id
    )
    await cases.leave(party, actor="operator:test", idempotency_key=key())
    await _lost(ref, 20_000)
    books = await desk.books(("supplier", supplier_id))
    assert "E:CHARGEBACK_LOSS" not in books
    assert "L:PARTY:AVAILABLE supplier" not in books
    assert books["A:RECV supplier"] == 8_000 + 1_500
    await desk.assert_sound()


async def test_no_guarantee_is_for_a_shops_own_deposit_and_too_little_of_it_stops_sales(
    desk: SalesDesk,
) -> None:
    shop_id = desk.world.shop.id
    await liability.set_liability(
        tenant_id=shop_id, liability="PLATFORM", actor="operator:1", reason="contract 7"
    )
    party = await whose.party_by_id("TENANT", shop_id)
    ref = await _deposit(party, 20_000)
    await _deducted(party, 15_000)
    await desk.owner.execute(
        """insert into deposit_standings (tenant_id, party_id, party_kind, currency, required_minor)
           values ($1, $1, 'TENANT', 'CNY', 5000)""",
        shop_id,
    )
    bank = disputed(ref, 20_000)
    await bank.opens()
    assert await desk.owner.fetchval("select deposit_low from tenants where id = $1", shop_id)
    await bank.wins()
    books = await desk.books(("T2", shop_id))
    assert "E:CHARGEBACK_LOSS" not in books
    assert books["A:RECV T2"] == 15_000 + 1_500
    await desk.assert_sound()
