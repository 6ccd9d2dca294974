"""A price list of ten thousand lines, whose worker dies in the middle."""

import pytest

from many_goods import plant_many
from offers.price_desk import goods as desk_goods
from offers.price_desk.price_lists import imports, turns
from offers.price_desk.price_lists.exporting import export_price_list
from offers.price_desk.sheets import FileFormat
from price_list_desk import RULES, a_csv, imported, upload, work_off
from sales import SalesDesk
from tenants.directory import Shop

_LINES = (
    ("{code},,,,ABSOLUTE,123.40,,", 12_340),
    ("{code},CHILDREN,,,ABSOLUTE,90.00,,", 9_000),
    ("{code},,,5,ABSOLUTE,122.00,2020-01-01T00:00Z,2090-01-01T00:00Z", 12_200),
)


async def _imported_after_a_death(desk: SalesDesk, goods: int) -> None:
    """Three rules for each of so many goods; the first worker dies in the middle."""
    shop = await desk.shop()
    codes = await plant_many(desk.world, goods)
    content = a_csv(*[row.format(code=code) for code in codes for row, _ in _LINES], heading=RULES)
    upload_id = await upload(shop, content)
    started = await imports.start_import(shop, upload_id, dry_run=False)
    assert await turns.import_price_lists() == 1
    in_the_middle = await imports.price_import(shop, started.id)
    assert 0 < in_the_middle.progress.lines_done < 3 * goods
    assert await turns._claimed() is not None  # and is never heard of again
    await desk.world.shift_clock("2 minutes")
    await work_off()
    done = await imports.price_import(shop, started.id)
    assert (done.written, done.progress.lines_done) == (True, 3 * goods)
    for _, value in _LINES:
        count = await desk.owner.fetchval(
            "select count(*) from price_rules where value = $1 and tenant_id = $2", value, shop.id
        )
        assert count == goods
    rules_before = await _rules_of(desk, shop)
    back = await export_price_list(shop, file_format=FileFormat.XLSX, english=False)
    again = await imported(shop, back, file_format=FileFormat.XLSX)
    assert (again.written, again.progress.lines_total) == (True, 3 * goods + 2)
    assert await _rules_of(desk, shop) == rules_before


async def _rules_of(desk: SalesDesk, shop: Shop) -> str:
    digest: str = await desk.owner.fetchval(
        "select md5(string_agg(r::text, '' order by id)) from price_rules r where tenant_id = $1",
        shop.id,
    )
    return digest


async def test_a_list_of_a_few_goods_goes_on_after_a_death_and_comes_back_unchanged(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_goods, "SKUS_AT_ONCE", 3)
    monkeypatch.setattr(turns, "PORTIONS_A_TURN", 2)
    monkeypatch.setattr(turns, "ROWS_A_STATEMENT", 4)
    await _imported_after_a_death(desk, 13)


@pytest.mark.sweep
async def test_a_list_of_ten_thousand_lines_goes_on_after_a_death_and_comes_back_unchanged(
    desk: SalesDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PORTIONS_A_TURN", 3)
    await _imported_after_a_death(desk, 3_334)
