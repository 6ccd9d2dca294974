"""What affiliates earn on a sale: several of one tree, by the rates of the goods, within the
shop's margin."""

import asyncpg
import pytest

from affiliates import programs
from affiliates.commission import Rate
from affiliates.programs import ProgramTerms, SpecialRate
from kernel.ids import new_id
from sales import SalesDesk

pytestmark = pytest.mark.engines


async def _tree(desk: SalesDesk, terms: ProgramTerms) -> dict[str, str]:
    """`low`, whom `middle` has brought, whom `top` has; the names by the ids."""
    shop_id = desk.world.shop.id
    program = await programs.save_program(tenant_id=shop_id, program_id=None, terms=terms)
    names, above = {}, None
    for code in ("top", "middle", "low"):
        affiliate_id = new_id()
        await desk.owner.execute(
            """insert into affiliates (tenant_id, id, program_id, name, code, recruiter_id)
               values ($1, $2, $3, $4, $4, $5)""",
            shop_id,
            affiliate_id,
            program.id,
            code,
            above,
        )
        above = affiliate_id
        names[str(affiliate_id)] = code
    return names


async def _earned(owner: asyncpg.Connection, order_id: object, names: dict[str, str]) -> object:
    rows = await owner.fetch(
        """select party_id, role, amount_minor from line_shares
           where order_id = $1 and role in ('AFFILIATE', 'SHOP_MARGIN')""",
        order_id,
    )
    return {names.get(str(row["party_id"]), row["role"]): row["amount_minor"] for row in rows}


# The shop pays 90.00 and asks 110.00.


async def test_three_tiers_earn_of_what_is_paid(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    names = await _tree(
        desk, ProgramTerms(name="tree", rate=Rate(300), second_bp=200, third_bp=100)
    )
    order = await desk.order(2, affiliate_code="low")
    # 220.00 × 3 %, 2 %, 1 %; the shop has 40.00 less that.
    expected = {"low": 660, "middle": 440, "top": 220, "SHOP_MARGIN": 2_680}
    assert await _earned(desk.owner, order.id, names) == expected
    first = await desk.order(1, affiliate_code="top")
    assert await _earned(desk.owner, first.id, names) == {"top": 330, "SHOP_MARGIN": 1_670}
    await desk.assert_sound()


async def test_rates_beyond_the_margin_are_cut_from_the_top_and_the_shop_never_pays(
    desk: SalesDesk,
) -> None:
    await desk.world.keys(3)
    special = [SpecialRate(Rate(0, 1_500), sku_id=desk.world.goods.sku_id)]
    names = await _tree(
        desk,
        ProgramTerms(name="tree", rate=Rate(100), second_bp=300, third_bp=300, rates=special),
    )
    order = await desk.order(1, affiliate_code="low")
    earned = await _earned(desk.owner, order.id, names)
    # 20.00 of margin less the dearest channel's fee: 15.00 a piece, then 3.30, then what is left.
    assert isinstance(earned, dict)
    fee_minor = earned.pop("SHOP_MARGIN", 0)
    assert earned.pop("low") == 1_500
    assert earned.pop("middle") == 330
    assert earned.pop("top", 0) == 170 - fee_minor
    assert 0 <= fee_minor < 170
    await desk.assert_sound()
