"""A price list goes out as a file and comes back: all of it or nothing, and told line by line."""

import pytest

from desk_rows import a_draft, everything_written
from kernel.errors import Forbidden, NotFound, RateLimited
from kernel.ids import new_id
from offers.price_desk import files, rules
from offers.price_desk.own_rules import read_own_rules
from offers.price_desk.price_lists.exporting import export_price_list
from offers.price_desk.price_lists.imports import start_import
from offers.price_desk.sheets import FileFormat, read_records, write_records
from offers.price_desk.sheets.price_list import COLUMNS, LineProblem
from price_list_desk import a_csv, imported
from sales import SalesDesk
from tenants.pricing import Audience, RuleKind

T2_PAYS, T2_ASKS = 9_000, 11_000
_OF_THE_IMPORT: dict[str, list[str]] = {"price_files": [], "price_imports": []}


@pytest.mark.parametrize("file_format", FileFormat)
async def test_a_list_says_what_the_shop_pays_and_asks(
    desk: SalesDesk, file_format: FileFormat
) -> None:
    shop, goods = await desk.shop(), desk.world.goods
    draft = a_draft(Audience.RETAIL, RuleKind.PERCENT_OVER_COST, 2_050, sku_id=goods.sku_id)
    await rules.upsert_rule(shop, draft)
    content = await export_price_list(shop, file_format=file_format, english=True)
    record, *_ = read_records(content, file_format=file_format)
    assert tuple(record.cells) == COLUMNS
    assert {name: cell for name, cell in record.cells.items() if cell} == {
        "sku": goods.slug, "name": goods.slug, "cost": "90.00", "price": "108.45",
        "visible": "yes", "rule": "PERCENT_OVER_COST", "value": "20.50",
        "rounding": "HALF_UP", "unit": "0.01",
    }  # fmt: skip


async def test_an_import_writes_rules_titles_and_what_is_shown(desk: SalesDesk) -> None:
    other = await desk.world.more_goods("other")
    content = a_csv(
        f"{desk.world.goods.slug},,月卡,ABSOLUTE,123.40,,",
        f"{other.slug},no,,FIXED_OVER_COST,12.5,ENDING_9,0.10",
    )
    done = await imported(await desk.shop(), content)
    progress = done.progress
    assert (done.state, done.written, progress.problem_count) == ("DONE", True, 0)
    assert (progress.lines_total, progress.lines_done) == (2, 2)
    assert (progress.listings, progress.rules) == (2, 2)
    own = await read_own_rules(await desk.shop())
    found = {
        (one.rule.target_id, one.rule.kind, one.rule.value, one.rule.unit_minor)
        for one in own.rules.values()
        if one.rule.target_id is not None
    }
    assert found == {
        (desk.world.goods.sku_id, RuleKind.ABSOLUTE, 12_340, 1),
        (other.sku_id, RuleKind.FIXED_OVER_COST, 1_250, 10),
    }
    hidden = await desk.owner.fetchval("select sku_id from tenant_listings where not visible")
    assert hidden == other.sku_id
    assert await desk.owner.fetchval("select count(*) from price_files") == 0


async def test_an_empty_rule_gives_the_goods_back_to_the_shops_default(desk: SalesDesk) -> None:
    shop, goods = await desk.shop(), desk.world.goods
    draft = a_draft(Audience.RETAIL, RuleKind.ABSOLUTE, 12_345, sku_id=goods.sku_id)
    await rules.upsert_rule(shop, draft)
    await imported(shop, f"sku,rule\n{goods.slug},\n".encode())
    content = await export_price_list(shop, file_format=FileFormat.CSV, english=True)
    record, *_ = read_records(content, file_format=FileFormat.CSV)
    assert (record.cells["price"], record.cells["rule"]) == ("110.00", "")


async def test_a_dry_run_finds_the_same_and_writes_nothing(desk: SalesDesk) -> None:
    content = a_csv(f"{desk.world.goods.slug},yes,月卡,ABSOLUTE,123.40,,")
    before = await everything_written(desk.owner)
    tried = await imported(await desk.shop(), content, dry_run=True)
    after = await everything_written(desk.owner)
    assert {**after, **_OF_THE_IMPORT} == before
    assert (tried.state, tried.written, tried.progress.rules) == ("DONE", False, 1)
    assert tried.progress.impact is not None
    [move] = tried.progress.impact.moves
    assert (move.before_minor, move.after_minor) == (T2_ASKS, 12_340)


async def test_what_is_wrong_is_said_by_line_and_column_and_nothing_is_written(
    desk: SalesDesk,
) -> None:
    slug = desk.world.goods.slug
    content = a_csv(
        f"{slug},maybe,,,,,",
        "nobodys-code,,,,,,",
        ",,,,,,",
        ",,x,,,,",
        f"{slug}2,,,ABSOLUTE,1.234,,",
        f"{slug}3,,,MAGIC,1,,",
        f"{slug}4,,,ABSOLUTE,1,,0.03",
        f"{slug},,,ABSOLUTE,100,,",
        f"{slug},,,ABSOLUTE,100,,",
    )
    before = await everything_written(desk.owner)
    refused = await imported(await desk.shop(), content)
    assert (refused.state, refused.written) == ("REFUSED", False)
    assert refused.progress.problems == (
        LineProblem(2, "visible", "UNKNOWN_WORD"),
        LineProblem(3, "sku", "UNKNOWN_SKU"),
        LineProblem(5, "sku", "MISSING"),
        LineProblem(6, "value", "TOO_PRECISE"),
        LineProblem(7, "rule", "UNKNOWN_WORD"),
        LineProblem(8, "unit", "OUT_OF_RANGE"),
        LineProblem(10, "sku", "TWICE"),
    )
    after = await everything_written(desk.owner)
    assert {**after, **_OF_THE_IMPORT} == before


async def test_each_price_that_breaks_a_guard_is_named_and_stops_the_whole_import(
    desk: SalesDesk,
) -> None:
    world = desk.world
    others = [await world.more_goods(f"other-{number}") for number in range(3)]
    await desk.owner.execute(
        "insert into price_limits (tenant_id, sku_id, ceiling_minor) values ($1, $2, 20000)",
        world.root.id,
        others[0].sku_id,
    )
    content = a_csv(
        f"{world.goods.slug},,,ABSOLUTE,123.40,,",
        f"{others[0].slug},,,ABSOLUTE,200.01,,",
        f"{others[1].slug},,月卡,,,,",
        f"{others[2].slug},,,ABSOLUTE,89.99,,",
    )
    before = await everything_written(desk.owner)
    refused = await imported(await desk.shop(), content)
    assert refused.state == "REFUSED"
    assert set(refused.progress.problems) == {
        LineProblem(3, "value", "PRICE_FLOOR_VIOLATION"),
        LineProblem(5, "value", "MARGIN_NEGATIVE"),
    }
    after = await everything_written(desk.owner)
    assert {**after, **_OF_THE_IMPORT} == before


async def test_what_is_no_price_list_at_all_is_refused_as_a_whole(desk: SalesDesk) -> None:
    shop = await desk.shop()
    before = await everything_written(desk.owner)
    for content in ("sku,价格\n".encode("gb18030"), b'"open', b"sku,sku\n1,2\n"):
        refused = await imported(shop, content)
        assert refused.state == "REFUSED"
        assert refused.progress.refused is not None
        assert refused.progress.refused.code == "VALIDATION"
        await desk.owner.execute("delete from price_files")
    after = await everything_written(desk.owner)
    assert {**after, **_OF_THE_IMPORT} == before


async def test_what_a_parent_hides_is_an_unknown_code(desk: SalesDesk) -> None:
    world = desk.world
    await desk.owner.execute(
        "insert into tenant_listings (tenant_id, sku_id, visible) values ($1, $2, false)",
        world.agent.id,
        world.goods.sku_id,
    )
    refused = await imported(await desk.shop(), f"sku\n{world.goods.slug}\n".encode(), dry_run=True)
    assert refused.progress.problems == (LineProblem(2, "sku", "UNKNOWN_SKU"),)


async def test_an_address_is_one_shops_for_one_way_and_for_a_while(desk: SalesDesk) -> None:
    shop, agent = await desk.shop(), await desk.shop(desk.world.agent)
    ticket = await files.issue_ticket(
        shop, way="OUT", file_format=FileFormat.CSV, english=True
    )  # fmt: skip
    with pytest.raises(Forbidden):
        await files.read_ticket(ticket.token, shop=agent, way="OUT")
    with pytest.raises(Forbidden):
        await files.read_ticket(ticket.token, shop=shop, way="IN")
    with pytest.raises(Forbidden):
        await files.read_ticket(ticket.token[:-4] + "AAAA", shop=shop, way="OUT")
    await files.read_ticket(ticket.token, shop=shop, way="OUT")
    await desk.world.shift_clock("11 minutes")
    with pytest.raises(Forbidden):
        await files.read_ticket(ticket.token, shop=shop, way="OUT")


async def test_an_upload_is_its_shops_alone_and_not_for_long(desk: SalesDesk) -> None:
    shop = await desk.shop()
    for number in range(files.MAX_WAITING + 1):
        ticket = await files.issue_ticket(shop, way="IN", file_format=FileFormat.CSV, english=True)
        address = await files.read_ticket(ticket.token, shop=shop, way="IN")
        if number == files.MAX_WAITING:
            with pytest.raises(RateLimited):
                await files.keep_upload(address, b"sku\n")
        else:
            await files.keep_upload(address, b"sku\n")
            await files.keep_upload(address, b"sku\n\n")
    kept = await desk.owner.fetchval("select id from price_files limit 1")
    agent = await desk.shop(desk.world.agent)
    for stranger, upload_id in ((agent, kept), (shop, new_id())):
        with pytest.raises(NotFound):
            await start_import(stranger, upload_id, dry_run=True)
    await start_import(shop, kept, dry_run=True)
    assert await files.forget_uploads() == 0
    await desk.world.shift_clock("61 minutes")
    assert await files.forget_uploads() == files.MAX_WAITING - 1  # one is still to be imported


async def test_a_list_of_thousands_of_goods_comes_back_in_one_piece(desk: SalesDesk) -> None:
    """As many rows as there may be of goods that nobody knows: the first are told."""
    rows = [[f"code-{number}"] for number in range(10_000)]
    content = write_records(["sku"], rows, file_format=FileFormat.XLSX)
    refused = await imported(await desk.shop(), content, dry_run=True, file_format=FileFormat.XLSX)
    found = refused.progress
    assert (found.problem_count, len(found.problems)) == (10_000, 100)
