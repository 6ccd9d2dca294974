"""Redeem vouchers: whose money they are from the first moment to the last."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from billing import accounts, ledger
from billing.postings import vouchers as postings
from entrypoints.verify import verify
from kernel import clear_codes, db
from kernel.errors import Invalid, NotFound, RateLimited
from kernel.ids import new_id
from kernel.settings import Settings
from promotions.vouchers import batches, closing, listing, redeeming
from promotions.vouchers.batches import VoucherConflict
from promotions.vouchers.refusals import VoucherRefused
from tenants.directory import Shop, TenantRestricted, current_shop
from voucher_desk import YESTERDAY, balance, made, wish
from world import World, build_world


@pytest.fixture
async def world(database: Settings, owner: asyncpg.Connection) -> World:
    """The worked example's tree, without keys."""
    return await build_world(owner, keys=0)


@pytest.fixture
async def shop(world: World) -> AsyncIterator[Shop]:
    """The third-level shop."""
    async with db.transaction(db.core_scope(), read_only=True):
        found = await current_shop(world.shop.id)
    yield found


async def reason(shop: Shop, customer_id: Any, code: str) -> str:
    """Why a code is refused."""
    with pytest.raises(VoucherRefused) as refused:
        await redeeming.redeem(shop=shop, customer_id=customer_id, code=code, ip="192.0.2.1")
    return refused.value.reason


async def redeem(shop: Shop, customer_id: Any, code: str) -> int:
    """Redeem a code; what it has brought."""
    done = await redeeming.redeem(shop=shop, customer_id=customer_id, code=code, ip="192.0.2.1")
    return done.amount_minor


async def give(shop: Shop, account: ledger.Account, amount_minor: int) -> None:
    """Let somebody have earned so much."""
    async with db.transaction(db.core_scope(shop.id)):
        await ledger.post(
            [
                ledger.debit(accounts.bank("CNY"), amount_minor),
                ledger.credit(account, amount_minor),
            ],
            kind="EARNED",
            idempotency_key=f"earned:{new_id()}",
            tenant_id=None,
        )


def test_vouchers_are_posted_by_their_numbers() -> None:
    batch, wallet = accounts.voucher(new_id(), "CNY"), accounts.wallet(new_id(), "CNY")
    promo = accounts.expense("PROMO", "CNY")

    assert postings.funded(funder=promo, batch=batch, amount_minor=3_000) == [
        ledger.debit(promo, 3_000),
        ledger.credit(batch, 3_000),
    ]
    assert postings.redeemed(batch=batch, wallet=wallet, amount_minor=1_000) == [
        ledger.debit(batch, 1_000),
        ledger.credit(wallet, 1_000),
    ]
    assert postings.unredeemed(
        batch=batch, to_funder=[ledger.credit(promo, 2_000)], amount_minor=2_000
    ) == [
        ledger.debit(batch, 2_000),
        ledger.credit(promo, 2_000),
    ]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "n" * 61}),
        ("value", {"value_minor": 0}),
        ("value", {"value_minor": -1}),
        ("value", {"value_minor": 5_000_001}),
        ("count", {"count": 0}),
        ("count", {"count": 10_001}),
        ("endsAt", {"ends_at": YESTERDAY}),
        ("endsAt", {"ends_at": YESTERDAY + timedelta(hours=1)}),
        ("endsAt", {"ends_at": YESTERDAY + timedelta(days=4 * 365)}),
        ("mostPerCustomer", {"most_per_customer": 0}),
        ("idempotencyKey", {"idempotency_key": ""}),
    ],
)
def test_what_no_batch_can_be_is_refused_by_its_field(field: str, change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        wish(**change).require_possible(YESTERDAY + timedelta(days=1))

    assert refused.value.field == field


@pytest.mark.engines
async def test_a_code_goes_into_one_wallet_once_and_the_rest_back_to_who_gave_it(
    world: World, shop: Shop, database: Settings
) -> None:
    mine, other = await world.customer(), await world.customer()
    given = wish()
    batch, codes = await batches.create_batch(shop=shop, wish=given, actor="operator:test")
    again = await batches.create_batch(shop=shop, wish=given, actor="operator:test")
    assert again == (batch, ()) and len(set(codes)) == 3
    with pytest.raises(VoucherConflict):
        await batches.create_batch(shop=shop, wish=replace(given, count=4), actor="operator:test")
    kept = await world.owner.fetch("select last_letters from vouchers")
    assert {row["last_letters"] for row in kept} == {code[-4:] for code in codes}
    assert await balance(batch.account) == 3_000

    typed = clear_codes.in_groups(codes[0]).lower()
    for _ in range(2):
        assert await redeem(shop, mine.id, typed) == 1_000
    assert await reason(shop, other.id, codes[0]) == "USED"
    assert await balance(accounts.wallet(mine.id, "CNY")) == 1_000
    view = await listing.batch_view(shop, batch.id)
    assert (view.redeemed, view.owed_minor) == (1, 2_000)
    page = await listing.batches_page(shop, first=1, after=None)
    assert [one.batch.id for one in page.rows] == [batch.id]
    assert (await listing.batches_page(shop, first=1, after=page.cursors[0])).rows == ()
    assert await verify(database.database_url) == []

    for _ in range(2):
        await closing.void_batch(shop=shop, batch_id=batch.id, by_platform=True)
    assert await reason(shop, other.id, codes[1]) == "ENDED"
    assert await balance(batch.account) == 0
    assert await balance(accounts.expense("PROMO", "CNY")) == -1_000
    with pytest.raises(Invalid):
        await closing.block_batch(shop=shop, batch_id=batch.id, blocked=True, by_platform=True)
    assert await verify(database.database_url) == []


@pytest.mark.engines
async def test_a_shop_gives_what_it_has_earned_or_what_is_in_its_budget_and_no_more(
    world: World, shop: Shop, database: Settings
) -> None:
    earned, budget = accounts.party_available(shop.id, "CNY"), accounts.promo(shop.id, "CNY")
    await give(shop, earned, 3_000)
    await give(shop, budget, 3_000)
    with pytest.raises(ledger.InsufficientBalance):
        await made(shop, funder="SHOP", count=4)
    assert await world.owner.fetchval("select count(*) from voucher_batches") == 0

    own, _ = await made(shop, funder="SHOP")
    from_budget, _ = await made(shop, funder="BUDGET")
    assert (await balance(earned), await balance(budget)) == (0, 0)
    with pytest.raises(NotFound):
        await closing.void_batch(shop=shop, batch_id=(await made(shop))[0].id, by_platform=False)
    await closing.void_batch(shop=shop, batch_id=own.id, by_platform=False)
    await world.shift_clock("40 days")
    assert await closing.end_due_batches() == 2
    assert await closing.end_due_batches() == 0
    assert (await balance(earned), await balance(budget)) == (3_000, 3_000)
    assert (await listing.batch_view(shop, from_budget.id)).batch.state == "ENDED"
    await world.owner.execute(
        "update tenants set status = 'RESTRICTED', payouts_frozen = true where id = $1",
        shop.id,
    )
    with pytest.raises(TenantRestricted):
        await made(shop, funder="SHOP", ends_at=YESTERDAY + timedelta(days=90))
    assert await verify(database.database_url) == []


@pytest.mark.engines
async def test_a_code_that_is_not_good_is_refused_with_its_reason_and_moves_nothing(
    world: World, shop: Shop, database: Settings
) -> None:
    buyer = await world.customer()
    async with db.transaction(db.core_scope(), read_only=True):
        agent = await current_shop(world.agent.id)
    _, theirs = await made(agent)
    _, early = await made(shop, starts_at=YESTERDAY + timedelta(days=2))
    _, short = await made(shop, ends_at=YESTERDAY + timedelta(days=3))
    stopped, blocked = await made(shop)
    _, limited = await made(shop, most_per_customer=1)
    await closing.block_batch(shop=shop, batch_id=stopped.id, blocked=True, by_platform=True)

    assert await reason(shop, buyer.id, theirs[0]) == "OTHER_SHOP"
    assert await reason(shop, buyer.id, early[0]) == "NOT_STARTED"
    assert await reason(shop, buyer.id, blocked[0]) == "BLOCKED"
    dollars = replace(shop, currency="USD")
    assert await reason(dollars, buyer.id, limited[0]) == "OTHER_CURRENCY"
    assert await balance(accounts.wallet(buyer.id, "CNY")) == 0
    await closing.block_batch(shop=shop, batch_id=stopped.id, blocked=False, by_platform=True)
    assert await redeem(shop, buyer.id, blocked[0]) == 1_000
    assert await redeem(shop, buyer.id, limited[0]) == 1_000
    assert await reason(shop, buyer.id, limited[1]) == "LIMIT"
    await world.shift_clock("4 days")
    assert await reason(shop, buyer.id, short[0]) == "ENDED"
    for guess in range(redeeming.GUESSES):
        code = clear_codes.random_code(16) if guess % 2 else "what is this"
        assert await reason(shop, buyer.id, code) == "UNKNOWN"
    with pytest.raises(RateLimited):
        await redeem(shop, buyer.id, limited[1])
    assert await verify(database.database_url) == []
