"""A grade's opening fee: paid once, out of the child's own balance, and nobody earns of it."""

from uuid import UUID

import pytest

from billing.ledger import InsufficientBalance
from desk_rows import a_grade, everything_written
from entrypoints.verify import verify
from kernel.errors import Invalid, Refusal
from kernel.settings import Settings
from offers.price_desk.grades import set_grade
from offers.price_desk.opening_fees import FeeNotAccepted
from sales import SalesDesk
from trade_desk import credit, held_minor, moves

FEE_MINOR = 50_000


async def _a_dear_grade(desk: SalesDesk, name: str = "总代", *, rank: int = 2) -> UUID:
    grade_id = await a_grade(desk.world, shop_id=desk.world.agent.id, name=name, rank=rank)
    await desk.owner.execute(
        "update agent_grades set open_fee_minor = $2 where id = $1", grade_id, FEE_MINOR
    )
    return grade_id


async def _grade(desk: SalesDesk) -> UUID | None:
    found: UUID | None = await desk.owner.fetchval(
        "select grade_id from tenants where id = $1", desk.world.shop.id
    )
    return found


async def test_a_child_pays_for_a_grade_once_and_the_platform_alone_has_it(
    desk: SalesDesk, config: Settings
) -> None:
    parent, child = await desk.shop(desk.world.agent), desk.world.shop
    dear, plain = await _a_dear_grade(desk), await a_grade(desk.world, shop_id=parent.id)
    await credit(await desk.shop(child), 60_000)
    for accepted_minor in (FEE_MINOR, 0):  # said again, there is nothing left to pay
        await set_grade(parent, child_slug="shop", grade_id=dear, accepted_fee_minor=accepted_minor)
        assert await _grade(desk) == dear
    assert await moves(desk.owner, child.id) == [
        ("BANK_CREDIT", 60_000, 60_000), ("OPEN_FEE", -FEE_MINOR, 10_000),
    ]  # fmt: skip
    books = await desk.books(("shop", child.id))
    assert (books["R:OPEN_FEE"], books["L:TRADE shop"]) == (-FEE_MINOR, -10_000)
    assert not any(code.startswith("L:PARTY") for code in books)
    # A grade without a fee, none, and the old one again cost nothing.
    for grade_id in (plain, None, dear):
        await set_grade(parent, child_slug="shop", grade_id=grade_id)
        assert await _grade(desk) == grade_id
    assert await held_minor(desk.owner, child.id) == 10_000
    assert await verify(config.database_url) == []


async def test_a_fee_that_is_not_accepted_or_cannot_be_paid_gives_no_grade(
    desk: SalesDesk, config: Settings
) -> None:
    parent, child = await desk.shop(desk.world.agent), desk.world.shop
    dear = await _a_dear_grade(desk)
    await credit(await desk.shop(child), FEE_MINOR - 1)
    before = await everything_written(desk.owner)
    refusals: list[Refusal] = []
    for accepted_minor in (0, FEE_MINOR - 1, FEE_MINOR):
        with pytest.raises((FeeNotAccepted, InsufficientBalance)) as refused:
            await set_grade(
                parent, child_slug="shop", grade_id=dear, accepted_fee_minor=accepted_minor
            )
        refusals.append(refused.value)
    assert [(one.code, one.field) for one in refusals] == [
        ("PRICE_CHANGED", "expectedFee"), ("PRICE_CHANGED", "expectedFee"),
        ("INSUFFICIENT_BALANCE", "child"),
    ]  # fmt: skip
    assert [one.details.get("fee") for one in refusals] == [FEE_MINOR, FEE_MINOR, None]
    assert not refusals[-1].details  # what a child has is not its parent's to know
    await desk.owner.execute("update tenants set currency = 'USD' where id = $1", child.id)
    with pytest.raises(Invalid):
        await set_grade(parent, child_slug="shop", grade_id=dear, accepted_fee_minor=FEE_MINOR)
    await desk.owner.execute("update tenants set currency = 'CNY' where id = $1", child.id)
    assert await everything_written(desk.owner) == before
    assert await verify(config.database_url) == []
