"""A statement's lines lie between opening and closing, and name the shares they are parts of."""

import random
from datetime import timedelta
from typing import Any

import pytest

from billing import accounts, ledger
from bookkeeping.statements.lines import StatementLine
from bookkeeping.statements.parties import Party, party_of
from bookkeeping.statements.party_accounts import PARTY_ACCOUNTS, AccountName
from bookkeeping.statements.periods import MOST_DAYS, Period, settled_period
from bookkeeping.statements.summing import summaries
from earnings_books import FEE_MINOR, held_by, released, sold, sweep
from hand_desk import HandDesk, open_by_hand
from kernel import db
from kernel.errors import Invalid, NotFound
from kernel.ids import new_id
from orders.split import PartyKind
from points_desk import begin_program
from sales import SalesDesk
from statement_desk import (
    DAY,
    an_hour_passes,
    assert_adds_up,
    database_now,
    lines_of,
    whole_period,
)

pytestmark = pytest.mark.engines
COMMISSION_MINOR = 330
EARNED_MINOR = 2_000 - COMMISSION_MINOR
POINTS_MINOR = 110
"""Of 110.00, one per cent."""


def told(lines: list[StatementLine]) -> list[tuple[str, str, str, int]]:
    """What each line says but for its time, its role and its share."""
    return [(line.account, line.kind, line.part, line.amount_minor) for line in lines]


async def test_each_cent_of_sales_refunds_and_maturities_names_the_frozen_share(
    desk: SalesDesk,
) -> None:
    world, owner = desk.world, desk.owner
    star = await world.affiliate("star", rate_bp=300)
    await begin_program(await desk.shop())
    await world.keys(2)
    buyer = await world.customer()
    kept = await desk.order(by=buyer, affiliate_code="star")
    await kept.paid()
    given_back = await desk.order(by=buyer)
    await given_back.paid()
    await given_back.refund(11_000, reason="SUPPLIER_FAULT")
    await an_hour_passes(world, days=8)
    await sweep()
    await an_hour_passes(world, days=9)

    lines = await lines_of(await whole_period(world, world.shop.id))
    left_minor = EARNED_MINOR - FEE_MINOR - POINTS_MINOR
    assert told([line for line in lines if line.order_no == kept.no]) == [
        ("PENDING", "SALE", "SHARE", EARNED_MINOR),
        ("PENDING", "SALE", "CHANNEL_FEE", -FEE_MINOR),
        ("PENDING", "SALE", "POINTS", -POINTS_MINOR),
        ("POINTS", "SALE", "ENTRY", POINTS_MINOR),
        ("PENDING", "E6_MATURITY", "SHARE", -left_minor),
        ("AVAILABLE", "E6_MATURITY", "SHARE", left_minor),
    ]
    assert all(line.name_en == "genshin-moon" for line in lines if line.share_id)
    refund = next(line for line in lines if line.kind == "E7_REFUND")
    assert (refund.order_no, refund.role) == (given_back.no, "SHOP_MARGIN")

    for kind, party_id in (
        (PartyKind.TENANT, world.shop.id),
        (PartyKind.TENANT, world.agent.id),
        (PartyKind.SUPPLIER, world.goods.supplier_id),
        (PartyKind.AFFILIATE, star.id),
    ):
        period = await whole_period(world, party_id, kind)
        found = await assert_adds_up(period)
        balances = await owner.fetch(
            """select -sum(amount_minor)::bigint as minor from ledger_accounts account
               join ledger_entries entry on entry.account_id = account.id
               where owner_id = $1 group by account.id order by 1""",
            party_id,
        )
        closings = sorted(account.closing_minor for account in found)
        assert closings == [row["minor"] for row in balances]
        shares = await owner.fetch("select id from line_shares where party_id = $1", party_id)
        named = {line.share_id for line in await lines_of(period)} - {None}
        assert named == {row["id"] for row in shares}
    await desk.assert_sound()


async def test_a_debt_a_hold_and_a_delivery_by_hand_are_told_as_what_they_are(
    desk: SalesDesk,
) -> None:
    world = desk.world
    shop_id = world.shop.id
    first = await sold(desk)
    case_id = await held_by(first)
    await released(shop_id, case_id)
    async with db.transaction(db.core_scope()):
        await ledger.post(
            [
                ledger.debit(accounts.receivable(shop_id, "CNY"), 500),
                ledger.credit(accounts.bank("CNY"), 500),
            ],
            kind="ADJUSTMENT",
            idempotency_key="a debt",
            tenant_id=None,
        )
    await an_hour_passes(world, days=8)
    await sweep()
    await open_by_hand(world, asks=False)
    bought = await desk.order()
    await bought.paid("CARD")
    line = await bought.line()
    await HandDesk(desk, bought, line.id).go_to("DELIVERED")
    await an_hour_passes(world, days=9)

    period = await whole_period(world, shop_id)
    lines = await lines_of(period)
    earned = 2_000 - FEE_MINOR
    assert told([one for one in lines if one.kind == "E6_MATURITY"]) == [
        ("PENDING", "E6_MATURITY", "SHARE", -earned),
        ("DEBT", "E6_MATURITY", "DEBT_REPAID", 500),
        ("AVAILABLE", "E6_MATURITY", "SHARE", earned),
        ("AVAILABLE", "E6_MATURITY", "DEBT_REPAID", -500),
    ]
    assert told([one for one in lines if one.order_no == bought.no]) == [
        ("PENDING", "E2_DELIVERY", "SHARE", 2_000),
        ("PENDING", "E2_DELIVERY", "CHANNEL_FEE", -FEE_MINOR),
    ]
    found = {account.name: account for account in await assert_adds_up(period)}
    assert found[AccountName.DEBT].closing_minor == 0
    assert (found[AccountName.HELD].in_minor, found[AccountName.HELD].out_minor) == (earned, earned)


async def test_opening_and_entries_are_closing_wherever_a_statement_begins_and_ends(
    desk: SalesDesk,
) -> None:
    """Random postings at random times, cut at random: the sums are those of plain arithmetic, and
    a statement goes on where the one before it has ended."""
    dice = random.Random(20_261_123)
    party = await party_of(PartyKind.TENANT, desk.world.shop.id)
    start = await database_now(desk.world) - 300 * DAY
    for _ in range(8):
        currency = dice.choice(["CNY", "USD", "JPY"]) + ""
        party = Party(PartyKind.TENANT, new_id(), party.tenant_id, "another", currency)
        moves = [
            (
                start + timedelta(days=dice.randrange(200), seconds=dice.randrange(3)),
                dice.choice(PARTY_ACCOUNTS),
                dice.randrange(-10_000, 10_000) or 1,
            )
            for _ in range(dice.randrange(1, 30))
        ]
        await _plant(desk, party, moves)
        cuts = sorted(start + dice.randrange(-10, 210) * DAY for _ in range(4))
        before: dict[str, int] = {}
        for since, until in zip(cuts, cuts[1:], strict=False):
            if since == until:
                continue
            found = await assert_adds_up(Period(party, currency, since, until))
            for account in found:
                minors = [(when, minor) for when, one, minor in moves if one.name == account.name]
                opening = sum(minor for when, minor in minors if when < since)
                assert account.opening_minor == opening == before.get(account.name, opening)
                assert account.closing_minor == sum(m for when, m in minors if when < until)
            before = {account.name: account.closing_minor for account in found}


async def _plant(desk: SalesDesk, party: Party, moves: list[Any]) -> None:
    """Postings as if they had been written at these times."""
    bank = accounts.bank(party.currency)
    used = {account.of(party.id, party.currency) for _, account, _ in moves} | {bank}
    await desk.owner.executemany(
        """insert into ledger_accounts (id, code, owner_id, currency) values ($1, $2, $3, $4)
           on conflict do nothing""",
        [(one.id, one.code, one.owner_id, one.currency) for one in used],
    )
    async with desk.owner.transaction():
        for when, account, minor in moves:
            posting_id = new_id()
            await desk.owner.execute(
                """insert into ledger_transactions (id, kind, idempotency_key, posted_at)
                   values ($1::uuid, 'PLANTED', $1::uuid::text, $2)""",
                posting_id,
                when,
            )
            await desk.owner.execute(
                """insert into ledger_entries (transaction_id, account_id, amount_minor, currency)
                   select $1, account.id, account.minor, $2
                   from unnest($3::uuid[], $4::bigint[]) as account (id, minor)""",
                posting_id,
                party.currency,
                [account.of(party.id, party.currency).id, bank.id],
                [-minor, minor],
            )


async def test_a_period_is_over_has_a_beginning_and_is_not_too_long(desk: SalesDesk) -> None:
    world = desk.world
    party = await party_of(PartyKind.TENANT, world.shop.id)
    now = await database_now(world)
    over = now - timedelta(minutes=10)

    async def asked(since: Any, until: Any, currency: str | None = None) -> Period:
        return await settled_period(party, currency=currency, since=since, until=until)

    assert (await asked(over - MOST_DAYS * DAY, over)).currency == "CNY"
    for since, until, currency in (
        (over, over, None),
        (over, over - DAY, None),
        (over - (MOST_DAYS * DAY + timedelta(seconds=1)), over, None),
        (over - DAY, now - timedelta(minutes=9, seconds=30), None),
        (over - DAY, over, "YUAN"),
    ):
        with pytest.raises(Invalid):
            await asked(since, until, currency)
    for kind in (PartyKind.TENANT, PartyKind.SUPPLIER, PartyKind.AFFILIATE):
        with pytest.raises(NotFound):
            await party_of(kind, new_id())
    assert await summaries(await asked(over - DAY, over)) == []
