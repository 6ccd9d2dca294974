"""Hundreds give a child a grade at once: it pays once for each, and never more than it has."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from billing import trade_moves
from billing.ledger import Account
from desk_rows import a_grade
from entrypoints.verify import verify
from kernel import db
from kernel.settings import Settings
from offers.price_desk.grades import set_grade
from races.crowd import all_at_once
from races.mutants import Meeting
from tenants.directory import Shop, current_shop
from trade_desk import credit, held_minor
from world import World

pytestmark = pytest.mark.engines

CALLERS, GRADES, AFFORDABLE, FEE_MINOR = 300, 6, 4, 5_000


async def _shops(world: World) -> tuple[Shop, Shop]:
    """The parent, and its child with money for four grades and a little more."""
    async with db.transaction(db.core_scope(), read_only=True):
        parent, child = await current_shop(world.agent.id), await current_shop(world.shop.id)
    await credit(child, AFFORDABLE * FEE_MINOR + 1)
    return parent, child


async def _grades(world: World) -> list[UUID]:
    grades = [
        await a_grade(world, shop_id=world.agent.id, name=f"grade {rank}", rank=rank)
        for rank in range(1, GRADES + 1)
    ]
    await world.owner.execute("update agent_grades set open_fee_minor = $1", FEE_MINOR)
    return grades


async def _give(parent: Shop, grade_id: UUID) -> None:
    await set_grade(parent, child_slug="shop", grade_id=grade_id, accepted_fee_minor=FEE_MINOR)


async def test_a_child_pays_once_for_each_grade_and_never_more_than_it_has(
    world: World, database: Settings
) -> None:
    parent, child = await _shops(world)
    grades = await _grades(world)
    outcome = await all_at_once(_give(parent, grades[number % GRADES]) for number in range(CALLERS))
    assert outcome.errors == []
    assert set(outcome.refused) == {"INSUFFICIENT_BALANCE"}
    paid = await world.owner.fetchval("select count(*) from trade_moves where kind = 'OPEN_FEE'")
    assert (paid, await held_minor(world.owner, child.id)) == (AFFORDABLE, 1)
    given = await world.owner.fetchval("select grade_id from tenants where id = $1", child.id)
    assert await world.owner.fetchval(
        "select count(*) from ledger_transactions where idempotency_key = $1",
        f"open-fee:{child.id}:{given}",
    )
    assert await verify(database.database_url) == []


async def test_the_check_notices_a_fee_beside_a_balance_that_is_only_read(
    world: World, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tempting mistake: nobody is waited for, neither at the child nor at its balance."""
    parent, child = await _shops(world)
    grades = await _grades(world)
    await world.owner.execute("update agent_grades set open_fee_minor = 15000")
    meeting: Meeting

    async def only_read(balances: Sequence[Account]) -> list[int]:
        found: list[int] = [
            await db.fetch_value("select -ledger_balance($1)", one.id) for one in balances
        ]
        await meeting.join()
        return found

    monkeypatch.setattr(trade_moves, "lock", only_read)
    monkeypatch.setattr(
        "offers.price_desk.grades._LOCK_CHILD",
        "select id, currency from tenants where parent_id = $1 and slug = $2",
    )
    for pair in zip(grades[::2], grades[1::2], strict=True):
        meeting = Meeting()
        outcome = await all_at_once(
            set_grade(parent, child_slug="shop", grade_id=one, accepted_fee_minor=15_000)
            for one in pair
        )
        if len(outcome.done) == 2:
            break
        await credit(child, 15_000)  # they met in a circle: one of them began anew, after the other
    assert (len(outcome.done), await held_minor(world.owner, child.id)) == (2, 20_001 - 30_000)
    assert "I3" in {breach.invariant for breach in await verify(database.database_url)}
