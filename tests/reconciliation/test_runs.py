"""A day is run once by whoever finds it, again with the same result, and anew when asked; what was
found closes itself, waits for tomorrow, is put right, or is accepted; payouts wait for it."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from rich.console import Console

from billing import accounts, ledger, payout_gate
from billing.ledger import Entry
from billing.payment_methods.base import ChannelReport
from billing.payment_methods.statement import Category, StatementEntry
from billing.payout_gate import PayoutsStopped
from book_keepers import BookKeeper
from entrypoints import reconcile_command
from entrypoints.verify import verify
from kernel import db
from kernel.errors import Invalid
from kernel.ids import new_id
from kernel.settings import Settings
from reconciliation import gathering, items, matching, resolving, runs, sale_checks, turns
from reconciliation.resolving import ProviderDisagrees
from replacement_desk import replace, second_supplier
from sales import provider_ref

OPERATOR = "operator:tests"


async def require_open() -> None:
    async with db.transaction(runs.scope()):
        await payout_gate.require_open("CNY")


async def all_rows(keeper: BookKeeper) -> list[str]:
    """Everything that a run has written, but for when and by how many turns."""
    rows = await keeper.desk.owner.fetch(
        """select 'item', to_jsonb(item) - array['id', 'number', 'found_at', 'decided_at']
           from reconciliation_items item
           union all select 'movement', to_jsonb(moved) from settlement_movements moved
           union all select 'total', to_jsonb(total) from reconciliation_totals total
           union all
           select 'run', to_jsonb(run) - array['turn', 'began_at', 'ended_at', 'claimed_until']
           from reconciliation_runs run"""
    )
    return sorted(f"{kind} {row}" for kind, row in rows)


async def test_a_day_is_run_by_itself_once_it_is_over_and_only_once(keeper: BookKeeper) -> None:
    await keeper.sales(1)
    await keeper.provider_remembers()
    await turns.reconcile()
    yesterday = await keeper.desk.owner.fetchval("select max(day) from reconciliation_runs")
    assert yesterday == keeper.day - timedelta(days=1), "today is not over"

    await keeper.close_day(days=3)
    while await turns.reconcile():
        pass
    days = await keeper.desk.owner.fetch(
        "select day, step, references_matched, orders_read from reconciliation_runs order by day"
    )

    assert [row["day"] for row in days] == [yesterday + timedelta(days=n) for n in range(4)]
    assert {row["step"] for row in days} == {"DONE"}
    assert [row["references_matched"] for row in days] == [0, 1, 0, 0]
    assert await keeper.found() == set()
    assert await turns.reconcile() == 0


async def test_a_day_that_is_not_over_is_not_run(keeper: BookKeeper) -> None:
    for day in (keeper.day, keeper.day + timedelta(days=1), date(2019, 1, 1)):
        with pytest.raises(Invalid) as refused:
            await runs.begin(day, asked_by=OPERATOR)
        assert refused.value.field == "day"
    assert await keeper.desk.owner.fetchval("select count(*) from reconciliation_runs") == 0


async def test_a_run_that_dies_at_any_step_and_two_at_once_end_with_the_same_rows(
    keeper: BookKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        (gathering, "POSTINGS_AT_ONCE"),
        (sale_checks, "ORDERS_AT_ONCE"),
        (matching, "MOVEMENTS_AT_ONCE"),
    ):
        monkeypatch.setattr(module, name, 2)
    purchases = await keeper.sales(5)
    await keeper.provider_remembers()
    keeper.said.drops(await keeper.reference(purchases[0]))
    await keeper.close_day()
    await keeper.run()
    assert len(await keeper.found()) == 1
    right = await all_rows(keeper)

    deaths = 0
    points = ("reconciliation.claimed", "reconciliation.fetched", "reconciliation.noted")
    for point in points:

        def dies(name: str, at: str = point) -> None:
            if name == at:
                raise ConnectionResetError

        await runs.begin(keeper.day, asked_by="tests")
        ended = False
        while not ended:
            with monkeypatch.context() as dying:
                dying.setattr(turns, "crash_point", dies)
                with pytest.raises(ConnectionResetError):
                    await turns.take_a_turn()
            deaths += 1
            await keeper.desk.owner.execute("update reconciliation_runs set claimed_until = null")
            if point != "reconciliation.noted":
                await asyncio.gather(*(turns.take_a_turn() for _ in range(2)))
            ended = await keeper.desk.owner.fetchval(
                "select ended_at is not null from reconciliation_runs"
            )
        assert await all_rows(keeper) == right
    assert deaths > 10

    await runs.begin(keeper.day, asked_by="tests")
    run = await runs.claim()
    assert run is not None
    await keeper.desk.owner.execute("update reconciliation_runs set claimed_until = null")
    await asyncio.gather(turns._stretch(run), turns.take_a_turn(), return_exceptions=True)
    while await turns.take_a_turn():
        pass
    assert await all_rows(keeper) == right


async def test_a_provider_that_is_silent_is_asked_again_and_nothing_is_found_meanwhile(
    keeper: BookKeeper,
) -> None:
    await keeper.sales(1)
    await keeper.provider_remembers()
    await keeper.close_day()
    keeper.said.is_silent = True
    await keeper.run()

    run = await items.run_view(keeper.day)
    assert (run.step, run.problem, run.ended_at) == ("FETCH", "no statement: silent", None)
    assert await keeper.found() == set()
    keeper.said.is_silent = False
    await keeper.desk.owner.execute("update reconciliation_runs set claimed_until = null")
    await keeper.run()
    assert (await items.run_view(keeper.day)).step == "DONE"


async def test_what_is_not_there_yet_waits_a_day_and_closes_itself_or_is_missing(
    keeper: BookKeeper,
) -> None:
    first, second = await keeper.sales(2)
    await keeper.provider_remembers()
    for purchase in (first, second):
        entry = keeper.said.of(await keeper.reference(purchase))
        keeper.said.says(entry.reference, moved_at=entry.moved_at + timedelta(hours=20))
    await keeper.behind_the_triggers(
        "update ledger_transactions set posted_at = posted_at + interval '10 hours'"
    )
    await keeper.close_day()
    await keeper.run()
    waits = {("STRIPE", "TIMING", await keeper.reference(one)) for one in (first, second)}
    assert await keeper.found() == waits
    await require_open()

    keeper.said.drops(await keeper.reference(second))
    await keeper.close_day()
    await keeper.run(keeper.day + timedelta(days=1))

    missing = ("STRIPE", "MISSING_AT_PROVIDER", await keeper.reference(second))
    assert await keeper.found() == {missing}
    assert await keeper.found("RESOLVED") == waits
    with pytest.raises(PayoutsStopped):
        await require_open()


async def test_a_refund_that_is_on_its_way_is_no_difference_nor_is_one_that_came_back(
    keeper: BookKeeper,
) -> None:
    (purchase,) = await keeper.sales(1)
    await keeper.provider_remembers()
    await purchase.refund(2_000)
    await keeper.desk.send_refunds("LATER")
    row = await keeper.desk.owner.fetchrow("select id, provider_ref from refunds")
    assert row is not None
    paid = keeper.said.of(await keeper.reference(purchase))
    gone = StatementEntry(
        "txn gone", "REFUND", row["provider_ref"], row["id"], -2_000, 0, "CNY", paid.moved_at
    )
    keeper.said.entries["txn gone"] = gone
    await keeper.close_day()
    await keeper.run()
    assert await keeper.found() == {("STRIPE", "TIMING", row["provider_ref"])}

    keeper.said.entries["txn back"] = StatementEntry(
        "txn back", "REFUND", row["provider_ref"], row["id"], 2_000, 0, "CNY", paid.moved_at
    )
    await keeper.run()
    assert await keeper.found() == set()


async def test_a_key_that_was_replaced_is_no_difference_nor_is_its_refund(
    keeper: BookKeeper,
) -> None:
    first, second = await keeper.sales(2)
    await keeper.desk.owner.execute("update keys set status = 'EXPIRED' where status = 'AVAILABLE'")
    await second_supplier(keeper.desk.world, keys=2)
    await replace(first)
    await replace(second)
    await second.refund(second.total_minor, "SUPPLIER_FAULT")
    await keeper.desk.send_refunds()
    await keeper.provider_remembers()
    await keeper.close_day()

    await keeper.run()

    assert await keeper.found() == set()


async def test_money_that_nobody_has_told_us_of_is_heard_by_the_one_function_and_delivers(
    keeper: BookKeeper, config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keeper.desk.world.keys(1)
    purchase = await keeper.desk.order()
    payment_id = await purchase.start()
    reference = provider_ref(payment_id)
    keeper.said.entries["txn lost"] = StatementEntry(
        "txn lost", "PAYMENT", reference, payment_id, purchase.total_minor, 66, "CNY",
        await keeper.desk.owner.fetchval("select platform_now()"),
    )  # fmt: skip
    await keeper.close_day()
    await keeper.desk.sweep()
    await keeper.run()
    assert await keeper.found() == {("STRIPE", "MISSING_IN_LEDGER", reference)}
    item_id = await keeper.item_id("MISSING_IN_LEDGER")
    with pytest.raises(ProviderDisagrees):
        await decide(item_id, "SUGGESTED_FIX")
    assert (await items.item_by_id(item_id)).state == "OPEN"

    async def looks(ref: str) -> ChannelReport:
        return await purchase.report(payment_id)

    monkeypatch.setattr(keeper.desk.channels["CARD"], "look", looks)
    for _ in range(2):
        item = await decide(item_id, "SUGGESTED_FIX")
        assert (item.state, item.how, item.decided_by) == ("RESOLVED", "APPLY_EVENT", OPERATOR)
    # A day late is too late for the goods: the money is owed back, as by every other way.
    assert (await keeper.desk.books())["L:REFUND_DUE"] == -purchase.total_minor
    await require_open()
    assert await verify(config.database_url) == []


async def test_a_fee_is_adjusted_once_and_what_the_provider_does_by_itself_is_booked(
    keeper: BookKeeper, config: Settings
) -> None:
    (purchase,) = await keeper.sales(1)
    await keeper.provider_remembers()
    paid = keeper.said.of(await keeper.reference(purchase))
    keeper.said.says(paid.reference, fee_minor=349)
    by_itself: tuple[tuple[str, Category, int, int], ...] = (
        ("po_1", "PAYOUT", -9_000, 0),
        ("txn fee", "FEE", 0, 20),
    )
    for name, category, amount_minor, fee_minor in by_itself:
        keeper.said.entries[name] = StatementEntry(
            name, category, name, None, amount_minor, fee_minor, "CNY", paid.moved_at
        )
    await keeper.close_day()
    await keeper.run()
    before = await keeper.desk.books()
    with pytest.raises(PayoutsStopped):
        await require_open()
    fee_id = await keeper.item_id("FEE")

    decided = [decide(fee_id, "SUGGESTED_FIX") for _ in range(5)]
    await asyncio.gather(*decided, return_exceptions=True)
    for _, kind, reference in await keeper.found():
        found = await keeper.desk.owner.fetchval(
            "select id from reconciliation_items where kind = $1 and reference = $2",
            kind,
            reference,
        )
        assert (await decide(found, "SUGGESTED_FIX")).how == "BOOK"

    after = await keeper.desk.books()
    moved = {code: after.get(code, 0) - before.get(code, 0) for code in {*before, *after}}
    assert {code: minor for code, minor in moved.items() if minor} == {
        "E:GATEWAY_FEE": 349 - 66 + 20,
        "A:GATEWAY:STRIPE": -(349 - 66) - 20 - 9_000,
        "A:BANK": 9_000,
    }
    await require_open()
    assert await verify(config.database_url) == []
    await keeper.run()
    await keeper.close_day()
    await keeper.run(keeper.day + timedelta(days=1))
    assert await keeper.found() == set(), "what was put right is right"


async def test_each_transfer_of_a_payout_is_known_and_a_strangers_is_not(
    keeper: BookKeeper,
) -> None:
    """The first came back, the second arrived: payouts do not stop each other."""
    payout_id, party_id = new_id(), keeper.desk.world.shop.id
    owner, gateway = keeper.desk.owner, accounts.gateway("stripe", "CNY")
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.executemany(
            """insert into payout_events (tenant_id, payout_id, to_state, attempt, actor,
                                          provider_ref, happened_at)
               values ($1, $2, 'PAID', $3, 'worker', $4, platform_now())""",
            [(party_id, payout_id, attempt, f"tr_{attempt}") for attempt in (1, 2)],
        )
    moves = (("confirmed", 1, -9_800), ("returned", 1, 9_800), ("confirmed", 2, -9_800))
    for what, attempt, minor in moves:
        entries = [Entry(gateway, minor), Entry(accounts.payout_clearing("CNY"), -minor)]
        async with db.transaction(db.core_scope()):
            posted = f"payout-{what}:{payout_id}:{attempt}"
            await ledger.post(entries, kind="TEST", idempotency_key=posted, tenant_id=None)
        await keeper.provider_says(f"txn {what} {attempt}", "TRANSFER", f"tr_{attempt}", minor)
    await keeper.provider_says("txn strange", "TRANSFER", "tr_strange", -100)
    await keeper.close_day()
    await keeper.run()
    assert await keeper.found() == {("STRIPE", "UNKNOWN_REFERENCE", "tr_strange")}


async def test_who_decides_by_hand_says_why_and_what_was_accepted_stays_so(
    keeper: BookKeeper,
) -> None:
    first, second = await keeper.sales(2)
    await keeper.provider_remembers()
    keeper.said.drops(await keeper.reference(first))
    keeper.said.says(await keeper.reference(second), amount_minor=10_500)
    await keeper.close_day()
    await keeper.run()
    missing, amount = await keeper.item_id("MISSING_AT_PROVIDER"), await keeper.item_id("AMOUNT")
    refusals: tuple[tuple[resolving.Decision, str, str], ...] = (
        ("SUGGESTED_FIX", "", "decision"),  # nobody but a person can ask the provider
        ("BY_HAND", " ", "reason"),
        ("ACCEPT", "", "reason"),
        ("ACCEPT", "x" * 501, "reason"),
    )
    for decision, reason, field in refusals:
        with pytest.raises(Invalid) as refused:
            await decide(missing, decision, reason)
        assert refused.value.field == field
    assert len(await keeper.found()) == 2

    assert (await decide(missing, "ACCEPT", "written off")).state == "ACCEPTED"
    assert (await decide(amount, "BY_HAND", "they have paid it")).how == "BY_HAND"
    with pytest.raises(Invalid):
        await decide(missing, "BY_HAND", "or not")
    await require_open()
    await keeper.run()
    assert await keeper.found() == set(), "both were decided knowing these values"
    keeper.said.says(await keeper.reference(second), amount_minor=10_400)
    await keeper.run()
    assert {kind for _, kind, _ in await keeper.found()} == {"AMOUNT"}, "another difference"


async def test_payouts_wait_while_more_is_open_than_the_threshold(keeper: BookKeeper) -> None:
    (purchase,) = await keeper.sales(1)
    await keeper.provider_remembers()
    keeper.said.says(await keeper.reference(purchase), amount_minor=10_500)
    await keeper.close_day()
    await keeper.run()
    for threshold_minor, is_open in ((500, True), (499, False), (0, False), (10_000, True)):
        async with db.transaction(runs.scope()):
            await payout_gate.set_threshold("CNY", threshold_minor)
            (gate,) = await payout_gate.gates()
        assert (gate.open_items, gate.open_minor) == (1, 500)
        assert (gate.shut_since is None) is is_open
    keeper.said.says(await keeper.reference(purchase), amount_minor=11_000)
    async with db.transaction(runs.scope()):
        await payout_gate.set_threshold("CNY", 0)
    await keeper.run()
    await require_open()


async def test_the_command_runs_a_day_to_its_end_and_says_whether_the_books_agree(
    keeper: BookKeeper, capsys: pytest.CaptureFixture[str]
) -> None:
    (purchase,) = await keeper.sales(1)
    await keeper.provider_remembers()
    await keeper.close_day()
    console = Console(highlight=False, width=200)
    with console.status("") as status:
        agreed = await reconcile_command._to_its_end(keeper.day, status)
    assert await reconcile_command._told(agreed, console) == reconcile_command.EXIT_AGREE
    keeper.said.drops(await keeper.reference(purchase))
    await keeper.run()
    differs = await items.run_view(keeper.day)
    assert await reconcile_command._told(differs, console) == reconcile_command.EXIT_OPEN
    shown = capsys.readouterr().out
    assert "STRIPE 1 of CN¥110.00: 1 of CN¥110.00" in shown
    assert "The books agree." in shown
    assert f"MISSING_AT_PROVIDER {await keeper.reference(purchase)}: CN¥110.00" in shown
    refused = await asyncio.to_thread(reconcile_command.main, day="tomorrow")
    assert refused == reconcile_command.EXIT_REFUSED


async def decide(item_id: UUID, decision: resolving.Decision, reason: str = "") -> items.Item:
    return await resolving.resolve(item_id, decision=decision, actor=OPERATOR, reason=reason)
