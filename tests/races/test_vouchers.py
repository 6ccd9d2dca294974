"""Four hundred callers and a code: it is money once, and a limit is a limit."""

import pytest

from billing import accounts
from entrypoints.verify import verify
from kernel.settings import Settings
from promotions.vouchers import closing, redeeming
from promotions.vouchers.redeeming import Redeemed
from races.crowd import Outcome, all_at_once
from tenants.directory import Shop
from voucher_desk import balance, made
from world import World

pytestmark = pytest.mark.engines

CALLERS, CUSTOMERS = 400, 20


async def rush(shop: Shop, world: World, code: str) -> Outcome[Redeemed]:
    """Everybody types the same code."""
    people = [await world.customer() for _ in range(CUSTOMERS)]
    return await all_at_once(
        redeeming.redeem(shop=shop, customer_id=people[n % CUSTOMERS].id, code=code, ip="192.0.2.1")
        for n in range(CALLERS)
    )


async def test_a_code_is_redeemed_by_one_of_all_who_type_it(
    shop: Shop, world: World, database: Settings
) -> None:
    batch, (code, *_) = await made(shop)

    outcome = await rush(shop, world, code)

    assert outcome.errors == []
    assert set(outcome.refused) == {"VOUCHER_NOT_APPLICABLE"}
    assert len(outcome.done) == CALLERS // CUSTOMERS  # the lucky one, each time that it asks
    assert await balance(batch.account) == 2_000
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_code_that_is_looked_at_and_then_taken(
    shop: Shop, world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: whether it is open was asked before."""
    batch, (code, *_) = await made(shop)
    naive = redeeming.TAKE.replace("and vouchers.redeemed_at is null", "and true")
    assert naive != redeeming.TAKE
    monkeypatch.setattr(redeeming, "TAKE", naive)
    await world.owner.execute("alter table vouchers disable trigger vouchers_once")

    outcome = await rush(shop, world, code)

    # The ledger takes each code once: it is the last to refuse what the statement let through.
    assert outcome.errors != []
    assert await balance(batch.account) == 2_000


async def test_one_customer_redeems_as_many_as_a_batch_allows_however_many_come_at_once(
    shop: Shop, world: World, database: Settings
) -> None:
    buyer = await world.customer()
    batch, codes = await made(shop, count=40, most_per_customer=3)

    outcome = await all_at_once(
        [
            redeeming.redeem(shop=shop, customer_id=buyer.id, code=code, ip="192.0.2.1")
            for code in codes
        ]
    )

    assert (outcome.errors, len(outcome.done)) == ([], 3)
    assert await balance(accounts.wallet(buyer.id, "CNY")) == 3_000
    assert await verify(database.database_url) == []


async def test_a_batch_that_is_voided_while_it_is_redeemed_pays_each_code_one_way(
    shop: Shop, world: World, database: Settings
) -> None:
    batch, codes = await made(shop, count=60)
    people = [await world.customer() for _ in codes]

    outcome = await all_at_once(
        [
            *(
                redeeming.redeem(shop=shop, customer_id=one.id, code=code, ip="192.0.2.1")
                for one, code in zip(people[:30], codes[:30], strict=True)
            ),
            closing.void_batch(shop=shop, batch_id=batch.id, by_platform=True),
            *(
                redeeming.redeem(shop=shop, customer_id=one.id, code=code, ip="192.0.2.1")
                for one, code in zip(people[30:], codes[30:], strict=True)
            ),
        ]
    )

    assert outcome.errors == []
    assert await balance(batch.account) == 0
    assert await verify(database.database_url) == []
