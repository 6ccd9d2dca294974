"""An import of a price list is made stretch by stretch, outlives its workers, and is one change."""

import pytest

from desk_rows import a_draft, a_grade, everything_written
from kernel.ids import new_id, public_id
from many_goods import plant_many
from offers.price_desk import goods as desk_goods
from offers.price_desk import guarding, rules
from offers.price_desk.evaluation import ground_of
from offers.price_desk.explain import Viewpoint, explain_price
from offers.price_desk.goods import Portion
from offers.price_desk.own_rules import read_own_rules
from offers.price_desk.price_lists import imports, turns
from offers.price_desk.price_lists.exporting import export_price_list
from offers.price_desk.price_lists.progress import TURNS
from offers.price_desk.sheets import FileFormat
from offers.price_desk.sheets.price_list import LineProblem
from price_list_desk import RULES, a_csv, imported, upload, work_off
from sales import SalesDesk
from tenants.directory import Shop
from tenants.pricing import Audience, RuleKind

_OF_THE_IMPORT: dict[str, list[str]] = {"price_files": [], "price_imports": []}
_VERSION = "select version from catalogue_versions where owner_id = $1"


class Death(BaseException):
    """The worker has died."""


async def _furnished(desk: SalesDesk) -> Shop:
    """The agent's shop, with a grade that its child has, and a tier."""
    world = desk.world
    grade_id = await a_grade(world, shop_id=world.agent.id, name='高级, "senior"')
    await world.owner.execute(
        "update tenants set grade_id = $1 where id = $2", grade_id, world.shop.id
    )
    await world.tier(world.agent, "=gold")
    return await desk.shop(world.agent)


def _rules_of_every_place(slug: str) -> bytes:
    return a_csv(
        f"{slug},,,,ABSOLUTE,120.00,,",
        f"{slug},,,10,ABSOLUTE,118.00,,",
        f"{slug},CHILDREN,,,FIXED_OVER_COST,6.00,,",
        f'{slug},GRADE,"高级, ""senior""",,ABSOLUTE,90.50,2020-01-01T00:00:00Z,2090-01-01T00:00Z',
        f'{slug},GRADE,"高级, ""senior""",,ABSOLUTE,91.50,2090-01-01T00:00:00Z,',
        f'{slug},GRADE,"高级, ""senior""",50,PERCENT_OVER_COST,2.5,,',
        f"{slug},CHILD,shop,200,PASS_THROUGH,,,",
        f"{slug},TIER,'=gold,,PERCENT_OF_FACE,119.5,,",
        heading=RULES,
    )


async def test_rules_for_everybody_come_in_and_price_and_go_out_and_come_back_unchanged(
    desk: SalesDesk,
) -> None:
    world, agent = desk.world, await _furnished(desk)
    tried = await imported(agent, _rules_of_every_place(world.goods.slug), dry_run=True)
    assert tried.progress.impact is not None
    costs = {(move.shop_slug, move.what): (move.before_minor, move.after_minor)
             for move in tried.progress.impact.moves}  # fmt: skip
    done = await imported(agent, _rules_of_every_place(world.goods.slug))
    assert (done.state, done.progress.rules) == ("DONE", 8)
    explained = await explain_price(
        agent, sku_id=world.goods.sku_id, quantity=1, view=Viewpoint(child_slug="shop"),
        whole_chain=False,
    )  # fmt: skip
    assert costs["shop", "COST"] == (9_000, explained.price_minor) == (9_000, 9_050)
    assert costs["agent", "RETAIL"] == (10_500, 12_000)
    written, version = await _rules(desk), await world.owner.fetchval(_VERSION, agent.id)
    assert len(written) == 8 + 4  # and those of the world
    for file_format in FileFormat:
        content = await export_price_list(agent, file_format=file_format, english=False)
        again = await imported(agent, content, file_format=file_format)
        # And those on everything, wholesale and retail.
        assert (again.written, again.progress.lines_total) == (True, 8 + 2)
        assert await _rules(desk) == written
        assert await world.owner.fetchval(_VERSION, agent.id) == version


WIDE = "category,sku,for,whom,rule,value,starts"


async def test_rules_on_categories_and_on_everything_and_secret_prices_go_out_and_come_back(
    desk: SalesDesk,
) -> None:
    world, agent = desk.world, await _furnished(desk)
    buyer = public_id("cus", (await world.customer(world.agent)).id)
    promotion_id = await world.promotion(world.agent)
    await world.asks(world.agent, 11_900, for_kind="PROMOTION", for_id=promotion_id)
    done = await imported(agent, a_csv(
        f",{world.goods.slug},CUSTOMER,{buyer},ABSOLUTE,99.00,",
        f"games,,CUSTOMER,{buyer},PERCENT_OVER_COST,7,",
        "games,,CHILDREN,,FIXED_OVER_COST,6.00,",
        "games,,,,FIXED_OVER_COST,21.00,2030-01-01T00:00Z",
        "*,,CHILD,shop,PERCENT_OVER_COST,4,", "*,,TIER,'=gold,PERCENT_OF_FACE,130,",
        heading=WIDE,
    ))  # fmt: skip
    assert (done.written, done.progress.rules, done.progress.problems) == (True, 6, ())
    explained = await explain_price(
        agent, sku_id=world.goods.sku_id, quantity=1, view=Viewpoint(child_slug="shop"),
        whole_chain=False,
    )  # fmt: skip
    assert explained.price_minor == 8_840  # 4 % over 85.00
    written, version = await _rules(desk), await world.owner.fetchval(_VERSION, agent.id)
    for file_format in FileFormat:
        content = await export_price_list(agent, file_format=file_format, english=True)
        again = await imported(agent, content, file_format=file_format)
        # Everybody's rules of the shop's own, wholesale and retail, are two more.
        assert (again.written, again.progress.lines_total) == (True, 6 + 2 + 1)
        assert await _rules(desk) == written
        assert await world.owner.fetchval(_VERSION, agent.id) == version
    cleared = await imported(agent, a_csv(
        "games,,CHILDREN,,,,", f"games,,CUSTOMER,{buyer},,,", heading=WIDE,
    ))  # fmt: skip
    assert (cleared.written, len(await _rules(desk))) == (True, len(written) - 2)


async def test_what_a_wide_row_names_is_the_shops_own_and_what_it_breaks_is_told_once(
    desk: SalesDesk,
) -> None:
    world, agent = desk.world, await _furnished(desk)
    await plant_many(world, 3)
    theirs = public_id("cus", (await world.customer(world.shop)).id)
    written = await everything_written(desk.owner)
    for rows, problems in (
        ([f"games,,CUSTOMER,{theirs},PASS_THROUGH,,", f"games,,CUSTOMER,{new_id()},PASS_THROUGH,,"],
         [(2, "whom", "UNKNOWN_NAME"), (3, "whom", "UNKNOWN_NAME")]),
        (["nowhere,,,,PASS_THROUGH,,", "*,,CHILDREN,,ABSOLUTE,90,"],
         [(2, "category", "UNKNOWN_NAME"), (3, "rule", "NOT_ALLOWED")]),
        (["games,,,,PASS_THROUGH,,", "games,,,,FIXED_OVER_COST,1,"], [(3, "category", "TWICE")]),
        # Of four SKUs none covers what the channel takes.
        (["games,,,,PASS_THROUGH,,"], [(2, "value", "MARGIN_NEGATIVE")]),
    ):  # fmt: skip
        refused = await imported(agent, a_csv(*rows, heading=WIDE))
        assert [(one.line, one.column, one.code) for one in refused.progress.problems] == problems
        assert (refused.state, refused.progress.problem_count) == ("REFUSED", len(problems))
        await desk.owner.execute("delete from price_files")
    assert {**await everything_written(desk.owner), **_OF_THE_IMPORT} == written


async def _rules(desk: SalesDesk) -> list[str]:
    return (await everything_written(desk.owner))["price_rules"]


async def test_places_are_cleared_and_windows_moved_in_one_file(desk: SalesDesk) -> None:
    world, agent = desk.world, await _furnished(desk)
    slug = world.goods.slug
    before, noon, after = "2030-01-01T00:00Z", "2031-01-01T00:00Z", "2032-01-01T00:00Z"
    await imported(agent, a_csv(
        f"{slug},,,,ABSOLUTE,120,{before},{noon}", f"{slug},,,,ABSOLUTE,121,{noon},{after}",
        f"{slug},CHILDREN,,5,ABSOLUTE,90,,", heading=RULES,
    ))  # fmt: skip
    done = await imported(agent, a_csv(
        f"{slug},,,,ABSOLUTE,120,{before},{after}", f"{slug},,,,,,{noon},",
        f"{slug},CHILDREN,,5,,,,", heading=RULES,
    ))  # fmt: skip
    assert done.written
    own = await read_own_rules(agent)
    [left] = [one for one in own.rules.values() if one.rule.target_id is not None]
    assert (left.rule.value, left.starts_at, left.ends_at) == (
        12_000, *await world.owner.fetchrow("select $1::text::timestamptz, $2::text::timestamptz",
                                            before, after),
    )  # fmt: skip


async def test_who_is_not_the_shops_own_and_too_much_at_one_time_or_place_are_told_by_line(
    desk: SalesDesk,
) -> None:
    world, agent = desk.world, await _furnished(desk)
    slug = world.goods.slug
    await world.another_shop("stranger", below=world.root)
    written = await everything_written(desk.owner)
    named = await imported(agent, a_csv(
        f"{slug},CHILD,stranger,,ABSOLUTE,90,,", f"{slug},GRADE,nobody,,ABSOLUTE,90,,",
        f"{slug},TIER,shop,,ABSOLUTE,120,,", heading=RULES,
    ))  # fmt: skip
    assert set(named.progress.problems) == {
        LineProblem(line, "whom", "UNKNOWN_NAME") for line in (2, 3, 4)
    }
    await desk.owner.execute("delete from price_files")
    overlapping = await imported(agent, a_csv(
        f"{slug},,,,ABSOLUTE,120,,2030-01-02T00:00Z", f"{slug},,,,ABSOLUTE,121,2030-01-01T00:00Z,",
        heading=RULES,
    ))  # fmt: skip
    assert overlapping.progress.problems == (LineProblem(3, "starts", "OVERLAPS"),)
    await desk.owner.execute("delete from price_files")
    crowd = [f"{slug},CHILDREN,,{quantity},ABSOLUTE,90,," for quantity in range(1, 52)]
    crowded = await imported(agent, a_csv(*crowd, heading=RULES))
    assert crowded.progress.problems == (LineProblem(52, "sku", "TOO_MANY"),)
    assert {**await everything_written(desk.owner), **_OF_THE_IMPORT} == written


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two SKUs a portion, and two portions a turn."""
    monkeypatch.setattr(desk_goods, "SKUS_AT_ONCE", 2)
    monkeypatch.setattr(turns, "PORTIONS_A_TURN", 2)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codes of the SKUs that are tried, in their order."""
    seen: list[str] = []

    async def noting(shop: Shop, portion: Portion) -> object:
        seen.extend(sku.code for sku in portion.skus)
        return await ground_of(shop, portion)

    monkeypatch.setattr(guarding, "ground_of", noting)
    return seen


async def _ten_lines(desk: SalesDesk) -> bytes:
    codes = await plant_many(desk.world, 10)
    return a_csv(*[f"{code},,,ABSOLUTE,123.40,," for code in codes])


async def _prices_written(desk: SalesDesk) -> int:
    count: int = await desk.owner.fetchval("select count(*) from price_rules where value = 12340")
    return count


async def _die_at(monkeypatch: pytest.MonkeyPatch, point: str, *, time: int = 1) -> None:
    """Work until the worker passes a point for so many times, and dies there."""
    passed: list[str] = []

    def die(name: str) -> None:
        passed.append(name)
        if passed.count(point) == time and name == point:
            raise Death

    with monkeypatch.context() as dying:
        dying.setattr(turns, "crash_point", die)
        with pytest.raises(Death):
            await work_off()


@pytest.mark.usefixtures("small_portions")
async def test_a_worker_that_dies_is_followed_by_one_that_goes_on_where_it_was(
    desk: SalesDesk, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await desk.shop()
    upload_id = await upload(shop, await _ten_lines(desk))
    started = await imports.start_import(shop, upload_id, dry_run=False)
    await _die_at(monkeypatch, "price_import.noted", time=3)  # of five
    found = await imports.price_import(shop, started.id)
    assert (found.state, found.progress.lines_done, len(looked_at)) == ("CHECKING", 6, 6)
    await work_off()  # whoever holds it is not taken for dead yet
    assert (len(looked_at), await _prices_written(desk)) == (6, 0)
    await desk.world.shift_clock("2 minutes")
    await _die_at(monkeypatch, "price_import.written")
    assert (len(set(looked_at)), len(looked_at), await _prices_written(desk)) == (10, 10, 0)
    await desk.world.shift_clock("4 minutes")
    await work_off()
    assert (await imports.price_import(shop, started.id)).written
    assert (len(looked_at), await _prices_written(desk)) == (10, 10)
    assert await desk.owner.fetchval("select count(*) from price_files") == 0


@pytest.mark.usefixtures("small_portions")
async def test_a_worker_that_was_taken_for_dead_writes_nothing_when_it_wakes_up(
    desk: SalesDesk,
) -> None:
    shop = await desk.shop()
    upload_id = await upload(shop, await _ten_lines(desk))
    started = await imports.start_import(shop, upload_id, dry_run=False)
    asleep = await turns._claimed()
    assert asleep is not None
    await desk.world.shift_clock("2 minutes")
    await work_off()
    ended = await imports.price_import(shop, started.id)
    written = await everything_written(desk.owner)
    with pytest.raises(turns.TurnLost):
        await asleep.end(asleep.progress, "REFUSED")
    assert await imports.price_import(shop, started.id) == ended
    assert await everything_written(desk.owner) == written


@pytest.mark.usefixtures("small_portions")
async def test_a_short_list_does_not_wait_for_another_shops_long_one(desk: SalesDesk) -> None:
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    upload_id = await upload(shop, await _ten_lines(desk))
    long = await imports.start_import(shop, upload_id, dry_run=True)
    assert await turns.import_price_lists() == 1
    line = a_csv(f"{desk.world.goods.slug},,,ABSOLUTE,123.40,,")
    short = await imports.start_import(agent, await upload(agent, line), dry_run=False)
    assert await turns.import_price_lists() == 1
    assert (await imports.price_import(agent, short.id)).written
    await work_off()
    assert (await imports.price_import(shop, long.id)).state == "DONE"


@pytest.mark.usefixtures("small_portions")
async def test_prices_that_move_meanwhile_are_all_looked_at_anew(
    desk: SalesDesk, looked_at: list[str]
) -> None:
    shop = await desk.shop()
    upload_id = await upload(shop, await _ten_lines(desk))
    started = await imports.start_import(shop, upload_id, dry_run=False)
    assert await turns.import_price_lists() == 1
    assert len(looked_at) == 4
    await rules.upsert_rule(shop, a_draft(Audience.RETAIL, RuleKind.FIXED_OVER_COST, 2_001))
    looked_at.clear()
    await work_off()
    done = await imports.price_import(shop, started.id)
    assert (done.written, done.progress.begun, len(looked_at)) == (True, 2, 10)


@pytest.mark.usefixtures("small_portions")
async def test_prices_that_never_rest_end_an_import_with_a_refusal(desk: SalesDesk) -> None:
    shop = await desk.shop()
    upload_id = await upload(shop, await _ten_lines(desk))
    started = await imports.start_import(shop, upload_id, dry_run=False)
    for number in range(TURNS + 1):
        assert await turns.import_price_lists() == 1
        draft = a_draft(Audience.RETAIL, RuleKind.FIXED_OVER_COST, 2_001 + number)
        await rules.upsert_rule(shop, draft)
    refused = await imports.price_import(shop, started.id)
    assert (refused.state, await _prices_written(desk)) == ("REFUSED", 0)
    assert refused.progress.refused is not None
    assert refused.progress.refused.code == "PRICE_CHANGED"


async def test_an_import_that_nobody_can_end_is_given_up_within_the_hour(desk: SalesDesk) -> None:
    shop = await desk.shop()
    upload_id = await upload(shop, await _ten_lines(desk))
    started = await imports.start_import(shop, upload_id, dry_run=False)
    await desk.world.shift_clock("61 minutes")
    await work_off()
    refused = await imports.price_import(shop, started.id)
    assert (refused.state, await _prices_written(desk)) == ("REFUSED", 0)
    assert await imports.forget_imports() == 0
    await desk.world.shift_clock("26 hours")
    assert await imports.forget_imports() == 1


@pytest.mark.usefixtures("small_portions")
async def test_a_dry_run_goes_through_all_shops_below_in_many_turns_and_adds_up(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PRICES_A_NOTE", 3)
    world, agent = desk.world, await desk.shop(desk.world.agent)
    codes = await plant_many(world, 10)
    await world.another_shop("sister")
    content = a_csv(*[f"{code},CHILDREN,,,ABSOLUTE,87.00,," for code in codes], heading=RULES)
    upload_id = await upload(agent, content)
    started = await imports.start_import(agent, upload_id, dry_run=True)
    await _die_at(monkeypatch, "price_import.noted", time=7)
    assert (await imports.price_import(agent, started.id)).state == "TRYING"
    await desk.world.shift_clock("2 minutes")
    await work_off()
    found = await imports.price_import(agent, started.id)
    impact = found.progress.impact
    assert impact is not None
    assert (found.state, impact.complete, impact.prices, impact.changed) == ("DONE", True, 30, 10)
    assert {slug: shop.changed for slug, shop in impact.shops.items()} == {"shop": 10}
    moved = [move for move in impact.moves if move.what == "COST"]
    assert len(moved) == 20  # of both children
    assert {(move.before_minor, move.after_minor) for move in moved} == {(9_000, 8_700)}
    assert found.progress.lines_done == 10
