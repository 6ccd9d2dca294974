"""Deposits: money comes in, cases hold it, and who has too little sells nothing new."""

import json
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest

from billing import accounts, ledger
from billing.deposits.holds import DepositTooLow, page
from billing.deposits.parties import DepositParty
from billing.ledger import InsufficientBalance
from deposit_desk import OPERATOR, ask_for, put_down
from dispute_desk import FEE_MINOR, bank_of, disputed
from kernel import db
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from listeners import plant_endpoint
from orders import deposit_funding, settlement, trade_funding
from orders.deposits import cases, counting, measuring, whose
from orders.deposits.view import view_of
from orders.disputes.hearing import hear
from orders.idempotency import IdempotencyConflict
from orders.paying import PaymentStarted
from orders.records import Viewer
from sales import FEE_BP, Purchase, SalesDesk, key, provider_ref
from schema.life_table import STATES
from tenants import reviews
from tenants.directory import TenantRestricted
from trade_desk import credit

pytestmark = pytest.mark.engines

WRITTEN = """
    select (select count(*) from ledger_entries), (select count(*) from payments),
           (select count(*) from deposit_holds), (select count(*) from bank_credits),
           (select count(*) from idempotency_records)
"""


async def assert_refused(
    desk: SalesDesk, refusal: type[Refusal], what: Awaitable[object]
) -> Refusal:
    """It is refused for this reason, and nothing has been written."""
    before = await desk.owner.fetchrow(WRITTEN)
    with pytest.raises(refusal) as refused:
        await what
    assert await desk.owner.fetchrow(WRITTEN) == before
    return refused.value


async def supplier(desk: SalesDesk) -> DepositParty:
    """The supplier of the world's goods."""
    return await whose.party_by_id("SUPPLIER", desk.world.goods.supplier_id)


async def start_top_up(
    desk: SalesDesk, party: DepositParty, amount_minor: int, **more: Any
) -> PaymentStarted:
    """The party asks a channel for money."""
    world = desk.world
    at = world.root if party.kind == "SUPPLIER" else world.shop
    wish: dict[str, Any] = {"method": "CARD", "idempotency_key": key(), **more}
    return await deposit_funding.top_up(
        party,
        shop=await desk.shop(at),
        actor="the party",
        amount_minor=amount_minor,
        return_url="http://shop.localhost/",
        **wish,
    )


async def has_paid(desk: SalesDesk, started: PaymentStarted) -> str:
    """The channel says so; what it came to."""
    buyer = Purchase(desk, await desk.shop(), Viewer(), started.payment_id, "", 0)
    return (await buyer.heard(started.payment_id)).effect


async def listing_of(desk: SalesDesk) -> tuple[str, str | None]:
    """The status of the supplier's listing, and why it is paused."""
    row = await desk.owner.fetchrow(
        "select status, paused_for from supplier_listings where id = $1",
        desk.world.goods.listing_id,
    )
    return row["status"], row["paused_for"]


async def count(desk: SalesDesk) -> None:
    """The worker counts what was sold, some minutes after."""
    await desk.world.shift_clock("1 second")
    for _ in range(2):
        await counting.count_claimable()


async def test_a_deposit_that_a_bank_takes_back_secures_nothing(desk: SalesDesk) -> None:
    """It is there again when the dispute is won; a supplier's is taken from no shop."""
    party = await supplier(desk)
    for end in ("WON", "LOST"):
        started = await start_top_up(desk, party, 20_000)
        assert await has_paid(desk, started) == "TOPPED_UP"
        bank = disputed(provider_ref(started.payment_id), 20_000)
        await bank.opens()
        held = await desk.books(("supplier", party.id))
        assert held.get("L:DEPOSIT:FREE supplier", 0) == (0 if end == "WON" else -20_000)
        await hear(bank.report(end, reinstated=end == "WON"))
        books = await desk.books(("supplier", party.id), ("T2", desk.world.shop.id))
        # The channel's fee of a lost one is the supplier's own.
        fee_minor = 0 if end == "WON" else FEE_MINOR
        assert books["L:DEPOSIT:FREE supplier"] == fee_minor - 20_000
        assert "A:RECV T2" not in books
        await desk.assert_sound()


@pytest.fixture
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written just now is counted, without the wait for older transactions."""
    monkeypatch.setattr("orders.offer_figures.SETTLED_AFTER_SECONDS", -3600)


async def test_a_channel_tops_up_a_suppliers_deposit_and_a_shops(desk: SalesDesk) -> None:
    world = desk.world
    parties = [await supplier(desk), whose.party_of_shop(await desk.shop())]
    for party in parties:
        started = await start_top_up(desk, party, 20_000)
        payment = Purchase(desk, await desk.shop(), Viewer(), started.payment_id, "", 0)
        report = await payment.report(started.payment_id)
        assert (await settlement.hear(report)).effect == "TOPPED_UP"
        assert (await settlement.hear(report)).effect == "NOTHING"
    wrong = await start_top_up(desk, parties[0], 500)
    payment = Purchase(desk, await desk.shop(), Viewer(), wrong.payment_id, "", 0)
    assert (await payment.heard(wrong.payment_id, amount_minor=499)).effect == "REFUNDING"
    await desk.send_refunds()

    books = await desk.books(("supplier", world.goods.supplier_id), ("T2", world.shop.id))
    fee_minor = 2 * (20_000 * FEE_BP // 10_000) + 3
    assert books == {
        "A:GATEWAY:STRIPE": 40_000 - fee_minor,
        "E:GATEWAY_FEE": fee_minor,
        "L:DEPOSIT:FREE supplier": -20_000,
        "L:DEPOSIT:FREE T2": -20_000,
    }
    once = key()
    first = await start_top_up(desk, parties[1], 700, idempotency_key=once)
    again = await start_top_up(desk, parties[1], 700, idempotency_key=once)
    assert again.payment_id == first.payment_id
    for amount_minor in (-1, 0, 99, deposit_funding.MAX_TOP_UP_MINOR + 1):
        await assert_refused(desk, Invalid, start_top_up(desk, parties[0], amount_minor))
    await assert_refused(desk, Invalid, start_top_up(desk, parties[0], 500, method="WALLET"))
    with pytest.raises(Invalid):
        whose.party_of_shop(await desk.shop(world.root))
    with pytest.raises(NotFound):
        await whose.party_by_id("SUPPLIER", new_id())
    with pytest.raises(NotFound):
        await whose.party_by_id("TENANT", world.root.id)
    await desk.assert_sound()


async def test_a_bank_transfer_is_credited_once_whatever_it_was_for(desk: SalesDesk) -> None:
    shop = await desk.shop()
    supplier_id = desk.world.goods.supplier_id
    await credit(shop, 700, reference="bank-1")
    party = await put_down("SUPPLIER", supplier_id, 500, reference="bank-2")

    for reference in ("bank-1", " bank-1 ", "bank-2"):
        refused = await assert_refused(
            desk,
            IdempotencyConflict,
            put_down("TENANT", desk.world.shop.id, 500, reference=reference),
        )
        assert refused.field == "bankReference"
    await assert_refused(desk, IdempotencyConflict, credit(shop, 1, reference="bank-2"))
    for amount_minor in (-1, 0, trade_funding.MAX_MOVED_MINOR + 1):
        await assert_refused(desk, Invalid, put_down("SUPPLIER", supplier_id, amount_minor))
    for reference in ("x" * 65, "a\nb", " "):
        await assert_refused(
            desk, Invalid, put_down("SUPPLIER", supplier_id, 1, reference=reference)
        )
    assert (await view_of(party)).free_minor == 500
    await desk.assert_sound()


async def plant_available(desk: SalesDesk, party_id: UUID, amount_minor: int) -> None:
    """So much was earned long ago."""
    async with db.transaction(db.core_scope()):
        await ledger.post(
            [
                ledger.debit(accounts.bank("CNY"), amount_minor),
                ledger.credit(accounts.party_available(party_id, "CNY"), amount_minor),
            ],
            kind="PLANTED",
            idempotency_key=key(),
            tenant_id=None,
        )


async def test_what_was_earned_is_put_down_and_never_more_than_there_is(desk: SalesDesk) -> None:
    party, once = await supplier(desk), key()
    await plant_available(desk, party.id, 1_000)

    async def earned(amount_minor: int, idempotency_key: str) -> None:
        await deposit_funding.put_down(
            party, actor="s", amount_minor=amount_minor, idempotency_key=idempotency_key
        )

    for _ in range(2):
        await earned(600, once)

    refused = await assert_refused(desk, InsufficientBalance, earned(401, key()))
    assert refused.details == {"available": 400}
    await assert_refused(desk, IdempotencyConflict, earned(601, once))
    for amount_minor in (-1, 0):
        await assert_refused(desk, Invalid, earned(amount_minor, key()))
    assert await desk.books(("S", party.id)) == {
        "A:BANK": 1_000,
        "L:PARTY:AVAILABLE S": -400,
        "L:DEPOSIT:FREE S": -600,
    }
    await desk.assert_sound()


async def held(party: DepositParty, amount_minor: int, **more: Any) -> UUID:
    """An operator holds so much for a case."""
    wish: dict[str, Any] = {"case_id": None, "idempotency_key": key(), **more}
    one = await cases.hold(
        party, amount_minor=amount_minor, reason="a claim", actor=OPERATOR, **wish
    )
    return one.id


async def end(party: DepositParty, hold_id: UUID, deducted_minor: int = 0) -> None:
    await cases.end_hold(
        party, hold_id, deducted_minor=deducted_minor, reason="decided", actor=OPERATOR
    )


async def test_a_case_holds_a_deposit_and_ends_once(desk: SalesDesk) -> None:
    party = await put_down("SUPPLIER", desk.world.goods.supplier_id, 1_000)
    other, case_id, once = await put_down("TENANT", desk.world.shop.id, 1_000), new_id(), key()
    first = await held(party, 600, case_id=case_id, idempotency_key=once)
    assert await held(party, 600, case_id=case_id, idempotency_key=once) == first
    second = await held(party, 400)

    refused = await assert_refused(desk, DepositTooLow, held(party, 1))
    assert refused.details == {"available": 0}
    await end(party, second, 150)
    await assert_refused(desk, Invalid, held(party, 1, case_id=case_id))
    await assert_refused(desk, Invalid, end(party, first, 601))
    await assert_refused(desk, Invalid, end(party, first, -1))
    await assert_refused(desk, Invalid, end(party, second))
    await assert_refused(desk, NotFound, end(other, first))
    await assert_refused(desk, NotFound, end(party, new_id()))
    await end(party, first)

    assert await desk.books(("S", party.id), ("T2", other.id)) == {
        "A:BANK": 2_000,
        "L:DEPOSIT:FREE S": -850,
        "L:DEPOSIT:FREE T2": -1_000,
        "R:PENALTY": -150,
    }
    shown = await page(party, first=1, after=None)
    rest = await page(party, first=5, after=shown.cursors[-1])
    assert [(one.id, one.state, one.deducted_minor) for one in (*shown.rows, *rest.rows)] == [
        (second, "DEDUCTED", 150),
        (first, "RELEASED", 0),
    ]
    assert (shown.has_next, rest.has_next) == (True, False)
    assert (await page(other, first=5, after=None)).rows == ()
    await desk.assert_sound()


async def test_who_has_too_little_sells_nothing_new_until_the_money_is_there(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(5)
    party = await put_down("SUPPLIER", desk.world.goods.supplier_id, 1_000)
    before = await desk.order()
    version = (await desk.shop()).version
    await ask_for(party, base_minor=5_000, grace_minor=100)

    assert await listing_of(desk) == ("PAUSED", "LOW_DEPOSIT")
    assert (await desk.shop()).version > version, "kept pages know it"
    with pytest.raises(Refusal):
        await desk.order()
    await before.paid()  # what is ordered goes on
    await desk.owner.execute("update supplier_listings set status = 'ACTIVE'")
    assert await listing_of(desk) == ("PAUSED", "LOW_DEPOSIT"), "nobody else lets it go on"
    view = await view_of(party)
    assert (view.required_minor, view.short_by_minor, view.base_minor) == (5_000, 4_000, 5_000)

    await put_down("SUPPLIER", party.id, 3_899)
    assert await listing_of(desk) == ("PAUSED", "LOW_DEPOSIT")
    started = await start_top_up(desk, party, 100)
    assert await has_paid(desk, started) == "TOPPED_UP"
    assert await listing_of(desk) == ("ACTIVE", None), "no worker was needed"
    await (await desk.order()).paid()
    one = await held(party, 4_999)
    assert await listing_of(desk) == ("PAUSED", "LOW_DEPOSIT")
    await desk.owner.execute("update supplier_listings set status = 'DELISTED'")
    await end(party, one)
    assert await listing_of(desk) == ("DELISTED", None), "what is gone for good stays so"
    await desk.assert_sound()


async def test_a_shop_with_too_little_takes_no_orders_until_the_money_is_there(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.keys(5)
    party = await put_down("TENANT", world.shop.id, 1_000)
    before = await desk.order()
    await ask_for(party, base_minor=5_000)

    status = "select status from tenants where id = $1"
    assert await desk.owner.fetchval(status, world.shop.id) == "RESTRICTED"
    with pytest.raises(TenantRestricted):
        await desk.order()
    with pytest.raises(TenantRestricted):
        await before.start()  # as with every other stop of a shop's orders
    await measuring.measure_deposits()

    await put_down("TENANT", party.id, 4_000)
    assert await desk.owner.fetchval(status, world.shop.id) == "ACTIVE"
    await before.paid()
    await (await desk.order()).paid()
    events = await desk.owner.fetch(
        "select change, to_status from tenant_events where tenant_id = $1 order by id", party.id
    )
    assert [tuple(row) for row in events] == [
        ("RESTRICT_DEPOSIT", "RESTRICTED"),
        ("RESTRICT_DEPOSIT", "ACTIVE"),
    ]
    await desk.assert_sound()


async def test_what_can_be_claimed_and_what_was_bad_is_measured_from_the_sales(
    desk: SalesDesk, counted_at_once: None
) -> None:
    world = desk.world
    await world.keys(40)
    party, shop = await supplier(desk), whose.party_of_shop(await desk.shop())
    for one in (party, shop):
        await ask_for(one, exposure_bp=10_000, target_rate_bp=500)
    bought = await (await desk.order(25)).paid()
    line = await bought.line()
    unit = line.paid_minor // 25
    await bought.give_back(5)
    await bought.reveal()
    await bought.refund(2 * unit, "SUPPLIER_FAULT")
    await bought.refund(unit, "SHOP_FAULT")

    await count(desk)
    await counting.count_claimable()  # nothing is counted twice
    await desk.owner.execute("update deposit_standings set look_at = now()")
    await measuring.measure_deposits()

    left_minor = 17 * unit
    for one, rate_bp in ((party, 800), (shop, 400)):
        view = await view_of(one)
        assert (view.exposure_minor, view.sold, view.invalid_rate_bp) == (left_minor, 25, rate_bp)
        assert view.required_minor == -(-left_minor * rate_bp // 500)
        assert view.growth_minor_per_hour == left_minor // 24
    await world.shift_clock("8 days")
    await desk.owner.execute("update deposit_standings set look_at = now() - interval '9 days'")
    await measuring.measure_deposits()
    view = await view_of(party)
    assert (view.exposure_minor, view.required_minor) == (0, 0), "nobody can claim any more"
    await world.shift_clock("40 days")
    assert await counting.forget_hours() == 2
    await desk.assert_sound()


async def test_a_party_is_told_before_it_stops(desk: SalesDesk) -> None:
    world = desk.world
    for listener in (world.root, world.shop, world.agent):
        await plant_endpoint(desk.owner, listener.id, event_types=["deposit.low"])
    party = await put_down("SUPPLIER", world.goods.supplier_id, 20_000)
    hour = """insert into deposit_hours (party_kind, party_id, currency, sold_hour, open_until,
                                         sold, paid_minor)
              values ('SUPPLIER', $1, 'CNY', now() - $2::int * interval '1 minute',
                      now() + interval '7 days', 5, $3::bigint)"""
    await desk.owner.execute(hour, party.id, 30, 12_000)

    async def look() -> None:
        await desk.owner.execute("update deposit_standings set look_at = now()")
        await measuring.measure_deposits()

    await ask_for(party, exposure_bp=10_000)  # 500 more in an hour: 8,000 is enough for 16
    await look()
    view = await view_of(party)
    assert view.runs_out_at is not None and view.measured_at is not None
    assert (view.runs_out_at - view.measured_at).total_seconds() == 16 * 3600
    await desk.owner.execute(hour, party.id, 20, 7_000)
    await look()  # 791 more in an hour: enough for one
    await look()
    await desk.owner.execute(hour, party.id, 10, 2_000)
    await look()
    assert await listing_of(desk) == ("PAUSED", "LOW_DEPOSIT")
    await put_down("SUPPLIER", party.id, 100_000)
    await look()

    rows = await desk.owner.fetch("select tenant_id, details from outbox_events order by number")
    assert {row["tenant_id"] for row in rows} == {world.root.id}, "a supplier's are the platform's"
    told = [json.loads(row["details"]) for row in rows]
    assert [(one["lastsHours"], one["requiredMinor"]) for one in told] == [
        (24, 12_000),
        (3, 19_000),
        (0, 21_000),
    ]
    again = await desk.owner.fetchval("select told_hours from deposit_standings")
    assert again is None, "and it would be told again"
    await desk.assert_sound()


async def test_a_deposit_is_given_back_to_who_has_ended_and_owes_nothing(
    desk: SalesDesk, counted_at_once: None
) -> None:
    world = desk.world
    await world.keys(1)
    party = await put_down("SUPPLIER", world.goods.supplier_id, 1_000)
    sold = await (await desk.order()).paid()
    await count(desk)

    async def left(idempotency_key: str | None = None) -> None:
        await cases.leave(party, actor=OPERATOR, idempotency_key=idempotency_key or key())

    await assert_refused(desk, cases.StillTrading, left())
    await desk.owner.execute("update suppliers set status = 'TERMINATED'")
    await assert_refused(desk, cases.StillTrading, left())  # a delivery of today
    await desk.owner.execute("update deposit_hours set open_until = now() - interval '1 day'")
    await assert_refused(desk, cases.StillTrading, left())  # the same, seen without counting
    with pytest.MonkeyPatch.context() as patch:
        from kernel.clock import unix_milliseconds  # noqa: PLC0415 - what is patched

        patch.setattr(cases, "unix_milliseconds", lambda: unix_milliseconds() + 3 * 86_400_000)
        case = await held(party, 10)
        await assert_refused(desk, cases.StillTrading, left())
        await end(party, case)
        bank = await bank_of(sold)
        await bank.opens()
        await assert_refused(desk, cases.StillTrading, left())  # it takes a bank months to decide
        await bank.loses()
        once = key()
        for _ in range(2):
            await left(once)
        await assert_refused(desk, Invalid, left())

    books = await desk.books(("S", party.id))
    assert (books["L:PARTY:AVAILABLE S"], "L:DEPOSIT:FREE S" in books) == (-1_000, False)
    await desk.assert_sound()


async def test_who_is_rejected_has_the_deposit_back(desk: SalesDesk) -> None:
    party = await put_down("TENANT", (await desk.world.another_shop("hopeful")).id, 700)
    async with desk.owner.transaction():  # back to the day on which it applied
        await desk.owner.execute("set local session_replication_role = replica")
        await desk.owner.execute("update tenants set status = 'APPLIED' where id = $1", party.id)
    with pytest.raises(cases.StillTrading):
        await cases.leave(party, actor=OPERATOR, idempotency_key=key())
    await reviews.review(
        tenant_id=party.id, accept=False, deposit_due_minor=0, actor=OPERATOR, reason=""
    )
    await cases.leave(party, actor=OPERATOR, idempotency_key=key())
    books = await desk.books(("hopeful", party.id))
    assert books == {"A:BANK": 700, "L:PARTY:AVAILABLE hopeful": -700}
    assert "REJECTED" in STATES["Mutation.payoutRequest"]
