"""A rule is written when no price that it makes breaks a guard; else nothing is written."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from asked import statements
from desk_rows import a_draft, a_grade, everything_written
from kernel.errors import Invalid, NotFound, Refusal
from kernel.ids import new_id
from offers import shelf
from offers.price_desk import guarding, rules
from offers.price_desk.drafts import RuleDraft
from offers.price_desk.guarding import MarginNegative, MarkupCapExceeded, PriceFloorViolation
from offers.price_desk.ranges import RangeDraft, set_range
from offers.price_desk.rule_rows import SeatTaken, rules_page
from offers.price_desk.secret_prices import SecretPrice, set_secret_price
from sales import SalesDesk
from tenants.pricing import Audience, ForKind, RuleKind, Scope
from world import ShopAt

RETAIL, WHOLESALE = Audience.RETAIL, Audience.WHOLESALE
ABSOLUTE, FIXED, PERCENT = RuleKind.ABSOLUTE, RuleKind.FIXED_OVER_COST, RuleKind.PERCENT_OVER_COST
T1_PAYS, T2_PAYS, T2_ASKS = 8_500, 9_000, 11_000


async def _retail_minor(desk: SalesDesk, at: ShopAt | None = None) -> int | None:
    shop = await desk.shop(at)
    found = await shelf.skus_by_id(shop, [(desk.world.goods.sku_id, 1)], stock_bound=10)
    sku = found.get((desk.world.goods.sku_id, 1))
    return None if sku is None else sku.display_offer.unit_price_minor


async def _refused(
    desk: SalesDesk, draft: RuleDraft, kind: type[Refusal], *, at: ShopAt | None = None
) -> Refusal:
    """Ask for a rule that is refused, and see that nothing was written."""
    shop = await desk.shop(at)
    before = await everything_written(desk.owner)
    with pytest.raises(kind) as found:
        await rules.upsert_rule(shop, draft)
    assert await everything_written(desk.owner) == before
    return found.value


async def test_a_rule_prices_at_once_and_replaces_the_one_in_its_place(desk: SalesDesk) -> None:
    shop, sku_id = await desk.shop(), desk.world.goods.sku_id
    first = await rules.upsert_rule(shop, a_draft(RETAIL, ABSOLUTE, 12_345, sku_id=sku_id))
    assert await _retail_minor(desk) == 12_345
    second = await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 1_000, sku_id=sku_id))
    assert second.id == first.id
    assert await _retail_minor(desk) == T2_PAYS + 1_000
    await rules.delete_rule(shop, first.id)
    assert await _retail_minor(desk) == T2_ASKS


@pytest.mark.parametrize(
    ("draft", "kind", "guard"),
    [
        ((RETAIL, ABSOLUTE, T2_PAYS - 1), MarginNegative, "G3"),
        ((RETAIL, ABSOLUTE, 10_499), PriceFloorViolation, "G2"),
        ((RETAIL, ABSOLUTE, 13_001), PriceFloorViolation, "G2"),
        ((RETAIL, ABSOLUTE, 12_601), MarkupCapExceeded, "G4"),
        ((WHOLESALE, ABSOLUTE, T2_PAYS - 1), MarginNegative, "G1"),
        ((WHOLESALE, ABSOLUTE, T2_PAYS + 99), MarginNegative, "G1"),
        ((WHOLESALE, ABSOLUTE, 12_601), MarkupCapExceeded, "G4"),
    ],
)
async def test_a_rule_that_breaks_a_guard_is_refused_and_says_which(
    desk: SalesDesk, draft: tuple[Audience, RuleKind, int], kind: type[Refusal], guard: str
) -> None:
    world = desk.world
    await desk.owner.execute(
        """insert into price_limits (tenant_id, sku_id, floor_minor, ceiling_minor)
           values ($1, $2, 10500, 13000)""",
        world.root.id,
        world.goods.sku_id,
    )
    await desk.owner.execute(
        "update tenants set min_margin_minor = 100, max_markup_bp = 4000 where id = $1",
        world.shop.id,
    )
    refusal = await _refused(desk, a_draft(*draft, sku_id=world.goods.sku_id), kind)
    assert refusal.field == "value"
    assert refusal.details == {"guard": guard, "skus": 1, "sku": world.goods.slug}


async def test_the_worst_affiliate_must_be_payable_from_the_price(desk: SalesDesk) -> None:
    await desk.world.affiliate(rate_bp=1_000)
    refusal = await _refused(desk, a_draft(RETAIL, PERCENT, 1_000), MarginNegative)
    assert refusal.details["guard"] == "G5"


async def test_one_sku_of_many_is_enough_to_refuse_a_rule_for_all(desk: SalesDesk) -> None:
    world = desk.world
    for number in range(3):
        goods = await world.more_goods(f"cheap-{number}", supply_minor=100)
        if number:
            await desk.owner.execute(
                "insert into price_limits (tenant_id, sku_id, floor_minor) values ($1, $2, 2000)",
                world.root.id,
                goods.sku_id,
            )
    refusal = await _refused(desk, a_draft(RETAIL, FIXED, 500), PriceFloorViolation)
    assert refusal.details == {"guard": "G2", "skus": 2, "sku": "cheap-1"}


async def test_what_was_broken_before_by_others_does_not_forbid_a_rule_for_all(
    desk: SalesDesk,
) -> None:
    """A ceiling below its cost cannot be kept by the shop; it must be able to price the rest."""
    world = desk.world
    goods = await world.more_goods("hopeless", supply_minor=5_000)
    await desk.owner.execute(
        "insert into price_limits (tenant_id, sku_id, ceiling_minor) values ($1, $2, 10)",
        world.root.id,
        goods.sku_id,
    )
    shop = await desk.shop()
    await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 2_500))
    assert await _retail_minor(desk) == T2_PAYS + 2_500
    await _refused(desk, a_draft(RETAIL, FIXED, 2_500, sku_id=goods.sku_id), PriceFloorViolation)


async def test_what_an_offer_too_dear_breaks_does_not_count_while_another_keeps_the_price(
    desk: SalesDesk,
) -> None:
    other = await desk.world.more_goods("other")
    await desk.owner.execute(
        """insert into supplier_listings (id, supplier_id, sku_id, supply_price_minor, currency)
           values (gen_random_uuid(), $1, $2, 50000, 'CNY')""",
        other.supplier_id,
        desk.world.goods.sku_id,
    )
    sku_id = desk.world.goods.sku_id
    await rules.upsert_rule(await desk.shop(), a_draft(RETAIL, ABSOLUTE, 10_000, sku_id=sku_id))
    assert await _retail_minor(desk) == 10_000


async def test_a_child_whose_own_price_breaks_does_not_forbid_its_parents_rule(
    desk: SalesDesk,
) -> None:
    world = desk.world
    await world.rule(world.shop, "RETAIL", "ABSOLUTE", 9_100, scope="SKU",
                     target_id=world.goods.sku_id)  # fmt: skip
    await rules.upsert_rule(await desk.shop(world.agent), a_draft(WHOLESALE, FIXED, 700))
    assert await _retail_minor(desk) is None


async def test_rules_for_a_grade_and_a_child_are_checked_for_them_alone(desk: SalesDesk) -> None:
    world = desk.world
    grade_id = await a_grade(world, shop_id=world.agent.id)
    for for_kind, for_id in ((ForKind.GRADE, grade_id), (ForKind.CHILD, world.shop.id)):
        for_whom = {"for_kind": for_kind, "for_id": for_id}
        loss = a_draft(WHOLESALE, ABSOLUTE, T1_PAYS - 1, sku_id=world.goods.sku_id, **for_whom)
        await _refused(desk, loss, MarginNegative, at=world.agent)
        fine = a_draft(WHOLESALE, ABSOLUTE, T1_PAYS, sku_id=world.goods.sku_id, **for_whom)
        view = await rules.upsert_rule(await desk.shop(world.agent), fine)
        assert (view.for_kind, view.for_id) == (for_kind, for_id)


async def test_a_quantity_break_that_loses_money_is_refused(desk: SalesDesk) -> None:
    sku_id = desk.world.goods.sku_id
    at_ten = a_draft(RETAIL, ABSOLUTE, T2_PAYS - 1, sku_id=sku_id, min_quantity=10)
    await _refused(desk, at_ten, MarginNegative)
    fine = a_draft(RETAIL, ABSOLUTE, T2_PAYS + 500, sku_id=sku_id, min_quantity=10)
    assert (await rules.upsert_rule(await desk.shop(), fine)).min_quantity == 10


async def test_a_price_of_next_month_is_checked_today(desk: SalesDesk) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    sku_id = desk.world.goods.sku_id
    await _refused(
        desk, a_draft(RETAIL, ABSOLUTE, 1, sku_id=sku_id, starts_at=later), MarginNegative
    )


async def test_what_a_rule_hides_is_checked_when_the_rule_goes(desk: SalesDesk) -> None:
    """The default below it would pass the ceiling: it was never asked while the rule stood."""
    world, shop = desk.world, await desk.shop()
    dear = await world.more_goods("dear", supply_minor=8_000)
    view = await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 1_500, sku_id=dear.sku_id))
    await set_range(shop, RangeDraft(sku_id=dear.sku_id, ceiling_minor=T2_PAYS + 1_600))
    before = await everything_written(desk.owner)
    with pytest.raises(PriceFloorViolation) as found:
        await rules.delete_rule(shop, view.id)
    assert found.value.field == "ruleId"
    assert await everything_written(desk.owner) == before


async def test_a_floor_that_the_shops_own_price_breaks_is_refused(desk: SalesDesk) -> None:
    shop, sku_id = await desk.shop(), desk.world.goods.sku_id
    before = await everything_written(desk.owner)
    with pytest.raises(PriceFloorViolation):
        await set_range(shop, RangeDraft(sku_id=sku_id, floor_minor=T2_ASKS + 1))
    assert await everything_written(desk.owner) == before
    await set_range(shop, RangeDraft(sku_id=sku_id, floor_minor=T2_ASKS, applies_to="NET"))
    row = await desk.owner.fetchrow("select floor_minor, applies_to from price_limits")
    assert tuple(row or ()) == (T2_ASKS, "NET")
    await set_range(shop, RangeDraft(sku_id=sku_id))
    assert await desk.owner.fetchval("select count(*) from price_limits") == 0


async def test_a_least_margin_that_a_wholesale_price_does_not_leave_is_refused(
    desk: SalesDesk,
) -> None:
    agent = await desk.shop(desk.world.agent)
    before = await everything_written(desk.owner)
    with pytest.raises(MarginNegative):
        await rules.set_least_margin(agent, min_margin_minor=501)
    assert await everything_written(desk.owner) == before
    await rules.set_least_margin(agent, min_margin_minor=500)
    assert await _retail_minor(desk) == T2_ASKS


async def test_a_secret_price_is_one_childs_or_one_customers(desk: SalesDesk) -> None:
    world, sku_id = desk.world, desk.world.goods.sku_id
    agent = await desk.shop(world.agent)
    wish = SecretPrice(sku_id=sku_id, child_slug="shop", price_minor=8_600)
    view = await set_secret_price(agent, wish)
    assert view is not None
    assert (view.child_slug, view.value) == ("shop", 8_600)
    assert await set_secret_price(
        agent, SecretPrice(sku_id=sku_id, child_slug="shop", price_minor=None)
    ) is None  # fmt: skip
    customer = await world.customer()
    await set_secret_price(
        await desk.shop(),
        SecretPrice(sku_id=sku_id, customer_id=customer.id, price_minor=9_500),
    )
    found = await desk.owner.fetch("select for_kind, value from price_rules where value = 9500")
    assert [tuple(row) for row in found] == [("CUSTOMER", 9_500)]


async def test_nobody_elses_child_customer_grade_or_rule_can_be_named(desk: SalesDesk) -> None:
    world, sku_id = desk.world, desk.world.goods.sku_id
    shop, before = await desk.shop(), await everything_written(desk.owner)
    strangers = await world.customer(world.agent)
    grade_id = await a_grade(world, shop_id=world.agent.id)
    before = await everything_written(desk.owner)
    foreign_rule: UUID = await desk.owner.fetchval(
        "select id from price_rules where tenant_id = $1 limit 1", world.agent.id
    )
    with pytest.raises(NotFound):
        await set_secret_price(
            shop, SecretPrice(sku_id=sku_id, child_slug="agent", price_minor=9_500)
        )
    with pytest.raises(NotFound):
        await set_secret_price(
            shop, SecretPrice(sku_id=sku_id, customer_id=strangers.id, price_minor=9_500)
        )
    with pytest.raises(NotFound):
        await rules.upsert_rule(
            shop, a_draft(WHOLESALE, FIXED, 9_500, for_kind=ForKind.GRADE, for_id=grade_id)
        )
    with pytest.raises(NotFound):
        await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 9_500), rule_id=foreign_rule)
    with pytest.raises(NotFound):
        await rules.delete_rule(shop, foreign_rule)
    with pytest.raises(NotFound):
        await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 9_500, sku_id=new_id()))
    assert await everything_written(desk.owner) == before


async def test_two_rules_of_one_place_do_not_overlap_in_time(desk: SalesDesk) -> None:
    now, shop, sku_id = datetime.now(UTC), await desk.shop(), desk.world.goods.sku_id
    days = [now + timedelta(days=day) for day in range(4)]
    await rules.upsert_rule(
        shop, a_draft(RETAIL, FIXED, 2_100, sku_id=sku_id, starts_at=days[1], ends_at=days[3])
    )
    overlapping = a_draft(RETAIL, FIXED, 2_200, sku_id=sku_id, starts_at=days[2])
    await _refused(desk, overlapping, SeatTaken)
    after = a_draft(RETAIL, FIXED, 2_200, sku_id=sku_id, starts_at=days[3])
    assert (await rules.upsert_rule(shop, after)).value == 2_200


async def test_a_rule_that_has_ended_makes_room_for_the_next(desk: SalesDesk) -> None:
    shop, sku_id = await desk.shop(), desk.world.goods.sku_id
    ends_at = datetime.now(UTC) + timedelta(days=1)
    await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 2_100, sku_id=sku_id, ends_at=ends_at))
    await desk.world.shift_clock("2 days")
    await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 2_200, sku_id=sku_id))
    values = await desk.owner.fetch("select value from price_rules where target_id = $1", sku_id)
    assert [row["value"] for row in values] == [2_200]


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"kind": ABSOLUTE, "value": 0, "scope": Scope.SKU, "target_id": new_id()}, "value"),
        ({"kind": ABSOLUTE, "value": 1}, "scope"),
        ({"kind": FIXED, "value": -1}, "value"),
        ({"kind": FIXED, "value": 10**12 + 1}, "value"),
        ({"kind": RuleKind.PASS_THROUGH, "value": 1}, "value"),
        ({"kind": FIXED, "unit_minor": 3}, "unitMinor"),
        ({"kind": FIXED, "min_quantity": 2}, "minQuantity"),
        ({"kind": FIXED, "for_kind": ForKind.TIER}, "forId"),
        ({"kind": FIXED, "for_kind": ForKind.CHILD, "for_id": new_id()}, "forKind"),
        (
            {"kind": FIXED, "starts_at": datetime(2030, 1, 2, tzinfo=UTC),
             "ends_at": datetime(2030, 1, 1, tzinfo=UTC)},
            "endsAt",
        ),
    ],
)  # fmt: skip
def test_what_no_rule_may_say_is_refused_before_anything_is_read(
    wish: dict[str, Any], field: str
) -> None:
    given = {"audience": RETAIL, "scope": Scope.DEFAULT, **wish}
    with pytest.raises(Invalid) as found:
        RuleDraft(**given)
    assert found.value.field == field


async def test_a_page_of_rules_is_the_shops_own(desk: SalesDesk) -> None:
    shop = await desk.shop()
    for number in range(3):
        goods = await desk.world.more_goods(f"goods-{number}")
        await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 2_000, sku_id=goods.sku_id))
    first = await rules_page(shop, audience=None, first=3, after=None)
    rest = await rules_page(shop, audience=None, first=3, after=first.end_cursor)
    assert [len(first.rules), len(rest.rules)] == [3, 1]
    assert (first.has_next, rest.has_next) == (True, False)
    wholesale = await rules_page(shop, audience="WHOLESALE", first=3, after=None)
    assert wholesale.rules == ()


async def test_what_a_change_writes_does_not_grow_with_what_it_prices(desk: SalesDesk) -> None:
    """One rule at the root prices every listing below; its writing touches that one row."""
    world, root = desk.world, await desk.shop(desk.world.root)
    written = []
    for number in (0, 40):
        for made in range(number):
            await world.more_goods(f"many-{made}")
            await world.another_shop(f"shop-{made}")
        rows_before = await desk.owner.fetchval("select count(*) from price_rules")
        version = "select count(*) from catalogue_versions where owner_id <> $1 and xmin = $2"
        with statements() as asked:
            await rules.upsert_rule(root, a_draft(WHOLESALE, FIXED, 500 + number))
        assert await desk.owner.fetchval("select count(*) from price_rules") == rows_before
        last = await desk.owner.fetchval(
            "select xmin from price_rules where tenant_id = $1 and audience = 'WHOLESALE'", root.id
        )
        assert await desk.owner.fetchval(version, root.id, last) == 0
        written.append(len([sql for sql in asked if not sql.lstrip().startswith("select")]))
    assert written[0] == written[1]
    assert await _retail_minor(desk) == 8_000 + 540 + 500 + 2_000


async def test_so_many_rules_price_one_sku_for_the_same_people_and_no_more(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_IN_ONE_PLACE", 3)
    shop, sku_id = await desk.shop(), desk.world.goods.sku_id
    pieces = [
        a_draft(RETAIL, ABSOLUTE, T2_ASKS, sku_id=sku_id, min_quantity=least)
        for least in (1, 2, 3, 4)
    ]
    for draft in pieces[:3]:
        await rules.upsert_rule(shop, draft)
    refusal = await _refused(desk, pieces[3], rules.TooManyRules)
    assert refusal.field == "minQuantity"
    await rules.upsert_rule(shop, pieces[2])
    await rules.upsert_rule(shop, a_draft(WHOLESALE, ABSOLUTE, 9_200, sku_id=sku_id))
    await rules.upsert_rule(shop, a_draft(RETAIL, FIXED, 2_000))


async def test_other_requests_have_their_turns_while_a_catalogue_is_looked_through(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("second", "third"):
        await desk.world.more_goods(code)
    turns, seen = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    looked_at = guarding._broken

    def noted(*about: Any) -> Any:
        seen.append(turns)
        return looked_at(*about)

    monkeypatch.setattr(guarding, "_broken", noted)
    beside = asyncio.create_task(others())
    await rules.upsert_rule(await desk.shop(), a_draft(RETAIL, FIXED, 2_500))
    beside.cancel()
    assert len(set(seen)) >= 3, seen
