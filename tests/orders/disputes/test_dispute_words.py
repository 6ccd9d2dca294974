"""Words of one dispute in every order, and at once: one end, to the last cent."""

import asyncio
from dataclasses import replace
from itertools import permutations

import pytest

from dispute_desk import Bank, bank_of
from orders.disputes.hearing import hear
from sales import Purchase, SalesDesk

pytestmark = pytest.mark.engines

_END = """
select kase.state, kase.claimed_minor, kase.fee_back_minor, kase.settled_at is not null,
       kase.withdrawn_at is not null, kase.reinstated_at is not null, kase.next_poll_at is null,
       orders.status, orders.refunded_minor,
       -- By owner: from which of its accounts a party pays depends on what else it has.
       (select array_agg(whose || ' ' || minor order by whose, minor)
        from (select coalesce(account.owner_id::text, account.code) as whose,
                     sum(entry.amount_minor)::bigint as minor
              from ledger_entries entry
              join ledger_transactions posted on posted.id = entry.transaction_id
              join ledger_accounts account on account.id = entry.account_id
              where posted.order_id = orders.id and account.code <> 'A:DISPUTE'
              group by 1 having sum(entry.amount_minor) <> 0) sums) as moved
from disputes kase join orders on orders.id = kase.order_id
"""


def _won(bank: Bank) -> list[object]:
    return [
        bank.report("NEEDS_RESPONSE", withdrawn=False),
        bank.report("NEEDS_RESPONSE"),
        bank.report("WON"),
        bank.report("WON", reinstated=True),
    ]


def _lost(bank: Bank) -> list[object]:
    return [
        bank.report("NEEDS_RESPONSE", withdrawn=False),
        bank.report("NEEDS_RESPONSE"),
        bank.report("LOST"),
    ]


@pytest.mark.parametrize(("words", "status"), [(_won, "DELIVERED"), (_lost, "CHARGED_BACK")])
async def test_every_order_of_words_ends_alike_and_a_repetition_changes_nothing(
    desk: SalesDesk, words: object, status: str
) -> None:
    assert callable(words)
    orders = list(permutations(range(len(words(await _bank(desk))))))[::3]
    await desk.world.keys(len(orders) + 1)
    for order in orders:
        said = words(await bank_of(await _sold(desk)))
        for turn in (*order, *order):
            await hear(said[turn])
    rows = await desk.owner.fetch(f"{_END} where kase.settled_at is not null")
    ends = {tuple(tuple(one) if isinstance(one, list) else one for one in row) for row in rows}
    assert len(rows) == len(orders)
    ((*_, shown, _, _),) = ends
    assert shown == status
    await desk.assert_sound()


async def test_a_dispute_that_is_said_by_many_at_once_is_heard_once(desk: SalesDesk) -> None:
    await desk.world.keys(2)
    bank = await bank_of(await _sold(desk))
    lost = bank.report("LOST")
    said = [bank.report("NEEDS_RESPONSE"), lost, lost, bank.report("LOST")]
    heard = await asyncio.gather(*(hear(word) for word in said * 3))
    assert sum(one.effect == "DISPUTED" for one in heard) in (1, 2)
    kinds = await desk.owner.fetch("select kind from ledger_transactions where kind like 'E10%'")
    assert sorted(row["kind"] for row in kinds) == ["E10_DISPUTE_LOST", "E10_DISPUTE_OPENED"]
    await desk.assert_sound()


async def test_a_dispute_of_nobodys_payment_or_of_another_currency_changes_nothing(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(1)
    bank = await bank_of(await _sold(desk))
    before = await desk.books()
    lost = bank.report("LOST")
    for word in (replace(lost, payment_ref="pi_nobodys"), replace(lost, currency="USD")):
        assert (await hear(word)).effect == "NOTHING"
    assert await desk.owner.fetchval("select count(*) from disputes") == 0
    assert await desk.books() == before


async def _sold(desk: SalesDesk) -> Purchase:
    return await (await desk.order()).paid()


async def _bank(desk: SalesDesk) -> Bank:
    """Of a sale that is not disputed in the end."""
    await desk.world.keys(1)
    return await bank_of(await _sold(desk))
